"""A listening bus with real sockets, an application that writes down what it is told, and clients of bytes."""

import asyncio
from typing import Any

from arqonbus_reference.access import Principal
from arqonbus_reference.transport.application import Endpoint, Limits
from arqonbus_reference.transport.frames import text_frame
from arqonbus_reference.transport.websocket_bus import WebSocketBus

WAIT_SECONDS = 5.0
MAX_TURNS = 10_000
LIMITS = Limits(
    max_message_bytes=65_536,
    outbox_bytes=65_536,
    max_connections=2,
    handshake_seconds=5.0,
    ping_interval_seconds=30.0,
    ping_timeout_seconds=30.0,
)
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: bus\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
)


class Application:
    """Keeps what happened; `owing` keeps back the end of connections."""

    def __init__(self) -> None:
        self.happened: list[tuple[Any, ...]] = []
        self.news = asyncio.Event()
        self.connections: list[Any] = []
        self.owing = False
        self.failing = False

    def note(self, *what: Any) -> None:
        self.happened.append(what)
        self.news.set()

    async def until(self, kind: str) -> tuple[Any, ...]:
        while True:
            found = [what for what in self.happened if what[0] == kind]
            if found:
                return found[0]
            self.news.clear()
            await asyncio.wait_for(self.news.wait(), WAIT_SECONDS)

    def opened(self, connection: Endpoint, principal: Principal) -> None:
        self.connections.append(connection)
        connection.send([text_frame(b"welcome")])
        self.note("opened", principal)

    def text(self, connection: Endpoint, payload: bytes) -> None:
        if self.failing:
            raise ZeroDivisionError
        self.note("text", payload)

    def binary(self, connection: Endpoint, payload: bytes) -> None:
        connection.close(1003, "no")

    def closed(self, connection: Endpoint, code: int, reason: str) -> None:
        self.note("closed", code, reason)
        if not self.owing:
            connection.finish()

    def refused(self, details: str) -> None:
        self.note("refused", details)

    def slow(self, connection: Endpoint, unsent_bytes: int) -> None:
        self.note("slow", unsent_bytes)

    def failed(self, site: str, error: Exception) -> None:
        self.note("failed", site)


class Peer:
    """A client of bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def read(self, count: int) -> bytes:
        return await asyncio.wait_for(self.reader.readexactly(count), WAIT_SECONDS)

    async def rest(self) -> bytes:
        return await asyncio.wait_for(self.reader.read(), WAIT_SECONDS)

    async def head(self) -> bytes:
        return await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), WAIT_SECONDS)

    def send(self, opcode: int, payload: bytes) -> None:
        self.writer.write(bytes((0x80 | opcode, 0x80 | len(payload))) + bytes(4) + payload)


class House:
    """A listening bus and its peers."""

    def __init__(self, application: Application, bus: WebSocketBus, port: int) -> None:
        self.application = application
        self.bus = bus
        self.port = port
        self.peers: list[Peer] = []

    async def knock(self) -> Peer:
        peer = Peer(*await asyncio.open_connection("127.0.0.1", self.port))
        self.peers.append(peer)
        return peer

    async def accepted(self) -> None:
        """Wait until a connection is being upgraded."""
        for _ in range(MAX_TURNS):
            if self.bus.upgrading:
                return
            await asyncio.sleep(0)
        raise AssertionError("nobody is being upgraded")

    async def enter(self, extra: bytes = b"") -> Peer:
        peer = await self.knock()
        peer.writer.write(UPGRADE + b"\r\n" + extra)
        assert (await peer.head()).startswith(b"HTTP/1.1 101 ")
        assert await peer.read(9) == text_frame(b"welcome")
        return peer
