import asyncio
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest
from arqonbus_reference import push_consumers
from arqonbus_reference.errors import CommandError
from arqonbus_reference.push_consumers import PushConsumers
from arqonbus_reference.storage.interface import Entry, StorageUnavailableError, StreamKey
from arqonbus_reference.storage.memory import MemoryStorage
from arqonbus_reference.storage.streams import StreamsStorage

KEY = StreamKey("acme", "lobby", "talk")
MIN_IDLE_MS = 200


class Client:
    """What was pushed to one client."""

    def __init__(self) -> None:
        self.raw: list[bytes] = []

    def deliver(self, message: bytes) -> None:
        self.raw.append(message)

    @property
    def got(self) -> list[tuple[int, int]]:
        """Sequence and delivery count of each message."""
        metadata = [msgspec.json.decode(raw)["metadata"] for raw in self.raw]
        return [(found["sequence"], found["delivery_count"]) for found in metadata]

    @property
    def sequences(self) -> list[int]:
        return [sequence for sequence, _ in self.got]


@pytest.fixture
async def push(streams: StreamsStorage) -> AsyncIterator[PushConsumers]:
    consumers = PushConsumers(streams, min_idle_ms=MIN_IDLE_MS)
    yield consumers
    await consumers.close()


@pytest.fixture
async def patient(streams: StreamsStorage) -> AsyncIterator[PushConsumers]:
    """Push consumers that take nothing over for idleness, and look by themselves once a second only."""
    consumers = PushConsumers(streams, min_idle_ms=60_000)
    yield consumers
    await consumers.close()


@pytest.fixture
def ann() -> Client:
    return Client()


@pytest.fixture
def bob() -> Client:
    return Client()


@pytest.fixture
def publish(streams: StreamsStorage, entries) -> Callable:
    async def publish(push: PushConsumers, first: int, last: int) -> None:
        await streams.append(entries(first, last))
        push.wake(KEY)

    return publish


async def test_entries_are_pushed_as_they_come_up_to_prefetch(patient, publish, until, ann):
    """A consumer gets new entries in order, and no more than its prefetch before it acknowledges."""
    await patient.join("ann", ann.deliver, KEY, "g", 3)
    await publish(patient, 1, 5)
    await until(lambda: len(ann.got) == 3)

    patient.acked(KEY, "g", ["1-0"])
    await until(lambda: len(ann.got) == 4)

    assert ann.got == [(1, 1), (2, 1), (3, 1), (4, 1)]


async def test_a_pushed_message_is_the_stored_one_but_for_its_metadata(patient, streams, until, ann):
    """Everything a client wrote is carried as written: big integers, key order, duplicate keys of a payload."""
    await patient.join("ann", ann.deliver, KEY, "g", 3)
    payload = b'{"z":12345678901234567890123,"a":1.50,"a":"\\u00e9"}'
    message = b'{"id":"x","payload":' + payload + b',"metadata":{"trace":1.0,"sequence":1}}'

    await streams.append([Entry(KEY, 1, 1, message)])
    patient.wake(KEY)
    await until(lambda: bool(ann.raw))

    pushed = b'{"trace":1.0,"sequence":1,"group":"g","entry_id":"1-0","delivery_count":1}'
    assert ann.raw == [b'{"id":"x","payload":' + payload + b',"metadata":' + pushed + b"}"]


async def test_an_entry_goes_to_one_consumer_of_a_group_and_to_every_group(patient, publish, until, ann, bob):
    """Consumers of one group share its entries; another group gets them all."""
    other = Client()
    await patient.join("ann", ann.deliver, KEY, "g", 3)
    await patient.join("bob", bob.deliver, KEY, "g", 3)
    await patient.join("eve", other.deliver, KEY, "h", 16)

    await publish(patient, 1, 6)
    await until(lambda: len(ann.got) + len(bob.got) == 6 and len(other.got) == 6)

    assert sorted(ann.sequences + bob.sequences) == other.sequences == [1, 2, 3, 4, 5, 6]


