"""operator.join: a client becomes a worker that is given entries of a group until it acknowledges them."""

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus, Client, Launch, Valkey
from arqonbus_conformance.plugin import depth, needs, requirement
from arqonbus_conformance.suites.conditions import Parting, Record, close, vanish


def work(bus: Bus, **more: object) -> Record:
    """The payload of an operator.join to the group of a case."""
    return {"room": bus.room, "channel": "work", "group": "workers", **more}


async def enlist(client: Client, bus: Bus, **more: object) -> Record:
    """Make the client a push consumer of the case's group; return the data of the response."""
    reply = await client.request(client.envelope("operator.join", payload=work(bus, **more)))
    data: Record = expect.succeeded(reply)["payload"]["data"]
    return data


async def acknowledge(client: Client, bus: Bus, *messages: Record) -> int:
    """Acknowledge pushed messages; return how many were pending."""
    ids = [message["metadata"]["entry_id"] for message in messages]
    return int((await client.succeed("op.group.ack", entry_ids=ids, **work(bus)))["acknowledged"])


async def publish_all(client: Client, bus: Bus, *texts: str) -> None:
    """Publish the texts to the case's channel, each acknowledged."""
    for text in texts:
        expect.succeeded(await client.publish(room=bus.room, channel="work", text=text))


@requirement("GROUP-008")
@needs("consumer_groups")
async def test_a_worker_is_given_entries_as_they_come(bus: Bus) -> None:
    """One response, then each entry once as a message that says group, entry and delivery count."""
    worker, ann = await bus.clients("worker", "ann")
    joining = worker.envelope("operator.join", payload=work(bus, prefetch=4))
    data = expect.succeeded(await worker.request(joining))["payload"]["data"]
    await publish_all(ann, bus, "one", "two")

    pushed = await worker.messages_until("two")

    assert data == work(bus, prefetch=4)
    assert len(worker.replies_to(joining["id"])) == 1
    assert [message["payload"]["text"] for message in pushed] == ["one", "two"]
    assert [message["sender"] for message in pushed] == [ann.id, ann.id]
    assert [
        {name: message["metadata"][name] for name in ("sequence", "group", "delivery_count")}
        for message in pushed
    ] == [{"sequence": number, "group": "workers", "delivery_count": 1} for number in (1, 2)]
    assert await acknowledge(worker, bus, *pushed) == 2


@requirement("GROUP-008")
@needs("consumer_groups")
async def test_the_group_is_created_by_its_first_worker(bus: Bus) -> None:
    """A group that is absent begins new with the first worker: earlier messages are not pushed."""
    worker, ann = await bus.clients("worker", "ann")
    await publish_all(ann, bus, "early")
    data = await enlist(worker, bus)
    await publish_all(ann, bus, "late")

    assert await worker.texts_until("late") == ["late"]
    assert data["prefetch"] == 16
    assert (await ann.succeed("op.group.create", **work(bus)))["created"] is False


@depth("smoke")
@requirement("GROUP-008")
@needs("consumer_groups")
async def test_a_worker_is_given_what_waited_for_it(bus: Bus) -> None:
    """Entries stored after the group was created and before the worker came are pushed to it."""
    ann = await bus.connect("ann")
    await ann.succeed("op.group.create", **work(bus))
    await publish_all(ann, bus, "one", "two")

    worker = await bus.connect("worker")
    await enlist(worker, bus)

    assert await worker.texts_until("two") == ["one", "two"]


@requirement("GROUP-008")
@needs("consumer_groups")
async def test_two_workers_share_the_entries(bus: Bus) -> None:
    """Each entry is pushed to exactly one of the workers of a group."""
    left, right, ann = await bus.clients("left", "right", "ann")
    await enlist(left, bus, prefetch=3)
    await enlist(right, bus, prefetch=3)
    texts = [str(number) for number in range(6)]
    await publish_all(ann, bus, *texts)

    of_left = [await left.message() for _ in range(3)]
    of_right = [await right.message() for _ in range(3)]

    assert sorted(message["payload"]["text"] for message in of_left + of_right) == texts
    assert await acknowledge(left, bus, *of_left) == 3
    assert await acknowledge(right, bus, *of_right) == 3


@depth("smoke")
@requirement("GROUP-009")
@needs("consumer_groups")
async def test_no_more_than_prefetch_are_out(bus: Bus) -> None:
    """With prefetch two, each acknowledgement brings exactly one more entry."""
    worker, ann = await bus.clients("worker", "ann")
    await enlist(worker, bus, prefetch=2)
    await publish_all(ann, bus, *"abcdef")
    held = [await worker.message() for _ in range(2)]

    for expected in "cdef":
        assert (await ann.succeed("op.group.pending", **work(bus)))["count"] == 2
        await acknowledge(worker, bus, held.pop(0))
        held.append(await worker.message())
        await worker.barrier()
        assert held[-1]["payload"]["text"] == expected
    assert await acknowledge(worker, bus, *held) == 2

    pushed = [frame for frame in worker.received if "entry_id" in frame.get("metadata", {})]
    assert [frame["payload"]["text"] for frame in pushed] == list("abcdef")


