"""What of an envelope arrives: carried exactly, stamped by the bus alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus
from arqonbus_conformance.plugin import depth, requirement
from arqonbus_conformance.suites.unit.stage import Stage, faithful
from arqonbus_conformance.suites.unit.telling import only

EXACT_VALUES = [
    pytest.param("9007199254740993", id="above-2-to-the-53"),
    pytest.param("-9223372036854775809", id="below-int-64"),
    pytest.param("18446744073709551616", id="above-uint-64"),
    pytest.param("1" + "0" * 400, id="401-digits"),
    pytest.param("-0", id="minus-zero"),
    pytest.param("1.0", id="one-point-zero"),
    pytest.param("1.10", id="trailing-zero"),
    pytest.param("0.1000000000000000055511151231257827", id="more-digits-than-a-double"),
    pytest.param("1E+2", id="exponent"),
    pytest.param("1e-7", id="negative-exponent"),
    pytest.param("1e400", id="beyond-a-double"),
    pytest.param('"\u00e9\u4f60\U0001f600"', id="unicode"),
    pytest.param('"\\u00e9\\u4f60\\ud83d\\ude00"', id="escaped-unicode"),
    pytest.param('"e\u0301 \u212b"', id="unnormalised"),
    pytest.param('"\u2028\u2029\ufeff\u200b\u202e"', id="separators-and-marks"),
    pytest.param('"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\x7f"', id="every-escape"),
    pytest.param('{"z":1,"a":2,"m":{"b":1,"a":2}}', id="key-order"),
    pytest.param('{"":{"":[]}}', id="empty-keys-and-containers"),
    pytest.param("[null,true,false,[],{},[[]]]", id="literals"),
    pytest.param('{"id":"x","sender":"y","type":"error","metadata":{"sequence":0}}', id="names-of-fields"),
    pytest.param('[1, 2 ,\t3,\n{ "a" : 1 }]', id="white-space"),
]


def payload_of(frame: str) -> Any:
    """The payload of the envelope in the text of a frame, faithfully."""
    return dict(faithful(frame)[1])["payload"]


@requirement("ENV-017")
@pytest.mark.parametrize("value", EXACT_VALUES)
@pytest.mark.parametrize("target", ["channel", "client"])
async def test_a_payload_arrives_exactly(bus: Bus, target: str, value: str) -> None:
    """Spellings of numbers, characters and the order of keys are those that were sent."""
    stage = await Stage.of(bus)
    address = {} if target == "channel" else {"room": ..., "channel": ..., "to_client": stage.listener.id}
    envelope = stage.message("exact", **address)
    frame = json.dumps(envelope).replace('"exact"', f'"exact","value":{value},"last":0')

    expect.succeeded(await stage.speaker.request(frame, request_id=envelope["id"]))
    await stage.heard("exact")

    received = stage.listener.raw[-1]
    expect.equal(payload_of(received), payload_of(frame), "payload of the delivered message")


@requirement("ENV-017")
@pytest.mark.parametrize("value", EXACT_VALUES)
async def test_a_payload_is_stored_exactly(bus: Bus, value: str) -> None:
    """History holds the payload as exactly as the delivery did."""
    stage = await Stage.of(bus)
    envelope = stage.message("exact")
    frame = json.dumps(envelope).replace('"exact"', f'"exact","value":{value},"last":0')
    expect.succeeded(await stage.speaker.request(frame, request_id=envelope["id"]))

    told = await stage.speaker.succeed("op.history.get", room=bus.room, channel=stage.channel)

    expect.equal(len(told["entries"]), 1, "number of entries")
    answer = dict(faithful(stage.speaker.raw[-1])[1])
    data = dict(dict(answer["payload"][1])["data"][1])
    stored = dict(dict(data["entries"][0][1])["message"][1])
    expect.equal(stored["payload"], payload_of(frame), "payload in history")


@requirement("ENV-018")
async def test_a_delivered_message_is_the_clients_envelope(bus: Bus) -> None:
    """Nothing is added but sender and metadata.sequence, nothing changed and nothing left out."""
    stage = await Stage.of(bus)
    metadata = {"trace": {"id": "t-1", "hops": [1, 2]}, "Priority": None, "big": 9007199254740993}
    envelope = stage.message("as sent", metadata=metadata)

    reply = await stage.speaker.request(envelope)

    heard = only(await stage.listener.messages_until("as sent"))
    stamped = {"sender": stage.speaker.id, "metadata": metadata | {"sequence": reply["metadata"]["sequence"]}}
    expect.equal(heard, envelope | stamped, "the delivered message")


@requirement("ENV-018")
async def test_a_message_without_metadata_gets_the_sequence_alone(bus: Bus) -> None:
    """Where the client gave no metadata the bus adds nothing but the sequence."""
    stage = await Stage.of(bus)

    reply = await stage.say("bare")

    heard = only(await stage.listener.messages_until("bare"))
    expect.equal(heard["metadata"], {"sequence": reply["metadata"]["sequence"]}, "metadata as delivered")


@depth("smoke")
@requirement("ENV-018", "ROUTE-003")
async def test_a_direct_message_is_the_clients_envelope(bus: Bus) -> None:
    """A direct message too is delivered as it was sent, with its sender."""
    ann, bob = await bus.clients("ann", "bob")
    envelope = bob.envelope(to_client=ann.id, payload={"text": "direct"}, metadata={"trace": "t-1"})

    expect.succeeded(await bob.request(envelope))

    heard = only(await ann.messages_until("direct"))
    expect.equal(heard, envelope | {"sender": bob.id}, "the delivered message")


@requirement("ENV-019")
@pytest.mark.parametrize("target", ["channel", "room", "client"])
@pytest.mark.parametrize("field", ["sender", "from_client"])
async def test_a_claimed_sender_is_overwritten(bus: Bus, field: str, target: str) -> None:
    """Whoever a client says it is, it is delivered under its own client id."""
    stage = await Stage.of(bus)
    addresses: dict[str, dict[str, Any]] = {
        "channel": {},
        "room": {"channel": ...},
        "client": {"room": ..., "channel": ..., "to_client": stage.listener.id},
    }
    envelope = stage.message("whoever", **addresses[target], **{field: stage.listener.id})

    expect.succeeded(await stage.speaker.request(envelope))

    heard = only(await stage.listener.messages_until("whoever"))
    expect.equal(heard["sender"], stage.speaker.id, "sender of the delivered message")
    assert "from_client" not in heard


@depth("smoke")
@requirement("ENV-019")
@pytest.mark.parametrize("claim", ["arqonbus", "", "a/b", "x" * 1000])
async def test_no_claim_is_believed_and_none_refused(bus: Bus, claim: str) -> None:
    """Any string may be claimed, the bus's own name among them; none is believed."""
    stage = await Stage.of(bus)

    expect.succeeded(await stage.speaker.request(stage.message("claim", sender=claim, from_client=claim)))

    heard = only(await stage.listener.messages_until("claim"))
    expect.equal(heard["sender"], stage.speaker.id, "sender of the delivered message")
    entries = (await stage.speaker.succeed("op.history.get", room=bus.room, channel=stage.channel))["entries"]
    expect.equal([entry["message"] for entry in entries], [heard], "what history holds")


