"""How a deployment that runs elsewhere is reached: whom to trust, through which proxy, how fast. Pure."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from arqonbus_conformance.strict_toml import Fields

__all__ = ["LOCAL", "NAME_CHARACTERS", "PROXY_SCHEMES", "Reach", "environment_value", "reach_of"]

PROXY_SCHEMES: Final = ("http", "socks4", "socks5", "socks5h")
"""The proxies that are understood: HTTP CONNECT and SOCKS; socks5h lets the proxy resolve names."""
MOST_PER_SECOND: Final = 1_000_000
"""The largest budget of requests, per second."""
PATH_CHARACTERS: Final = 4096
"""The longest path of a file."""
NAME_CHARACTERS: Final = 256
"""The longest name of an environment variable, or of a target."""


class Reach(NamedTuple):
    """How connections to a deployment are made; the files are not looked at here.

    Attributes:
        ca: certificates (PEM) to trust instead of those of the system.
        client_certificate: what to show of ourselves (PEM), None for nothing.
        client_key: its key (PEM), None where it stands in the same file.
        passphrase: what opens the key, None where it is open.
        proxy: the URL of a proxy, None for none.
        requests_per_second: how many connections, requests and frames may be sent, None for as many as there are.
    """

    ca: Path | None = None
    client_certificate: Path | None = None
    client_key: Path | None = None
    passphrase: str | None = None
    proxy: str | None = None
    requests_per_second: float | None = None


LOCAL: Final = Reach()
"""Straight there, trusting whom the system trusts."""


def reach_of(top: Fields, limits: Fields, folder: Path, environ: Mapping[str, str]) -> Reach:
    """What ``[tls]`` and ``[proxy]`` of a profile in ``folder`` say, and the budget of ``[limits]``."""
    tls = top.table("tls")
    ca, certificate, key = (_file(tls, field, folder) for field in ("ca", "client_certificate", "client_key"))
    passphrase = environment_value(tls, "client_key_passphrase_env", environ)
    if key is not None and certificate is None:
        tls.say("client_key", "it needs tls.client_certificate, which is missing")
    if passphrase is not None and certificate is None:
        tls.say("client_key_passphrase_env", "it needs tls.client_certificate, which is missing")
    tls.done()
    proxy_table = top.table("proxy")
    proxy = environment_value(proxy_table, "url_env", environ)
    if proxy is not None and not _is_proxy(proxy):
        # The value may hold a password: it is not shown.
        schemes = " or ".join(f"{scheme}://[USER:PASSWORD@]HOST:PORT" for scheme in PROXY_SCHEMES)
        proxy_table.say("url_env", f"what the variable holds is no address of a proxy; allowed: {schemes}")
    proxy_table.done()
    per_second = limits.take("requests_per_second", f"a number above 0 and up to {MOST_PER_SECOND}", _is_rate)
    return Reach(ca, certificate, key, passphrase, proxy, per_second)


def environment_value(table: Fields, field: str, environ: Mapping[str, str]) -> str | None:
    """What the variable holds that ``field`` names; a problem where it is not set."""
    variable = table.text(field, "the name of an environment variable", most=NAME_CHARACTERS)
    if variable is None:
        return None
    value = environ.get(variable)
    if not value:
        table.say(field, f"the environment variable {variable} is not set")
    return value or None


def _file(table: Fields, field: str, folder: Path) -> Path | None:
    given = table.text(field, "the path of a file, relative to the profile", most=PATH_CHARACTERS)
    return None if given is None else folder / given


def _is_rate(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= MOST_PER_SECOND


def _is_proxy(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in PROXY_SCHEMES and bool(parts.hostname) and bool(parts.port)
    except ValueError:
        return False
