"""What of JSON an envelope may not hold, in the places the golden vectors do not reach."""

from __future__ import annotations

import json

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus
from arqonbus_conformance.plugin import depth, requirement
from arqonbus_conformance.suites.unit.stage import Stage, nested
from arqonbus_conformance.suites.unit.telling import only

HISTORY = "op.history.get"


@requirement("ENV-005")
@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
async def test_a_number_that_is_none_in_args_is_refused(bus: Bus, value: str) -> None:
    """NaN and the infinities in the args of a command are a fault of the envelope, not of the argument."""
    stage = await Stage.of(bus)
    twin = {"type": "command", "command": HISTORY, "args": {"room": bus.room, "limit": 7}}
    frame = json.dumps(stage.speaker.envelope(**twin)).replace("7}", f"{value}}}")

    refusal = await stage.refusal_of(frame, twin)

    expect.rejected(refusal, code="VALIDATION_ERROR")


@requirement("ENV-005")
@pytest.mark.parametrize("field", ["payload", "metadata"])
async def test_a_number_that_is_none_is_refused_at_any_depth(bus: Bus, field: str) -> None:
    """A NaN many levels down spoils the whole message."""
    stage = await Stage.of(bus)
    frame = stage.document(**{field: {"text": "never", "deep": [{"er": [[["SPOT"]]]}]}}).replace(
        '"SPOT"', "NaN"
    )

    refusal = await stage.refusal_of(frame)

    expect.rejected(refusal, code="VALIDATION_ERROR")


@depth("smoke")
@requirement("ENV-005")
@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
async def test_the_word_in_a_string_is_no_number(bus: Bus, word: str) -> None:
    """The accepted twin: a text may say NaN."""
    stage = await Stage.of(bus)

    await stage.say(word)

    assert await stage.heard(word) == [word]


@depth("smoke")
@requirement("ENV-006")
@pytest.mark.parametrize("field", ["metadata", "args", "room", "sender", "id"])
async def test_a_lone_surrogate_anywhere_is_refused(bus: Bus, field: str) -> None:
    """Half a character is refused in every part of the envelope that holds text."""
    stage = await Stage.of(bus)
    twin = {"type": "command", "command": HISTORY, "args": {"room": bus.room}}
    envelopes = {
        "metadata": stage.message(metadata={"spot": "SPOT"}),
        "args": stage.speaker.envelope(**(twin | {"args": {"room": "SPOT"}})),
        "room": stage.message(room="SPOT"),
        "sender": stage.message(sender="SPOT"),
        "id": stage.message(id="SPOT"),
    }

    refusal = await stage.refusal_of(json.dumps(envelopes[field]).replace("SPOT", "\\udead"), twin)

    expect.rejected(refusal, code="VALIDATION_ERROR")


@requirement("ENV-015")
@pytest.mark.parametrize("brackets", ["[]", "{}"])
@pytest.mark.parametrize("field", ["payload", "metadata"])
async def test_nesting_of_64_is_accepted_and_65_refused(bus: Bus, field: str, brackets: str) -> None:
    """The envelope counts 1, the field 2, so 62 levels below it are allowed and the next one is not."""
    stage = await Stage.of(bus)
    deepest, deeper = (json.loads(nested(levels, brackets=brackets)) for levels in (62, 63))
    allowed = stage.message(**{field: {"text": "deep", "n": deepest}})
    refused = stage.message(**{field: {"text": "never", "n": deeper}})

    refusal = await stage.refusal_of(refused)
    reply = await stage.speaker.request(allowed)
    heard = await stage.listener.message()

    expect.rejected(refusal, code="VALIDATION_ERROR", request_id=refused["id"])
    expect.succeeded(reply)
    assert heard[field]["n"] == deepest


@requirement("ENV-015")
async def test_nesting_of_args_is_counted_alike(bus: Bus) -> None:
    """At 64 the envelope is read and its argument judged; at 65 the envelope itself is refused."""
    stage = await Stage.of(bus)
    allowed = stage.speaker.envelope("command", command="ping", args={"n": json.loads(nested(62))})
    refused = stage.speaker.envelope("command", command="ping", args={"n": json.loads(nested(63))})

    judged = await stage.speaker.request(allowed)
    refusal = await stage.refusal_of(refused, {"type": "command", "command": "ping"})

    expect.failed(judged, "COMMAND_VALIDATION_ERROR", names="n")
    expect.rejected(refusal, code="VALIDATION_ERROR", request_id=refused["id"])


@requirement("ENV-015")
async def test_many_siblings_are_no_nesting(bus: Bus) -> None:
    """Ten thousand containers beside each other, opened and closed in turn, are two levels deep."""
    stage = await Stage.of(bus)
    payload = {"text": "wide", "n": [[], {}] * 5000}

    expect.succeeded(await stage.speaker.request(stage.message(payload=payload)))

    heard = only(await stage.listener.messages_until("wide"))
    assert heard["payload"] == payload


@depth("smoke")
@requirement("ENV-015")
async def test_brackets_inside_a_string_are_no_nesting(bus: Bus) -> None:
    """A string of brackets and escaped quotes is one value, however many brackets it holds."""
    stage = await Stage.of(bus)
    text = '["{' * 100 + "\\" + '"[[['

    await stage.say(text)

    assert await stage.heard(text) == [text]
