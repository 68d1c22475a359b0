"""One terminal reply per request, and what an acknowledgement says."""

from __future__ import annotations

from typing import Any

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus
from arqonbus_conformance.plugin import depth, requirement
from arqonbus_conformance.suites.unit.stage import Stage
from arqonbus_conformance.suites.unit.telling import only

REQUESTS: list[Any] = [
    pytest.param({}, "message_response", id="channel-message"),
    pytest.param({"channel": ...}, "message_response", id="room-message"),
    pytest.param({"room": ..., "channel": ..., "to_client": "ME"}, "message_response", id="direct-message"),
    pytest.param({"room": ..., "channel": ..., "to_client": "nobody"}, "error", id="lost-message"),
    pytest.param({"payload": {}}, "error", id="faulty-message"),
]


@requirement("ROUTE-014")
@pytest.mark.parametrize(("fields", "kind"), REQUESTS)
async def test_a_message_gets_exactly_one_reply(bus: Bus, fields: dict[str, Any], kind: str) -> None:
    """Whatever its target and its fate, a message is answered once, to its id."""
    stage = await Stage.of(bus)
    me = {"to_client": stage.speaker.id} if fields.get("to_client") == "ME" else {}
    envelope = stage.message("once", **fields | me)

    reply = await stage.speaker.request(envelope, malformed=True)
    await stage.speaker.barrier()
    await stage.say("afterwards")

    expect.equal(reply["type"], kind, "type of the reply")
    expect.equal(len(stage.speaker.replies_to(envelope["id"])), 1, "number of replies")


@requirement("ROUTE-014")
async def test_a_burst_is_answered_one_by_one(bus: Bus) -> None:
    """Of two hundred messages, every third of them faulty, each gets its own reply and no other."""
    stage = await Stage.of(bus)
    burst = [
        stage.message(f"{number}", **({"room": "a/b"} if number % 3 == 0 else {})) for number in range(200)
    ]

    for envelope in burst:
        await stage.speaker.send(envelope, malformed=True)
    replies = [await stage.speaker.reply(envelope["id"]) for envelope in burst]
    await stage.speaker.barrier()

    expected = ["error" if number % 3 == 0 else "message_response" for number in range(200)]
    expect.equal([reply["type"] for reply in replies], expected, "types of the replies")
    expect.equal({len(stage.speaker.replies_to(one["id"])) for one in burst}, {1}, "numbers of replies")


@requirement("ROUTE-014")
async def test_a_reply_goes_to_the_publisher_alone(bus: Bus) -> None:
    """Members receive the message, not its acknowledgement or its rejection."""
    stage = await Stage.of(bus)

    await stage.refusal_of(stage.message(room="a/b"))
    await stage.listener.barrier()

    expect.equal(
        {frame["type"] for frame in stage.listener.received},
        {"message", "response"},
        "types the listener got",
    )


@requirement("ROUTE-015")
async def test_an_acknowledgement_says_what_became_of_the_message(bus: Bus) -> None:
    """Status success, the message's id, the sequence it was delivered with, and its durability."""
    stage = await Stage.of(bus)
    durable = stage.speaker.welcome["payload"]["protocol"]["capabilities"]["durable"]
    envelope = stage.message("acknowledged")

    reply = await stage.speaker.request(envelope)

    heard = only(await stage.listener.messages_until("acknowledged"))
    expect.envelope_shape(reply)
    expect.equal(reply["type"], "message_response", "type")
    expect.equal(reply["request_id"], envelope["id"], "request_id")
    expect.equal(reply["status"], "success", "status")
    said = {"sequence": heard["metadata"]["sequence"], "durability": "durable" if durable else "memory"}
    expect.equal(reply["metadata"], said, "metadata")


@requirement("ROUTE-015")
async def test_a_room_wide_message_is_acknowledged_alike(bus: Bus) -> None:
    """The acknowledgement of a room-wide message has the room's sequence."""
    ann = await bus.connect("ann")

    replies = [await ann.publish(bus.room, text="wide") for _ in range(2)]

    expect.equal([reply["metadata"]["sequence"] for reply in replies], [1, 2], "sequences")
    expect.equal({reply["status"] for reply in replies}, {"success"}, "statuses")


@depth("smoke")
@requirement("ROUTE-015", "CMD-017")
async def test_telemetry_is_acknowledged_as_memory(bus: Bus) -> None:
    """Telemetry is not stored: its acknowledgement says memory and has no sequence."""
    ann = await bus.connect("ann")
    envelope = ann.envelope("telemetry", payload={"temperature": 21.5})

    reply = await ann.request(envelope)
    await ann.barrier()

    expect.equal((reply["type"], reply["status"]), ("message_response", "success"), "type and status")
    expect.equal(reply["metadata"], {"durability": "memory"}, "metadata")
    expect.equal(len(ann.replies_to(envelope["id"])), 1, "number of replies")


@requirement("CMD-017")
async def test_telemetry_over_65536_bytes_is_refused(bus: Bus) -> None:
    """A telemetry payload of 65536 bytes is accepted and a larger one refused by name."""
    stage = await Stage.of(bus)
    small = {"type": "telemetry", "payload": {"fill": "x" * (65536 - len('{"fill":""}'))}}
    large = stage.speaker.envelope("telemetry", payload={"fill": "x" * 66000})

    refusal = await stage.refusal_of(large, small)

    expect.rejected(refusal, code="VALIDATION_ERROR", request_id=large["id"], names="payload")
