"""Connections as clients meet them: real sockets, an application that writes down what it is told."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from arqonbus_reference.access import ANONYMOUS, Principal
from arqonbus_reference.transport import connection
from arqonbus_reference.transport.application import Endpoint, Limits
from arqonbus_reference.transport.frames import TEXT, close_frame, text_frame
from arqonbus_reference.transport.handshake import Doorway
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


@pytest.fixture
async def build() -> AsyncIterator[Callable[..., Any]]:
    houses: list[House] = []

    async def built(**limits: Any) -> House:
        application = Application()
        bus = WebSocketBus(
            application,
            LIMITS._replace(**limits),
            Doorway(lambda _: ANONYMOUS),
        )
        listener = socket.create_server(("127.0.0.1", 0))
        await bus.start([listener])
        houses.append(House(application, bus, listener.getsockname()[1]))
        return houses[-1]

    yield built
    for house in houses:
        house.bus.stop_accepting()
        for peer in house.peers:
            peer.writer.transport.abort()
        await house.bus.close(1001, "test over")


async def test_a_client_may_send_with_its_upgrade(build: Callable[..., Any]) -> None:
    """Frames in the same segment as the handshake are not lost."""
    house = await build()

    await house.enter(bytes((0x81, 0x82)) + bytes(4) + b"hi")

    assert await house.application.until("text") == ("text", b"hi")


async def test_a_close_is_answered_after_what_is_owed(build: Callable[..., Any]) -> None:
    """CONN-009: answers to what came before the close frame go out before the close is answered."""
    house = await build()
    peer = await house.enter()
    house.application.owing = True

    peer.send(0x8, b"\x03\xe8bye")
    await house.application.until("closed")
    house.application.connections[0].send([text_frame(b"late answer")])
    house.application.connections[0].finish()

    assert await peer.rest() == text_frame(b"late answer") + b"\x88\x02\x03\xe8"


async def test_a_close_that_nobody_finishes_is_answered_in_time(build: Callable[..., Any]) -> None:
    """An application that never finishes holds a close back for a bounded time only."""
    house = await build()
    peer = await house.enter()
    house.application.owing = True

    peer.send(0x8, b"\x03\xe8")

    assert await peer.rest() == b"\x88\x02\x03\xe8"


async def test_nothing_is_written_to_a_client_that_is_gone(build: Callable[..., Any]) -> None:
    """CONN-012: sending to a vanished client does nothing, and raises nothing."""
    house = await build()
    peer = await house.enter()
    peer.writer.transport.abort()
    closed = await house.application.until("closed")

    house.application.connections[0].send([text_frame(b"x")])
    house.application.connections[0].close(1000, "")

    assert closed == ("closed", 1006, "connection lost")


async def test_an_application_fault_closes_one_client(build: Callable[..., Any]) -> None:
    """INT: the site is named, the client is told 1011, others live on."""
    house = await build()
    peer, other = await house.enter(), await house.enter()
    house.application.failing = True

    peer.send(TEXT, b"x")
    end = await peer.read(4)
    house.application.failing = False
    other.send(TEXT, b"y")

    assert end[2:] == (1011).to_bytes(2)
    assert await house.application.until("failed") == ("failed", "websocket.read")
    assert await house.application.until("text") == ("text", b"y")


async def test_a_client_that_does_not_read_is_cut_off(build: Callable[..., Any]) -> None:
    """LIM-001: its unsent bytes are bounded, and it is cut off though it never answers the close."""
    house = await build()
    await house.enter()
    (connection,) = house.application.connections

    for _ in range(400):
        connection.send([text_frame(b"x" * 60_000)])
        await asyncio.sleep(0)
    await asyncio.wait_for(connection.gone, WAIT_SECONDS)

    slow = await house.application.until("slow")
    assert 65_536 < slow[1] < 65_536 + 2 * 60_010
    assert await house.application.until("closed") == ("closed", 1013, "slow consumer")


async def test_a_silent_peer_is_pinged_and_closed(build: Callable[..., Any]) -> None:
    """CONN-011: a ping after the interval, 1011 after the timeout."""
    house = await build(ping_interval_seconds=0.1, ping_timeout_seconds=0.1)
    peer = await house.enter()

    heard = await peer.read(2 + 4 + len(b"keepalive ping timeout"))

    assert heard == b"\x89\x00" + close_frame(1011, "keepalive ping timeout")


async def test_an_upgrade_has_a_bounded_time(build: Callable[..., Any]) -> None:
    """LIM-006: half a request is cut off."""
    house = await build(handshake_seconds=0.2)
    peer = await house.knock()

    peer.writer.write(UPGRADE)

    assert await peer.rest() == b""


async def test_unfinished_upgrades_are_bounded(
    build: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who only knocks cannot take every file descriptor; when one gives up, the next may come."""
    monkeypatch.setattr(connection, "MAX_UPGRADING", 1)
    house = await build(handshake_seconds=2.0)
    first = await house.knock()
    first.writer.write(UPGRADE[:-2])
    await house.accepted()

    second = await house.knock()
    cut_off = await second.rest()
    first.writer.write(b"\r\n\r\n")

    assert cut_off == b""
    assert (await first.head()).startswith(b"HTTP/1.1 101 ")


