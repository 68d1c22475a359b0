"""create, join, leave, list, inspect and delete channels."""

from __future__ import annotations

import itertools

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus
from arqonbus_conformance.plugin import depth, needs, requirement


@requirement("CMD-007")
async def test_a_channel_is_created_once(bus: Bus) -> None:
    """The first call creates, the second and anybody else's say created false."""
    ann, bob = await bus.clients("ann", "bob")

    made = [await client.succeed("create_channel", room=bus.room, channel="c") for client in (ann, ann, bob)]

    expect.equal([one["created"] for one in made], [True, False, False], "created")
    expect.equal({(one["room"], one["channel"]) for one in made}, {(bus.room, "c")}, "room and channel")


@requirement("CMD-007")
@pytest.mark.parametrize("description", ["", "A place to talk", "\u4f60\u597d " * 341], ids=len)
async def test_a_channel_has_its_description(bus: Bus, description: str) -> None:
    """A description of 0 to 1024 characters is kept as it was given."""
    ann, bob = await bus.clients("ann", "bob")

    await ann.succeed("create_channel", room=bus.room, channel="c", description=description)

    info = await bob.succeed("channel_info", room=bus.room, channel="c")
    expect.equal(info["description"], description, "description")


@requirement("CMD-007")
async def test_creating_again_keeps_the_description(bus: Bus) -> None:
    """A second create_channel changes nothing of the channel."""
    ann, bob = await bus.clients("ann", "bob")
    await ann.succeed("create_channel", room=bus.room, channel="c", description="first")

    await bob.succeed("create_channel", room=bus.room, channel="c", description="second")

    info = await bob.succeed("channel_info", room=bus.room, channel="c")
    expect.equal(info["description"], "first", "description")


@depth("smoke")
@requirement("CMD-007", "CMD-013")
async def test_creating_makes_no_member(bus: Bus) -> None:
    """A created channel begins without members."""
    ann = await bus.connect("ann")

    await ann.succeed("create_channel", room=bus.room, channel="c")

    info = await ann.succeed("channel_info", room=bus.room, channel="c")
    expect.equal((info["members"], info["member_count"]), ([], 0), "members")


@requirement("CMD-010")
async def test_joining_answers_the_member_count(bus: Bus) -> None:
    """Each new member counts; a second join of the same client does not, and says so."""
    ann, bob, cat = await bus.clients("ann", "bob", "cat")

    joined = [await client.join(bus.room, "c") for client in (ann, bob, bob, cat)]

    expect.equal([one["member_count"] for one in joined], [1, 2, 2, 3], "member_count")
    expect.equal([one["joined"] for one in joined], [True, True, False, True], "joined")
    expect.equal({(one["room"], one["channel"]) for one in joined}, {(bus.room, "c")}, "room and channel")


@depth("smoke")
@requirement("CMD-010")
async def test_joining_creates_the_channel(bus: Bus) -> None:
    """A join of a channel nobody made makes it; create_channel then says that it existed."""
    ann, bob = await bus.clients("ann", "bob")

    await ann.join(bus.room, "c")

    listed = await bob.succeed("list_channels", room=bus.room)
    expect.equal([one["channel"] for one in listed["channels"]], ["c"], "channels of the room")
    made = await bob.succeed("create_channel", room=bus.room, channel="c")
    assert made["created"] is False


@depth("smoke")
@requirement("CMD-011")
async def test_leaving_answers_the_member_count(bus: Bus) -> None:
    """Each member that leaves is counted out."""
    ann, bob = await bus.clients("ann", "bob")
    for client in (ann, bob):
        await client.join(bus.room, "c")

    left = [await client.leave(bus.room, "c") for client in (ann, bob)]

    expect.equal([one["member_count"] for one in left], [1, 0], "member_count")
    expect.equal({(one["room"], one["channel"]) for one in left}, {(bus.room, "c")}, "room and channel")


@requirement("CMD-011")
@pytest.mark.parametrize("channel", ["unknown", "known", "left"])
async def test_leaving_when_not_a_member_is_target_not_found(bus: Bus, channel: str) -> None:
    """An unknown channel, one of others, and one already left cannot be left; the members stay."""
    ann, bob = await bus.clients("ann", "bob")
    await bob.join(bus.room, "known")
    await bob.join(bus.room, "left")
    await ann.join(bus.room, "left")
    await ann.leave(bus.room, "left")

    response = await ann.command("leave_channel", room=bus.room, channel=channel)

    expect.failed(response, "TARGET_NOT_FOUND")
    info = await bob.succeed("channel_info", room=bus.room, channel="known")
    expect.equal(
        [member["client_id"] for member in info["members"]], [bob.id], "members of the others' channel"
    )


@requirement("CMD-012")
async def test_channels_are_listed_with_their_members_counted(bus: Bus) -> None:
    """The channels of the room and no other's, ordered, each with its description and member count."""
    ann, bob = await bus.clients("ann", "bob")
    await ann.succeed("create_channel", room=bus.room, channel="quiet", description="nobody here")
    for channel in ("a", "B", "b"):
        await ann.join(bus.room, channel)
    await bob.join(bus.room, "b")
    await bob.join(bus.other_room, "elsewhere")

    data = await bob.succeed("list_channels", room=bus.room)

    counted = [(one["channel"], one["member_count"]) for one in data["channels"]]
    expect.equal(counted, [("B", 1), ("a", 1), ("b", 2), ("quiet", 0)], "channels and their member counts")
    expect.equal({one["room"] for one in data["channels"]}, {bus.room}, "rooms")
    expect.equal(data["channels"][3]["description"], "nobody here", "description")
    expect.equal((data["count"], data["truncated"]), (4, False), "count and truncated")
    for one in data["channels"]:
        assert expect.TIMESTAMP.fullmatch(one["created_at"]), one


