"""Many clients at once: one order for all, nothing lost, nobody left behind."""

import asyncio

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus, Client
from arqonbus_conformance.plugin import depth, repeats, requirement
from arqonbus_conformance.suites.conditions import (
    Parting,
    Record,
    close,
    eventually,
    texts_of,
    vanish,
    whole_history,
)

PUBLISHERS = 5
MEMBERS = 4
EACH = 60  # messages per publisher
CROWD = 25  # clients that vanish

# What overtakes what depends on chance.
pytestmark = repeats(5)


async def members_of(client: Client, place: Record) -> set[str]:
    """The ids of the members of the channel."""
    info = await client.succeed("channel_info", **place)
    return {member["client_id"] for member in info["members"]}


async def all_published(publisher: Client, place: Record) -> list[Record]:
    """Send every message of one publisher without waiting between them; their replies in the order sent."""
    envelopes = [publisher.message_to(**place, text=f"{publisher.name} {number}") for number in range(EACH)]
    for envelope in envelopes:
        await publisher.send(envelope)
    return [await publisher.reply(envelope["id"]) for envelope in envelopes]


async def published_in_turn(publisher: Client, place: Record) -> None:
    """Publish as many messages, each after the acknowledgement of the one before it: traffic that lasts a while."""
    for number in range(EACH):
        expect.succeeded(await publisher.publish(**place, text=f"{publisher.name} {number}"))


def stretches_of(member: Client) -> list[list[int]]:
    """The sequences that a member received from each confirmed join of it to its leave; none is empty."""
    stretches: list[list[int]] = []
    inside = False
    for frame in member.received:
        if frame["type"] == "response":
            inside = "joined" in frame["payload"]["data"]
            stretches += [[]] if inside else []
        elif frame["type"] == "message" and inside:
            stretches[-1].append(frame["metadata"]["sequence"])
    return [stretch for stretch in stretches if stretch]


async def received_by(member: Client, count: int) -> list[Record]:
    """The next so many messages of a member."""
    return [await member.message() for _ in range(count)]


@requirement("ROUTE-010", "ROUTE-020", "ROUTE-011", "HIST-017")
@pytest.mark.parametrize("channel", ["c", None], ids=["channel", "room-wide"])
async def test_concurrent_publishers_make_one_order(bus: Bus, channel: str | None) -> None:
    """Every member gets every message once, in the order of the sequence, each publisher's in the order sent."""
    members = await bus.clients(*(f"member{number}" for number in range(MEMBERS)))
    publishers = await bus.clients(*(f"publisher{number}" for number in range(PUBLISHERS)))
    for member in members:
        await member.join(bus.room, "c")
    place: Record = {"room": bus.room} | ({"channel": channel} if channel else {})

    replies = await asyncio.gather(*(all_published(publisher, place) for publisher in publishers))
    heard = await asyncio.gather(*(received_by(member, PUBLISHERS * EACH) for member in members))

    orders = [
        [(message["metadata"]["sequence"], message["payload"]["text"]) for message in of_one]
        for of_one in heard
    ]
    acknowledged = sorted(
        (expect.succeeded(reply)["metadata"]["sequence"], f"{publisher.name} {number}")
        for publisher, of_one in zip(publishers, replies, strict=True)
        for number, reply in enumerate(of_one)
    )
    assert [sequence for sequence, _ in acknowledged] == list(range(1, PUBLISHERS * EACH + 1))
    assert orders == [acknowledged] * MEMBERS
    for publisher in publishers:
        own = [text for _, text in acknowledged if text.startswith(f"{publisher.name} ")]
        assert own == [f"{publisher.name} {number}" for number in range(EACH)]
    for member in members:
        await member.barrier()
        assert (
            len([frame for frame in member.received if frame["type"] == "message"]) == PUBLISHERS * EACH + 1
        )


