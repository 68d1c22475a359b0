"""Secrets in a wheel, by file names and by patterns that hardly anything else matches; never shown. Pure."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from arqonbus_conformance.packaging.finding import Finding, finding

__all__ = ["SEARCHED_BYTES", "secrets_in", "secrets_named"]

SEARCHED_BYTES: Final = 4 * 1024 * 1024
"""The largest file that is searched."""

EXAMPLE_ENDINGS: Final = (".dist", ".example", ".sample", ".template")
"""What the name of an environment file that holds no values ends with."""
SECRET_FILES: Final = frozenset(
    {".netrc", ".pgpass", ".pypirc", "id_dsa", "id_ecdsa", "id_ed25519", "id_rsa"}
)
SECRET_ENDINGS: Final = (".jks", ".keystore", ".kdbx", ".p12", ".pfx")
DEFAULTS: Final = (
    r"chang(?:eit|e[-_]?me)|(?:default|dev|jwt|my|super)[-_]?secret|insecure|passw[o0]rd|secret(?:[-_]?key)?"
    r"|your[-_]secret[-_]key"
)
"""Values that everybody tries first, as a pattern."""

_NAME = r"(?P<name>[a-z0-9_]{0,64}(?:secret|passw(?:or)?d|token|api_?key|_key)[a-z0-9_]{0,64})"
_VALUE = rf"[\"'](?P<value>(?:{DEFAULTS})(?:[-_]?(?:123|1234|in-production))?)[\"']"

PATTERNS: Final = (
    (
        "a private key",
        re.compile(
            r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:\\[rn]|[\s\"',])*[A-Za-z0-9+/:-]{24}"
        ),
    ),
    ("an AWS access key", re.compile(r"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])")),
    ("a GitHub token", re.compile(r"gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60}")),
    ("a GitLab token", re.compile(r"glpat-[A-Za-z0-9_-]{20}")),
    ("a Google API key", re.compile(r"AIza[A-Za-z0-9_-]{35}")),
    ("an npm token", re.compile(r"npm_[A-Za-z0-9]{36}")),
    ("a PyPI token", re.compile(r"pypi-AgE[A-Za-z0-9_-]{50}")),
    ("a Slack token", re.compile(r"xox[abprs]-[A-Za-z0-9-]{20}")),
    ("a Stripe key", re.compile(r"[rs]k_live_[A-Za-z0-9]{20}")),
    (
        "a well-known default secret",
        re.compile(
            rf"(?i)\b{_NAME}(?:[\"']\]?[ \t]*[:=]|(?:[ \t]*:[ \t]*[a-z_. |\[\]]+)?[ \t]*=)[ \t]*{_VALUE}"
        ),
    ),
    (
        "a well-known default secret",
        re.compile(rf"(?i)(?:get|getenv|setdefault)\([ \t]*[\"']{_NAME}[\"'][ \t]*,[ \t]*{_VALUE}"),
    ),
)
"""What is found, and how it looks."""


def secrets_named(place: str) -> Iterator[Finding]:
    """A finding where the name of a file alone says that it holds secrets."""
    name = PurePosixPath(place).name.lower()
    if (name == ".env" or name.startswith(".env.")) and not name.endswith(EXAMPLE_ENDINGS):
        yield finding("secret-shipped", "it is an environment file, which holds secrets", place)
    elif name in SECRET_FILES or name.endswith(SECRET_ENDINGS):
        yield finding("secret-shipped", "it is a file of keys or passwords", place)


def secrets_in(place: str, text: str) -> Iterator[Finding]:
    """A finding for each secret in a text, with its line."""
    for what, pattern in PATTERNS:
        for match in pattern.finditer(text):
            if _names_itself(match):
                continue
            line = text.count("\n", 0, match.start()) + 1
            yield finding("secret-shipped", f"it holds {what} (not shown)", f"{place}:{line}")


def _names_itself(match: re.Match[str]) -> bool:
    """Whether the value is the name once more, as where a table says which field a variable fills."""
    groups = match.groupdict()
    return bool(groups) and groups["name"].lower() == groups["value"].lower()
