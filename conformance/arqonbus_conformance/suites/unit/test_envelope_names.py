"""The grammar of names, and the timestamps of an envelope."""

from __future__ import annotations

from typing import Any

import pytest
from arqonbus_fixtures.golden import vectors

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus
from arqonbus_conformance.plugin import depth, requirement
from arqonbus_conformance.suites.unit.stage import Stage

FEW_BAD_NAMES = ["", ".a", "a/b", "a:b", "a\n", "\u00e4", "a" * 129]


def values(corpus: str, *, accepted: bool) -> list[Any]:
    """The values of the golden corpus that are accepted, or refused, as parameters."""
    return [
        pytest.param(vector["value"], id=vector["name"])
        for vector in vectors(corpus)
        if vector["accepted"] is accepted
    ]


@requirement("ENV-013")
@pytest.mark.parametrize("name", values("names", accepted=False))
async def test_a_room_outside_the_grammar_is_refused(bus: Bus, name: str) -> None:
    """A room is 1-128 of `A-Z a-z 0-9 _ . -`, not starting with a dot."""
    stage = await Stage.of(bus)
    envelope = stage.message(room=name)

    refusal = await stage.refusal_of(envelope)

    expect.rejected(refusal, code="VALIDATION_ERROR", request_id=envelope["id"], names="room")


@requirement("ENV-013")
@pytest.mark.parametrize("name", FEW_BAD_NAMES)
async def test_a_channel_outside_the_grammar_is_refused(bus: Bus, name: str) -> None:
    """A channel follows the grammar of a room."""
    stage = await Stage.of(bus)
    envelope = stage.message(channel=name)

    refusal = await stage.refusal_of(envelope)

    expect.rejected(refusal, code="VALIDATION_ERROR", request_id=envelope["id"], names="channel")


@requirement("ENV-013")
@pytest.mark.parametrize("name", FEW_BAD_NAMES)
async def test_a_to_client_outside_the_grammar_is_refused(bus: Bus, name: str) -> None:
    """A to_client that cannot be a client is a malformed field, not an unknown target."""
    stage = await Stage.of(bus)
    envelope = stage.message(room=..., channel=..., to_client=name)

    refusal = await stage.refusal_of(envelope)

    expect.rejected(refusal, code="VALIDATION_ERROR", request_id=envelope["id"], names="to_client")


@requirement("ENV-013")
@pytest.mark.parametrize("name", values("names", accepted=True))
async def test_a_channel_within_the_grammar_is_accepted(bus: Bus, name: str) -> None:
    """The accepted twins: every allowed character and the greatest length carry a message."""
    stage = await Stage.of(bus, channel=name)

    expect.succeeded(await stage.speaker.request(stage.message("heard")))

    heard = await stage.listener.messages_until("heard")
    expect.equal(heard[-1]["channel"], name, "channel of the delivered message")


@depth("smoke")
@requirement("ENV-013")
async def test_a_room_of_128_characters_is_accepted(bus: Bus) -> None:
    """A room may be as long as a channel."""
    ann, bob = await bus.clients("ann", "bob")
    room = bus.room + "r" * (128 - len(bus.room))
    await ann.join(room, "c")

    expect.succeeded(await bob.publish(room=room, channel="c", text="long"))

    heard = await ann.messages_until("long")
    expect.equal(heard[-1]["room"], room, "room of the delivered message")


@requirement("ENV-012")
@pytest.mark.parametrize("timestamp", values("timestamps", accepted=False))
async def test_a_timestamp_that_is_none_is_refused(bus: Bus, timestamp: str) -> None:
    """A timestamp is a date and a time that exist, in RFC 3339, with a zone."""
    stage = await Stage.of(bus)
    envelope = stage.message(timestamp=timestamp)

    refusal = await stage.refusal_of(envelope)

    expect.rejected(refusal, code="VALIDATION_ERROR", request_id=envelope["id"], names="timestamp")


@depth("smoke")
@requirement("ENV-012", "ENV-018")
@pytest.mark.parametrize("timestamp", values("timestamps", accepted=True))
async def test_a_timestamp_of_rfc_3339_is_accepted_and_kept(bus: Bus, timestamp: str) -> None:
    """The accepted twins: any zone and any fraction, delivered as they were written."""
    stage = await Stage.of(bus)

    expect.succeeded(await stage.speaker.request(stage.message("timely", timestamp=timestamp)))

    heard = await stage.listener.messages_until("timely")
    expect.equal(heard[-1]["timestamp"], timestamp, "timestamp of the delivered message")
