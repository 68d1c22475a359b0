"""Frames that RFC 6455 forbids: the connection ends with the right code, and nobody else notices."""

from __future__ import annotations

import json

import pytest
from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus
from arqonbus_conformance.frames import Opcode
from arqonbus_conformance.plugin import depth, requirement
from arqonbus_conformance.suites.unit.stage import Stage

from arqonbus_adversarial.protocol_faults import (
    PROTOCOL_FAULTS,
    ProtocolFault,
    header_alone,
    long_form,
    masked,
)

CHUNK_BYTES = 65536


@requirement("CONN-010", "CONN-012")
@pytest.mark.parametrize("fault", PROTOCOL_FAULTS, ids=lambda fault: fault.name)
async def test_a_protocol_fault_ends_that_connection_alone(bus: Bus, fault: ProtocolFault) -> None:
    """The document within or behind the fault is not delivered, the close code is the right one, others go on."""
    stage = await Stage.of(bus)
    other = await bus.connect("other")
    await stage.say("before")

    await stage.speaker.send_bytes(fault.wire(stage.document().encode()))
    close = await stage.speaker.closed()

    assert close.code in fault.codes, close
    expect.succeeded(await other.publish(bus.room, stage.channel, text="after"))
    assert await stage.heard("after") == ["before", "after"]


@requirement("CONN-010")
@pytest.mark.parametrize("length_bytes", [2, 8])
async def test_a_length_not_in_its_shortest_form_is_refused_or_understood(
    bus: Bus, length_bytes: int
) -> None:
    """RFC 6455 5.2 demands the shortest form: such a frame is a fault, or the frame that it spells; nothing else."""
    stage = await Stage.of(bus)
    other = await bus.connect("other")

    await stage.speaker.send_bytes(long_form(Opcode.TEXT, b"{}", length_bytes))
    await stage.speaker.send(stage.message("behind"))
    outcome = await stage.speaker.until(
        lambda: stage.speaker.connection.end or (stage.errors() or None), "an error or the end"
    )
    expect.succeeded(await other.publish(bus.room, stage.channel, text="after"))

    heard = await stage.heard("after")
    ended = stage.speaker.connection.end
    assert ended is None or ended.code == 1002, ended
    assert heard in (["behind", "after"], ["after"]), (heard, outcome)


@requirement("CONN-010", "ENV-023")
@pytest.mark.parametrize("size", [2**31, 2**40, 2**62])
async def test_an_announced_giant_is_not_waited_for(bus: Bus, size: int) -> None:
    """A frame that announces more than the limit is closed with 1009, at the latest once the limit has come."""
    stage = await Stage.of(bus)
    other = await bus.connect("other")
    limit = stage.speaker.welcome["payload"]["protocol"]["limits"]["max_message_size"]

    await stage.speaker.send_bytes(header_alone(Opcode.TEXT, size))
    for _ in range(limit // CHUNK_BYTES + 1):
        await stage.speaker.send_bytes(b" " * CHUNK_BYTES)
    close = await stage.speaker.closed()

    expect.equal(close.code, 1009, "close code")
    await other.barrier()


@requirement("ENV-023")
async def test_endless_fragments_end_with_1009(bus: Bus) -> None:
    """A message that never ends is not collected beyond the limit."""
    stage = await Stage.of(bus)
    other = await bus.connect("other")
    limit = stage.speaker.welcome["payload"]["protocol"]["limits"]["max_message_size"]

    await stage.speaker.send_frame(Opcode.TEXT, b"{", fin=False)
    for _ in range(limit // CHUNK_BYTES + 1):
        await stage.speaker.send_frame(Opcode.CONTINUATION, b" " * CHUNK_BYTES, fin=False)
    close = await stage.speaker.closed()

    expect.equal(close.code, 1009, "close code")
    await other.barrier()


@requirement("ENV-028", "CONN-012")
async def test_ten_thousand_empty_fragments_are_one_message(bus: Bus) -> None:
    """Fragments without a byte cost nobody anything and change nothing."""
    stage = await Stage.of(bus)
    other = await bus.connect("other")
    envelope = stage.message("at last")
    empty = masked(Opcode.CONTINUATION, b"", fin=False)

    await stage.speaker.send_frame(Opcode.TEXT, json.dumps(envelope).encode(), fin=False)
    for _ in range(10_000):
        stage.speaker.connection.write_frame(empty)
    await stage.speaker.send_frame(Opcode.CONTINUATION, b"")

    expect.succeeded(await stage.speaker.reply(envelope["id"]))
    assert await stage.heard("at last") == ["at last"]
    await other.barrier()


@requirement("CONN-008", "CONN-012")
async def test_a_flood_of_pings_starves_nobody(bus: Bus) -> None:
    """Ten thousand pings in a row, answered or not, leave the others served at once."""
    stage = await Stage.of(bus)
    other = await bus.connect("other")
    ping = masked(Opcode.PING, b"x" * 125)

    for _ in range(10_000):
        stage.speaker.connection.write_frame(ping)
    expect.succeeded(await other.publish(bus.room, stage.channel, text="served"))

    assert await stage.heard("served") == ["served"]
    await stage.speaker.barrier()


@depth("smoke")
@requirement("CONN-009", "CONN-012")
async def test_frames_behind_a_protocol_fault_are_not_read(bus: Bus) -> None:
    """A hundred good messages behind a fault, in the same bytes, are not delivered."""
    stage = await Stage.of(bus)
    other = await bus.connect("other")
    documents = [json.dumps(stage.message()).encode() for _ in range(100)]
    fault = next(one for one in PROTOCOL_FAULTS if one.name == "opcode-3-empty")
    from_behind = b"".join(long_form(Opcode.TEXT, one, 2) for one in documents)

    await stage.speaker.send_bytes(fault.wire(b"") + from_behind)
    await stage.speaker.closed()
    expect.succeeded(await other.publish(bus.room, stage.channel, text="after"))

    assert await stage.heard("after") == ["after"]
