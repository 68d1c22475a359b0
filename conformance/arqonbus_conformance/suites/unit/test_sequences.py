"""metadata.sequence: by one, from one, per room and channel; and the order of what arrives."""

from __future__ import annotations

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus
from arqonbus_conformance.plugin import depth, requirement

LOOK_ALIKES = [
    pytest.param(("a", "b_c"), ("a_b", "c"), id="underscore"),
    pytest.param(("a", "b-c"), ("a-b", "c"), id="dash"),
    pytest.param(("a", "b.c"), ("a.b", "c"), id="dot"),
    pytest.param(("a", "b__c"), ("a__b", "c"), id="two-underscores"),
    pytest.param(("a-", "b"), ("a", "-b"), id="dash-at-the-seam"),
    pytest.param(("a.", "b"), ("a", "_b"), id="other-characters-at-the-seam"),
    pytest.param(("a", "b"), ("b", "a"), id="exchanged"),
    pytest.param(("a", "c"), ("a", "C"), id="case"),
    pytest.param(("a", "1"), ("a", "01"), id="numbers"),
    pytest.param(("a", "b"), ("a", "b."), id="trailing-dot"),
]


@requirement("ROUTE-011")
async def test_sequences_grow_by_one_from_one(bus: Bus) -> None:
    """Fifty messages to a new channel are numbered 1 to 50, in replies and deliveries alike."""
    ann, bob = await bus.clients("ann", "bob")
    await ann.join(bus.room, "c")

    replies = [await bob.publish(room=bus.room, channel="c", text=f"{number}") for number in range(50)]

    numbered = [reply["metadata"]["sequence"] for reply in replies]
    expect.equal(numbered, list(range(1, 51)), "sequences in the replies")
    heard = await ann.messages_until("49")
    expect.equal([message["metadata"]["sequence"] for message in heard], numbered, "sequences as delivered")


@requirement("ROUTE-011")
async def test_all_publishers_share_one_sequence(bus: Bus) -> None:
    """The sequence is the channel's, not the publisher's."""
    clients = await bus.clients("ann", "bob", "cat")

    replies = [
        await clients[number % 3].publish(room=bus.room, channel="c", text="shared") for number in range(9)
    ]

    expect.equal(
        [reply["metadata"]["sequence"] for reply in replies], list(range(1, 10)), "sequences by turn"
    )


@requirement("ROUTE-011")
async def test_a_burst_is_numbered_without_a_gap(bus: Bus) -> None:
    """Three hundred messages sent without waiting are numbered in the order they were sent."""
    ann, bob = await bus.clients("ann", "bob")
    await ann.join(bus.room, "c")
    burst = [bob.message_to(bus.room, "c", text=f"{number}") for number in range(300)]

    for envelope in burst:
        await bob.send(envelope)
    replies = [await bob.reply(envelope["id"]) for envelope in burst]

    expect.equal(
        [reply["metadata"]["sequence"] for reply in replies], list(range(1, 301)), "sequences in the replies"
    )
    heard = await ann.messages_until("299")
    expect.equal(
        [(message["payload"]["text"], message["metadata"]["sequence"]) for message in heard],
        [(f"{number}", number + 1) for number in range(300)],
        "texts and sequences as delivered",
    )


@depth("smoke")
@requirement("ROUTE-011", "CMD-014")
async def test_a_sequence_goes_on_after_the_channel_was_deleted(bus: Bus) -> None:
    """Deleting a channel and making it again does not begin its sequence again."""
    ann = await bus.connect("ann")
    await ann.succeed("create_channel", room=bus.room, channel="c")
    await ann.publish(room=bus.room, channel="c", text="first")

    await ann.succeed("delete_channel", room=bus.room, channel="c")
    await ann.succeed("create_channel", room=bus.room, channel="c")
    reply = await ann.publish(room=bus.room, channel="c", text="second")

    expect.equal(reply["metadata"]["sequence"], 2, "sequence after the deletion")


@requirement("ROUTE-021")
@pytest.mark.parametrize(("one", "other"), LOOK_ALIKES)
async def test_pairs_that_look_alike_never_meet(
    bus: Bus, one: tuple[str, str], other: tuple[str, str]
) -> None:
    """Members, sequences and history of two pairs stay apart whatever separators their names contain."""
    here, there = ((f"{bus.room}{room}", channel) for room, channel in (one, other))
    ann, bob, speaker = await bus.clients("ann", "bob", "speaker")
    await ann.join(*here)
    await bob.join(*there)

    first = await speaker.publish(*here, text="here")
    second = await speaker.publish(*there, text="there")
    for client in (ann, bob):
        await speaker.publish(to=client.id, text="sentinel")

    expect.equal(
        [first["metadata"]["sequence"], second["metadata"]["sequence"]], [1, 1], "sequences of the two pairs"
    )
    assert await ann.texts_until("sentinel") == ["here", "sentinel"]
    assert await bob.texts_until("sentinel") == ["there", "sentinel"]
    for (room, channel), text in ((here, "here"), (there, "there")):
        data = await speaker.succeed("op.history.get", room=room, channel=channel)
        assert [entry["message"]["payload"]["text"] for entry in data["entries"]] == [text]


@depth("smoke")
@requirement("ROUTE-021")
@pytest.mark.parametrize("channel", ["room", "_room", "-", "_", "0", "null", "default"])
async def test_no_channel_is_the_room_itself(bus: Bus, channel: str) -> None:
    """A room-wide message never lands in a channel, whatever that channel is called."""
    ann = await bus.connect("ann")

    wide = await ann.publish(room=bus.room, text="wide")
    narrow = await ann.publish(room=bus.room, channel=channel, text="narrow")

    expect.equal(
        [wide["metadata"]["sequence"], narrow["metadata"]["sequence"]],
        [1, 1],
        "sequences of room and channel",
    )
    data = await ann.succeed("op.history.get", room=bus.room, channel=channel)
    assert [entry["message"]["payload"]["text"] for entry in data["entries"]] == ["narrow"]


@requirement("ROUTE-017")
async def test_one_publishers_messages_arrive_in_the_order_sent(bus: Bus) -> None:
    """Channel, room-wide and direct messages of one publisher, sent without waiting, are heard as sent."""
    ann, bob = await bus.clients("ann", "bob")
    await ann.join(bus.room, "c")
    await ann.join(bus.other_room, "d")
    targets = [
        (bus.room, "c", None),
        (None, None, ann.id),
        (bus.room, None, None),
        (bus.other_room, "d", None),
    ]

    for number in range(200):
        room, channel, to = targets[number % 4]
        await bob.send(bob.message_to(room, channel, to=to, text=f"{number}"))

    assert await ann.texts_until("199") == [f"{number}" for number in range(200)]


@depth("smoke")
@requirement("ROUTE-017")
async def test_large_and_small_messages_keep_their_order(bus: Bus) -> None:
    """A message of hundreds of kilobytes is not overtaken by the small ones behind it."""
    ann, bob = await bus.clients("ann", "bob")
    await ann.join(bus.room, "c")

    for number in range(12):
        fill = "x" * (200_000 if number % 3 == 0 else 1)
        payload = {"text": f"{number}", "fill": fill}
        await bob.send(bob.message_to(bus.room, "c", payload=payload))
        await bob.send(bob.message_to(to=ann.id, text=f"direct {number}"))

    heard = await ann.texts_until("direct 11")
    assert heard == [text for number in range(12) for text in (f"{number}", f"direct {number}")]
