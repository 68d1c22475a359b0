"""The two forms of an id, and the id a rejection answers to."""

from __future__ import annotations

import json
from typing import Any

import pytest
from arqonbus_fixtures.golden import vectors

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus
from arqonbus_conformance.plugin import depth, requirement
from arqonbus_conformance.suites.unit.stage import Stage


def ids(*, accepted: bool) -> list[Any]:
    """The ids of the golden corpus that are accepted, or refused, as parameters."""
    return [
        pytest.param(vector["value"], id=vector["name"])
        for vector in vectors("ids")
        if vector["accepted"] is accepted
    ]


@requirement("ENV-011")
@pytest.mark.parametrize("good", ids(accepted=True))
async def test_both_forms_of_an_id_are_accepted(bus: Bus, good: str) -> None:
    """Either form is accepted, answered to, and delivered as it is."""
    stage = await Stage.of(bus)

    reply = await stage.speaker.request(stage.message("good", id=good))

    expect.succeeded(reply)
    expect.equal(reply["request_id"], good, "request_id of the reply")
    heard = await stage.listener.messages_until("good")
    expect.equal(heard[-1]["id"], good, "id of the delivered message")


@requirement("ENV-011", "ENV-020")
@pytest.mark.parametrize("bad", ids(accepted=False))
async def test_a_malformed_id_is_refused(bus: Bus, bad: str) -> None:
    """What is in neither form is refused, and the rejection answers to it as it was."""
    stage = await Stage.of(bus)

    refusal = await stage.refusal_of(stage.message(id=bad))

    expect.rejected(refusal, code="VALIDATION_ERROR", request_id=bad, names="id")


@depth("smoke")
@requirement("ENV-011", "ENV-020")
@pytest.mark.parametrize("kind", ["command", "telemetry"])
async def test_a_malformed_id_is_refused_in_every_type(bus: Bus, kind: str) -> None:
    """A command or telemetry with a malformed id is one error, no response."""
    stage = await Stage.of(bus)
    twins: dict[str, dict[str, Any]] = {
        "command": {"type": "command", "command": "ping"},
        "telemetry": {"type": "telemetry", "payload": {"n": 1}},
    }
    faulty = stage.speaker.envelope(**twins[kind]) | {"id": "id of mine"}

    refusal = await stage.refusal_of(faulty, twins[kind])

    expect.rejected(refusal, code="VALIDATION_ERROR", request_id="id of mine", names="id")


@requirement("ENV-020")
@pytest.mark.parametrize(("length", "answered"), [(128, True), (129, False), (4096, False)])
async def test_an_id_is_answered_to_up_to_128_characters(bus: Bus, length: int, *, answered: bool) -> None:
    """A malformed id of 128 characters comes back whole; a longer one is not echoed at all."""
    stage = await Stage.of(bus)
    long = "\u00e9" * length

    refusal = await stage.refusal_of(stage.message(id=long))

    expect.rejected(refusal, code="VALIDATION_ERROR", names="id")
    expect.equal(refusal.get("request_id"), long if answered else None, "request_id")
    assert "\u00e9" * 65 not in refusal["error"]


@requirement("ENV-020")
@pytest.mark.parametrize("place", ["first", "last"])
async def test_the_offending_id_is_found_wherever_it_stands(bus: Bus, place: str) -> None:
    """The id is read whether it stands before or after the fault."""
    stage = await Stage.of(bus)
    envelope = stage.message(room="a/b")
    identity = {"id": envelope.pop("id")}
    frame = identity | envelope if place == "first" else envelope | identity

    refusal = await stage.refusal_of(json.dumps(frame))

    expect.rejected(refusal, code="VALIDATION_ERROR", request_id=identity["id"], names="room")


@depth("smoke")
@requirement("ENV-020", "ROUTE-014")
async def test_each_faulty_frame_gets_its_own_error(bus: Bus) -> None:
    """Faulty frames sent without waiting are answered one by one, each to its own id."""
    stage = await Stage.of(bus)
    faulty = [stage.message(room="a/b") for _ in range(20)]

    for frame in faulty:
        await stage.speaker.send(frame, malformed=True)
    refusals = [await stage.speaker.rejection() for _ in faulty]
    await stage.say("alive")

    assert sorted(refusal["request_id"] for refusal in refusals) == sorted(frame["id"] for frame in faulty)
    assert await stage.heard("alive") == ["alive"]
