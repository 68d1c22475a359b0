"""How a serving process begins and ends, whatever it serves: signals, its supervisor, a refusal to start."""

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import Iterable
from typing import Final

from arqonbus_reference.problem import Problem

EX_CONFIG: Final = 78
COLLECTION_ALLOCATIONS: Final = 50_000
"""Objects made, less those freed, between two looks for garbage cycles among the youngest."""

GOING_AWAY: Final = "server is going away"
"""The reason of close code 1001."""


def stop_event() -> asyncio.Event:
    """Set by SIGTERM, SIGINT or SIGHUP from now on; not by SIGHUP where that is ignored (nohup)."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        nohup = number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN
        if not nohup:  # else the terminal may go, the process stays
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def refuse(problems: Iterable[Problem]) -> int:
    """Say why it does not start, one line per problem; the exit code."""
    for problem in problems:
        print(problem, file=sys.stderr)  # noqa: T201  the command's output
    return EX_CONFIG


def spare_collection() -> None:
    """Look for garbage cycles less often: a message makes none, and each look costs every message in flight."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECTION_ALLOCATIONS, 20, 20)


def authority(host: str, sockets: list[socket.socket]) -> str:
    """HOST:PORT of a listener; a port of 0 was chosen by the system."""
    port = sockets[0].getsockname()[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def notify_supervisor(state: str) -> None:
    """Tell a supervisor that asked for it (sd_notify)."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as messenger:
        try:
            messenger.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)
        except OSError as error:
            print(f"NOTIFY_SOCKET: cannot be told ({error.strerror})", file=sys.stderr)  # noqa: T201  the command's output
