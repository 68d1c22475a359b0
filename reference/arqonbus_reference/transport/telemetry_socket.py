"""The telemetry WebSocket: events out, nothing in."""

import asyncio
import logging
import socket
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, Final, cast
from weakref import WeakSet

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.protocol import State

from arqonbus_reference.access import ANONYMOUS, Principal
from arqonbus_reference.telemetry import EVENT_TYPES, Reader
from arqonbus_reference.transport.deployment_view import DeploymentView
from arqonbus_reference.transport.http_entry import Door, HttpError

MAX_FRAME_BYTES: Final = 4096
"""A reader's frame that is ignored; a longer one ends the connection with 1009."""
MAX_READERS: Final = 256
CLOSE_SECONDS: Final = 2.0
"""How long a close may take before the connection is cut off."""
RETRY_AFTER_SECONDS: Final = 1

_silent = logging.getLogger("arqonbus_reference.telemetry_socket")
_silent.disabled = True  # websockets would log what strangers send


class _Connection(ServerConnection):
    """A connection, and who was let in through it."""

    principal: Principal = ANONYMOUS


class TelemetrySocket:
    """Serves the event stream of a deployment on sockets that are bound already."""

    def __init__(self, view: DeploymentView) -> None:
        self._view = view
        self._door = Door(view, "telemetry")
        self._readers: set[Reader] = set()
        self._servers: list[Server] = []
        self._accepted: WeakSet[ServerConnection] = WeakSet()

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        """Serve from now on."""
        settings = self._view.settings
        for sock in sockets:
            server = await serve(
                self._stream,
                sock=sock,
                create_connection=cast("type[ServerConnection]", self._accept),
                process_request=self._admit,
                compression=None,
                max_size=MAX_FRAME_BYTES,
                open_timeout=settings.handshake_seconds,
                ping_interval=settings.ping_interval_seconds,
                ping_timeout=settings.ping_timeout_seconds,
                close_timeout=CLOSE_SECONDS,
                server_header="ArqonBus",
                logger=_silent,
            )
            self._servers.append(server)

    async def close(self) -> None:
        """Stop listening; readers get what was emitted before, and 1001, unless that takes over CLOSE_SECONDS."""
        self._view.telemetry.flush()
        for server in self._servers:
            server.close(close_connections=False)
        self._cut_off(lambda connection: connection.state is not State.OPEN)
        for reader in self._readers:
            reader.end()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._all_gone()
        except TimeoutError:
            self._cut_off(lambda _: True)
            await self._all_gone()

    async def _all_gone(self) -> None:
        await asyncio.gather(*(server.wait_closed() for server in self._servers))

    def _cut_off(self, chosen: Callable[[ServerConnection], bool]) -> None:
        for connection in self._accepted:
            transport = getattr(connection, "transport", None)  # absent until the loop has handed it over
            if transport is not None and chosen(connection):
                transport.abort()

    def _accept(self, *args: Any, **kwargs: Any) -> ServerConnection:
        """Keep the connections that websockets does not list yet: those in their handshake."""
        connection = _Connection(*args, **kwargs)
        self._accepted.add(connection)
        return connection

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """None to go on with the upgrade."""
        try:
            self._check_place(request.path)
            self._check_origin(request.headers.get_all("Origin"))
            principal = self._door.enter(request.headers.get_all("Authorization"))
        except HttpError as refusal:
            return _refusal(refusal)
        cast("_Connection", connection).principal = principal
        return None

    def _check_place(self, path: str) -> None:
        if path.partition("?")[0] != "/":
            raise HttpError(HTTPStatus.NOT_FOUND, "not_found", "no such path; allowed: /")
        if len(self._readers) >= MAX_READERS:
            retry = {"Retry-After": str(RETRY_AFTER_SECONDS)}
            raise HttpError(HTTPStatus.SERVICE_UNAVAILABLE, "too_many_readers", "try again later", retry)

    def _check_origin(self, origins: Sequence[str]) -> None:
        if origins and not (len(origins) == 1 and origins[0] in self._view.settings.allowed_origins):
            raise HttpError(HTTPStatus.FORBIDDEN, "forbidden", "origin not allowed")

    async def _stream(self, connection: ServerConnection) -> None:
        principal = cast("_Connection", connection).principal
        reader = self._view.telemetry.subscribe(principal.tenant)
        self._readers.add(reader)
        try:
            code, reason = await self._serve(connection, reader, principal.expires_at)
            await _close(connection, code, reason)
        except ConnectionClosed:
            pass  # the reader left: nothing to tell it, and nobody else cares
        finally:
            self._readers.discard(reader)
            self._view.telemetry.unsubscribe(reader)

    async def _serve(
        self, connection: ServerConnection, reader: Reader, expires_at: float | None
    ) -> tuple[int, str]:
        """The close code and reason, once there is one."""
        sending = asyncio.create_task(self._send(connection, reader))
        ignoring = asyncio.create_task(_ignore(connection))
        overflowing = asyncio.create_task(reader.overflowed.wait())
        tasks = (sending, ignoring, overflowing)
        try:
            seconds = None if expires_at is None else max(0.0, expires_at - time.time())
            done, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome
        if overflowing in done:
            return 1013, "telemetry reader too slow"
        return (1001, "draining") if done else (4401, "token expired")

    async def _send(self, connection: ServerConnection, reader: Reader) -> None:
        hello = self._view.telemetry.frame(
            "telemetry.hello", "info", version=self._view.version, event_types=EVENT_TYPES
        )
        frame: bytes | None = hello
        while frame is not None:
            await connection.send(frame, text=True)
            frame = await reader.next()


async def _ignore(connection: ServerConnection) -> None:
    """TEL-011: read until the reader is gone, so that pings and closes are seen, and forget it."""
    while True:
        await connection.recv()


async def _close(connection: ServerConnection, code: int, reason: str) -> None:
    """Close in order; cut off what does not even read the close."""
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await connection.close(code, reason)
    except TimeoutError:
        connection.transport.abort()


def _refusal(refusal: HttpError) -> Response:
    headers = Headers(refusal.headers)
    headers["Content-Type"] = "application/json"
    headers["Content-Length"] = str(len(refusal.body))
    headers["Connection"] = "close"
    return Response(refusal.status, HTTPStatus(refusal.status).phrase, headers, refusal.body)
