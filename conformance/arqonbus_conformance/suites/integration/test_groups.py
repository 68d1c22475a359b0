"""Consumer groups: each entry to one consumer, at least once, until it is acknowledged."""

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus, Client
from arqonbus_conformance.plugin import depth, needs, requirement
from arqonbus_conformance.suites.conditions import Record, only, texts_of

FOREVER_IDLE_MS = 86_400_000  # the longest idle time the specification allows


def queue(bus: Bus, group: str = "workers", channel: str = "work") -> Record:
    """Where the groups of a case stand: its own room, one channel."""
    return {"room": bus.room, "channel": channel, "group": group}


async def publish_all(client: Client, bus: Bus, *texts: str, channel: str = "work") -> None:
    """Publish the texts one after the other; each one was acknowledged when this returns."""
    for text in texts:
        expect.succeeded(await client.publish(room=bus.room, channel=channel, text=text))


@requirement("GROUP-001")
@needs("consumer_groups")
async def test_a_group_is_created_once(bus: Bus) -> None:
    """The first call creates the group; the second succeeds and says that it existed."""
    ann, bob = await bus.clients("ann", "bob")

    first = await ann.succeed("op.group.create", **queue(bus))
    second = await bob.succeed("op.group.create", **queue(bus))

    assert (first["group"], first["created"]) == ("workers", True)
    assert (second["group"], second["created"]) == ("workers", False)


@requirement("GROUP-001")
@needs("consumer_groups")
async def test_creating_again_does_not_move_the_group(bus: Bus) -> None:
    """A second create with another start gives nothing a second time and skips nothing."""
    ann = await bus.connect("ann")
    await ann.succeed("op.group.create", **queue(bus))
    await publish_all(ann, bus, "one", "two")
    given = await ann.succeed("op.group.read", count=1, **queue(bus))

    again = await ann.succeed("op.group.create", start="beginning", **queue(bus))
    rest = await ann.succeed("op.group.read", **queue(bus))

    assert texts_of(given["entries"]) == ["one"]
    assert again["created"] is False
    assert texts_of(rest["entries"]) == ["two"]


@requirement("GROUP-002")
@needs("consumer_groups")
async def test_each_entry_goes_to_one_consumer_in_order(bus: Bus) -> None:
    """Two consumers reading in turns share the entries, none twice, in the order of the sequence."""
    ann, bob = await bus.clients("ann", "bob")
    await ann.succeed("op.group.create", **queue(bus))
    await publish_all(ann, bus, "1", "2", "3", "4", "5")

    turns = [await reader.succeed("op.group.read", count=2, **queue(bus)) for reader in (ann, bob, ann, bob)]

    assert [texts_of(turn["entries"]) for turn in turns] == [["1", "2"], ["3", "4"], ["5"], []]
    assert [turn["count"] for turn in turns] == [2, 2, 1, 0]
    assert [entry["sequence"] for turn in turns for entry in turn["entries"]] == [1, 2, 3, 4, 5]


@requirement("GROUP-002")
@needs("consumer_groups")
async def test_an_entry_has_the_shape_of_history(bus: Bus) -> None:
    """A group entry is the history entry of the same message, with its delivery count."""
    ann = await bus.connect("ann")
    await ann.succeed("op.group.create", **queue(bus))
    await publish_all(ann, bus, "one")

    read = await ann.succeed("op.group.read", **queue(bus))
    stored = await ann.succeed("op.history.get", room=bus.room, channel="work")

    assert read["entries"] == [{**only(stored["entries"], "stored entries"), "delivery_count": 1}]


@requirement("GROUP-002")
@needs("consumer_groups")
async def test_read_gives_at_most_ten_by_default(bus: Bus) -> None:
    """Without count a read gives ten entries; with the largest count it gives the rest."""
    ann = await bus.connect("ann")
    await ann.succeed("op.group.create", **queue(bus))
    await publish_all(ann, bus, *(str(number) for number in range(12)))

    first = await ann.succeed("op.group.read", **queue(bus))
    rest = await ann.succeed("op.group.read", count=256, **queue(bus))

    assert texts_of(first["entries"]) == [str(number) for number in range(10)]
    assert texts_of(rest["entries"]) == ["10", "11"]


@depth("smoke")
@requirement("GROUP-002")
@needs("consumer_groups")
async def test_reading_a_channel_nobody_wrote_to_gives_nothing(bus: Bus) -> None:
    """A group on a channel without messages is created and read without an error."""
    ann = await bus.connect("ann")
    await ann.succeed("op.group.create", **queue(bus, channel="silent"))

    read = await ann.succeed("op.group.read", **queue(bus, channel="silent"))

    assert (read["entries"], read["count"]) == ([], 0)


