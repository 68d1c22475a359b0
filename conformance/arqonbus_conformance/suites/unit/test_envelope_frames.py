"""The WebSocket frames an envelope comes in: size, encoding, fragments, and what is no text."""

from __future__ import annotations

import itertools
import json

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus, Client
from arqonbus_conformance.frames import Opcode
from arqonbus_conformance.plugin import depth, requirement
from arqonbus_conformance.suites.unit.stage import Stage

INVALID_UTF_8 = [
    pytest.param(b"\xff", id="no-lead-byte"),
    pytest.param(b"\x80", id="lone-continuation"),
    pytest.param(b"\xc3", id="cut-off"),
    pytest.param(b"\xc0\xaf", id="overlong-2"),
    pytest.param(b"\xe0\x80\xaf", id="overlong-3"),
    pytest.param(b"\xf0\x80\x80\xaf", id="overlong-4"),
    pytest.param(b"\xed\xa0\x80", id="surrogate"),
    pytest.param(b"\xf4\x90\x80\x80", id="above-10ffff"),
    pytest.param(b"\xf8\x88\x80\x80\x80", id="five-bytes"),
]

PIECES = [2, 3, 7, 100]


def limit_of(client: Client) -> int:
    """The size limit in bytes that the welcome states."""
    limit = client.welcome["payload"]["protocol"]["limits"]["max_message_size"]
    assert isinstance(limit, int)
    return limit


def sized(stage: Stage, size: int) -> bytes:
    """A message to the stage's channel that is exactly `size` bytes as JSON."""
    bare = stage.document(payload={"text": "large", "fill": ""}).encode()
    return bare.replace(b'"fill":""', b'"fill":"' + b"x" * (size - len(bare)) + b'"')