@depth("smoke")
@requirement("GROUP-010")
@needs("consumer_groups")
@pytest.mark.parametrize("part", [close, vanish])
async def test_what_a_worker_left_behind_goes_to_another(bus: Bus, part: Parting) -> None:
    """After a worker's close, or its vanishing, another is given what it had not acknowledged."""
    first, second, ann = await bus.clients("first", "second", "ann")
    await enlist(first, bus)
    await publish_all(ann, bus, "done", "left", "behind")
    held = await first.messages_until("behind")
    await acknowledge(first, bus, held[0])

    await enlist(second, bus)
    await part(first)

    redelivered = [await second.message(), await second.message()]
    assert [message["payload"]["text"] for message in redelivered] == ["left", "behind"]
    assert [message["metadata"]["entry_id"] for message in redelivered] == [
        message["metadata"]["entry_id"] for message in held[1:]
    ]
    assert all(message["metadata"]["delivery_count"] >= 2 for message in redelivered)
    assert await acknowledge(second, bus, *redelivered) == 2


@requirement("GROUP-011")
@needs("control:valkey")
async def test_what_a_worker_sits_on_goes_to_another(launch: Launch, valkey: Valkey) -> None:
    """An entry unacknowledged for the idle time is pushed to another worker, though the first is still there."""
    deployment = await launch(env={**launch.strict, "ARQONBUS_GROUP_MIN_IDLE_MS": "150"}, valkey=valkey)
    bus = deployment.bus
    idle, busy, ann = await bus.clients("idle", "busy", "ann")
    await enlist(idle, bus, prefetch=1)
    await publish_all(ann, bus, "stuck")
    held = await idle.message()
    await enlist(busy, bus)

    taken = await busy.message()

    assert taken["metadata"]["entry_id"] == held["metadata"]["entry_id"]
    assert (held["metadata"]["delivery_count"], taken["metadata"]["delivery_count"]) == (1, 2)
    assert await acknowledge(busy, bus, taken) == 1
    assert (await ann.succeed("op.group.pending", **work(bus)))["count"] == 0


@depth("smoke")
@requirement("GROUP-011")
@needs("consumer_groups")
async def test_what_a_worker_has_not_had_for_long_stays_its_own(bus: Bus) -> None:
    """The twin: within the idle time an unacknowledged entry is pushed to nobody else."""
    first, second, ann = await bus.clients("first", "second", "ann")
    await enlist(first, bus, prefetch=1)
    await publish_all(ann, bus, "mine")
    held = await first.message()
    await enlist(second, bus)

    await publish_all(ann, bus, "next")

    assert await second.texts_until("next") == ["next"]
    assert await acknowledge(first, bus, held) == 1


FAULTY_JOINS: list[tuple[str, Record]] = [
    ("group", {"group": ""}),
    ("group", {"group": "a b"}),
    ("group", {"group": None}),
    ("room", {"room": "a/b"}),
    ("channel", {"channel": 7}),
    ("prefetch", {"prefetch": 0}),
    ("prefetch", {"prefetch": 257}),
    ("prefetch", {"prefetch": "16"}),
    ("extra", {"extra": True}),
]


@requirement("GROUP-015")
@needs("consumer_groups")
@pytest.mark.parametrize(
    ("named", "fault"),
    FAULTY_JOINS,
    ids=[f"{named}-{number}" for number, (named, _) in enumerate(FAULTY_JOINS)],
)
async def test_a_faulty_join_is_refused_by_a_response(bus: Bus, named: str, fault: Record) -> None:
    """A fault in the payload is one response that names the key; the right join succeeds after it."""
    worker = await bus.connect("worker")
    envelope = worker.envelope("operator.join", payload={**work(bus), **fault})

    refused = await worker.request(envelope)

    assert refused["type"] == "response"
    expect.failed(refused, "COMMAND_VALIDATION_ERROR", names=named)
    await enlist(worker, bus)


@depth("smoke")
@requirement("GROUP-015")
@needs("consumer_groups")
@pytest.mark.parametrize("missing", ["group", "room", "channel"])
async def test_a_join_needs_group_room_and_channel(bus: Bus, missing: str) -> None:
    """A join without one of its three names is refused and names what is missing; with all of them it succeeds."""
    worker = await bus.connect("worker")
    payload = {name: value for name, value in work(bus).items() if name != missing}

    refused = await worker.request(worker.envelope("operator.join", payload=payload))

    expect.failed(refused, "COMMAND_VALIDATION_ERROR", names=missing)
    await enlist(worker, bus)