async def test_an_endless_head_is_refused(build: Callable[..., Any]) -> None:
    """A request's head is bounded in bytes."""
    house = await build()
    peer = await house.knock()

    peer.writer.write(b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 40_000)

    assert (await peer.head()).startswith(b"HTTP/1.1 431 ")


async def test_a_full_house_gives_a_freed_place_again(build: Callable[..., Any]) -> None:
    """LIM-004."""
    house = await build()
    first, _ = await house.enter(), await house.enter()
    late = await house.knock()

    late.writer.write(UPGRADE + b"\r\n")
    refusal = await late.head()
    first.send(0x8, b"\x03\xe8")
    await first.rest()
    await house.enter()

    assert refusal.startswith(b"HTTP/1.1 503 ")
    assert house.bus.rejected == 1


async def test_a_token_that_expires_ends_the_session(build: Callable[..., Any]) -> None:
    """AUTH-007: 4401."""
    house = await build()
    house.bus.doorway = Doorway(lambda _: ANONYMOUS._replace(expires_at=0.0))
    peer = await house.enter()

    end = await peer.read(4)

    assert end[2:] == (4401).to_bytes(2)


async def test_a_clock_that_is_set_ends_the_session_too(
    build: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """AUTH-007: the wall clock is looked at again, however far away the end of the token was."""
    monkeypatch.setattr(connection, "CLOCK_SECONDS", 0.01)
    house = await build()
    times = iter([1000.0, 1000.01])
    house.bus.clock = lambda: next(times, 5000.0)
    house.bus.doorway = Doorway(lambda _: ANONYMOUS._replace(expires_at=4000.0))
    peer = await house.enter()

    end = await peer.read(4)

    assert end[2:] == (4401).to_bytes(2)


class Echo(asyncio.Protocol):
    """Sends back what it gets."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        assert isinstance(self.transport, asyncio.Transport) or hasattr(self.transport, "write")
        self.transport.write(data)


async def test_a_request_can_be_given_to_another_protocol(build: Callable[..., Any]) -> None:
    """From its first byte on, however it came; the others are upgraded as ever."""
    house = await build()
    house.bus.divert = lambda head: Echo() if head.startswith(b"GET /health ") else None
    peer = await house.knock()
    request = b"GET /health HTTP/1.1\r\nHost: bus\r\n\r\nrest"

    peer.writer.write(request[:9])
    await house.accepted()
    peer.writer.write(request[9:])
    echoed = await peer.read(len(request))
    peer.writer.write(b"more")
    await house.enter()

    assert echoed == request
    assert await peer.read(4) == b"more"
    assert len(house.bus.connections) == 1
    assert house.bus.upgrading == set()


async def test_a_drain_closes_everybody(build: Callable[..., Any]) -> None:
    """CONF-021: upgrades under way are cut off, clients get 1001, newcomers get nothing."""
    house = await build()
    waiting, peer = await house.knock(), await house.enter()

    house.bus.stop_accepting()
    closing = asyncio.ensure_future(house.bus.close(1001, "bye"))
    end = await peer.read(4)
    peer.send(0x8, b"\x03\xe9")
    await asyncio.wait_for(closing, WAIT_SECONDS)

    assert end[2:] == (1001).to_bytes(2)
    assert await waiting.rest() == b""
    with pytest.raises(ConnectionRefusedError):
        await house.knock()
