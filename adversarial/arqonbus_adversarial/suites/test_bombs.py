"""Documents made to hurt a parser are refused or carried, quickly, and the connection lives on."""

from __future__ import annotations

import json

import pytest
from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus
from arqonbus_conformance.plugin import depth, requirement
from arqonbus_conformance.suites.unit.stage import Stage, faithful
from arqonbus_conformance.suites.unit.telling import only

from arqonbus_adversarial.documents import BOMBS, CONTENTS, DISGUISED_KEYS, HUGE_NUMBERS, NO_LIMITS

ERROR_CHARACTERS = 2000
"""No error is longer, whatever was sent: a refusal is no amplifier."""

PING = {"type": "command", "command": "ping"}


@requirement("ENV-015", "INT-002")
@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("place", ["frame", "payload", "metadata", "args"])
async def test_a_bomb_of_nesting_is_one_short_error(bus: Bus, place: str, bomb: str) -> None:
    """Fifty thousand levels, closed or not, anywhere in an envelope, are refused as three would not be."""
    stage = await Stage.of(bus)
    spot = '"SPOT"'
    frames = {
        "frame": spot,
        "payload": stage.document(payload={"text": "never", "spot": "SPOT"}),
        "metadata": stage.document(metadata={"spot": "SPOT"}),
        "args": json.dumps(stage.speaker.envelope("command", command="ping", args={"spot": "SPOT"})),
    }

    refusal = await stage.refusal_of(frames[place].replace(spot, BOMBS[bomb]), PING)

    expect.rejected(refusal, code="VALIDATION_ERROR")
    assert len(refusal["error"]) <= ERROR_CHARACTERS


@requirement("ENV-015", "CONN-012")
async def test_bombs_delay_nobody(bus: Bus) -> None:
    """While one client sends a hundred bombs another one publishes and is heard."""
    stage = await Stage.of(bus)
    eve = await bus.connect("eve")

    for bomb in list(BOMBS.values()) * 14:
        await eve.send_text(bomb)
    await stage.say("undelayed")

    assert await stage.heard("undelayed") == ["undelayed"]
    await eve.barrier()
    expect.equal(sum(frame["type"] == "error" for frame in eve.received), 14 * len(BOMBS), "number of errors")


@requirement("ENV-017")
@pytest.mark.parametrize("number", HUGE_NUMBERS)
@pytest.mark.parametrize("field", ["payload", "metadata"])
async def test_a_huge_number_is_carried_as_written(bus: Bus, field: str, number: str) -> None:
    """A number that JSON allows is delivered digit by digit, whatever a machine makes of it."""
    stage = await Stage.of(bus)
    envelope = stage.message(**{"payload": {"text": "huge"}, field: {"text": "huge", "n": "SPOT"}})
    frame = json.dumps(envelope).replace('"SPOT"', HUGE_NUMBERS[number])

    expect.succeeded(await stage.speaker.request(frame, request_id=envelope["id"]))

    await stage.heard("huge")
    received = dict(dict(faithful(stage.listener.raw[-1])[1])[field][1])
    expect.equal(received["n"], ("number", HUGE_NUMBERS[number]), "the number as delivered")


@requirement("HIST-003", "CMD-003")
@pytest.mark.parametrize("number", NO_LIMITS, ids=lambda number: number[:12])
async def test_a_huge_number_is_no_limit(bus: Bus, number: str) -> None:
    """A limit beyond every type is an ill-typed argument, named, and no fault of the deployment."""
    ann = await bus.connect("ann")
    envelope = ann.envelope("command", command="op.history.get", args={"room": bus.room, "limit": "SPOT"})
    frame = json.dumps(envelope).replace('"SPOT"', number)

    response = await ann.request(frame, request_id=envelope["id"])

    expect.failed(response, "COMMAND_VALIDATION_ERROR", names="limit")
    await ann.succeed("op.history.get", room=bus.room, limit=1)


@requirement("ENV-003", "ENV-004")
@pytest.mark.parametrize("disguise", DISGUISED_KEYS)
async def test_a_duplicate_in_disguise_is_a_duplicate(bus: Bus, disguise: str) -> None:
    """A key spelled with escapes is the same key."""
    stage = await Stage.of(bus)
    plain, spelled = DISGUISED_KEYS[disguise]
    envelope = stage.message(metadata={"k": 1})
    frame = json.dumps(envelope)[:-1] + f', "{spelled}": {json.dumps(envelope[plain])}}}'

    refusal = await stage.refusal_of(frame)

    expect.rejected(refusal, code="VALIDATION_ERROR")


@requirement("ENV-004")
@pytest.mark.parametrize("field", ["metadata", "args"])
async def test_a_nested_duplicate_in_disguise_is_a_duplicate(bus: Bus, field: str) -> None:
    """Escapes hide no duplicate inside metadata or args either."""
    stage = await Stage.of(bus)
    twin = {"type": "command", "command": "list_channels", "args": {"room": bus.room}}
    envelopes = {
        "metadata": stage.message(metadata={"spot": "SPOT"}),
        "args": stage.speaker.envelope(**twin | {"args": {"room": bus.room, "spot": "SPOT"}}),
    }
    frame = json.dumps(envelopes[field]).replace('"SPOT"', '{"key":1,"k\\u0065y":2}')

    refusal = await stage.refusal_of(frame, twin)

    expect.rejected(refusal, code="VALIDATION_ERROR", request_id=envelopes[field]["id"])


@depth("smoke")
@requirement("ENV-014", "ENV-018")
async def test_a_field_in_disguise_is_that_field(bus: Bus) -> None:
    """The accepted twin: a field whose name is spelled with escapes is understood, not unknown."""
    stage = await Stage.of(bus)
    envelope = stage.message("disguised")
    frame = json.dumps(envelope).replace('"channel"', '"ch\\u0061nnel"').replace('"type"', '"\\u0074ype"')

    expect.succeeded(await stage.speaker.request(frame, request_id=envelope["id"]))

    assert await stage.heard("disguised") == ["disguised"]


@requirement("ENV-017", "HIST-002")
@pytest.mark.parametrize("content", CONTENTS)
async def test_text_that_looks_like_something_else_is_text(bus: Bus, content: str) -> None:
    """What would break out of a string, a key, a log or a protocol is delivered and stored as it is."""
    stage = await Stage.of(bus)
    text = CONTENTS[content]

    await stage.speaker.publish(bus.room, stage.channel, payload={"text": text, text: [text]})

    heard = only(await stage.listener.messages_until(text))
    expect.equal(heard["payload"], {"text": text, text: [text]}, "payload as delivered")
    expect.equal(heard["sender"], stage.speaker.id, "sender")
    data = await stage.speaker.succeed("op.history.get", room=bus.room, channel=stage.channel)
    expect.equal([entry["message"] for entry in data["entries"]], [heard], "what history holds")


@requirement("ENV-017", "ROUTE-001")
async def test_many_keys_are_carried(bus: Bus) -> None:
    """Twenty thousand keys that hash alike or not are delivered in their order."""
    stage = await Stage.of(bus)
    payload = {"text": "wide"} | {f"k{number}": number for number in range(20_000)}

    expect.succeeded(await stage.speaker.publish(bus.room, stage.channel, payload=payload))

    heard = only(await stage.listener.messages_until("wide"))
    assert list(heard["payload"].items()) == list(payload.items())
