"""What Shield does with a frame: the path and the origin of the upgrade, sizes, the schema, and what it refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from arqonbus_conformance import expect, protobuf_view
from arqonbus_conformance.deployment import Refusal
from arqonbus_conformance.edge import Shield, Tap
from arqonbus_conformance.envelopes import envelope, message_id
from arqonbus_conformance.frames import Opcode
from arqonbus_conformance.plugin import depth, requirement
from arqonbus_conformance.suites.unit.stage import Stage, nested

FAULTS: list[Any] = [
    pytest.param({"room": "a/b"}, "room", id="bad-name"),
    pytest.param({"timestamp": "yesterday"}, "timestamp", id="bad-timestamp"),
    pytest.param({"version": "9.9"}, "version", id="bad-version"),
    pytest.param({"type": "shout"}, "type", id="bad-type"),
    pytest.param({"payload": 7}, "payload", id="wrong-type"),
    pytest.param({"id": "7"}, "id", id="bad-id"),
    pytest.param({"surprise": 1}, "surprise", id="unknown-field"),
]
"""A fault, and the field that the error names."""

NO_ENVELOPES = [
    '{"a":',
    "[]",
    "null",
    '"text"',
    '{"id":NaN}',
    '{"id":"a","id":"b"}',
    nested(200),
    "1" * 5000,
    "\x00",
]

CANARY = "\t \n \t\t \n\n\t"
"""White space behind a frame that changes nothing of what it is, and that nobody else writes."""


@depth("smoke")
@requirement("SHLD-007")
@pytest.mark.parametrize("path", ["/", "/ws/", "/wss", "/ws/x", "/WS", "/health/ws"])
async def test_shield_upgrades_at_ws_only(shield: Shield, path: str) -> None:
    """Another path is not found, with a good token too; /ws opens a session before and after."""
    await shield.connect("before")

    outcome = await shield.upgrade(path=path)

    assert isinstance(outcome, Refusal), "the upgrade was granted"
    expect.equal(outcome.status, 404, "status")
    await shield.connect("after")


@requirement("SHLD-008")
@pytest.mark.parametrize("origin", ["https://attacker.example", "null", "http://localhost:1"])
async def test_an_origin_that_is_not_allowed_is_answered_403_by_shield(shield: Shield, origin: str) -> None:
    """A browser on another site opens nothing, with a good token too; without an Origin it is granted."""
    outcome = await shield.upgrade(origin=origin)

    assert isinstance(outcome, Refusal), "the upgrade was granted"
    expect.equal(outcome.status, 403, "status")
    await shield.connect("no browser")


@requirement("SHLD-013")
@pytest.mark.parametrize("opcode", [Opcode.TEXT, Opcode.BINARY], ids=["text", "binary"])
async def test_a_frame_over_the_limit_closes_the_session_at_shield_with_1009(
    shield: Shield, opcode: Opcode
) -> None:
    """One byte over the limit ends that session and delivers nothing; the others go on."""
    stage = await Stage.of(shield)
    other = await shield.connect("other")
    limit = int(other.welcome["payload"]["protocol"]["limits"]["max_message_size"])
    await stage.say("before")

    await stage.speaker.send_frame(opcode, b" " * (limit + 1))
    close = await stage.speaker.closed()

    expect.equal(close.code, 1009, "close code")
    expect.succeeded(await other.publish(room=shield.room, channel=stage.channel, text="after"))
    assert await stage.heard("after") == ["before", "after"]


@requirement("SHLD-014", "SHLD-015")
@pytest.mark.parametrize(("fault", "field"), FAULTS)
async def test_shield_refuses_what_is_no_envelope(
    shield: Shield, tap: Tap, fault: dict[str, Any], field: str
) -> None:
    """The error names the field and answers to the id; the session lives on and the spine never sees the frame."""
    stage = await Stage.of(shield)
    canary = shield.name("canary")
    frame = stage.message(payload={"text": "never", "canary": canary}) | fault

    refusal = await stage.refusal_of(json.dumps(frame | {"metadata": {"canary": canary}}))

    expect.rejected(refusal, names=field)
    expect.equal(tap.holding(canary), [], "messages on the spine that hold what was refused")


@requirement("SHLD-014", "SHLD-015")
@pytest.mark.parametrize("text", NO_ENVELOPES, ids=range(len(NO_ENVELOPES)))
async def test_shield_refuses_what_is_no_json_object(shield: Shield, tap: Tap, text: str) -> None:
    """One error for each, the session speaks and listens as before, and the spine never sees the frame."""
    stage = await Stage.of(shield)
    frame = text + CANARY

    refusal = await stage.refusal_of(frame)
    await tap.passed((await stage.say("behind it"))["request_id"])

    expect.rejected(refusal)
    expect.equal(tap.holding(frame), [], "messages on the spine that hold what was refused")


@requirement("SHLD-014")
async def test_a_session_at_shield_outlives_many_refusals(shield: Shield) -> None:
    """A hundred faulty frames get a hundred errors, each answering to its own id."""
    stage = await Stage.of(shield)
    ids = [message_id() for _ in range(100)]

    for name in ids:
        await stage.speaker.send({"id": name, "type": "shout"}, malformed=True)
    refusals = [await stage.speaker.reply(name) for name in ids]

    assert {refusal["error_code"] for refusal in refusals} == {"VALIDATION_ERROR"}
    await stage.say("after")
    assert await stage.heard("after") == ["after"]


@requirement("SHLD-014", "SHLD-028")
@pytest.mark.parametrize(
    "frame",
    [b"\xff\xff\xff", b"", b"\x0a\xff\xff\xff\xff\x0f", b"{}", b"\xb2\x01\x02\x08\x01", b"\xb2\x01\x00"],
    ids=["garbage", "nothing", "length", "json", "disconnect", "signal"],
)
async def test_shield_refuses_a_binary_frame_that_is_no_envelope(shield: Shield, frame: bytes) -> None:
    """What is no protobuf envelope, or a signal, gets one error; the next binary frame is answered."""
    client = await shield.connect("binary")
    twin = envelope("command", command="ping")

    await client.send_frame(Opcode.BINARY, frame)
    refusal = await client.rejection()
    await client.send_frame(Opcode.BINARY, protobuf_view.from_json(twin))

    expect.rejected(refusal)
    expect.succeeded(await client.reply(twin["id"]))


@requirement("SHLD-028")
@pytest.mark.parametrize("name", ["surprise", "Channel", "x-arqon-shadow", "tenant_id", ""])
async def test_shield_refuses_an_unknown_header(shield: Shield, name: str) -> None:
    """A header that has no place in the JSON view gets one error with the id; without it the frame is answered."""
    client = await shield.connect("binary")
    twin = protobuf_view.message()
    twin.ParseFromString(protobuf_view.from_json(envelope("command", command="ping")))
    faulty = protobuf_view.message()
    faulty.CopyFrom(twin)
    faulty.trace_id = message_id()
    faulty.headers[name] = "1"

    await client.send_frame(Opcode.BINARY, faulty.SerializeToString())
    refusal = await client.reply(faulty.trace_id)
    await client.send_frame(Opcode.BINARY, twin.SerializeToString())

    expect.rejected(refusal, request_id=faulty.trace_id)
    expect.succeeded(await client.reply(twin.trace_id))