@requirement("GROUP-003")
@needs("consumer_groups")
async def test_an_entry_is_acknowledged_once(bus: Bus) -> None:
    """The first acknowledgement counts the entry; the second finds nothing pending."""
    ann = await bus.connect("ann")
    await ann.succeed("op.group.create", **queue(bus))
    await publish_all(ann, bus, "one", "two")
    entries = (await ann.succeed("op.group.read", **queue(bus)))["entries"]
    ids = [entry["entry_id"] for entry in entries]

    first = await ann.succeed("op.group.ack", entry_ids=ids, **queue(bus))
    second = await ann.succeed("op.group.ack", entry_ids=ids, **queue(bus))

    assert first["acknowledged"] == 2
    assert second["acknowledged"] == 0
    assert (await ann.succeed("op.group.pending", **queue(bus)))["count"] == 0


@depth("smoke")
@requirement("GROUP-003")
@needs("consumer_groups")
async def test_an_entry_nobody_was_given_cannot_be_acknowledged(bus: Bus) -> None:
    """Acknowledging an entry before it was read counts nothing, and it is still given afterwards."""
    ann = await bus.connect("ann")
    await ann.succeed("op.group.create", **queue(bus))
    await publish_all(ann, bus, "one")
    stored = (await ann.succeed("op.history.get", room=bus.room, channel="work"))["entries"]

    early = await ann.succeed("op.group.ack", entry_ids=[stored[0]["entry_id"]], **queue(bus))
    read = await ann.succeed("op.group.read", **queue(bus))

    assert early["acknowledged"] == 0
    assert texts_of(read["entries"]) == ["one"]


@depth("smoke")
@requirement("GROUP-004")
@needs("consumer_groups")
async def test_pending_lists_what_is_unacknowledged(bus: Bus) -> None:
    """Each pending entry names its consumer, idle time and delivery count; acknowledged ones are gone."""
    ann, bob = await bus.clients("ann", "bob")
    await ann.succeed("op.group.create", **queue(bus))
    await publish_all(ann, bus, "one", "two", "three")
    of_ann = (await ann.succeed("op.group.read", count=2, **queue(bus)))["entries"]
    of_bob = (await bob.succeed("op.group.read", count=1, **queue(bus)))["entries"]
    await ann.succeed("op.group.ack", entry_ids=[of_ann[0]["entry_id"]], **queue(bus))

    pending = await ann.succeed("op.group.pending", **queue(bus))

    assert pending["count"] == 2
    assert [
        (entry["entry_id"], entry["consumer"], entry["delivery_count"]) for entry in pending["entries"]
    ] == [
        (of_ann[1]["entry_id"], ann.id, 1),
        (of_bob[0]["entry_id"], bob.id, 1),
    ]
    assert all(type(entry["idle_ms"]) is int and entry["idle_ms"] >= 0 for entry in pending["entries"])


@requirement("GROUP-005")
@needs("consumer_groups")
async def test_an_idle_entry_is_taken_over(bus: Bus) -> None:
    """A claim moves the entry to the claimer with a delivery count grown by one."""
    ann, bob = await bus.clients("ann", "bob")
    await ann.succeed("op.group.create", **queue(bus))
    await publish_all(ann, bus, "one")
    await ann.succeed("op.group.read", **queue(bus))

    claimed = await bob.succeed("op.group.claim", min_idle_ms=0, **queue(bus))

    assert texts_of(claimed["entries"]) == ["one"]
    assert claimed["entries"][0]["delivery_count"] == 2
    pending = only((await bob.succeed("op.group.pending", **queue(bus)))["entries"], "pending entries")
    assert (pending["consumer"], pending["delivery_count"]) == (bob.id, 2)


@depth("smoke")
@requirement("GROUP-005")
@needs("consumer_groups")
async def test_an_entry_not_idle_long_enough_stays(bus: Bus) -> None:
    """A claim that asks for a day of idleness takes nothing over; the entry stays as it was."""
    ann, bob = await bus.clients("ann", "bob")
    await ann.succeed("op.group.create", **queue(bus))
    await publish_all(ann, bus, "one")
    await ann.succeed("op.group.read", **queue(bus))

    claimed = await bob.succeed("op.group.claim", min_idle_ms=FOREVER_IDLE_MS, **queue(bus))

    assert claimed["entries"] == []
    pending = only((await bob.succeed("op.group.pending", **queue(bus)))["entries"], "pending entries")
    assert (pending["consumer"], pending["delivery_count"]) == (ann.id, 1)


@requirement("GROUP-005")
@needs("consumer_groups")
async def test_a_claim_takes_no_more_than_count(bus: Bus) -> None:
    """Count bounds a claim; what was not claimed stays with its consumer."""
    ann, bob = await bus.clients("ann", "bob")
    await ann.succeed("op.group.create", **queue(bus))
    await publish_all(ann, bus, "one", "two", "three")
    await ann.succeed("op.group.read", **queue(bus))

    claimed = await bob.succeed("op.group.claim", min_idle_ms=0, count=2, **queue(bus))

    assert texts_of(claimed["entries"]) == ["one", "two"]
    pending = await bob.succeed("op.group.pending", **queue(bus))
    assert [entry["consumer"] for entry in pending["entries"]] == [bob.id, bob.id, ann.id]


