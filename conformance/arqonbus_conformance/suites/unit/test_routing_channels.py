"""Messages to a channel: members hear them, nobody else does."""

from __future__ import annotations

from typing import Any

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus
from arqonbus_conformance.plugin import depth, requirement
from arqonbus_conformance.suites.unit.in_one_piece import at_once, text_frame
from arqonbus_conformance.suites.unit.telling import only


@requirement("ROUTE-001")
@pytest.mark.parametrize("members", [1, 2, 12])
async def test_each_member_receives_the_message(bus: Bus, members: int) -> None:
    """However many members a channel has, each of them receives the message."""
    speaker = await bus.connect("speaker")
    listeners = await bus.clients(*(f"listener{number}" for number in range(members)))
    for listener in listeners:
        await listener.join(bus.room, "c")

    expect.succeeded(await speaker.publish(room=bus.room, channel="c", text="to all"))

    for listener in listeners:
        heard = only(await listener.messages_until("to all"))
        expect.equal((heard["room"], heard["channel"]), (bus.room, "c"), "room and channel as delivered")
        expect.equal(heard["sender"], speaker.id, "sender")


@depth("smoke")
@requirement("ROUTE-001", "ROUTE-007")
async def test_a_member_of_two_channels_hears_both(bus: Bus) -> None:
    """Membership is per channel: leaving one keeps the other."""
    ann, bob = await bus.clients("ann", "bob")
    await ann.join(bus.room, "one")
    await ann.join(bus.room, "two")
    await bob.publish(room=bus.room, channel="one", text="in one")
    await bob.publish(room=bus.room, channel="two", text="in two")

    await ann.leave(bus.room, "one")
    await bob.publish(room=bus.room, channel="one", text="in one again")
    await bob.publish(room=bus.room, channel="two", text="in two again")

    assert await ann.texts_until("in two again") == ["in one", "in two", "in two again"]


@requirement("ROUTE-006")
@pytest.mark.parametrize("target", ["channel", "room"])
async def test_the_sender_does_not_hear_itself(bus: Bus, target: str) -> None:
    """A member that publishes to its own channel or room receives nothing of it; the others do."""
    ann, bob = await bus.clients("ann", "bob")
    for client in (ann, bob):
        await client.join(bus.room, "c")
    channel = "c" if target == "channel" else None

    expect.succeeded(await ann.publish(bus.room, channel, text="mine"))
    expect.succeeded(await bob.publish(bus.room, channel, text="yours"))

    assert await ann.texts_until("yours") == ["yours"]
    await bob.barrier()
    assert await bob.texts_until("mine") == ["mine"]


@requirement("ROUTE-007")
async def test_a_member_that_left_receives_nothing_more(bus: Bus) -> None:
    """After the leave is confirmed, later messages skip the former member."""
    ann, bob = await bus.clients("ann", "bob")
    await ann.join(bus.room, "c")
    await bob.publish(room=bus.room, channel="c", text="in time")

    await ann.leave(bus.room, "c")
    await bob.publish(room=bus.room, channel="c", text="late")
    await bob.publish(to=ann.id, text="sentinel")

    assert await ann.texts_until("sentinel") == ["in time", "sentinel"]


@requirement("ROUTE-007")
async def test_leaving_skips_room_wide_messages_too(bus: Bus) -> None:
    """Who left the last channel of a room is no longer in the room; who comes back is again."""
    ann, bob = await bus.clients("ann", "bob")
    await ann.join(bus.room, "c")

    await ann.leave(bus.room, "c")
    await bob.publish(room=bus.room, text="late")
    await ann.join(bus.room, "c")
    await bob.publish(room=bus.room, text="again")

    assert await ann.texts_until("again") == ["again"]


@requirement("ROUTE-007")
async def test_joining_twice_is_left_once(bus: Bus) -> None:
    """A second join of a member does not have to be left a second time."""
    ann, bob = await bus.clients("ann", "bob")
    await ann.join(bus.room, "c")
    await ann.join(bus.room, "c")

    await ann.leave(bus.room, "c")
    await bob.publish(room=bus.room, channel="c", text="late")
    await bob.publish(to=ann.id, text="sentinel")

    assert await ann.texts_until("sentinel") == ["sentinel"]


