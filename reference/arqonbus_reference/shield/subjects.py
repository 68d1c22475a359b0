"""The names of things on the spine: injective, so that no tenant can reach another's subject.

NATS gives `.`, `*`, `>` and white space a meaning of their own; a tenant is any text. Each becomes one token of
`A-Z a-z 0-9 - _ %`, from which the tenant can be read back. Nothing is normalised: look-alikes stay different.
"""

import re
from typing import Final

EMPTY: Final = "%"
"""The token of the tenant whose name is the empty string: a token cannot be empty, and `%` alone is no other's."""

MAX_TENANT_CHARACTERS: Final = 128
"""Characters of a tenant's name, so at most 1536 of its token: NATS takes 4096 bytes for a whole line."""

_PLAIN: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
_TOKEN: Final = re.compile(r"(?:[A-Za-z0-9_-]|%[0-9A-F]{2})+")
_ESCAPED: Final = tuple(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in range(256))
_ESCAPE: Final = re.compile(r"%([0-9A-F]{2})")


class SubjectError(ValueError):
    """A text that is no token of a tenant, or a tenant that can have none."""


def token(tenant: str) -> str:
    """The token of a tenant: one for each, and no two share one.

    Raises:
        SubjectError: the name is longer than `MAX_TENANT_CHARACTERS`.
    """
    if len(tenant) > MAX_TENANT_CHARACTERS:
        raise SubjectError(f"tenant: {len(tenant)} characters; allowed: {MAX_TENANT_CHARACTERS}")
    return _spelled(tenant) or EMPTY


def tenant(token: str) -> str:
    """The tenant whose token it is.

    Raises:
        SubjectError: no tenant has this token.
    """
    if token == EMPTY:
        return ""
    if not _TOKEN.fullmatch(token):
        raise SubjectError(f"token: {token[:64]!r} is no tenant's; allowed: A-Z a-z 0-9 _ - and %XX")
    try:
        encoded = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), token).encode("latin-1")
        found = encoded.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise SubjectError(f"token: {token[:64]!r} is no UTF-8; allowed: what `token` makes") from None
    if len(found) > MAX_TENANT_CHARACTERS or _spelled(found) != token:
        raise SubjectError(f"token: {token[:64]!r} is a second spelling; allowed: what `token` makes")
    return found


def _spelled(found: str) -> str:
    """The one spelling: a plain letter escaped would be a second."""
    return "".join([_ESCAPED[byte] for byte in found.encode("utf-8", "surrogatepass")])
