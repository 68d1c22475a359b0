"""Addresses, bound before anything starts: an address in use is a configuration problem (CONF-023)."""

import os
import socket
from contextlib import ExitStack
from typing import NamedTuple

from arqonbus_reference.problem import Problem
from arqonbus_reference.settings import Settings

INTERFACES = ("server", "http", "telemetry")


class BindError(Exception):
    """Some addresses cannot be bound; none is."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


class Listeners(NamedTuple):
    """Sockets bound to the three interfaces, not yet listening; a host name may stand for several addresses."""

    server: list[socket.socket]
    http: list[socket.socket]
    telemetry: list[socket.socket]


def bind(settings: Settings) -> Listeners:
    """Bind every interface, never sharing an address with another process.

    Raises:
        BindError: naming each address that is in use or is none of this machine's.
    """
    problems: list[Problem] = []
    with ExitStack() as undo:
        bound = []
        for interface in INTERFACES:
            host, port = getattr(settings, f"{interface}_host"), getattr(settings, f"{interface}_port")
            try:
                bound.append(_bind(host, port, undo))
            except OSError as error:
                problems.append(_problem(f"ARQONBUS_{interface.upper()}_PORT", host, port, error))
        if problems:
            raise BindError(problems)
        undo.pop_all()
    return Listeners(*bound)


def bind_one(variable: str, host: str, port: int) -> list[socket.socket]:
    """Bind one address, which the variable names.

    Raises:
        BindError: as `bind`.
    """
    with ExitStack() as undo:
        try:
            sockets = _bind(host, port, undo)
        except OSError as error:
            raise BindError([_problem(variable, host, port, error)]) from None
        undo.pop_all()
    return sockets


def _problem(variable: str, host: str, port: int, error: OSError) -> Problem:
    reason = os.strerror(error.errno) if error.errno and error.errno > 0 else "unknown host"
    return Problem(variable, f"{host}:{port} cannot be bound ({reason})", "a free address")


def _bind(host: str, port: int, undo: ExitStack) -> list[socket.socket]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets = []
    for family, kind, protocol, _, address in dict.fromkeys(found):
        listener = socket.socket(family, kind, protocol)
        undo.callback(listener.close)
        listener.setblocking(False)  # noqa: FBT003  the standard library's signature
        if os.name == "posix":
            # Restart at once after a crash; on POSIX systems this does not let two processes listen together.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(4096)
        sockets.append(listener)
    return sockets
