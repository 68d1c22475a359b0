"""Where a launched program listens, by the variables that it is given. Pure."""

from collections.abc import Mapping
from typing import Final, NamedTuple

__all__ = ["LOOPBACK", "Listener"]

LOOPBACK: Final = "127.0.0.1"
WILDCARDS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - reached on loopback
"""Hosts that are every address of a machine."""


class Listener(NamedTuple):
    """One listener of a program.

    Attributes:
        prefix: what the variables of its host and its port begin with.
        default_port: where it listens when no port is given.
    """

    prefix: str
    default_port: int

    def on_loopback(self, port: int) -> dict[str, str]:
        """The variables that put it there."""
        return {f"{self.prefix}_HOST": LOOPBACK, f"{self.prefix}_PORT": str(port)}

    def is_placed_by(self, environment: Mapping[str, str | None]) -> bool:
        """Whether these variables say anything of where it is."""
        return not {f"{self.prefix}_HOST", f"{self.prefix}_PORT"}.isdisjoint(environment)

    def port(self, environment: Mapping[str, str]) -> int:
        """Its port; the default one also for a port that no program may take, which a case may give."""
        given = environment.get(f"{self.prefix}_PORT", "")
        return int(given) if given.isdecimal() and 0 < int(given) < 65536 else self.default_port

    def address(self, environment: Mapping[str, str]) -> str:
        """HOST:PORT at which it is reached from here."""
        host = environment.get(f"{self.prefix}_HOST") or LOOPBACK
        host = LOOPBACK if host in WILDCARDS else host
        port = self.port(environment)
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
