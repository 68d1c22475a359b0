"""Every view of every storage against one list in order."""

import asyncio
import itertools
from collections.abc import Iterator

import pytest
from arqonbus_reference.storage import views
from arqonbus_reference.storage.interface import (
    Entry,
    HistoryQuery,
    InvalidCursorError,
    MissingSequenceError,
    Storage,
    StreamKey,
)
from arqonbus_reference.storage.memory import MemoryStorage
from arqonbus_reference.storage.streams import StreamsStorage
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

VISIBLE = 8
STREAMS = [(room, channel) for room in ("a", "a-b", "a.b") for channel in (None, "a", "z", "Z")]
fresh = itertools.count()

# Few rooms, many ties: what is hard is the order of entries stored in the same millisecond across pages.
appends = st.lists(
    st.tuples(st.sampled_from(STREAMS[:6]) | st.sampled_from(STREAMS), st.sampled_from([0, 0, 1, 2])),
    max_size=60,
)
bounds = st.none() | st.integers(0, 40)
queries = st.tuples(
    st.sampled_from([("a", "*"), (None, None)])
    | st.sampled_from([*STREAMS, ("a", "*"), ("a-b", "*"), (None, None), ("nowhere", "*"), ("a", "unknown")]),
    st.integers(1, 5),
    bounds,
    bounds,
)


def stored(tenant: str, steps: list[tuple[tuple[str, str | None], int]]) -> list[Entry]:
    """The entries that `steps` (stream, milliseconds since the one before) stand for."""
    last: dict[StreamKey, int] = {}
    now = 0
    entries = []
    for (room, channel), pause in steps:
        key = StreamKey(tenant, room, channel)
        last[key] = last.get(key, 0) + 1
        now += pause
        entries.append(Entry(key, last[key], now, b'{"of":"%d"}' % len(entries)))
    return entries


def visible(entries: list[Entry]) -> list[Entry]:
    """The newest entries of each stream, in the order of views."""
    newest = {entry.key: entry.sequence for entry in entries}
    kept = [entry for entry in entries if entry.sequence > newest[entry.key] - VISIBLE]
    return sorted(kept, key=views.position)


def in_view(entry: Entry, room: str | None, channel: str | None) -> bool:
    return room is None or (entry.key.room == room and channel in ("*", entry.key.channel))


async def pages(storage: Storage, query: HistoryQuery) -> list[list[Entry]]:
    """All pages, the newest first."""
    found = []
    while True:
        page = await storage.history(query)
        found.append(page.entries)
        if page.cursor is None:
            return found
        query = query._replace(cursor=page.cursor)


async def check(storage: Storage, tenant: str, steps, asked) -> None:
    (room, channel), limit, since, until = asked
    entries = stored(tenant, steps)
    for entry in entries:
        await storage.append([entry])
    query = HistoryQuery(tenant, room, None if channel == "*" else channel, limit, since, until)

    found = await pages(storage, query)

    expected = [
        entry
        for entry in visible(entries)
        if in_view(entry, room, "*" if query.channel is None else channel)
        and (since is None or entry.stored_at >= since)
        and (until is None or entry.stored_at <= until)
    ]
    assert [entry for page in reversed(found) for entry in page] == expected
    assert [len(page) for page in found[:-1]] == [limit] * (len(found) - 1)
    assert len(found[-1]) == len(expected) - limit * (len(found) - 1)


@given(appends, queries)
def test_pages_of_memory_are_contiguous_down_to_the_oldest(steps, asked):
    """Following cursors gives every visible entry of the view within the bounds, once, in order, in full pages."""
    asyncio.run(check(MemoryStorage(max_history=VISIBLE), "t", steps, asked))


@pytest.fixture(scope="module")
def connected(shared_valkey_url: str) -> Iterator[tuple[asyncio.Runner, StreamsStorage]]:
    with asyncio.Runner() as runner:
        storage = StreamsStorage(shared_valkey_url, timeout_seconds=5, max_history=VISIBLE)
        runner.run(storage.start())
        yield runner, storage
        runner.run(storage.close())


@given(appends, queries)
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
def test_pages_of_streams_are_contiguous_down_to_the_oldest(connected, steps, asked):
    """Streams give the pages that memory gives."""
    runner, storage = connected
    storage._stored_at_floor = 0

    runner.run(check(storage, f"t{next(fresh)}", steps, asked))


