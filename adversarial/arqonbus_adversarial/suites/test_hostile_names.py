"""Names that mean something to a key space, a log, a shell or an eye are names of nothing."""

from __future__ import annotations

import pytest
from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus
from arqonbus_conformance.plugin import depth, requirement
from arqonbus_conformance.suites.unit.stage import Stage
from arqonbus_conformance.suites.unit.telling import only

from arqonbus_adversarial.documents import INJECTIONS, LOOK_ALIKES

HOSTILE = LOOK_ALIKES | INJECTIONS


@requirement("ENV-013", "ROUTE-021")
@pytest.mark.parametrize("field", ["room", "channel", "to_client"])
@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_name_is_refused(bus: Bus, name: str, field: str) -> None:
    """Nothing is folded, trimmed or normalised into an allowed name."""
    stage = await Stage.of(bus, channel="lounge")
    target = {"to_client": ...} if field != "to_client" else {"room": ..., "channel": ...}
    envelope = stage.message(**target | {field: HOSTILE[name]})

    refusal = await stage.refusal_of(envelope)

    expect.rejected(refusal, code="VALIDATION_ERROR", request_id=envelope["id"], names=field)


@requirement("CMD-018", "CMD-003")
@pytest.mark.parametrize("field", ["room", "channel"])
@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_name_in_args_is_refused(bus: Bus, name: str, field: str) -> None:
    """Nor is it in the args of a command; nothing is created."""
    ann = await bus.connect("ann")
    place = {"room": bus.room, "channel": "lounge"}

    response = await ann.request(
        ann.envelope("command", command="create_channel", args=place | {field: HOSTILE[name]})
    )

    expect.failed(response, "COMMAND_VALIDATION_ERROR", names=field)
    listed = await ann.succeed("list_channels", room=bus.room)
    expect.equal(listed["channels"], [], "channels of the room")


@requirement("CMD-002", "INT-002")
@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_command_is_not_found(bus: Bus, name: str) -> None:
    """The name of a command is looked up, not interpreted; its error does not repeat control characters raw."""
    ann = await bus.connect("ann")

    response = await ann.request(ann.envelope("command", command=HOSTILE[name]))

    text = expect.failed(response, "COMMAND_NOT_FOUND")
    assert not {"\x00", "\x1b", "\r", "\n"} & set(text), text
    await ann.succeed("ping")


@depth("smoke")
@requirement("ENV-008", "ENV-009")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("type", "m\u0435ssage"),
        ("type", "message\x00"),
        ("type", "\uff4d\uff45\uff53\uff53\uff41\uff47\uff45"),
        ("version", "\u0661.0"),
        ("version", "1\u20240"),
        ("version", "1.0\x00"),
    ],
    ids=ascii,
)
async def test_a_look_alike_of_a_word_is_refused(bus: Bus, field: str, value: str) -> None:
    """Types and versions are compared, not recognised."""
    stage = await Stage.of(bus)
    envelope = stage.message() | {field: value}

    refusal = await stage.refusal_of(envelope)

    expect.rejected(refusal, code="VALIDATION_ERROR", request_id=envelope["id"], names=field)


@requirement("CMD-007", "INT-002")
@pytest.mark.parametrize("name", INJECTIONS)
async def test_a_hostile_description_is_only_text(bus: Bus, name: str) -> None:
    """A description is kept as it is and means nothing to the list it stands in."""
    ann, bob = await bus.clients("ann", "bob")

    await ann.succeed("create_channel", room=bus.room, channel="c", description=INJECTIONS[name])

    listed = await bob.succeed("list_channels", room=bus.room)
    expect.equal([one["description"] for one in listed["channels"]], [INJECTIONS[name]], "descriptions")


@requirement("ENV-019", "CONN-002")
@pytest.mark.parametrize("claim", ["arqonbus", "admin", "LISTENER", "*", "\u0430rqonbus"])
async def test_no_sender_can_be_forged_in_the_metadata(bus: Bus, claim: str) -> None:
    """Whatever a client writes into metadata or payload, the sender is the connection."""
    stage = await Stage.of(bus)
    forged = stage.listener.id if claim == "LISTENER" else claim
    metadata = {"sender": forged, "from_client": forged, "client_id": forged}

    envelope = stage.message("forged", metadata=metadata, sender=forged, from_client=forged)
    expect.succeeded(await stage.speaker.request(envelope))

    heard = only(await stage.listener.messages_until("forged"))
    expect.equal(heard["sender"], stage.speaker.id, "sender")
    expect.equal({key: heard["metadata"][key] for key in metadata}, metadata, "metadata")
