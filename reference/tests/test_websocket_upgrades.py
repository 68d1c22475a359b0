"""How connections begin, as clients meet it: what may come with an upgrade, and what bounds those that are not finished."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from arqonbus_reference.transport import connection
from websocket_bench import UPGRADE


async def test_a_client_may_send_with_its_upgrade(build: Callable[..., Any]) -> None:
    """Frames in the same segment as the handshake are not lost."""
    house = await build()

    await house.enter(bytes((0x81, 0x82)) + bytes(4) + b"hi")

    assert await house.application.until("text") == ("text", b"hi")


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