@given(
    st.lists(st.integers(0, 3), max_size=25),
    st.integers(0, 40),
    st.integers(0, 40),
    st.integers(1, 12),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_replay_gives_the_window_and_says_whether_it_is_complete(connected, pauses, start, length, limit):
    """Streams and memory replay the same entries: those of the window, oldest first, up to the limit."""
    runner, streams = connected
    streams._stored_at_floor = 0
    key = StreamKey(f"t{next(fresh)}", "r", "c")
    entries = stored(key.tenant, [((key.room, key.channel), pause) for pause in pauses])
    memory = MemoryStorage(max_history=VISIBLE)
    window = [entry for entry in visible(entries) if start <= entry.stored_at <= start + length]

    memory.append_now(entries)
    runner.run(streams.append(entries))
    answers = [
        runner.run(storage.replay(key, start, start + length, limit, strict_sequence=False))
        for storage in (memory, streams)
    ]

    assert answers == [(window[:limit], len(window) <= limit)] * 2


async def outcome(storage: Storage, key: StreamKey, from_ms: int, to_ms: int) -> str:
    try:
        entries, _ = await storage.replay(key, from_ms, to_ms, 100, strict_sequence=True)
    except MissingSequenceError as missing:
        return f"missing {missing.first}-{missing.last}"
    return f"{len(entries)} entries"


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ((0, 99), "missing 1-4"),
        ((5, 99), "8 entries"),
        ((4, 4), "0 entries"),
        ((6, 9), "4 entries"),
        ((7, 6), "0 entries"),
        ((50, 99), "0 entries"),
    ],
)
def test_what_was_trimmed_away_is_missing_from_a_window_that_begins_before_it(connected, window, expected):
    """With twelve entries a millisecond apart, of which eight remain, both storages name what is gone."""
    runner, streams = connected
    streams._stored_at_floor = 0
    key = StreamKey(f"t{next(fresh)}", "r", "c")
    entries = stored(key.tenant, [((key.room, key.channel), 1)] * 12)
    memory = MemoryStorage(max_history=VISIBLE)

    memory.append_now(entries)
    runner.run(streams.append(entries))

    assert runner.run(outcome(memory, key, *window)) == expected
    assert runner.run(outcome(streams, key, *window)) == expected


@pytest.mark.parametrize(
    ("window", "expected"), [((0, 99), "missing 3-3"), ((1, 2), "2 entries"), ((4, 9), "3 entries")]
)
def test_a_hole_within_the_window_is_named(connected, window, expected):
    """Replay with strict_sequence refuses a window with a deleted entry in it, and no other."""
    runner, streams = connected
    streams._stored_at_floor = 0
    key = StreamKey(f"t{next(fresh)}", "r", "c")
    entries = stored(key.tenant, [((key.room, key.channel), 1)] * 6)

    runner.run(streams.append(entries))
    runner.run(streams._watcher.call("XDEL", b"arqonbus:1:stream:%s:r:c" % key.tenant.encode(), "3-0"))

    assert runner.run(outcome(streams, key, *window)) == expected


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_a_text_that_is_no_cursor_is_refused(text: str):
    """Only what a page gave is a cursor."""
    with pytest.raises(InvalidCursorError):
        views.position_of(text)


@given(st.integers(0, 2**50), st.sampled_from(STREAMS), st.integers(1, 2**50))
def test_a_cursor_leads_back_to_its_entry(stored_at, stream, sequence):
    """A cursor names one position, and no other spelling of it is accepted."""
    entry = Entry(StreamKey("t", *stream), sequence, stored_at, b"{}")

    cursor = views.cursor_of(entry)

    assert views.position_of(cursor) == views.position(entry)
    with pytest.raises(InvalidCursorError):
        views.position_of(cursor + "=")


def test_where_a_part_was_cut_short_nothing_older_is_shown():
    """A page of several parts ends where the first of them withheld entries."""
    old, middle, new = (Entry(StreamKey("t", "r", "c"), n, n, b"{}") for n in (1, 2, 3))

    assert views.merged([([middle], True), ([old, new], False)], 10) == ([middle, new], True)