@depth("smoke")
@requirement("ENV-027")
@pytest.mark.parametrize("claim", [0, 999, -1, "7", None, [1], {"a": 1}], ids=repr)
async def test_a_claimed_sequence_is_overwritten(bus: Bus, claim: object) -> None:
    """The sequence in metadata is the bus's, and the next one follows it."""
    stage = await Stage.of(bus)
    await stage.say("first")
    await stage.heard("first")

    reply = await stage.speaker.request(stage.message("second", metadata={"sequence": claim, "k": 1}))

    heard = only(await stage.listener.messages_until("second"))
    expect.equal(heard["metadata"], {"sequence": 2, "k": 1}, "metadata as delivered")
    expect.equal(reply["metadata"]["sequence"], 2, "sequence in the reply")


@depth("smoke")
@requirement("ENV-026")
async def test_every_frame_from_the_bus_is_an_envelope(bus: Bus) -> None:
    """Welcome, replies, responses, errors and deliveries all carry id, type, timestamp and version."""
    stage = await Stage.of(bus)

    await stage.refusal_of("not JSON")
    await stage.refusal_of(stage.message(room="a/b"))
    await stage.speaker.command("no.such.command")
    await stage.speaker.command("op.history.get", limit=0)
    await stage.speaker.publish(to="nobody", text="lost")
    await stage.speaker.command("create_channel", room=bus.room, channel="told")
    await stage.listener.join(bus.room, "told")
    await stage.speaker.command("delete_channel", room=bus.room, channel="told")
    await stage.say("last")
    await stage.heard("last")

    frames = [*stage.speaker.received, *stage.listener.received]
    for frame in frames:
        expect.envelope_shape(frame)
    from_the_bus = [frame["id"] for frame in frames if frame.get("sender") in (None, "arqonbus")]
    assert {frame["type"] for frame in frames} == {"message", "message_response", "response", "error"}
    expect.equal(len(set(from_the_bus)), len(from_the_bus), "number of different ids the bus gave its frames")
