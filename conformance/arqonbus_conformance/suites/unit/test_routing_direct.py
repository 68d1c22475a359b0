"""Messages to one client, and targets that are none."""

from __future__ import annotations

from typing import Any

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus
from arqonbus_conformance.plugin import depth, requirement
from arqonbus_conformance.suites.unit.stage import Stage
from arqonbus_conformance.suites.unit.telling import only

NO_TARGETS: list[Any] = [
    pytest.param({}, id="none"),
    pytest.param({"channel": "c"}, id="channel-alone"),
    pytest.param({"to_client": "ME", "room": "r"}, id="client-and-room"),
    pytest.param({"to_client": "ME", "channel": "c"}, id="client-and-channel"),
    pytest.param({"to_client": "ME", "room": "r", "channel": "c"}, id="client-and-both"),
]


@requirement("ROUTE-003")
async def test_a_direct_message_reaches_its_client_alone(bus: Bus) -> None:
    """Not even members of the addressee's channels, or the sender, receive a direct message."""
    ann, bob, cat = await bus.clients("ann", "bob", "cat")
    for client in (ann, bob, cat):
        await client.join(bus.room, "c")

    expect.succeeded(await bob.publish(to=ann.id, text="for ann"))
    await ann.publish(room=bus.room, channel="c", text="sentinel")

    heard = only(await ann.messages_until("for ann"))
    expect.equal((heard["sender"], heard["to_client"]), (bob.id, ann.id), "sender and addressee as delivered")
    for client in (bob, cat):
        assert await client.texts_until("sentinel") == ["sentinel"]


@depth("smoke")
@requirement("ROUTE-003", "ROUTE-006")
async def test_a_client_may_write_to_itself(bus: Bus) -> None:
    """A direct message to oneself arrives, once."""
    ann = await bus.connect("ann")

    expect.succeeded(await ann.publish(to=ann.id, text="note"))
    expect.succeeded(await ann.publish(to=ann.id, text="sentinel"))

    assert await ann.texts_until("sentinel") == ["note", "sentinel"]


@requirement("ROUTE-004")
@pytest.mark.parametrize("known", ["never", "room", "sub", "arqonbus"])
async def test_an_unknown_client_is_target_not_found(bus: Bus, known: str) -> None:
    """A name that is no connected client's is refused by name, with the request's id, and nobody hears it."""
    stage = await Stage.of(bus)
    names = {"never": bus.name("c"), "room": bus.room, "sub": "speaker", "arqonbus": "arqonbus"}
    envelope = stage.message(room=..., channel=..., to_client=names[known])

    refusal = await stage.refusal_of(envelope)

    expect.rejected(refusal, code="TARGET_NOT_FOUND", request_id=envelope["id"])


@requirement("ROUTE-004")
async def test_a_client_that_is_gone_is_target_not_found(bus: Bus) -> None:
    """After its close a client can no longer be addressed; before it could."""
    ann, bob = await bus.clients("ann", "bob")
    expect.succeeded(await bob.publish(to=ann.id, text="here"))

    await ann.close()
    refusal = await bob.publish(to=ann.id, text="gone")

    expect.rejected(refusal, code="TARGET_NOT_FOUND")
    expect.succeeded(await bob.publish(to=bob.id, text="alive"))


@depth("smoke")
@requirement("ROUTE-004")
async def test_a_client_id_is_matched_exactly(bus: Bus) -> None:
    """Another case, a part or an extension of a client id is another client's id."""
    ann, bob = await bus.clients("ann", "bob")

    near = [ann.id.swapcase(), ann.id[:-1], ann.id + "0", ann.id[1:]]
    refusals = [await bob.publish(to=one, text="never") for one in near]
    await bob.publish(to=ann.id, text="sentinel")

    for refusal in refusals:
        expect.rejected(refusal, code="TARGET_NOT_FOUND")
    assert await ann.texts_until("sentinel") == ["sentinel"]


@depth("smoke")
@requirement("ROUTE-005")
@pytest.mark.parametrize("target", NO_TARGETS)
async def test_a_target_that_is_none_or_two_is_refused(bus: Bus, target: dict[str, str]) -> None:
    """A message goes to a channel of a room, to a room, or to a client: to exactly one of them."""
    stage = await Stage.of(bus)
    meant = {"ME": stage.listener.id, "r": stage.room, "c": stage.channel}
    address = {field: meant[value] for field, value in target.items()}
    envelope = stage.message(**{"room": ..., "channel": ...} | address)

    refusal = await stage.refusal_of(envelope)

    expect.rejected(refusal, code="VALIDATION_ERROR", request_id=envelope["id"])


@depth("smoke")
@requirement("ROUTE-013")
async def test_a_direct_message_has_no_sequence(bus: Bus) -> None:
    """Neither the reply nor the delivered message carries a sequence, and its durability is memory."""
    ann, bob = await bus.clients("ann", "bob")

    reply = await bob.publish(to=ann.id, text="direct")

    expect.succeeded(reply)
    expect.equal(reply["metadata"], {"durability": "memory"}, "metadata of the reply")
    heard = only(await ann.messages_until("direct"))
    assert "sequence" not in heard.get("metadata", {})


@requirement("ROUTE-013")
async def test_a_direct_message_uses_no_sequence(bus: Bus) -> None:
    """Direct messages between two channel messages leave their sequences neighbours."""
    ann, bob = await bus.clients("ann", "bob")

    first = await bob.publish(room=bus.room, channel="c", text="first")
    for _ in range(3):
        await bob.publish(to=ann.id, text="direct")
    second = await bob.publish(room=bus.room, channel="c", text="second")

    expect.equal(
        [first["metadata"]["sequence"], second["metadata"]["sequence"]], [1, 2], "sequences of the channel"
    )


@requirement("ROUTE-013")
async def test_a_direct_message_is_not_stored(bus: Bus) -> None:
    """Direct messages between members of a channel are in no history of the room."""
    ann, bob = await bus.clients("ann", "bob")
    await ann.join(bus.room, "c")
    await bob.publish(room=bus.room, channel="c", text="public")

    await bob.publish(to=ann.id, text="private")

    places: list[dict[str, Any]] = [{"room": bus.room}, {"room": bus.room, "channel": "c"}]
    for place in places:
        data = await ann.succeed("op.history.get", **place)
        assert [entry["message"]["payload"]["text"] for entry in data["entries"]] == ["public"]
