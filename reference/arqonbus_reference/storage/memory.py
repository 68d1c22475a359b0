"""Storage in this process: bounded, gone with it."""

import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from operator import attrgetter
from typing import NoReturn

from arqonbus_reference.storage.interface import (
    CapabilityUnavailableError,
    Durability,
    Entry,
    GroupEntry,
    HistoryQuery,
    Page,
    PendingEntry,
    StorageEvent,
    StorageStatus,
    StorageUnavailableError,
    StreamKey,
)
from arqonbus_reference.storage.views import PAGE_BYTES, page, position, reach, require_no_hole

MAX_STREAMS = 100_000
"""Streams held at most. One more is refused: forgetting one would forget, and reuse, its sequence."""

MEMORY_BYTES = 256 * 1024 * 1024
"""Stored messages together, each counted with `ENTRY_OVERHEAD_BYTES`; beyond, the streams longest without a message lose their oldest until a quarter is free."""

ENTRY_OVERHEAD_BYTES = 200

_stored_at = attrgetter("stored_at")
_sequence = attrgetter("sequence")
_last_stored_at = attrgetter("last_stored_at")


class _Stream:
    """The newest entries of one stream: `entries[head:]`; what lies before the head is forgotten and awaits one removal for many."""

    __slots__ = ("entries", "head", "last", "last_stored_at", "origin")

    def __init__(self, origin: int) -> None:
        self.entries: list[Entry | None] = []
        self.head = 0
        self.last = origin
        self.last_stored_at = 0
        self.origin = origin

    @property
    def held(self) -> int:
        """How many entries are not forgotten."""
        return len(self.entries) - self.head

    def drop_oldest(self) -> int:
        """Forget the oldest entry; the bytes given back."""
        oldest = self.entries[self.head]
        assert oldest is not None  # noqa: S101 - tells the type checker what `head` means
        self.entries[self.head] = None
        self.head += 1
        if self.head > 64 and self.head * 2 > len(self.entries):
            del self.entries[: self.head]
            self.head = 0
        return len(oldest.message) + ENTRY_OVERHEAD_BYTES

    def first_from(self, ms: int) -> int:
        """Index of the first entry stored at `ms` or later."""
        return bisect_left(self.entries, ms, lo=self.head, key=_stored_at)

    def newest_down_to(self, stored_at: int, sequence: int, since: int) -> Iterator[Entry]:
        """Entries within the bounds, the newest first."""
        end = bisect_right(self.entries, stored_at, lo=self.head, key=_stored_at)
        end = min(end, bisect_right(self.entries, sequence, lo=self.head, key=_sequence))
        for index in range(end - 1, self.head - 1, -1):
            entry = self.entries[index]
            if entry is None or entry.stored_at < since:
                return
            yield entry


