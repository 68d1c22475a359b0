"""How connections end, as clients meet it: closes, faults, slow and silent clients, expired tokens, and a drain."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from arqonbus_reference.access import ANONYMOUS
from arqonbus_reference.transport import connection
from arqonbus_reference.transport.frames import TEXT, close_frame, text_frame
from arqonbus_reference.transport.handshake import Doorway
from websocket_bench import WAIT_SECONDS


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
