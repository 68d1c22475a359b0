"""Restart on durable storage: history, sequences and groups are what they were."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Client, Deployment, Launch, Valkey
from arqonbus_conformance.plugin import needs, requirement
from arqonbus_conformance.suites.conditions import Record, texts_of, whole_history

PLACE: Record = {"room": "r", "channel": "c"}
GROUP: Record = {**PLACE, "group": "g"}
Ending = Callable[[Deployment], Awaitable[None]]


async def drained(deployment: Deployment) -> None:
    """End it in order."""
    await deployment.terminate()
    await deployment.wait()


async def killed(deployment: Deployment) -> None:
    """End it with SIGKILL."""
    await deployment.kill()


ENDINGS = pytest.mark.parametrize("end", [drained, killed], ids=["drain", "kill"])


async def publish_all(client: Client, *texts: str, **target: Any) -> list[int]:
    """Publish the texts; return the sequences they were given."""
    replies = [expect.succeeded(await client.publish(**target, text=text)) for text in texts]
    return [reply["metadata"]["sequence"] for reply in replies]


@requirement("STORE-016", "ROUTE-019")
@needs("control:valkey")
@ENDINGS
async def test_history_is_kept_and_goes_on(launch: Launch, valkey: Valkey, end: Ending) -> None:
    """Every view of history is what it was before the end, and the next message has the next sequence."""
    deployment = await launch(env=launch.strict, valkey=valkey)
    ann = await deployment.bus.connect("ann")
    sequences = await publish_all(ann, "1", "2", "3", **PLACE)
    sequences_of_room = await publish_all(ann, "wide", room="r")
    views: list[tuple[str, Record]] = [
        ("op.history.get", PLACE),
        ("op.history.get", {"room": "r"}),
        ("op.history.replay", PLACE | {"from_ts": "2000-01-01T00:00:00Z", "to_ts": "2100-01-01T00:00:00Z"}),
    ]
    before = [await ann.succeed(name, **args) for name, args in views]

    await end(deployment)
    await deployment.restart()
    bob, member = await deployment.bus.clients("bob", "member")
    await member.join(**PLACE)
    after = [await bob.succeed(name, **args) for name, args in views]

    assert [view["entries"] for view in after] == [view["entries"] for view in before]
    assert [view["count"] for view in after] == [3, 4, 3]
    assert sequences + await publish_all(bob, "4", "5", **PLACE) == [1, 2, 3, 4, 5]
    assert sequences_of_room + await publish_all(bob, "wide", room="r") == [1, 2]
    delivered = await member.messages_until("5")
    assert [message["metadata"]["sequence"] for message in delivered] == [4, 5]


@requirement("ROUTE-019", "HIST-016")
@needs("control:valkey")
async def test_a_sequence_outlives_its_entries(launch: Launch, valkey: Valkey) -> None:
    """Where only the last entry is kept, and its channel was deleted, a restart still reuses no sequence."""
    env = {**launch.strict, "ARQONBUS_MAX_HISTORY_SIZE": "1"}
    deployment = await launch(env=env, valkey=valkey)
    ann = await deployment.bus.connect("ann")
    await ann.succeed("create_channel", **PLACE)
    await publish_all(ann, "1", "2", "3", **PLACE)
    await ann.succeed("delete_channel", **PLACE)

    await deployment.restart()
    bob = await deployment.bus.connect("bob")

    assert await publish_all(bob, "4", **PLACE) == [4]


@requirement("GROUP-014")
@needs("control:valkey")
@ENDINGS
async def test_a_group_survives(launch: Launch, valkey: Valkey, end: Ending) -> None:
    """What was acknowledged stays done, what was given stays pending, what was not read is read next."""
    deployment = await launch(env=launch.strict, valkey=valkey)
    ann = await deployment.bus.connect("ann")
    await ann.succeed("op.group.create", **GROUP)
    await publish_all(ann, "done", "pending", "unread", **PLACE)
    given = (await ann.succeed("op.group.read", count=2, **GROUP))["entries"]
    await ann.succeed("op.group.ack", entry_ids=[given[0]["entry_id"]], **GROUP)

    await end(deployment)
    await deployment.restart()
    bob = await deployment.bus.connect("bob")
    again = await bob.succeed("op.group.create", **GROUP)
    pending = await bob.succeed("op.group.pending", **GROUP)
    unread = await bob.succeed("op.group.read", **GROUP)
    claimed = await bob.succeed("op.group.claim", min_idle_ms=0, **GROUP)

    assert again["created"] is False
    assert [(entry["entry_id"], entry["delivery_count"]) for entry in pending["entries"]] == [
        (given[1]["entry_id"], 1)
    ]
    assert texts_of(unread["entries"]) == ["unread"]
    assert texts_of(claimed["entries"]) == ["pending", "unread"]


@requirement("GROUP-014", "GROUP-010")
@needs("control:valkey")
async def test_a_worker_takes_up_after_a_restart(launch: Launch, valkey: Valkey) -> None:
    """Entries pushed before kill -9 and not acknowledged are pushed to the next worker after the restart."""
    deployment = await launch(env={**launch.strict, "ARQONBUS_GROUP_MIN_IDLE_MS": "100"}, valkey=valkey)
    worker, ann = await deployment.bus.clients("worker", "ann")
    await worker.request(worker.envelope("operator.join", payload=GROUP))
    await publish_all(ann, "1", "2", **PLACE)
    await worker.messages_until("2")

    await deployment.kill()
    await deployment.restart()
    heir, bob = await deployment.bus.clients("heir", "bob")
    await heir.request(heir.envelope("operator.join", payload=GROUP))
    await publish_all(bob, "3", **PLACE)

    pushed = [await heir.message() for _ in range(3)]
    assert sorted(message["payload"]["text"] for message in pushed) == ["1", "2", "3"]


@requirement("STORE-016")
@needs("control:valkey")
async def test_history_is_kept_across_both(launch: Launch, valkey: Valkey) -> None:
    """Bus and storage both killed and started again: nothing acknowledged is missing."""
    deployment = await launch(env=launch.strict, valkey=valkey)
    ann = await deployment.bus.connect("ann")
    await publish_all(ann, *map(str, range(20)), **PLACE)

    await asyncio.gather(deployment.kill(), valkey.kill())
    await valkey.start()
    await deployment.restart()
    bob = await deployment.bus.connect("bob")

    assert texts_of(await whole_history(bob, **PLACE)) == [str(number) for number in range(20)]
