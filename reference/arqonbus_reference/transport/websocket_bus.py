"""The listener of the bus: all connections, their keepalive and their end."""

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any

from arqonbus_reference.transport.application import Application, Limits
from arqonbus_reference.transport.connection import Connection
from arqonbus_reference.transport.handshake import Doorway

SWEEPS_PER_INTERVAL = 4
"""Keepalive looks at every connection this often per ping interval."""

BACKLOG = 4096
"""Connections that wait to be accepted."""


class WebSocketBus:
    """All connections of one listener.

    `divert` may give another protocol to a request, of which it gets the head; `clock` gives seconds since the epoch.
    """

    def __init__(
        self,
        application: Application,
        limits: Limits,
        doorway: Doorway,
        *,
        divert: Callable[[bytes], asyncio.Protocol | None] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.application = application
        self.limits = limits
        self.doorway = doorway
        self.divert = divert
        self.clock = clock
        self.connections: set[Connection] = set()
        self.upgrading: set[Connection] = set()
        self.rejected = 0
        self.elsewhere: Callable[[], int] = lambda: 0
        """Clients that come in by another listener and count for the most there may be."""
        self.draining = False
        self._servers: list[asyncio.Server] = []
        self._sweep: asyncio.TimerHandle | None = None

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        """Accept clients on sockets that are bound already."""
        loop = asyncio.get_running_loop()
        for sock in sockets:
            self._servers.append(
                await loop.create_server(lambda: Connection(self), sock=sock, backlog=BACKLOG)
            )
        self._arm_sweep()

    def state(self) -> dict[str, Any]:
        """Nothing: it listens or the deployment is not ready."""
        return {}

    def stop_accepting(self) -> None:
        """Close the listener and end upgrades under way; connections live on."""
        self.draining = True
        for server in self._servers:
            server.close()
        for connection in tuple(self.upgrading):
            connection.abort()

    async def close(self, code: int, reason: str) -> None:
        """Close every connection with `code`, wait for them within CLOSE_SECONDS and cut off the rest."""
        if self._sweep is not None:
            self._sweep.cancel()
        waiting = tuple(self.connections)
        for connection in waiting:
            connection.close(code, reason)
            connection.resume()  # what it still sends is read away: unread, it would make the kernel drop our close frame
        await asyncio.gather(*(connection.gone for connection in waiting))

    def cut_off(self, code: int, reason: str) -> None:
        """Close every connection with `code` at once, waiting for nobody."""
        for connection in tuple(self.connections):
            connection.close(code, reason)
            connection.abort()

    def _arm_sweep(self) -> None:
        interval = (
            min(self.limits.ping_interval_seconds, self.limits.ping_timeout_seconds) / SWEEPS_PER_INTERVAL
        )
        self._sweep = asyncio.get_running_loop().call_later(interval, self._keep_alive)

    def _keep_alive(self) -> None:
        now = asyncio.get_running_loop().time()
        for connection in tuple(self.connections):
            connection.keep_alive(now)
        self._arm_sweep()