async def test_what_a_consumer_left_unacknowledged_goes_to_another_at_once(patient, publish, until, ann, bob):
    """On leaving, the pending entries are redelivered without waiting for idleness."""
    await patient.join("ann", ann.deliver, KEY, "g", 4)
    await publish(patient, 1, 4)
    await until(lambda: len(ann.got) == 4)
    await patient.join("bob", bob.deliver, KEY, "g", 16)
    patient.acked(KEY, "g", [])

    patient.leave("ann")
    await until(lambda: len(bob.got) == 4)

    assert bob.got == [(1, 2), (2, 2), (3, 2), (4, 2)]


async def test_what_the_last_consumer_left_goes_to_the_next_that_joins(patient, publish, until, ann, bob):
    """With nobody there the pending entries wait, and are the first that the next consumer gets."""
    await patient.join("ann", ann.deliver, KEY, "g", 2)
    await publish(patient, 1, 3)
    await until(lambda: len(ann.got) == 2)
    patient.leave("ann")
    await until(lambda: not patient._feeds)

    await patient.join("bob", bob.deliver, KEY, "g", 16)
    await until(lambda: len(bob.got) == 3)

    assert bob.got == [(1, 2), (2, 2), (3, 1)]


async def test_what_stays_unacknowledged_goes_to_another_after_a_while(push, publish, until, ann, bob):
    """After min_idle_ms an entry moves to another consumer, and frees the credit of the one that kept it."""
    await push.join("ann", ann.deliver, KEY, "g", 2)
    await publish(push, 1, 2)
    await until(lambda: len(ann.got) == 2)

    await push.join("bob", bob.deliver, KEY, "g", 2)
    await until(lambda: len(bob.got) >= 2)

    assert bob.got[:2] == [(1, 2), (2, 2)]


async def test_a_single_consumer_is_not_sent_its_own_entries_again(push, publish, until, ann):
    """Idle entries go to another consumer only; alone, one keeps what it has."""
    await push.join("ann", ann.deliver, KEY, "g", 2)
    await publish(push, 1, 1)
    await until(lambda: len(ann.got) == 1)

    await asyncio.sleep(3 * MIN_IDLE_MS / 1000)
    await publish(push, 2, 2)
    await until(lambda: len(ann.got) == 2)

    assert ann.got == [(1, 1), (2, 1)]


async def test_entries_written_by_others_are_found_without_being_woken(push, streams, entries, until, ann):
    """Another process's entries are pushed too."""
    await push.join("ann", ann.deliver, KEY, "g", 2)

    await streams.append(entries(1, 1))
    await until(lambda: bool(ann.got))

    assert ann.got == [(1, 1)]


async def test_pushing_pauses_with_the_storage_and_resumes(valkey, push, streams, publish, until, ann):  # noqa: PLR0917 - fixtures
    """A dead server stops the pushing, not the consumer: after recovery the entries come."""
    await push.join("ann", ann.deliver, KEY, "g", 16)
    await publish(push, 1, 2)
    await until(lambda: len(ann.got) == 2)
    await valkey.kill()
    await until(lambda: streams.status().status == "unavailable")
    push.wake(KEY)

    await valkey.start()
    await until(lambda: streams.status().status == "ok")
    await publish(push, 3, 4)
    await until(lambda: len(ann.got) == 4)

    assert ann.got == [(1, 1), (2, 1), (3, 1), (4, 1)]


async def test_entries_read_and_lost_on_the_way_are_sent_when_the_storage_is_back(  # noqa: PLR0917 - fixtures
    patient, streams, publish, until, ann, monkeypatch
):
    """What the server gave out in an answer that never came is pending to its consumer, and is sent to it."""
    read = streams.group_read

    async def lost_once(*asked):
        await read(*asked)
        monkeypatch.setattr(streams, "group_read", read)
        raise StorageUnavailableError("the connection was lost")

    monkeypatch.setattr(streams, "group_read", lost_once)
    await streams.group_create(KEY, "g", from_beginning=True)
    await publish(patient, 1, 2)

    await patient.join("ann", ann.deliver, KEY, "g", 16)
    await until(lambda: len(ann.got) == 2)

    assert ann.got == [(1, 2), (2, 2)]


