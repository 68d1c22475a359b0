import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from arqonbus_reference.storage import keys, memory
from arqonbus_reference.storage.degraded import DegradedStorage
from arqonbus_reference.storage.interface import (
    CapabilityUnavailableError,
    Entry,
    HistoryQuery,
    StorageEvent,
    StorageUnavailableError,
    StreamKey,
)
from arqonbus_reference.storage.streams import StreamsStorage

KEY = StreamKey("acme", "lobby", "talk")
OTHER = StreamKey("acme", "lobby", None)
NOW = 1_800_000_000.5


@pytest.fixture
def announced() -> list[StorageEvent]:
    return []


@pytest.fixture
async def degraded(valkey, announced) -> AsyncIterator[DegradedStorage]:
    """Not started: the server may still be taken away."""
    streams = StreamsStorage(valkey.url, timeout_seconds=0.5, max_history=1000, mode="degraded")
    storage = DegradedStorage(streams, clock=lambda: NOW, max_history=1000)
    storage.on_event = announced.append
    yield storage
    await storage.close()


async def test_with_its_server_it_is_durable(degraded, entries, announced):
    """Degraded mode with everything in place is healthy and durable."""
    await degraded.start()

    assert await degraded.append(entries(1, 1)) == "durable"
    assert degraded.status() == ("degraded", "redis_streams", True, "ok", None, "verified")
    assert not degraded.immediate
    assert announced == []


async def test_without_its_server_it_begins_in_memory_loudly(valkey, degraded, entries, announced):
    """Absent at start: said so, sequences count from the clock, acknowledgements say memory, groups cannot be had."""
    await valkey.kill()
    await degraded.start()

    (last,) = await degraded.last_sequences([KEY])
    durability = degraded.append_now(entries(last + 1, last + 2))

    assert last == 1_800_000_000_500
    assert durability == "memory"
    assert await degraded.last_sequences([KEY]) == [last + 2]
    status = degraded.status()
    assert (status.status, status.durable, status.persistence) == ("degraded", False, "none")
    assert status.reason
    assert [event.event_type for event in announced] == ["storage.degraded"]
    with pytest.raises(CapabilityUnavailableError):
        await degraded.group_create(KEY, "g", from_beginning=True)


async def test_what_was_accepted_without_a_server_is_written_back_when_it_comes(
    valkey, degraded, entries, announced, until
):
    """The recovery is announced with its counts, and the entries stand in the streams under their own sequences."""
    await valkey.kill()
    await degraded.start()
    accepted = [*entries(1_000_001, 1_002_500), *entries(7, 9, OTHER)]
    degraded.append_now(accepted)

    await valkey.start()
    await until(lambda: degraded.status().status == "ok")

    assert announced[-1].event_type == "storage.recovered"
    # Memory kept the newest 1000 of 2500, as the stream would have.
    assert (announced[-1].written_back, announced[-1].lost) == (1003, 1500)
    page = await degraded.history(HistoryQuery("acme", "lobby", None, limit=2000))
    assert page.entries == accepted[2500:] + accepted[1500:2500]
    assert await degraded.last_sequences([KEY, OTHER]) == [1_002_500, 9]
    assert await degraded.append(entries(1_002_501, 1_002_501)) == "durable"


@pytest.mark.parametrize("strike", ["kill", "pause"])
async def test_an_append_that_the_server_fails_is_kept_in_memory_once(  # noqa: PLR0917 - fixtures
    valkey, degraded, entries, sequences, announced, until, strike
):
    """Dying or hanging: the entries of the failed append are accepted into memory and later found once."""
    await degraded.start()
    await degraded.append(entries(1, 3))
    await getattr(valkey, strike)()

    durability = await degraded.append(entries(4, 6))
    degraded.append_now(entries(7, 8))
    held = await sequences(degraded)
    await (valkey.start() if strike == "kill" else valkey.resume())
    await until(lambda: degraded.status().status == "ok")

    assert durability == "memory"
    assert held == [4, 5, 6, 7, 8]
    assert await sequences(degraded) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [event.event_type for event in announced] == ["storage.degraded", "storage.recovered"]
    assert (announced[-1].written_back, announced[-1].lost) == (5, 0)


async def test_a_reader_of_a_dead_server_is_answered_from_memory(
    valkey, degraded, entries, sequences, announced
):
    """History of the moment of death is no error in degraded mode: it is what memory holds."""
    await degraded.start()
    await degraded.append(entries(1, 3))
    await valkey.kill()

    assert await sequences(degraded) == []
    assert [event.event_type for event in announced] == ["storage.degraded"]


async def test_messages_accepted_during_the_write_back_are_neither_lost_nor_reordered(
    valkey, degraded, entries, sequences, until
):
    """While a busy publisher goes on, the change over drops nothing."""
    await valkey.kill()
    await degraded.start()
    degraded.append_now(entries(1, 500))
    last = 500

    await valkey.start()
    durability = "memory"
    while durability == "memory":
        last += 1
        durability = await degraded.append(entries(last, last))
        await asyncio.sleep(0)

    assert last > 501
    assert await sequences(degraded) == list(range(1, last + 1))[-1000:]


