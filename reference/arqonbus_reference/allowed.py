"""What a configuration variable may hold: a sentence for the operator, and the parser that enforces it."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import SplitResult, urlsplit

from arqonbus_reference.secret import HIDDEN, Secret, Url, hidden_url, is_well_known

MAX_VALUE_CHARACTERS: Final = 4096
SHOWN_CHARACTERS: Final = 64
SECRET_MINIMUM_BYTES: Final = 32

_INTEGER = re.compile(r"[0-9]{1,12}")
_DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_HOST = re.compile(
    r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%[A-Za-z0-9_.-]{1,32})?"
)
_ORIGIN = re.compile(r"https?://([a-z0-9_]([a-z0-9_.-]{0,252}[a-z0-9_])?|\[[0-9a-f:.]{2,45}\])(:[0-9]{1,5})?")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}")
_BOOLEANS = {
    "true": True,
    "1": True,
    "yes": True,
    "on": True,
    "false": False,
    "0": False,
    "no": False,
    "off": False,
}
_ENVIRONMENTS = {
    "dev": "dev",
    "development": "dev",
    "staging": "staging",
    "prod": "prod",
    "production": "prod",
}


def shortened(value: str) -> str:
    """A refused value in quotes, at most `SHOWN_CHARACTERS` of it."""
    return repr(value if len(value) <= SHOWN_CHARACTERS else value[:SHOWN_CHARACTERS] + "...")


class Allowed(NamedTuple):
    """The values a variable may hold; `parse` raises ValueError for any other, `shown` is a refused value for an error text."""

    text: str
    parse: Callable[[str], Any]
    shown: Callable[[str], str] = shortened


def integer(low: int, high: int, unit: str = "") -> Allowed:
    """A whole number within inclusive bounds, in ASCII digits."""

    def parse(value: str) -> int:
        if not _INTEGER.fullmatch(value) or not low <= int(value) <= high:
            raise ValueError
        return int(value)

    return Allowed(f"a whole number from {low} to {high}{unit and ' '}{unit}", parse)


def seconds(low: float, high: float) -> Allowed:
    """A number of seconds within inclusive bounds, in ASCII digits with an optional fraction."""

    def parse(value: str) -> float:
        if not _DECIMAL.fullmatch(value) or not low <= float(value) <= high:
            raise ValueError
        return float(value)

    return Allowed(f"a number from {low:g} to {high:g} seconds", parse)


def choice(*values: str, aliases: dict[str, str] | None = None) -> Allowed:
    """One of a few words, or an alias of one."""
    known = {value: value for value in values} | (aliases or {})

    def parse(value: str) -> str:
        if value not in known:
            raise ValueError
        return known[value]

    return Allowed(" ".join(known), parse)


def url(*schemes: str) -> Allowed:
    """An absolute URL of one of the schemes, with a host (a path, for `unix`)."""

    def parse(value: str) -> Url:
        parts = urlsplit(value)
        if parts.scheme not in schemes or not _is_printable(value) or not _names_a_place(parts):
            raise ValueError
        # redis-py does not know valkey://, which says the same
        return Url(value.replace("valkey://", "redis://", 1) if parts.scheme == "valkey" else value)

    return Allowed(
        f"{' '.join(f'{scheme}://' for scheme in schemes)} URL",
        parse,
        lambda value: shortened(hidden_url(value)),
    )


def share() -> Allowed:
    """A part of the whole, in ASCII digits with an optional fraction."""

    def parse(value: str) -> float:
        if not _DECIMAL.fullmatch(value) or float(value) > 1:
            raise ValueError
        return float(value)

    return Allowed("a number from 0 to 1", parse)


def _bytes_only(value: str) -> str:
    return f"its value ({HIDDEN}, {len(value.encode('utf-8', 'surrogateescape'))} bytes)"


def _names_a_place(parts: SplitResult) -> bool:
    if parts.scheme == "unix":
        return len(parts.path) > 1
    return bool(parts.hostname) and parts.port != 0  # .port raises ValueError outside 0-65535


def _is_printable(value: str) -> bool:
    return value.isprintable() and " " not in value and len(value) <= MAX_VALUE_CHARACTERS


def _environment(value: str) -> str:
    if value.strip().lower() not in _ENVIRONMENTS:
        raise ValueError
    return _ENVIRONMENTS[value.strip().lower()]


def _boolean(value: str) -> bool:
    if value.lower() not in _BOOLEANS:
        raise ValueError
    return _BOOLEANS[value.lower()]


def _host(value: str) -> str:
    if not _HOST.fullmatch(value):
        raise ValueError
    return value


def _secret(value: str) -> Secret:
    if len(value.encode("utf-8", "surrogateescape")) < SECRET_MINIMUM_BYTES or is_well_known(value):
        raise ValueError
    return Secret(value)


def _origins(value: str) -> frozenset[str]:
    origins = frozenset(part.strip() for part in value.split(",")) if value.strip() else frozenset[str]()
    if not all(_ORIGIN.fullmatch(origin) for origin in origins):
        raise ValueError
    return origins


def _model(value: str) -> str:
    if not _MODEL.fullmatch(value):
        raise ValueError
    return value


def _exception_name(value: str) -> str:
    if not value.strip() or not value.isprintable() or len(value) > 200:
        raise ValueError
    return value


def _path(value: str) -> Path:
    if not value or not value.isprintable() or len(value) > MAX_VALUE_CHARACTERS:
        raise ValueError
    return Path(value)


def _anything(value: str) -> bool:
    return True


ENVIRONMENT: Final = Allowed("dev staging prod (development and production are accepted)", _environment)
BOOLEAN: Final = Allowed(" ".join(_BOOLEANS), _boolean)
HOST: Final = Allowed("a host name or an IP address", _host)
PORT: Final = integer(1, 65535)
SECRET: Final = Allowed(
    f"at least {SECRET_MINIMUM_BYTES} bytes, not a well-known default", _secret, _bytes_only
)
ORIGINS: Final = Allowed("comma-separated origins https://host[:port] in lower case, no *", _origins)
MODEL: Final = Allowed("a model name of 1-128 letters, digits and . _ : / -", _model)
EXCEPTION_NAME: Final = Allowed("the name of an approved exception, 1-200 characters", _exception_name)
FILE: Final = Allowed(f"the path of a file, 1-{MAX_VALUE_CHARACTERS} characters", _path)
ABSENT: Final = Allowed("not set", _anything)