@requirement("ROUTE-008")
async def test_non_members_receive_nothing(bus: Bus) -> None:
    """Members of other channels and rooms, former members and strangers hear nothing."""
    ann, bob, other, elsewhere, stranger = await bus.clients("ann", "bob", "other", "elsewhere", "stranger")
    await ann.join(bus.room, "c")
    await other.join(bus.room, "d")
    await elsewhere.join(bus.other_room, "c")

    await bob.publish(room=bus.room, channel="c", text="for members")
    for client in (other, elsewhere, stranger):
        await bob.publish(to=client.id, text="sentinel")

    assert await ann.texts_until("for members") == ["for members"]
    for client in (other, elsewhere, stranger):
        assert await client.texts_until("sentinel") == ["sentinel"]


@requirement("ROUTE-008")
async def test_asking_about_a_channel_makes_no_member(bus: Bus) -> None:
    """Creating, listing, inspecting and reading a channel is not joining it."""
    ann, bob = await bus.clients("ann", "bob")
    await ann.succeed("create_channel", room=bus.room, channel="c")
    await ann.succeed("list_channels", room=bus.room)
    await ann.succeed("channel_info", room=bus.room, channel="c")
    await ann.succeed("op.history.get", room=bus.room, channel="c")
    await ann.publish(room=bus.room, channel="c", text="said, not joined")

    await bob.publish(room=bus.room, channel="c", text="for members")
    await bob.publish(to=ann.id, text="sentinel")

    assert await ann.texts_until("sentinel") == ["sentinel"]


@requirement("ROUTE-009")
async def test_a_member_receives_everything_after_its_join_once(bus: Bus) -> None:
    """Of a burst of messages a member receives each one accepted after its join, once, and none before it."""
    ann, bob = await bus.clients("ann", "bob")
    for number in range(5):
        await bob.publish(room=bus.room, channel="c", text=f"early {number}")

    await ann.join(bus.room, "c")
    burst = [bob.message_to(bus.room, "c", text=f"message {number}") for number in range(200)]
    await at_once(bob, *map(text_frame, burst))
    heard = await ann.texts_until("message 199")

    assert heard == [f"message {number}" for number in range(200)]
    await ann.barrier()
    expect.equal(sum(frame["type"] == "message" for frame in ann.received), 201, "messages with the welcome")


@requirement("ROUTE-009")
async def test_a_join_counts_from_its_confirmation(bus: Bus) -> None:
    """A message published by whoever has seen the confirmation reaches the new member, every time."""
    ann, bob = await bus.clients("ann", "bob")

    for number in range(20):
        await ann.join(bus.room, f"c{number}")
        await bob.publish(room=bus.room, channel=f"c{number}", text=f"first in c{number}")

    assert await ann.texts_until("first in c19") == [f"first in c{number}" for number in range(20)]


@requirement("ROUTE-023")
@pytest.mark.parametrize("channel", [{"channel": "nobody"}, {}], ids=["channel", "room"])
async def test_a_publisher_need_not_be_a_member(bus: Bus, channel: dict[str, Any]) -> None:
    """A stranger may publish to a channel or room that nobody is in; the message is accepted and stored."""
    ann = await bus.connect("ann")

    reply = await ann.publish(bus.room, **channel, text="into the void")

    expect.succeeded(reply)
    data = await ann.succeed("op.history.get", room=bus.room, **channel)
    assert [entry["message"]["payload"]["text"] for entry in data["entries"]] == ["into the void"]


@depth("smoke")
@requirement("ROUTE-023")
async def test_publishing_makes_no_member(bus: Bus) -> None:
    """A channel that was only published to has no members."""
    ann = await bus.connect("ann")

    await ann.publish(room=bus.room, channel="c", text="into the void")

    data = await ann.succeed("list_channels", room=bus.room)
    assert [one["member_count"] for one in data["channels"]] in ([], [0])
