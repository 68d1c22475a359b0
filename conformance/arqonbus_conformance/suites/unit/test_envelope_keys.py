"""Duplicate keys: refused where the bus decides by them, carried where it does not."""

from __future__ import annotations

import json

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus
from arqonbus_conformance.plugin import depth, requirement
from arqonbus_conformance.suites.unit.stage import Stage

DUPLICATES_IN_METADATA = [
    pytest.param('{"a":1,"a":1}', id="same-value"),
    pytest.param('{"a":1,"b":2,"a":3}', id="apart"),
    pytest.param('{"x":{"a":1,"a":2}}', id="one-deeper"),
    pytest.param('{"x":[{"y":[{"a":1,"a":2}]}]}', id="through-arrays"),
    pytest.param('{"sequence":1,"sequence":2}', id="the-stamped-key"),
    pytest.param('{"":1,"":2}', id="empty-key"),
]


@requirement("ENV-003")
async def test_two_ids_are_refused(bus: Bus) -> None:
    """An envelope with two ids answers to neither as a success."""
    stage = await Stage.of(bus)
    first, second = stage.message(), stage.message()
    frame = json.dumps(first)[:-1] + f', "id": "{second["id"]}"}}'

    refusal = await stage.refusal_of(frame)

    expect.rejected(refusal, code="VALIDATION_ERROR")
    assert [reply["status"] for reply in stage.speaker.replies_to(first["id"])] in ([], ["error"])
    assert [reply["status"] for reply in stage.speaker.replies_to(second["id"])] in ([], ["error"])


@depth("smoke")
@requirement("ENV-003")
async def test_a_command_given_twice_is_refused(bus: Bus) -> None:
    """A command that names two commands runs neither."""
    stage = await Stage.of(bus)
    twin = {"type": "command", "command": "ping"}
    envelope = stage.speaker.envelope(**twin)
    frame = json.dumps(envelope)[:-1] + ', "command": "status"}'

    refusal = await stage.refusal_of(frame, twin)

    expect.rejected(refusal, code="VALIDATION_ERROR", request_id=envelope["id"])


@requirement("ENV-004")
@pytest.mark.parametrize("metadata", DUPLICATES_IN_METADATA)
async def test_a_duplicate_key_in_metadata_is_refused(bus: Bus, metadata: str) -> None:
    """A key may not occur twice in metadata, at any depth."""
    stage = await Stage.of(bus)
    envelope = stage.message(metadata={})
    frame = json.dumps(envelope).replace('"metadata": {}', f'"metadata": {metadata}')

    refusal = await stage.refusal_of(frame)

    expect.rejected(refusal, code="VALIDATION_ERROR", request_id=envelope["id"])


@requirement("ENV-004")
@pytest.mark.parametrize(
    "args",
    ['{"room":ROOM,"room":ROOM}', '{"room":ROOM,"channel":{"a":1,"a":1}}', '{"room":[[{"a":{},"a":{}}]]}'],
    ids=["flat", "deeper", "through-arrays"],
)
async def test_a_duplicate_key_in_args_is_refused(bus: Bus, args: str) -> None:
    """A key may not occur twice in args, at any depth; the envelope is refused, no command answers."""
    stage = await Stage.of(bus)
    twin = {"type": "command", "command": "list_channels", "args": {"room": bus.room}}
    envelope = stage.speaker.envelope(**twin | {"args": {}})
    frame = json.dumps(envelope).replace(
        '"args": {}', f'"args": {args.replace("ROOM", json.dumps(bus.room))}'
    )

    refusal = await stage.refusal_of(frame, twin)

    expect.rejected(refusal, code="VALIDATION_ERROR", request_id=envelope["id"])


@depth("smoke")
@requirement("ENV-004")
async def test_the_same_key_in_different_objects_is_no_duplicate(bus: Bus) -> None:
    """The accepted twin: a key may occur once in each object."""
    stage = await Stage.of(bus)
    metadata = {"a": {"a": {"a": 1}}, "b": [{"a": 1}, {"a": 2}], "id": 1, "room": {"id": 2}}

    expect.succeeded(await stage.speaker.request(stage.message("once each", metadata=metadata)))

    heard = await stage.listener.messages_until("once each")
    assert {key: value for key, value in heard[-1]["metadata"].items() if key != "sequence"} == metadata


@depth("smoke")
@requirement("ENV-004", "ENV-017")
async def test_a_duplicate_key_in_the_payload_is_carried(bus: Bus) -> None:
    """A payload may hold what JSON allows: both pairs arrive, in their order."""
    stage = await Stage.of(bus)
    envelope = stage.message("twice")
    frame = json.dumps(envelope).replace('"twice"', '"twice","k":{"a":1,"a":2}')

    expect.succeeded(await stage.speaker.request(frame, request_id=envelope["id"]))

    await stage.heard("twice")
    received = json.loads(stage.listener.raw[-1], object_pairs_hook=list)
    assert dict(dict(received)["payload"])["k"] == [("a", 1), ("a", 2)]