@requirement("ROUTE-020", "HIST-017", "HIST-001")
async def test_history_has_the_order_that_members_saw(bus: Bus) -> None:
    """What concurrent publishers sent stands in history once, as delivered and in the same order."""
    member = await bus.connect("member")
    publishers = await bus.clients("ann", "bob", "cid")
    await member.join(bus.room, "c")
    place: Record = {"room": bus.room, "channel": "c"}

    await asyncio.gather(*(all_published(publisher, place) for publisher in publishers))
    heard = await received_by(member, 3 * EACH)
    entries = await whole_history(member, **place, page=50)

    assert [entry["message"] for entry in entries] == heard
    expect.ascending(entries)


@depth("smoke")
@requirement("ROUTE-020", "ROUTE-009")
async def test_members_that_come_and_go_get_a_whole_stretch(bus: Bus) -> None:
    """Under steady traffic a member gets, from its confirmed join to its leave, every message without a gap."""
    visitor, *publishers = await bus.clients("visitor", "ann", "bob", "cid")
    place: Record = {"room": bus.room, "channel": "c"}
    traffic = asyncio.gather(*(published_in_turn(publisher, place) for publisher in publishers))

    for _ in range(5):
        await visitor.join(**place)
        await visitor.leave(**place)
    await visitor.join(**place)
    await traffic
    expect.succeeded(await publishers[0].publish(**place, text="last"))
    heard = await visitor.messages_until("last")

    sequences = [message["metadata"]["sequence"] for message in heard]
    assert sequences == sorted(set(sequences))
    assert sequences[-1] == len(publishers) * EACH + 1
    for stretch in stretches_of(visitor):
        assert stretch == list(range(stretch[0], stretch[0] + len(stretch)))
    texts = texts_of(await whole_history(visitor, **place))
    assert [message["payload"]["text"] for message in heard] == [
        texts[sequence - 1] for sequence in sequences
    ]


@requirement("ROUTE-018")
@pytest.mark.parametrize("part", [close, vanish])
async def test_a_client_that_disconnects_is_a_member_no_more(bus: Bus, part: Parting) -> None:
    """After a close, or without one, the client is in no member list, and cannot be addressed."""
    ann, bob = await bus.clients("ann", "bob")
    place: Record = {"room": bus.room, "channel": "c"}
    await ann.join(**place)
    await bob.join(**place)
    assert await members_of(ann, place) == {ann.id, bob.id}

    await part(bob)

    await eventually(
        "bob being a member no more", lambda: members_of(ann, place), lambda seen: seen == {ann.id}
    )
    expect.rejected(await ann.publish(to=bob.id, text="are you there"), code="TARGET_NOT_FOUND")
    assert (await ann.leave(**place))["member_count"] == 0


@depth("smoke")
@requirement("INT-004", "ROUTE-018", "CMD-019")
async def test_clients_that_vanish_leave_nobody_behind(bus: Bus) -> None:
    """After a run of clients that join and vanish, the channel has its one member and works."""
    ann = await bus.connect("ann")
    place: Record = {"room": bus.room, "channel": "c"}
    await ann.join(**place)
    crowd = await bus.clients(*(f"guest{number}" for number in range(CROWD)))
    await asyncio.gather(*(guest.join(**place) for guest in crowd))
    await asyncio.gather(*(guest.join(bus.other_room, f"own-{guest.name}") for guest in crowd))
    assert len(await members_of(ann, place)) == CROWD + 1

    for guest in crowd:
        guest.abort()

    await eventually("the guests being gone", lambda: members_of(ann, place), lambda seen: seen == {ann.id})
    left = await eventually(
        "their own channels being gone",
        lambda: ann.succeed("list_channels", room=bus.other_room),
        lambda data: bool(data["count"] == 0),
    )
    assert left["channels"] == []
    bob = await bus.connect("bob")
    expect.succeeded(await bob.publish(**place, text="still here"))
    assert await ann.texts_until("still here") == ["still here"]
