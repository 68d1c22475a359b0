"""Deleting channels: by whom, and what the members are told."""

from __future__ import annotations

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus, Client
from arqonbus_conformance.plugin import depth, needs, requirement
from arqonbus_conformance.suites.unit.telling import both

DELETED = "channel.deleted"


async def stranger(bus: Bus) -> Client:
    """A client of the same tenant that is no creator: another subject, or another connection without authentication."""
    token = bus.token(sub=bus.name("stranger")) if bus.credentials.enabled else None
    return await bus.connect("stranger", token=token)


@requirement("CMD-008")
async def test_a_creator_deletes_its_channel_once(bus: Bus) -> None:
    """The first call deletes, the second says that there was none; the channel is listed no more."""
    ann = await bus.connect("ann")
    await ann.succeed("create_channel", room=bus.room, channel="c")

    deleted = [await ann.succeed("delete_channel", room=bus.room, channel="c") for _ in range(2)]

    expect.equal([one["deleted"] for one in deleted], [True, False], "deleted")
    expect.equal({(one["room"], one["channel"]) for one in deleted}, {(bus.room, "c")}, "room and channel")
    listed = await ann.succeed("list_channels", room=bus.room)
    expect.equal(listed["channels"], [], "channels of the room")
    expect.failed(await ann.command("channel_info", room=bus.room, channel="c"), "TARGET_NOT_FOUND")


@requirement("CMD-008")
async def test_a_deleted_channel_can_be_made_again(bus: Bus) -> None:
    """After a deletion create_channel says created true, without the old description and members."""
    ann, bob = await bus.clients("ann", "bob")
    await ann.succeed("create_channel", room=bus.room, channel="c", description="old")
    await bob.join(bus.room, "c")
    await ann.succeed("delete_channel", room=bus.room, channel="c")

    made = await ann.succeed("create_channel", room=bus.room, channel="c", description="new")

    info = await ann.succeed("channel_info", room=bus.room, channel="c")
    assert made["created"] is True
    expect.equal((info["description"], info["members"]), ("new", []), "description and members")


@requirement("CMD-008")
async def test_only_the_named_channel_is_deleted(bus: Bus) -> None:
    """Its neighbours in the room and its namesake in another room stay."""
    ann, bob = await bus.clients("ann", "bob")
    for room, channel in ((bus.room, "c"), (bus.room, "d"), (bus.other_room, "c")):
        await ann.succeed("create_channel", room=room, channel=channel)
        await bob.join(room, channel)

    await ann.succeed("delete_channel", room=bus.room, channel="c")

    await ann.publish(bus.room, "d", text="neighbour")
    await ann.publish(bus.other_room, "c", text="namesake")
    texts = [message["payload"].get("text") for message in await bob.messages_until("namesake")]
    expect.equal(texts, [None, "neighbour", "namesake"], "what a member of all three heard")


@requirement("CMD-009")
async def test_a_stranger_may_not_delete(bus: Bus) -> None:
    """Neither a member nor anybody else but the creator deletes a channel; it goes on as it was."""
    ann = await bus.connect("ann")
    eve = await stranger(bus)
    await ann.succeed("create_channel", room=bus.room, channel="c")
    await ann.join(bus.room, "c")
    await eve.join(bus.room, "c")

    response = await eve.command("delete_channel", room=bus.room, channel="c")

    expect.failed(response, "AUTHORIZATION_DENIED")
    expect.succeeded(await eve.publish(bus.room, "c", text="still here"))
    assert await ann.texts_until("still here") == ["still here"]
    deleted = await ann.succeed("delete_channel", room=bus.room, channel="c")
    assert deleted["deleted"] is True


@requirement("CMD-009")
async def test_a_refused_deletion_tells_nobody(bus: Bus) -> None:
    """Members hear nothing of a deletion that was refused."""
    ann = await bus.connect("ann")
    eve = await stranger(bus)
    await ann.succeed("create_channel", room=bus.room, channel="c")
    await ann.join(bus.room, "c")

    await eve.command("delete_channel", room=bus.room, channel="c")
    await eve.publish(to=ann.id, text="sentinel")

    assert await ann.texts_until("sentinel") == ["sentinel"]


@depth("smoke")
@requirement("CMD-008", "CMD-009")
@needs("auth")
async def test_a_creator_is_known_by_its_subject(bus: Bus) -> None:
    """With authentication another connection of the same subject may delete."""
    ann, again = await bus.clients("ann", "ann-again")
    await ann.succeed("create_channel", room=bus.room, channel="c")
    await ann.close()

    deleted = await again.succeed("delete_channel", room=bus.room, channel="c")

    assert deleted["deleted"] is True


@requirement("CMD-009")
@needs("auth")
async def test_an_administrator_may_delete(bus: Bus) -> None:
    """An administrator of the tenant deletes what others made."""
    ann = await bus.connect("ann")
    root = await bus.connect("root", admin=True)
    await ann.succeed("create_channel", room=bus.room, channel="c")

    deleted = await root.succeed("delete_channel", room=bus.room, channel="c")

    assert deleted["deleted"] is True


@requirement("CMD-014")
async def test_members_are_told_of_a_deletion(bus: Bus) -> None:
    """Each member receives one message from the bus that names the event, the room and the channel."""
    ann, bob, cat, other = await bus.clients("ann", "bob", "cat", "other")
    await ann.succeed("create_channel", room=bus.room, channel="c")
    for client in (bob, cat):
        await client.join(bus.room, "c")
    await other.join(bus.room, "d")

    await ann.succeed("delete_channel", room=bus.room, channel="c")
    for client in (bob, cat, other):
        await ann.publish(to=client.id, text="sentinel")

    for client in (bob, cat):
        told, _ = both(await client.messages_until("sentinel"))
        expect.equal(told["sender"], "arqonbus", "sender")
        expect.equal(told["payload"], {"event": DELETED, "room": bus.room, "channel": "c"}, "payload")
    assert await other.texts_until("sentinel") == ["sentinel"]


@requirement("CMD-014")
async def test_former_members_receive_nothing_more(bus: Bus) -> None:
    """After the deletion messages to the channel reach none of its former members, nor does the room's."""
    ann, bob = await bus.clients("ann", "bob")
    await ann.succeed("create_channel", room=bus.room, channel="c")
    await bob.join(bus.room, "c")

    await ann.succeed("delete_channel", room=bus.room, channel="c")
    await ann.publish(bus.room, "c", text="late")
    await ann.publish(bus.room, text="late")
    await ann.publish(to=bob.id, text="sentinel")

    told, sentinel = both(await bob.messages_until("sentinel"))
    expect.equal(
        (told["payload"]["event"], sentinel["payload"]["text"]), (DELETED, "sentinel"), "what bob heard"
    )


@requirement("CMD-014", "HIST-006")
async def test_history_outlives_its_channel(bus: Bus) -> None:
    """What was said in a deleted channel can still be read, and the notice of its end is not part of it."""
    ann, bob = await bus.clients("ann", "bob")
    await ann.succeed("create_channel", room=bus.room, channel="c")
    await bob.join(bus.room, "c")
    await ann.publish(bus.room, "c", text="said")

    await ann.succeed("delete_channel", room=bus.room, channel="c")

    data = await bob.succeed("op.history.get", room=bus.room, channel="c")
    assert [entry["message"]["payload"] for entry in data["entries"]] == [{"text": "said"}]
