"""Addresses of interfaces, as a profile or an option gives them. Pure."""

import re
from typing import Any, Final
from urllib.parse import urlsplit

from arqonbus_conformance.strict_toml import Fields

__all__ = ["HTTP", "SPINE", "WEBSOCKET", "address"]

WEBSOCKET: Final = ("ws", "wss")
"""The schemes of the bus and of telemetry."""
HTTP: Final = ("http", "https")
"""The schemes of the HTTP interface."""
SPINE: Final = ("nats", "tls")
"""The schemes of NATS."""

_USER_INFO = re.compile(r"^([a-z][a-z0-9+.-]*://)?.*@", re.DOTALL | re.IGNORECASE)


def address(table: Fields, field: str, schemes: tuple[str, ...], *, required: bool = False) -> str | None:
    """The address in a field; None, and a problem, where it is none.

    A user or password in it is refused and never shown: an address stands in every report.
    """
    forms = " or ".join(f"{scheme}://HOST[:PORT]" for scheme in schemes)
    given: str | None = table.take(
        field,
        f"{forms}, without user and password",
        lambda value: _is_address(value, schemes),
        required=required,
        shown=_without_user_info,
    )
    return given


def _is_address(value: Any, schemes: tuple[str, ...]) -> bool:
    if not isinstance(value, str) or "@" in value:
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _without_user_info(value: Any) -> str:
    if isinstance(value, str):
        return repr(_USER_INFO.sub(lambda found: f"{found[1] or ''}***@", value))
    return "***" if "@" in repr(value) else repr(value)
