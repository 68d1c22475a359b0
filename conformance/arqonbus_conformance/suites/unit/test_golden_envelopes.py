"""The golden vectors of the envelope, one by one, against a deployment."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from arqonbus_fixtures.golden import filled, vectors

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus
from arqonbus_conformance.envelopes import message_id
from arqonbus_conformance.plugin import requirement
from arqonbus_conformance.suites.unit.stage import Stage, faithful

ULID = "arq_01ARZ3NDEKTSV4RRFFQ69G5FAV"
PING: dict[str, Any] = {"type": "command", "command": "ping"}

Vector = dict[str, Any]


def corpus(name: str) -> list[Any]:
    """The vectors of the corpus as parameters, each judging the requirement it names."""
    return [
        pytest.param(vector, id=vector["name"], marks=pytest.mark.requirement(vector["requirement"]))
        for vector in vectors(name)
    ]


def frame_of(vector: Vector, stage: Stage, identity: str) -> str:
    """The frame of the vector, aimed at the stage's channel."""
    return filled(vector["frame"], id=identity, ulid=ULID, room=stage.room, channel=stage.channel)


def delivered(vector: Vector) -> bool:
    """Whether the vector is a message, which the listener must receive."""
    return vector["payload"] is not None


@pytest.mark.parametrize("vector", [one for one in corpus("envelopes_accepted") if delivered(one.values[0])])
async def test_an_accepted_message_is_delivered_exactly(bus: Bus, vector: Vector) -> None:
    """The message is accepted and its payload arrives as the vector says."""
    stage = await Stage.of(bus)
    frame = frame_of(vector, stage, message_id())

    reply = await stage.speaker.request(frame)
    heard = await stage.listener.message()

    expect.succeeded(reply)
    expect.equal(heard["sender"], stage.speaker.id, "sender")
    received = dict(faithful(stage.listener.raw[-1])[1])["payload"]
    expect.equal(received, faithful(vector["payload"]), "payload as delivered")


def alone(vector: Vector) -> bool:
    """Whether the bus has nothing of the client's to overwrite in the vector."""
    return not any(f'"{name}"' in vector["frame"] for name in ("sender", "from_client", "metadata"))


@requirement("ENV-018", "ENV-019")
@pytest.mark.parametrize(
    "vector",
    [one for one in corpus("envelopes_accepted") if delivered(one.values[0]) and alone(one.values[0])],
)
async def test_it_is_as_exact_beside_what_the_bus_overwrites(bus: Bus, vector: Vector) -> None:
    """A forged sender and metadata of the client's change nothing of the payload, nor of the rest of the metadata."""
    stage = await Stage.of(bus)
    metadata = (
        '{"big":123456789012345678901234567890,"one":1.0,"tiny":5e-400,"many":[0.1000,1E2,-0],"sequence":77}'
    )
    frame = frame_of(vector, stage, message_id()).rstrip().removesuffix("}")

    reply = await stage.speaker.request(
        f'{frame},"sender":"forged","from_client":"forged","metadata":{metadata}}}'
    )
    heard = await stage.listener.message()

    expect.succeeded(reply)
    expect.equal(heard["sender"], stage.speaker.id, "sender")
    received = dict(faithful(stage.listener.raw[-1])[1])
    expect.equal(received["payload"], faithful(vector["payload"]), "payload as delivered")
    kept, sent = (
        [member for member in members if member[0] != "sequence"]
        for members in (received["metadata"][1], faithful(metadata)[1])
    )
    expect.equal(kept, sent, "metadata as delivered")


@pytest.mark.parametrize(
    "vector", [one for one in corpus("envelopes_accepted") if not delivered(one.values[0])]
)
async def test_an_accepted_request_succeeds(bus: Bus, vector: Vector) -> None:
    """A command or telemetry that the vector accepts is answered with success."""
    stage = await Stage.of(bus)

    reply = await stage.speaker.request(frame_of(vector, stage, message_id()))

    expect.succeeded(reply)


@pytest.mark.parametrize("vector", corpus("envelopes_rejected"))
async def test_a_rejected_frame_is_one_error_without_effect(bus: Bus, vector: Vector) -> None:
    """The frame is refused in the name of its field, to its id where that could be read, and changes nothing."""
    stage = await Stage.of(bus)
    identity = message_id()
    request_ids: dict[str | None, list[str | None]] = {
        "@ID@": [identity],
        None: [None],
        "*": [None, identity],
    }

    refusal = await stage.refusal_of(frame_of(vector, stage, identity), PING)

    expect.rejected(refusal, code="VALIDATION_ERROR", names=vector["names"])
    assert refusal.get("request_id") in request_ids[vector["request_id"]]


@pytest.mark.parametrize("vector", corpus("frames_closed"))
async def test_a_frame_that_ends_the_connection(bus: Bus, vector: Vector) -> None:
    """The connection is closed with the code of the vector; nothing is delivered and others go on."""
    stage = await Stage.of(bus)
    other = await bus.connect("other")
    payload = base64.b64decode(vector["payload_base64"])
    for place, value in (("ID", message_id()), ("ROOM", stage.room), ("CHANNEL", stage.channel)):
        payload = payload.replace(f"@{place}@".encode(), value.encode())
    await stage.say("before")

    await stage.speaker.send_frame(vector["opcode"], payload)
    close = await stage.speaker.closed()

    expect.equal(close.code, vector["close"], "close code")
    expect.succeeded(await other.publish(room=bus.room, channel=stage.channel, text="after"))
    assert await stage.heard("after") == ["before", "after"]