class MemoryStorage:
    """Every stream's newest `max_history` entries; healthy and not durable. It implements Storage.

    A new stream begins at sequence 1, or with `begins_anywhere` at whatever sequence its first entry has.
    """

    immediate = True

    def __init__(self, *, max_history: int, begins_anywhere: bool = False) -> None:
        self._max_history = max_history
        self._begins_anywhere = begins_anywhere
        self._streams: dict[StreamKey, _Stream] = {}
        self._rooms: dict[str, dict[str, dict[StreamKey, None]]] = {}
        self._bytes = 0
        self.on_event: Callable[[StorageEvent], None] = _unheard
        """Never called: nothing changes here."""

    def status(self) -> StorageStatus:
        """Healthy, not durable."""
        return StorageStatus(
            "degraded", "memory", durable=False, status="ok", reason=None, persistence="none"
        )

    async def start(self) -> None:
        """Nothing to connect to."""

    async def close(self) -> None:
        """Nothing to disconnect."""

    async def last_sequences(self, keys: Sequence[StreamKey]) -> list[int]:
        """The sequence last used in each stream, 0 for a new one."""
        return [self._streams[key].last if key in self._streams else 0 for key in keys]

    def holds(self, key: StreamKey) -> bool:
        """True when something was ever appended to `key`."""
        return key in self._streams

    def append_now(self, entries: Sequence[Entry]) -> Durability:
        """Append all or none.

        Raises:
            StorageUnavailableError: a stream beyond `MAX_STREAMS`, or a sequence that does not follow the last one.
        """
        for key, origin in self._new_streams(entries).items():
            self._streams[key] = _Stream(origin)
            self._rooms.setdefault(key.tenant, {}).setdefault(key.room, {})[key] = None
        self._keep(entries)
        if self._bytes > MEMORY_BYTES:
            self._forget_beyond_bound()
        return "memory"

    async def append(self, entries: Sequence[Entry]) -> Durability:
        """As `append_now`."""
        return self.append_now(entries)

    async def history(self, query: HistoryQuery) -> Page:
        """A page of history. Raises: InvalidCursorError."""
        since = -1 if query.since is None else query.since
        newest = heapq.merge(*self._newest_of(query, since), key=position, reverse=True)
        taken, more = _taken(newest, query.limit)
        taken.reverse()
        return page((taken, more))

    async def replay(
        self, key: StreamKey, from_ms: int, to_ms: int, limit: int, *, strict_sequence: bool
    ) -> tuple[list[Entry], bool]:
        """Entries of the window, oldest first, and whether they are all. Raises: MissingSequenceError."""
        stream = self._streams.get(key)
        if stream is None:
            return [], True
        start = stream.first_from(from_ms)
        window = (
            entry for entry in stream.entries[start : start + limit + 1] if entry and entry.stored_at <= to_ms
        )
        entries, more = _taken(window, limit)
        if strict_sequence:
            require_no_hole(
                entries,
                from_ms=from_ms,
                to_ms=to_ms,
                before=stream.origin if start == stream.head else entries[0].sequence - 1 if entries else 0,
                behind=None,
            )
        return entries, not more

    async def stats(self) -> tuple[int, int]:
        """How many streams and how many entries are held."""
        return len(self._streams), sum(stream.held for stream in self._streams.values())

    def spans(self) -> list[tuple[StreamKey, int, int]]:
        """Each stream with the sequence before its first entry ever and its last sequence."""
        return [(key, stream.origin, stream.last) for key, stream in self._streams.items()]

    def entries_behind(self, key: StreamKey, sequence: int, count: int) -> list[Entry]:
        """The first `count` entries of a held stream after `sequence`, without those that fell off."""
        stream = self._streams[key]
        start = bisect_right(stream.entries, sequence, lo=stream.head, key=_sequence)
        return [entry for entry in stream.entries[start : start + count] if entry is not None]

    async def group_create(self, key: StreamKey, group: str, *, from_beginning: bool) -> bool:
        """Raise CapabilityUnavailableError, as all group methods: groups outlive connections, memory does not outlive us."""
        _no_groups()

    async def group_read(self, key: StreamKey, group: str, consumer: str, count: int) -> list[GroupEntry]:
        """Raise CapabilityUnavailableError."""
        _no_groups()

    async def group_ack(self, key: StreamKey, group: str, entry_ids: Sequence[str]) -> int:
        """Raise CapabilityUnavailableError."""
        _no_groups()

    async def group_claim(
        self,
        key: StreamKey,
        group: str,
        consumer: str,
        min_idle_ms: int,
        count: int,
        *,
        owner: str | None = None,
        take_own: bool = True,
    ) -> list[GroupEntry]:
        """Raise CapabilityUnavailableError."""
        _no_groups()

    async def group_leave(self, key: StreamKey, group: str, consumer: str) -> int:
        """Raise CapabilityUnavailableError."""
        _no_groups()

    async def group_pending(self, key: StreamKey, group: str, count: int) -> tuple[int, list[PendingEntry]]:
        """Raise CapabilityUnavailableError."""
        _no_groups()

    def _new_streams(self, entries: Sequence[Entry]) -> dict[StreamKey, int]:
        """Streams that `entries` begin, each with the sequence before its first entry. Raises: StorageUnavailableError."""
        lasts: dict[StreamKey, int] = {}
        origins: dict[StreamKey, int] = {}
        for key, sequence, _, _ in entries:
            last = lasts.get(key)
            if last is None:
                stream = self._streams.get(key)
                if stream is None:
                    last = origins[key] = sequence - 1 if self._begins_anywhere else 0
                else:
                    last = stream.last
            if sequence != last + 1:
                raise StorageUnavailableError(f"sequence {sequence} does not follow {last}")
            lasts[key] = sequence
        if origins and len(self._streams) + len(origins) > MAX_STREAMS:
            raise StorageUnavailableError(f"more than {MAX_STREAMS} streams")
        return origins

    def _keep(self, entries: Sequence[Entry]) -> None:
        key: StreamKey | None = None
        for entry in entries:
            if entry.key is not key:
                key = entry.key
                stream = self._streams[key]
            if entry.stored_at < stream.last_stored_at:
                # The clock was set back: time within a stream does not follow it.
                entry = entry._replace(stored_at=stream.last_stored_at)  # noqa: PLW2901
            stream.entries.append(entry)
            stream.last = entry.sequence
            stream.last_stored_at = entry.stored_at
            self._bytes += len(entry.message) + ENTRY_OVERHEAD_BYTES
            if len(stream.entries) - stream.head > self._max_history:
                self._bytes -= stream.drop_oldest()

    def _forget_beyond_bound(self) -> None:
        """Forget the oldest entries of one stream after another, those longest without a message first."""
        by_age = sorted((stream for stream in self._streams.values() if stream.held), key=_last_stored_at)
        for stream in by_age:
            while stream.held and self._bytes > MEMORY_BYTES * 3 // 4:
                self._bytes -= stream.drop_oldest()

    def _newest_of(self, query: HistoryQuery, since: int) -> list[Iterator[Entry]]:
        """For each stream of the view that the page may need its entries, the newest first.

        A page and the knowledge of more need `limit` + 1 entries: where as many streams have one at some time or later, those
        with older ones only are left out. So a view of a hundred thousand streams does not hold up the event loop for seconds.
        """
        found: list[tuple[Entry, Iterator[Entry]]] = []
        keys = [key for key in self._keys_of(query) if self._streams[key].held]
        if query.cursor is None and query.until is None and len(keys) > query.limit:
            lasts = [self._streams[key].last_stored_at for key in keys]
            oldest = heapq.nlargest(query.limit + 1, lasts)[-1]
            keys = [key for key, last in zip(keys, lasts, strict=True) if last >= oldest]
        for key in keys:
            entries = self._streams[key].newest_down_to(*reach(key, query), since)
            first = next(entries, None)
            if first is not None:
                found.append((first, entries))
        if len(found) > query.limit:
            oldest = heapq.nlargest(query.limit + 1, (first.stored_at for first, _ in found))[-1]
            found = [pair for pair in found if pair[0].stored_at >= oldest]
        return [chain((first,), entries) for first, entries in found]

    def _keys_of(self, query: HistoryQuery) -> Iterable[StreamKey]:
        rooms = self._rooms.get(query.tenant, {})
        if query.room is None:
            return [key for keys in rooms.values() for key in keys]
        keys = rooms.get(query.room, {})
        if query.channel is None:
            return keys
        key = StreamKey(query.tenant, query.room, query.channel)
        return [key] if key in keys else []


def _taken(entries: Iterable[Entry], limit: int) -> tuple[list[Entry], bool]:
    """The first `limit` entries, or fewer where they reach `PAGE_BYTES`; and whether there are more."""
    taken: list[Entry] = []
    size = 0
    for entry in entries:
        size += len(entry.message)
        if taken and (len(taken) == limit or size > PAGE_BYTES):
            return taken, True
        taken.append(entry)
    return taken, False


def _no_groups() -> NoReturn:
    raise CapabilityUnavailableError("consumer groups need durable storage")


def _unheard(event: StorageEvent) -> None:
    """Nobody listens."""
