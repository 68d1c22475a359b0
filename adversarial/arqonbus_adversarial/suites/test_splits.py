"""The network cuts where it likes: a frame in any pieces, and many frames in one, are what they are."""

from __future__ import annotations

import itertools
import json
import random

import pytest
from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus, Client
from arqonbus_conformance.frames import Opcode, encode
from arqonbus_conformance.plugin import depth, repeats, requirement, time_limit
from arqonbus_conformance.suites.unit.stage import Stage

from arqonbus_adversarial.protocol_faults import masked

MASK = b"\xa1\xb2\xc3\xd4"


def wire(document: str, opcode: int = Opcode.TEXT) -> bytes:
    """The bytes of the document in one frame."""
    return encode(masked(opcode, document.encode()), MASK)


async def send_cut(client: Client, data: bytes, cuts: list[int], clock: Client) -> None:
    """Send the data in pieces that end at `cuts`; the deployment has answered `clock` between any two of them."""
    edges = [0, *cuts, len(data)]
    for start, end in itertools.pairwise(edges):
        await client.send_bytes(data[start:end])
        await clock.barrier()


@requirement("CONN-013")
@time_limit(60)
async def test_a_frame_may_be_cut_at_any_byte(bus: Bus) -> None:
    """The same message, cut in two at every one of its bytes in turn, arrives every time."""
    stage = await Stage.of(bus)
    clock = await bus.connect("clock")
    length = len(wire(stage.document()))

    for cut in range(1, length):
        envelope = stage.message(f"cut at {cut}")
        await send_cut(stage.speaker, wire(json.dumps(envelope, separators=(",", ":"))), [cut], clock)

    last = f"cut at {length - 1}"
    assert await stage.heard(last) == [f"cut at {cut}" for cut in range(1, length)]
    expect.equal(stage.errors(), [], "errors")


@requirement("CONN-013")
@pytest.mark.parametrize("size", [0, 126, 65536], ids=["7-bit-length", "16-bit-length", "64-bit-length"])
async def test_the_header_may_come_byte_by_byte(bus: Bus, size: int) -> None:
    """Each form of the length, its header in single bytes, announces the same frame."""
    stage = await Stage.of(bus)
    clock = await bus.connect("clock")
    envelope = stage.message("whole", payload={"text": "whole", "fill": "x" * size})

    data = wire(json.dumps(envelope))
    await send_cut(stage.speaker, data, list(range(1, 15)), clock)

    expect.succeeded(await stage.speaker.reply(envelope["id"]))
    assert await stage.heard("whole") == ["whole"]


@requirement("CONN-013")
async def test_a_message_may_come_byte_by_byte(bus: Bus) -> None:
    """Every byte of a message with wide characters in a segment of its own is still one message."""
    stage = await Stage.of(bus)
    envelope = stage.message("drop \u20ac by \U0001f600 drop")
    data = wire(json.dumps(envelope, ensure_ascii=False))

    await send_cut(stage.speaker, data, list(range(1, len(data))), stage.listener)

    expect.succeeded(await stage.speaker.reply(envelope["id"]))
    assert await stage.heard("drop \u20ac by \U0001f600 drop") == ["drop \u20ac by \U0001f600 drop"]


@requirement("CONN-013")
async def test_many_frames_may_come_at_once(bus: Bus) -> None:
    """Five hundred messages in one piece are five hundred messages, in their order."""
    stage = await Stage.of(bus)
    documents = [json.dumps(stage.message(f"{number}")) for number in range(500)]

    await stage.speaker.send_bytes(b"".join(map(wire, documents)))

    assert await stage.heard("499") == [f"{number}" for number in range(500)]
    expect.equal(stage.errors(), [], "errors")


@repeats(10)
@requirement("CONN-013", "ENV-028")
async def test_a_stream_may_be_cut_anywhere(bus: Bus, rng: random.Random) -> None:
    """Messages, pings and fragments, cut at random, arrive as they were; the seed of the run decides the cuts."""
    stage = await Stage.of(bus)
    clock = await bus.connect("clock")
    data = bytearray()
    for number in range(40):
        document = json.dumps(stage.message(f"{number}")).encode()
        cut = rng.randrange(1, len(document))
        data += encode(masked(Opcode.TEXT, document[:cut], fin=False), rng.randbytes(4))
        data += encode(masked(Opcode.PING, rng.randbytes(rng.randrange(126))), rng.randbytes(4))
        data += encode(masked(Opcode.CONTINUATION, document[cut:]), rng.randbytes(4))

    await send_cut(stage.speaker, bytes(data), sorted(rng.sample(range(1, len(data)), 60)), clock)

    assert await stage.heard("39") == [f"{number}" for number in range(40)]
    expect.equal(stage.errors(), [], "errors")


@depth("smoke")
@requirement("CONN-013")
async def test_a_control_frame_may_be_cut_anywhere(bus: Bus) -> None:
    """A ping and a close, cut at each of their bytes, are answered as if whole."""
    ann, clock = await bus.clients("ann", "clock")
    ping = encode(masked(Opcode.PING, b"payload"), MASK)
    for cut in range(1, len(ping)):
        await send_cut(ann, ping, [cut], clock)
    await ann.until(lambda: len(ann.pongs) == len(ping) - 1 or None, "a pong to each ping")

    close = encode(masked(Opcode.CLOSE, b"\x03\xe8bye"), MASK)
    await send_cut(ann, close, [1, 2, 5, 7], clock)

    expect.equal(set(ann.pongs), {b"payload"}, "payloads of the pongs")
    expect.equal((await ann.closed()).code, 1000, "close code")
