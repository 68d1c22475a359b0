"""Messages to a whole room: its members hear them once each, in a sequence of their own."""

from __future__ import annotations

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus
from arqonbus_conformance.plugin import depth, requirement
from arqonbus_conformance.suites.unit.telling import only


@requirement("ROUTE-002")
async def test_members_of_any_channel_receive_a_room_wide_message(bus: Bus) -> None:
    """Being in one channel of the room is enough, whichever it is."""
    ann, bob, speaker = await bus.clients("ann", "bob", "speaker")
    await ann.join(bus.room, "one")
    await bob.join(bus.room, "two")

    expect.succeeded(await speaker.publish(room=bus.room, text="to the room"))

    for client in (ann, bob):
        heard = only(await client.messages_until("to the room"))
        expect.equal(heard["room"], bus.room, "room as delivered")
        assert "channel" not in heard


@requirement("ROUTE-002")
async def test_a_member_of_many_channels_receives_it_once(bus: Bus) -> None:
    """Who is in eight channels of the room receives one copy."""
    ann, speaker = await bus.clients("ann", "speaker")
    for number in range(8):
        await ann.join(bus.room, f"c{number}")

    await speaker.publish(room=bus.room, text="once")
    await speaker.publish(to=ann.id, text="sentinel")

    assert await ann.texts_until("sentinel") == ["once", "sentinel"]


@depth("smoke")
@requirement("ROUTE-002", "ROUTE-008")
async def test_members_of_other_rooms_do_not_receive_it(bus: Bus) -> None:
    """A channel of the same name in another room is another place."""
    ann, elsewhere, speaker = await bus.clients("ann", "elsewhere", "speaker")
    await ann.join(bus.room, "c")
    await elsewhere.join(bus.other_room, "c")

    await speaker.publish(room=bus.room, text="here")
    await speaker.publish(to=elsewhere.id, text="sentinel")

    assert await ann.texts_until("here") == ["here"]
    assert await elsewhere.texts_until("sentinel") == ["sentinel"]


@requirement("ROUTE-012", "ROUTE-011")
async def test_room_wide_messages_have_a_sequence_of_their_own(bus: Bus) -> None:
    """Messages to the room and to two of its channels each count from 1, undisturbed by the others."""
    ann, speaker = await bus.clients("ann", "speaker")
    await ann.join(bus.room, "c")
    sequences: dict[str, list[int]] = {"room": [], "c": [], "d": []}

    for number in range(3):
        for place, channel in (("room", None), ("c", "c"), ("d", "d")):
            reply = await speaker.publish(bus.room, channel, text=f"{place} {number}")
            sequences[place].append(reply["metadata"]["sequence"])

    expect.equal(sequences, {"room": [1, 2, 3], "c": [1, 2, 3], "d": [1, 2, 3]}, "sequences by place")
    heard = await ann.messages_until("c 2")
    expect.equal(
        [(message["payload"]["text"], message["metadata"]["sequence"]) for message in heard],
        [("room 0", 1), ("c 0", 1), ("room 1", 2), ("c 1", 2), ("room 2", 3), ("c 2", 3)],
        "texts and sequences as delivered",
    )


@requirement("ROUTE-012")
async def test_each_room_counts_for_itself(bus: Bus) -> None:
    """Room-wide sequences of two rooms know nothing of each other."""
    ann = await bus.connect("ann")

    replies = [
        await ann.publish(room, text="counted")
        for room in (bus.room, bus.other_room, bus.room, bus.other_room)
    ]

    expect.equal([reply["metadata"]["sequence"] for reply in replies], [1, 1, 2, 2], "sequences by turn")


@depth("smoke")
@requirement("ROUTE-012", "HIST-007")
async def test_a_room_wide_message_is_stored_once(bus: Bus) -> None:
    """However many channels and members a room has, its message is one entry in its history."""
    ann, bob = await bus.clients("ann", "bob")
    for channel in ("one", "two", "three"):
        await ann.join(bus.room, channel)

    await bob.publish(room=bus.room, text="once")

    data = await bob.succeed("op.history.get", room=bus.room)
    assert [entry["message"]["payload"]["text"] for entry in data["entries"]] == ["once"]
