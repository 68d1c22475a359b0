import random

import pytest
from arqonbus_reference.storage import memory
from arqonbus_reference.storage.interface import (
    CapabilityUnavailableError,
    Entry,
    HistoryQuery,
    StorageUnavailableError,
    StreamKey,
)
from arqonbus_reference.storage.memory import MemoryStorage
from arqonbus_reference.storage.views import position
from calls import counted_calls

KEY = StreamKey("acme", "lobby", "talk")


async def test_memory_is_healthy_and_not_durable(entries):
    """Memory by choice is no fault: status ok without a reason, and acknowledgements say memory."""
    storage = MemoryStorage(max_history=10)

    assert await storage.append(entries(1, 2)) == "memory"
    assert storage.immediate
    assert storage.status() == ("degraded", "memory", False, "ok", None, "none")


async def test_a_sequence_that_does_not_follow_is_refused_with_its_whole_batch(entries):
    """All entries of a batch are kept or none."""
    storage = MemoryStorage(max_history=10)
    other = StreamKey("acme", "lobby", "other")

    with pytest.raises(StorageUnavailableError, match="sequence 5 does not follow 2"):
        storage.append_now([*entries(1, 1, other), *entries(1, 2), *entries(5, 5)])

    assert await storage.last_sequences([KEY, other]) == [0, 0]
    assert await storage.stats() == (0, 0)


async def test_only_the_newest_entries_are_kept_and_the_sequence_goes_on(entries):
    """A stream forgets its oldest entries, never its sequence."""
    storage = MemoryStorage(max_history=3)

    for first in range(1, 500):
        storage.append_now(entries(first, first))

    page = await storage.history(HistoryQuery(*KEY, limit=100))
    assert [entry.sequence for entry in page.entries] == [497, 498, 499]
    assert page.cursor is None
    assert await storage.last_sequences([KEY]) == [499]
    assert len(storage._streams[KEY].entries) < 200


async def test_one_stream_too_many_is_refused_and_the_others_go_on(entries, monkeypatch):
    """No stream is forgotten for a new one: its sequence would begin again."""
    monkeypatch.setattr(memory, "MAX_STREAMS", 2)
    storage = MemoryStorage(max_history=3)
    storage.append_now([*entries(1, 1, StreamKey("t", "r", "1")), *entries(1, 1, StreamKey("t", "r", "2"))])

    with pytest.raises(StorageUnavailableError, match="more than 2 streams"):
        storage.append_now(entries(1, 1, StreamKey("t", "r", "3")))

    storage.append_now(entries(2, 2, StreamKey("t", "r", "1")))
    assert await storage.last_sequences([StreamKey("t", "r", "1"), StreamKey("t", "r", "2")]) == [2, 1]


async def test_memory_used_is_bounded_over_all_streams(monkeypatch):
    """Beyond the bound the streams longest without a message lose their oldest entries."""
    monkeypatch.setattr(memory, "MEMORY_BYTES", 10_000)
    storage = MemoryStorage(max_history=1000)
    quiet, busy = StreamKey("t", "r", "quiet"), StreamKey("t", "r", "busy")
    storage.append_now([Entry(quiet, 1, 1, b"x" * 4000)])

    for sequence in range(1, 40):
        storage.append_now([Entry(busy, sequence, 1 + sequence, b"x" * 800)])

    page = await storage.history(HistoryQuery("t", "r", None, limit=100))
    assert storage._bytes <= 10_000
    assert [entry.key for entry in page.entries] == [busy] * len(page.entries)
    assert page.entries[-1].sequence == 39
    assert await storage.last_sequences([quiet]) == [1]


async def test_time_within_a_stream_never_decreases():
    """An entry stamped by a clock that was set back is stored at the time of the one before it."""
    storage = MemoryStorage(max_history=10)
    storage.append_now([Entry(KEY, 1, 500, b"{}"), Entry(KEY, 2, 400, b"{}")])

    page = await storage.history(HistoryQuery(*KEY, limit=10))

    assert [entry.stored_at for entry in page.entries] == [500, 500]


async def test_a_page_is_bounded_in_bytes_and_its_cursor_goes_on():
    """A page of big messages is shorter than asked, and the next one continues it."""
    storage = MemoryStorage(max_history=10)
    storage.append_now([Entry(KEY, n, n, b"x" * 3_000_000) for n in (1, 2, 3)])

    first = await storage.history(HistoryQuery(*KEY, limit=10))
    second = await storage.history(HistoryQuery(*KEY, limit=10, cursor=first.cursor))

    assert [entry.sequence for entry in first.entries] == [3]
    assert [entry.sequence for entry in second.entries] == [2]


async def test_groups_need_durable_storage():
    """Every group method says that memory cannot do it."""
    storage = MemoryStorage(max_history=10)

    for asked in (
        storage.group_create(KEY, "g", from_beginning=True),
        storage.group_read(KEY, "g", "c", 1),
        storage.group_ack(KEY, "g", ["1-0"]),
        storage.group_claim(KEY, "g", "c", 0, 1),
        storage.group_leave(KEY, "g", "c"),
        storage.group_pending(KEY, "g", 1),
    ):
        with pytest.raises(CapabilityUnavailableError):
            await asked


@pytest.mark.parametrize("limit", [1, 3, 7, 40])
async def test_a_page_of_many_streams_leaves_nothing_out(limit):
    """Streams without an entry among the newest are passed over; the pages are those of all entries in order."""
    storage = MemoryStorage(max_history=10)
    rng = random.Random(limit)  # noqa: S311 - a case, no secret
    keys = [StreamKey("acme", "lobby", f"c{number}") for number in range(30)]
    lasts = dict.fromkeys(keys, 0)
    stored = []
    for step in range(60):
        key = rng.choice(keys)
        lasts[key] += 1
        stored += [Entry(key, lasts[key], step // 4, b"{}")]
        storage.append_now(stored[-1:])
    expected = sorted(stored, key=position)

    found: list[Entry] = []
    cursor = None
    while not found or cursor is not None:
        page = await storage.history(HistoryQuery("acme", "lobby", None, limit, cursor=cursor))
        found = page.entries + found
        cursor = page.cursor

    assert found == expected


async def test_a_page_of_very_many_streams_does_not_hold_up_the_loop():
    """One question about a room of 50000 channels took over a second of everybody's time; now it takes some calls for each, and no more."""
    storage = MemoryStorage(max_history=10)
    for number in range(50_000):
        storage.append_now([Entry(StreamKey("acme", "lobby", f"c{number}"), 1, number, b"{}")])

    with counted_calls() as calls:
        page = await storage.history(HistoryQuery("acme", "lobby", None, 100))

    assert calls.count < 10 * 50_000
    assert [entry.stored_at for entry in page.entries] == list(range(49_900, 50_000))
