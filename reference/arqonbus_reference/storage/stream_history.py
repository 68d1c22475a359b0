"""Reading streams: pages over views, replay, last sequences, counts."""

from collections.abc import AsyncIterator, Sequence

from arqonbus_reference.storage import keys
from arqonbus_reference.storage.interface import Entry, HistoryQuery, Page, StreamKey
from arqonbus_reference.storage.lane import script
from arqonbus_reference.storage.questions import Questions, strides
from arqonbus_reference.storage.views import PAGE_BYTES, Part, merged, page, reach, require_no_hole

STREAMS_PER_SCRIPT = 512
"""Streams that one script looks at: what bounds how long it keeps the server busy."""

COUNTED_PER_SCRIPT = 4096


class StreamHistory(Questions):
    """The reading half of the streams storage."""

    async def history(self, query: HistoryQuery) -> Page:
        """A page of history, one script for each 512 streams of the view. Raises: InvalidCursorError."""
        so_far: Part = ([], False)
        async for streams in self._streams_of(query):
            so_far = merged([so_far, await self._newest(streams, query)], query.limit)
        return page(so_far)

    async def replay(
        self, key: StreamKey, from_ms: int, to_ms: int, limit: int, *, strict_sequence: bool
    ) -> tuple[list[Entry], bool]:
        """Entries of the window, oldest first, and whether they are all. Raises: MissingSequenceError."""
        complete, before, behind, *flat = await self._ask(
            script("replay"), (keys.stream(key),), self.max_history, from_ms, to_ms, limit, PAGE_BYTES
        )
        entries = [_entry(key, *row) for row in strides(flat, 3)]
        if strict_sequence:
            require_no_hole(
                entries,
                from_ms=from_ms,
                to_ms=to_ms,
                before=int(before),
                behind=int(behind) if complete else None,
            )
        return entries, complete == 1

    async def stats(self) -> tuple[int, int]:
        """How many streams and how many entries are held."""
        streams = entries = 0
        while True:
            window = (streams, streams + COUNTED_PER_SCRIPT - 1)
            some, theirs = await self._ask(script("count"), (keys.REGISTRY,), keys.STREAM_PREFIX, *window)
            streams += some
            entries += theirs
            if some < COUNTED_PER_SCRIPT:
                return streams, entries

    async def _newest(self, streams: Sequence[StreamKey], query: HistoryQuery) -> Part:
        reaches = [bound for key in streams for bound in reach(key, query)]
        since = -1 if query.since is None else query.since
        more, *flat = await self._ask(
            script("page"),
            tuple(keys.stream(key) for key in streams),
            self.max_history,
            query.limit,
            PAGE_BYTES,
            since,
            *reaches,
        )
        entries = [_entry(streams[number - 1], *row) for number, *row in strides(flat, 4)]
        entries.reverse()
        return entries, more == 1

    async def _streams_of(self, query: HistoryQuery) -> AsyncIterator[list[StreamKey]]:
        """The streams of the view, in its order, some at a time."""
        if query.room is not None and query.channel is not None:
            yield [StreamKey(query.tenant, query.room, query.channel)]
            return
        beginning = (
            keys.names_of_tenant(query.tenant)
            if query.room is None
            else keys.names_of_room(query.tenant, query.room)
        )
        bounds = [b"[" + beginning, b"(" + beginning + b"\xff"]
        while names := await self._ask(script("names"), (keys.REGISTRY,), *bounds, STREAMS_PER_SCRIPT):
            yield sorted(map(keys.key_of, names), key=_room_and_channel)
            bounds[0] = b"(" + names[-1]


def _room_and_channel(key: StreamKey) -> tuple[str, str]:
    return key.room, key.channel or ""


def _entry(key: StreamKey, entry_id: bytes, stored_at: bytes, message: bytes) -> Entry:
    return Entry(key, int(entry_id.partition(b"-")[0]), int(stored_at), message)