async def send_in_pieces(client: Client, text: str, pieces: int) -> None:
    """Send `text` as one message of `pieces` frames of nearly equal size."""
    data = text.encode()
    cuts = [len(data) * number // pieces for number in range(pieces + 1)]
    for number, (start, end) in enumerate(itertools.pairwise(cuts)):
        opcode = Opcode.TEXT if number == 0 else Opcode.CONTINUATION
        await client.send_frame(opcode, data[start:end], fin=number == pieces - 1)


@depth("smoke")
@requirement("ENV-023")
async def test_a_message_at_the_size_limit_is_accepted(bus: Bus) -> None:
    """A message of exactly the stated limit is delivered."""
    stage = await Stage.of(bus)
    frame = sized(stage, limit_of(stage.speaker))

    reply = await stage.speaker.request(frame)

    expect.succeeded(reply)
    assert await stage.heard("large") == ["large"]


@requirement("ENV-023")
@pytest.mark.parametrize("pieces", [1, 2, 9])
async def test_a_message_over_the_size_limit_closes_with_1009(bus: Bus, pieces: int) -> None:
    """One byte over the limit, fragments added up, closes that connection and delivers nothing."""
    stage = await Stage.of(bus)
    other = await bus.connect("other")
    await stage.say("before")

    await send_in_pieces(stage.speaker, sized(stage, limit_of(other) + 1).decode(), pieces)
    close = await stage.speaker.closed()

    expect.succeeded(await other.publish(room=bus.room, channel=stage.channel, text="after"))
    expect.equal(close.code, 1009, "close code")
    assert await stage.heard("after") == ["before", "after"]


@requirement("ENV-024")
@pytest.mark.parametrize("junk", INVALID_UTF_8)
async def test_invalid_utf_8_closes_with_1007(bus: Bus, junk: bytes) -> None:
    """Bytes that are no UTF-8 close the connection, and the message they spoil is not delivered."""
    stage = await Stage.of(bus)
    other = await bus.connect("other")
    await stage.say("before")

    await stage.speaker.send_text(stage.document().encode().replace(b'"never"', b'"never ' + junk + b'"'))
    close = await stage.speaker.closed()

    expect.succeeded(await other.publish(room=bus.room, channel=stage.channel, text="after"))
    expect.equal(close.code, 1007, "close code")
    assert await stage.heard("after") == ["before", "after"]


@depth("smoke")
@requirement("ENV-024")
async def test_invalid_utf_8_in_a_later_fragment_closes_with_1007(bus: Bus) -> None:
    """A fragment that ends in the middle of a character which the next one does not finish is invalid."""
    stage = await Stage.of(bus)
    head, tail = stage.document().encode().split(b"never")
    await stage.say("before")

    await stage.speaker.send_frame(Opcode.TEXT, head + "\u20ac".encode()[:2], fin=False)
    await stage.speaker.send_frame(Opcode.CONTINUATION, b"never" + tail)
    close = await stage.speaker.closed()

    expect.equal(close.code, 1007, "close code")
    assert await stage.heard("before") == ["before"]


@requirement("ENV-025")
@pytest.mark.parametrize("content", ["envelope", "nothing", "bytes"])
async def test_a_binary_frame_closes_with_1003(bus: Bus, content: str) -> None:
    """No binary codec is negotiated, so a binary frame ends the connection whatever is in it."""
    stage = await Stage.of(bus)
    other = await bus.connect("other")
    payload = {"envelope": stage.document().encode(), "nothing": b"", "bytes": bytes(range(256))}[content]
    await stage.say("before")

    await stage.speaker.send_frame(Opcode.BINARY, payload)
    close = await stage.speaker.closed()

    expect.succeeded(await other.publish(room=bus.room, channel=stage.channel, text="after"))
    expect.equal(close.code, 1003, "close code")
    assert await stage.heard("after") == ["before", "after"]


@requirement("ENV-028")
@pytest.mark.parametrize("pieces", PIECES)
async def test_fragments_are_one_message(bus: Bus, pieces: int) -> None:
    """A message in any number of frames is delivered once, whole."""
    stage = await Stage.of(bus)
    envelope = stage.message("split \u20ac\U0001f600 here")

    await send_in_pieces(stage.speaker, json.dumps(envelope, ensure_ascii=False), pieces)
    reply = await stage.speaker.reply(envelope["id"])
    await stage.say("after")

    expect.succeeded(reply)
    assert await stage.heard("after") == ["split \u20ac\U0001f600 here", "after"]
    assert len(stage.speaker.replies_to(envelope["id"])) == 1


@requirement("ENV-028")
async def test_a_character_split_between_fragments_is_whole(bus: Bus) -> None:
    """A fragment may end inside a character."""
    stage = await Stage.of(bus)
    envelope = stage.message("\u20ac")
    head, tail = json.dumps(envelope, ensure_ascii=False).encode().split("\u20ac".encode())

    await stage.speaker.send_frame(Opcode.TEXT, head + "\u20ac".encode()[:1], fin=False)
    await stage.speaker.send_frame(Opcode.CONTINUATION, "\u20ac".encode()[1:2], fin=False)
    await stage.speaker.send_frame(Opcode.CONTINUATION, "\u20ac".encode()[2:] + tail)

    expect.succeeded(await stage.speaker.reply(envelope["id"]))
    assert await stage.heard("\u20ac") == ["\u20ac"]


@depth("smoke")
@requirement("ENV-028")
async def test_empty_fragments_add_nothing(bus: Bus) -> None:
    """Frames without a byte before, within and after the message change nothing."""
    stage = await Stage.of(bus)
    envelope = stage.message("sparse")
    data = json.dumps(envelope).encode()

    await stage.speaker.send_frame(Opcode.TEXT, b"", fin=False)
    await stage.speaker.send_frame(Opcode.CONTINUATION, data[:10], fin=False)
    await stage.speaker.send_frame(Opcode.CONTINUATION, b"", fin=False)
    await stage.speaker.send_frame(Opcode.CONTINUATION, data[10:], fin=False)
    await stage.speaker.send_frame(Opcode.CONTINUATION, b"")

    expect.succeeded(await stage.speaker.reply(envelope["id"]))
    assert await stage.heard("sparse") == ["sparse"]


@requirement("ENV-028", "CONN-008")
async def test_a_ping_between_fragments_is_answered_before_the_message(bus: Bus) -> None:
    """A control frame may stand between fragments; it is answered and the message stays whole."""
    stage = await Stage.of(bus)
    envelope = stage.message("interrupted")
    data = json.dumps(envelope).encode()

    await stage.speaker.send_frame(Opcode.TEXT, data[:20], fin=False)
    await stage.speaker.send_frame(Opcode.PING, b"between")
    pong = await stage.speaker.until(
        lambda: stage.speaker.pongs[0] if stage.speaker.pongs else None, "a pong"
    )
    await stage.speaker.send_frame(Opcode.CONTINUATION, data[20:])

    expect.succeeded(await stage.speaker.reply(envelope["id"]))
    assert pong == b"between"
    assert await stage.heard("interrupted") == ["interrupted"]
