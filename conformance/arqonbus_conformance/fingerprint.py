"""What tells one deployment from another: a value, and what of it a deployment says itself. Pure."""

from collections.abc import Mapping
from typing import Final

import msgspec

__all__ = ["NAMES", "Fingerprint", "said_in", "told_apart"]

TEXT_CHARACTERS: Final = 100
"""The longest version or commit that is believed to be one, in characters."""


class Fingerprint(msgspec.Struct, frozen=True):
    """What tells one deployment from another, as far as it is known; None where it is not.

    Attributes:
        version: what the deployment says it is.
        commit: the commit it says it was built from.
        package_digest: SHA-256 of what was launched, hexadecimal, as ``package_digest.py`` defines it.
        tls_key_sha256: SHA-256 of the public key (SubjectPublicKeyInfo) of its TLS certificate, hexadecimal.
    """

    version: str | None = None
    commit: str | None = None
    package_digest: str | None = None
    tls_key_sha256: str | None = None


NAMES: Final = {
    "version": "version",
    "commit": "commit",
    "package_digest": "package digest",
    "tls_key_sha256": "TLS key SHA-256",
}
"""The fields of a fingerprint in words, in their order."""


def said_in(*answers: object) -> Fingerprint:
    """The version and the commit in what a deployment answered, each from the first answer that has it."""
    return Fingerprint(_first_text(answers, "version"), _first_text(answers, "commit"))


def _first_text(answers: tuple[object, ...], field: str) -> str | None:
    for answer in answers:
        given = answer.get(field) if isinstance(answer, Mapping) else None
        if isinstance(given, str) and 0 < len(given) <= TEXT_CHARACTERS and given.isprintable():
            return given
    return None


def told_apart(old: Mapping[str, object], new: Mapping[str, object]) -> list[tuple[str, str, str]]:
    """The fields in which two fingerprints are different: the name in words, and both values."""
    return [
        (words, _shown(old.get(field)), _shown(new.get(field)))
        for field, words in NAMES.items()
        if old.get(field) != new.get(field)
    ]


def _shown(value: object) -> str:
    return "not known" if value is None else str(value)
