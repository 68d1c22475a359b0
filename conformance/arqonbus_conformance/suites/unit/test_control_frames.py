"""Ping, pong and close."""

from __future__ import annotations

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus, Client
from arqonbus_conformance.frames import Frame, Opcode, close_payload
from arqonbus_conformance.plugin import depth, requirement
from arqonbus_conformance.suites.unit.in_one_piece import at_once, text_frame
from arqonbus_conformance.suites.unit.stage import Stage

CLOSE_CODES = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999]
CLOSE = Frame(Opcode.CLOSE, close_payload(1000), masked=True)


async def pong_of(client: Client, payload: bytes) -> bytes:
    """The pong to a ping with `payload`."""
    seen = len(client.pongs)
    await client.send_frame(Opcode.PING, payload)
    return await client.until(lambda: client.pongs[seen] if len(client.pongs) > seen else None, "a pong")


@requirement("CONN-008")
@pytest.mark.parametrize("payload", [b"", b"hello", b"\x00\xff\xfe", b"x" * 124, b"y" * 125], ids=len)
async def test_a_ping_is_answered_with_its_own_bytes(bus: Bus, payload: bytes) -> None:
    """Whatever a ping carries, text or not, its pong carries."""
    ann = await bus.connect("ann")

    pong = await pong_of(ann, payload)

    expect.equal(pong, payload, "payload of the pong")
    await ann.barrier()


@depth("smoke")
@requirement("CONN-008")
async def test_pings_are_answered_in_their_order(bus: Bus) -> None:
    """Twenty pings sent at once: the latest is answered, none out of order (RFC 6455 5.5.3)."""
    ann = await bus.connect("ann")
    sent = [f"ping {number}".encode() for number in range(20)]

    for payload in sent:
        await ann.send_frame(Opcode.PING, payload)
    await ann.until(lambda: sent[-1] in ann.pongs or None, "the pong to the latest ping")

    order = [sent.index(pong) for pong in ann.pongs]
    assert order == sorted(order), order


@requirement("CONN-008")
@pytest.mark.parametrize("payload", [b"", b"nobody asked"])
async def test_a_pong_nobody_asked_for_is_ignored(bus: Bus, payload: bytes) -> None:
    """An unsolicited pong is allowed and changes nothing."""
    stage = await Stage.of(bus)

    await stage.speaker.send_frame(Opcode.PONG, payload)
    await stage.say("after")

    assert await stage.heard("after") == ["after"]
    assert stage.speaker.pongs == []


@requirement("CONN-009")
@pytest.mark.parametrize("code", CLOSE_CODES)
async def test_a_close_is_answered_with_its_code(bus: Bus, code: int) -> None:
    """Every code that may be on the wire comes back."""
    ann, bob = await bus.clients("ann", "bob")

    close = await ann.close(code)

    expect.equal(close.code, code, "close code of the answer")
    await bob.barrier()


@requirement("CONN-009")
@pytest.mark.parametrize("reason", ["going home", "\u20ac" * 41, "x" * 123])
async def test_a_close_with_a_reason_is_answered(bus: Bus, reason: str) -> None:
    """A reason of any allowed length changes nothing."""
    ann, bob = await bus.clients("ann", "bob")

    close = await ann.close(1000, reason)

    expect.equal(close.code, 1000, "close code of the answer")
    await bob.barrier()


@requirement("CONN-009")
async def test_an_empty_close_is_answered(bus: Bus) -> None:
    """A close without a code is answered with a close: without code, or 1000."""
    ann, bob = await bus.clients("ann", "bob")

    close = await ann.close(None)

    assert close.code in (1000, 1005), close
    await bob.barrier()


@depth("smoke")
@requirement("CONN-009", "ROUTE-014")
async def test_what_was_sent_before_the_close_still_counts(bus: Bus) -> None:
    """A message and a close sent together: the message is delivered, the close answered, nothing answered twice."""
    stage = await Stage.of(bus)
    envelope = stage.message("last words")

    await at_once(stage.speaker, text_frame(envelope), CLOSE)
    close = await stage.speaker.closed()

    expect.equal(close.code, 1000, "close code of the answer")
    assert await stage.heard("last words") == ["last words"]
    assert [reply["status"] for reply in stage.speaker.replies_to(envelope["id"])] in (["success"], [])


@requirement("CONN-009")
async def test_what_is_sent_after_the_close_is_not_delivered(bus: Bus) -> None:
    """A frame behind a close frame is not looked at."""
    stage = await Stage.of(bus)
    other = await bus.connect("other")

    await at_once(stage.speaker, CLOSE, text_frame(stage.message()))
    await stage.speaker.closed()
    await other.publish(room=bus.room, channel=stage.channel, text="after")

    assert await stage.heard("after") == ["after"]