async def test_a_write_back_cut_short_goes_on_after_the_next_recovery(  # noqa: PLR0917 - fixtures
    valkey, degraded, entries, sequences, announced, monkeypatch, until
):
    """What was written before the second death is not written again, and the rest is."""
    monkeypatch.setattr("arqonbus_reference.storage.write_back.WRITTEN_AT_ONCE", 10)
    await valkey.kill()
    await degraded.start()
    degraded.append_now(entries(1, 100))
    write_back = degraded._streams.write_back
    calls = 0

    async def dies_in_the_middle(some):
        nonlocal calls
        calls += 1
        if calls == 4:
            await valkey.kill()
        return await write_back(some)

    monkeypatch.setattr(degraded._streams, "write_back", dies_in_the_middle)
    await valkey.start()
    await until(lambda: calls == 4 and degraded._streams.status().status == "unavailable")
    degraded.append_now(entries(101, 105))
    await valkey.start()
    await until(lambda: degraded.status().status == "ok")

    assert await sequences(degraded) == list(range(1, 106))
    assert (announced[-1].written_back, announced[-1].lost) == (105, 0)
    assert [event.event_type for event in announced] == ["storage.degraded", "storage.recovered"]


async def test_what_memory_could_not_hold_is_counted_as_lost(valkey, degraded, announced, monkeypatch, until):
    """A stream that lost all its entries to the bound goes on behind them: no sequence is used twice."""
    monkeypatch.setattr(memory, "MEMORY_BYTES", 10_000)
    await valkey.kill()
    await degraded.start()
    degraded.append_now([Entry(OTHER, n, n, b"x" * 4000) for n in (1, 2)])
    for n in range(1, 20):
        degraded.append_now([Entry(KEY, n, 1000 + n, b"x" * 900)])
    kept = len((await degraded.history(HistoryQuery("acme", "lobby", None, limit=100))).entries)

    await valkey.start()
    await until(lambda: degraded.status().status == "ok")

    assert kept < 21
    assert (announced[-1].written_back, announced[-1].lost) == (kept, 21 - kept)
    assert await degraded.last_sequences([KEY, OTHER]) == [19, 2]


async def test_a_sequence_that_another_writer_used_is_counted_as_lost(
    valkey, degraded, entries, announced, until
):
    """Entries whose place is taken by other messages are not written over them; those found as they are count as there."""
    await degraded.start()
    await degraded.append(entries(1, 2, text="another writer's"))
    degraded._degrade("the connection was lost")
    degraded.append_now(entries(1, 1, text="ours") + entries(2, 2, text="another writer's") + entries(3, 3))

    degraded._hear(StorageEvent("storage.recovered", "again"))
    await until(lambda: degraded.status().status == "ok")

    assert (announced[-1].written_back, announced[-1].lost) == (2, 1)
    assert await degraded.last_sequences([KEY]) == [3]


async def test_a_recovery_that_did_not_last_changes_nothing_over(valkey, degraded, announced, until):
    """With nothing to write back, a server gone again meanwhile is not taken for one that is there."""
    await valkey.kill()
    await degraded.start()

    degraded._hear(StorageEvent("storage.recovered", "for a moment"))
    await asyncio.sleep(0.05)
    between = degraded.status().status
    await valkey.start()
    await until(lambda: degraded.status().status == "ok")

    assert between == "degraded"
    assert [event.event_type for event in announced] == ["storage.degraded", "storage.recovered"]


async def test_a_late_append_is_not_overtaken(valkey, degraded, entries, sequences, until):
    """While an append is under way nothing is accepted past it, whatever became of the server."""
    await degraded.start()
    await valkey.pause()
    appending = asyncio.create_task(degraded.append(entries(1, 1)))
    await asyncio.sleep(0)
    degraded._degrade("the server was found hanging")

    with pytest.raises(StorageUnavailableError):
        degraded.append_now(entries(2, 2))
    assert not degraded.immediate
    assert await asyncio.gather(appending, degraded.append(entries(2, 2))) == ["memory", "memory"]
    assert await sequences(degraded) == [1, 2]
    await valkey.resume()


async def test_a_hanging_server_does_not_hold_up_degraded_mode(valkey, degraded, entries):
    """An append over a stopped server is accepted within the storage timeout."""
    await degraded.start()
    await valkey.pause()

    started = time.monotonic()
    durability = await degraded.append(entries(1, 1))

    assert durability == "memory"
    assert time.monotonic() - started < 1.0
    await valkey.resume()


async def test_what_cannot_be_written_back_holds_up_nothing_else(valkey, degraded, entries, announced, until):
    """A foreign value in the place of a stream: its entries are counted as lost, the others are written back."""
    other = StreamKey("acme", "lobby", "other")
    await degraded.start()
    degraded._degrade("the connection was lost")
    degraded.append_now([*entries(1, 3), *entries(1, 2, other)])
    await valkey.command("SET", keys.stream(KEY), "foreign")

    degraded._hear(StorageEvent("storage.recovered", "again"))
    await until(lambda: degraded.status().status == "ok")

    assert (announced[-1].written_back, announced[-1].lost) == (2, 3)
    assert await degraded.last_sequences([other]) == [2]