async def test_a_group_destroyed_under_its_consumers_is_made_again(push, streams, publish, until, ann):
    """At least once: with the group gone, its consumers get everything that is stored."""
    await push.join("ann", ann.deliver, KEY, "g", 16)
    await streams._watcher.call("XGROUP", "DESTROY", "arqonbus:1:stream:acme:lobby:talk", "g")

    await publish(push, 1, 2)
    await until(lambda: len(ann.got) == 2)

    assert ann.got == [(1, 1), (2, 1)]


async def test_joining_again_changes_the_prefetch(patient, publish, until, ann):
    """A second join of the same group is the first one with another bound."""
    await patient.join("ann", ann.deliver, KEY, "g", 1)
    await publish(patient, 1, 3)
    await until(lambda: len(ann.got) == 1)

    await patient.join("ann", ann.deliver, KEY, "g", 3)
    await until(lambda: len(ann.got) == 3)

    assert ann.got == [(1, 1), (2, 1), (3, 1)]


async def test_a_client_that_left_while_joining_is_no_consumer(patient, publish, until, ann, bob):
    """A join finished after the departure puts nobody into the group."""
    joining = asyncio.create_task(patient.join("ann", ann.deliver, KEY, "g", 16))
    await asyncio.sleep(0)
    patient.leave("ann")
    await joining

    await patient.join("bob", bob.deliver, KEY, "g", 16)
    await publish(patient, 1, 2)
    await until(lambda: len(bob.got) == 2)

    assert ann.got == []


async def test_a_reader_by_itself_is_forgotten_when_it_leaves(patient, streams, entries, until):
    """Clients of op.group.read leave no consumer behind in the storage."""
    await streams.append(entries(1, 1))
    await streams.group_create(KEY, "g", from_beginning=True)
    patient.reads_by_itself("ann", KEY, "g")
    await streams.group_read(KEY, "g", "ann", 1)
    await streams.group_ack(KEY, "g", ["1-0"])

    patient.leave("ann")
    await until(lambda: not patient._tasks)

    assert await streams._watcher.call("XINFO", "CONSUMERS", "arqonbus:1:stream:acme:lobby:talk", "g") == []
    assert not patient._places_of


async def test_without_durable_storage_nobody_joins(ann):
    """Memory has no groups."""
    push = PushConsumers(MemoryStorage(max_history=10), min_idle_ms=1000)

    with pytest.raises(CommandError) as refusal:
        await push.join("ann", ann.deliver, KEY, "g", 1)

    assert refusal.value.code == "CAPABILITY_UNAVAILABLE"


async def test_the_groups_of_one_connection_are_bounded(patient, monkeypatch, ann):
    """One group too many is refused, and the ones before go on."""
    monkeypatch.setattr(push_consumers, "MAX_GROUPS_PER_CLIENT", 1)
    await patient.join("ann", ann.deliver, KEY, "g", 1)

    with pytest.raises(CommandError, match="join 1 groups at most"):
        await patient.join("ann", ann.deliver, KEY, "h", 1)

    assert set(patient._feeds) == {(KEY, "g")}


async def test_a_fault_in_a_feed_is_reported(streams, publish, until):
    """A deliver that raises is heard of, not lost in a task."""
    faults: list[tuple[str, BaseException]] = []
    push = PushConsumers(streams, min_idle_ms=1000, report=lambda site, error: faults.append((site, error)))

    def broken(message: bytes) -> None:
        raise RuntimeError("a fault of the transport")

    await push.join("ann", broken, KEY, "g", 1)
    await publish(push, 1, 1)
    await until(lambda: bool(faults))
    await push.close()

    assert [(site, str(error)) for site, error in faults] == [("push_consumers", "a fault of the transport")]


async def test_joins_under_way_at_once_are_bounded_too(patient, monkeypatch, ann):
    """Joins sent in one go were all compared with the groups joined before any of them: one client took every place."""
    monkeypatch.setattr(push_consumers, "MAX_GROUPS_PER_CLIENT", 3)

    joins = [patient.join("ann", ann.deliver, KEY, f"g{number}", 1) for number in range(10)]
    outcomes = await asyncio.gather(*joins, return_exceptions=True)

    assert sum(outcome is None for outcome in outcomes) == 3
    assert len(patient._feeds) == 3
    assert sum(patient._places_of["ann"].values()) == 3