@requirement("GROUP-006")
@needs("consumer_groups")
@pytest.mark.parametrize(
    ("command", "args"),
    [
        ("op.group.read", {}),
        ("op.group.ack", {"entry_ids": ["1-1"]}),
        ("op.group.claim", {"min_idle_ms": 0}),
        ("op.group.pending", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_an_unknown_group_is_not_found(bus: Bus, command: str, args: Record) -> None:
    """A command on a group nobody created is TARGET_NOT_FOUND; after the create it succeeds."""
    ann = await bus.connect("ann")
    await publish_all(ann, bus, "one")

    refused = await ann.command(command, **queue(bus, group="nobody"), **args)

    expect.failed(refused, "TARGET_NOT_FOUND")
    await ann.succeed("op.group.create", **queue(bus, group="nobody"))
    await ann.succeed(command, **queue(bus, group="nobody"), **args)


@depth("smoke")
@requirement("GROUP-007")
@needs("consumer_groups")
@pytest.mark.parametrize(
    ("start", "given"),
    [({"start": "beginning"}, ["early", "late"]), ({"start": "new"}, ["late"]), ({}, ["late"])],
    ids=["beginning", "new", "default"],
)
async def test_start_says_where_a_group_begins(bus: Bus, start: Record, given: list[str]) -> None:
    """Beginning gives what was stored before the group; new, the default, only what comes later."""
    ann = await bus.connect("ann")
    await publish_all(ann, bus, "early")
    await ann.succeed("op.group.create", **queue(bus), **start)
    await publish_all(ann, bus, "late")

    read = await ann.succeed("op.group.read", **queue(bus))

    assert texts_of(read["entries"]) == given


@requirement("GROUP-013")
@needs("consumer_groups")
async def test_two_groups_each_get_every_entry(bus: Bus) -> None:
    """Groups share nothing: reading and acknowledging in one leaves the other as it was."""
    ann, bob = await bus.clients("ann", "bob")
    await ann.succeed("op.group.create", **queue(bus, group="left"))
    await bob.succeed("op.group.create", **queue(bus, group="right"))
    await publish_all(ann, bus, "one", "two")

    left = await ann.succeed("op.group.read", **queue(bus, group="left"))
    ids = [entry["entry_id"] for entry in left["entries"]]
    await ann.succeed("op.group.ack", entry_ids=ids, **queue(bus, group="left"))
    right = await bob.succeed("op.group.read", **queue(bus, group="right"))

    assert texts_of(left["entries"]) == texts_of(right["entries"]) == ["one", "two"]
    assert (await bob.succeed("op.group.pending", **queue(bus, group="right")))["count"] == 2


@depth("smoke")
@requirement("GROUP-013")
@needs("consumer_groups")
async def test_a_group_holds_one_channel_only(bus: Bus) -> None:
    """Messages of another channel, of the room alone and direct ones are in no group of this channel."""
    ann = await bus.connect("ann")
    await ann.succeed("op.group.create", **queue(bus))
    await publish_all(ann, bus, "elsewhere", channel="other")
    expect.succeeded(await ann.publish(room=bus.room, text="room-wide"))
    expect.succeeded(await ann.publish(to=ann.id, text="direct"))

    await publish_all(ann, bus, "mine")
    read = await ann.succeed("op.group.read", **queue(bus))

    assert texts_of(read["entries"]) == ["mine"]


FAULTY: list[tuple[str, Record, str]] = [
    ("op.group.create", {"start": "end"}, "start"),
    ("op.group.create", {"group": "a/b"}, "group"),
    ("op.group.create", {"room": ".hidden"}, "room"),
    ("op.group.create", {"surprise": 1}, "surprise"),
    ("op.group.read", {"count": 0}, "count"),
    ("op.group.read", {"count": 257}, "count"),
    ("op.group.read", {"count": "10"}, "count"),
    ("op.group.ack", {}, "entry_ids"),
    ("op.group.ack", {"entry_ids": []}, "entry_ids"),
    ("op.group.ack", {"entry_ids": [1]}, "entry_ids"),
    ("op.group.ack", {"entry_ids": ["1-1"] * 257}, "entry_ids"),
    ("op.group.claim", {}, "min_idle_ms"),
    ("op.group.claim", {"min_idle_ms": -1}, "min_idle_ms"),
    ("op.group.claim", {"min_idle_ms": FOREVER_IDLE_MS + 1}, "min_idle_ms"),
    ("op.group.claim", {"min_idle_ms": 0, "count": 257}, "count"),
    ("op.group.pending", {"count": 1}, "count"),
]


@requirement("GROUP-015")
@needs("consumer_groups")
@pytest.mark.parametrize(
    ("command", "args", "named"),
    FAULTY,
    ids=[f"{command}-{named}-{n}" for n, (command, _, named) in enumerate(FAULTY)],
)
async def test_a_faulty_argument_is_refused(bus: Bus, command: str, args: Record, named: str) -> None:
    """A faulty argument is COMMAND_VALIDATION_ERROR and names itself; the group goes on."""
    ann = await bus.connect("ann")
    await ann.succeed("op.group.create", **queue(bus))

    refused = await ann.command(command, **{**queue(bus), **args})

    expect.failed(refused, "COMMAND_VALIDATION_ERROR", names=named)
    await ann.succeed("op.group.pending", **queue(bus))