@depth("smoke")
@requirement("CMD-012")
async def test_all_rooms_are_listed_in_their_order(bus: Bus) -> None:
    """Without a room, the channels of every room come ordered by room and channel."""
    ann = await bus.connect("ann")
    # In an order that sorts neither forwards nor backwards.
    made = (bus.room, bus.name("middle"), bus.other_room)
    for room in made:
        for channel in ("d", "b", "c"):
            await ann.join(room, channel)

    data = await ann.succeed("list_channels")

    places = [(one["room"], one["channel"]) for one in data["channels"]]
    mine = [place for place in places if place[0] in made]
    expect.equal(mine, sorted(itertools.product(made, "bcd")), "this case's channels")
    expect.equal(places, sorted(places), "order of all channels")
    expect.equal(data["count"], len(places), "count")


@requirement("CMD-012")
async def test_a_room_without_channels_lists_none(bus: Bus) -> None:
    """An unknown room is an empty list, not an error."""
    ann = await bus.connect("ann")

    data = await ann.succeed("list_channels", room=bus.name("nowhere"))

    expect.equal((data["channels"], data["count"], data["truncated"]), ([], 0, False), "the list")


@requirement("CMD-013")
async def test_channel_info_lists_the_members(bus: Bus) -> None:
    """Each member with its client id and the time it joined; who left is not among them."""
    ann, bob, cat = await bus.clients("ann", "bob", "cat")
    for client in (ann, bob, cat):
        await client.join(bus.room, "c")
    await cat.leave(bus.room, "c")

    info = await cat.succeed("channel_info", room=bus.room, channel="c")

    expect.equal((info["room"], info["channel"], info["member_count"]), (bus.room, "c", 2), "the channel")
    expect.equal({member["client_id"] for member in info["members"]}, {ann.id, bob.id}, "members")
    times = [member["joined_at"] for member in info["members"]] + [info["created_at"]]
    assert all(isinstance(at, str) and expect.TIMESTAMP.fullmatch(at) for at in times), times
    assert {"description", "created_by"} <= set(info)


@requirement("CMD-013")
@pytest.mark.parametrize("room", ["known", "unknown"])
async def test_channel_info_of_an_unknown_channel_is_target_not_found(bus: Bus, room: str) -> None:
    """A channel that does not exist cannot be inspected, in a known room or not; the known one can."""
    ann = await bus.connect("ann")
    await ann.join(bus.room, "c")

    response = await ann.command(
        "channel_info", room=bus.room if room == "known" else bus.other_room, channel="nowhere"
    )

    expect.failed(response, "TARGET_NOT_FOUND")
    await ann.succeed("channel_info", room=bus.room, channel="c")


@requirement("CMD-019")
async def test_a_joined_only_channel_goes_with_its_last_member(bus: Bus) -> None:
    """While somebody is in it the channel is listed; after the last leave it is not, nor can it be inspected."""
    ann, bob = await bus.clients("ann", "bob")
    for client in (ann, bob):
        await client.join(bus.room, "c")
    await ann.leave(bus.room, "c")
    still = await ann.succeed("list_channels", room=bus.room)

    await bob.leave(bus.room, "c")

    expect.equal([one["channel"] for one in still["channels"]], ["c"], "channels with one member left")
    gone = await ann.succeed("list_channels", room=bus.room)
    expect.equal(gone["channels"], [], "channels without a member")
    expect.failed(await ann.command("channel_info", room=bus.room, channel="c"), "TARGET_NOT_FOUND")


@requirement("CMD-019")
async def test_a_created_channel_stays_without_members(bus: Bus) -> None:
    """A channel made by create_channel outlives its last member."""
    ann, bob = await bus.clients("ann", "bob")
    await ann.succeed("create_channel", room=bus.room, channel="c")
    await ann.join(bus.room, "c")

    await ann.leave(bus.room, "c")

    data = await bob.succeed("list_channels", room=bus.room)
    expect.equal([(one["channel"], one["member_count"]) for one in data["channels"]], [("c", 0)], "channels")


@requirement("CMD-019")
@needs("auth")
async def test_a_created_channel_outlives_its_creator(bus: Bus) -> None:
    """It stays when the connection that made it ends; without authentication nobody could delete it then."""
    ann, bob = await bus.clients("ann", "bob")
    await ann.succeed("create_channel", room=bus.room, channel="c")
    await ann.join(bus.room, "c")

    await ann.close()

    data = await bob.succeed("list_channels", room=bus.room)
    expect.equal([(one["channel"], one["member_count"]) for one in data["channels"]], [("c", 0)], "channels")


@depth("smoke")
@requirement("CMD-019")
async def test_a_joined_channel_that_is_created_later_stays(bus: Bus) -> None:
    """create_channel keeps a channel that a join had made, though it says created false."""
    ann = await bus.connect("ann")
    await ann.join(bus.room, "c")
    made = await ann.succeed("create_channel", room=bus.room, channel="c")

    await ann.leave(bus.room, "c")

    data = await ann.succeed("list_channels", room=bus.room)
    assert made["created"] is False
    expect.equal([one["channel"] for one in data["channels"]], ["c"], "channels")
