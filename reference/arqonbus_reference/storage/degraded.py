"""Streams while there are any, memory while there are none: loudly, and with the streams made whole afterwards."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

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
from arqonbus_reference.storage.memory import MemoryStorage
from arqonbus_reference.storage.streams import SequenceConflictError, StreamsStorage
from arqonbus_reference.storage.write_back import WriteBack

RETRY_SECONDS = 0.25
"""After a write-back that failed, before the next try."""

Answer = TypeVar("Answer")


class DegradedStorage:
    """Streams, with memory in their place while the server is absent. It implements Storage."""

    def __init__(self, streams: StreamsStorage, *, clock: Callable[[], float], max_history: int) -> None:
        self.on_event: Callable[[StorageEvent], None] = _unheard
        self._streams = streams
        self._clock = clock
        self._max_history = max_history
        self._fallback: MemoryStorage | None = None
        self._reason = ""
        self._highest = 0
        self._append_turn = asyncio.Lock()
        self._writing_back: asyncio.Task[None] | None = None

    @property
    def immediate(self) -> bool:
        """True while degraded, unless an append is still under way: what comes after it may not overtake it."""
        return self._fallback is not None and not self._append_turn.locked()

    def status(self) -> StorageStatus:
        """What is true now, without I/O."""
        if self._fallback is None:
            return self._streams.status()
        return StorageStatus(
            "degraded",
            "redis_streams",
            durable=False,
            status="degraded",
            reason=self._reason,
            persistence="none",
        )

    async def start(self) -> None:
        """Connect, or begin without the server."""
        self._streams.on_event = self._hear
        try:
            await self._streams.start()
        except StorageUnavailableError as error:
            self._degrade(str(error))
            self._streams.watch()

    async def close(self) -> None:
        """Stop watching and disconnect; what was not written back is lost with this process."""
        if self._writing_back is not None:
            self._writing_back.cancel()
            await asyncio.wait({self._writing_back})
        await self._streams.close()

    async def last_sequences(self, keys: Sequence[StreamKey]) -> list[int]:
        """The sequence last used in each stream; for one that cannot be seen the clock in milliseconds, which is beyond it."""
        found = await self._answered(
            lambda: self._streams.last_sequences(keys), lambda memory: self._guessed(memory, keys)
        )
        self._highest = max(self._highest, *found) if found else self._highest
        return found

    def append_now(self, entries: Sequence[Entry]) -> Durability:
        """Keep entries in memory; only while `immediate`. Raises: StorageUnavailableError."""
        if self._fallback is None or self._append_turn.locked():
            raise StorageUnavailableError("appending needs the server now")
        return self._fallback.append_now(entries)

    async def append(self, entries: Sequence[Entry]) -> Durability:
        """Append all or none; when the server fails meanwhile, memory keeps them under the same sequences."""
        async with self._append_turn:
            if self._fallback is None:
                try:
                    return await self._streams.append(entries)
                except SequenceConflictError:
                    raise
                except StorageUnavailableError:
                    # What landed of them is removed before the write-back, which then writes them once.
                    if self._fallback is None:
                        raise
            return self._fallback.append_now(entries)

    async def history(self, query: HistoryQuery) -> Page:
        """A page of what is held where messages go now. Raises: InvalidCursorError."""
        return await self._answered(
            lambda: self._streams.history(query), lambda memory: memory.history(query)
        )

    async def replay(
        self, key: StreamKey, from_ms: int, to_ms: int, limit: int, *, strict_sequence: bool
    ) -> tuple[list[Entry], bool]:
        """Entries of a window of what is held where messages go now. Raises: MissingSequenceError."""
        return await self._answered(
            lambda: self._streams.replay(key, from_ms, to_ms, limit, strict_sequence=strict_sequence),
            lambda memory: memory.replay(key, from_ms, to_ms, limit, strict_sequence=strict_sequence),
        )

    async def stats(self) -> tuple[int, int]:
        """How many streams and entries are held where messages go now."""
        return await self._answered(self._streams.stats, lambda memory: memory.stats())

    async def group_create(self, key: StreamKey, group: str, *, from_beginning: bool) -> bool:
        """As the streams do it. Raises: CapabilityUnavailableError while degraded, as all group methods."""
        return await self._grouped(
            lambda: self._streams.group_create(key, group, from_beginning=from_beginning)
        )

    async def group_read(self, key: StreamKey, group: str, consumer: str, count: int) -> list[GroupEntry]:
        """As the streams do it."""
        return await self._grouped(lambda: self._streams.group_read(key, group, consumer, count))

    async def group_ack(self, key: StreamKey, group: str, entry_ids: Sequence[str]) -> int:
        """As the streams do it."""
        return await self._grouped(lambda: self._streams.group_ack(key, group, entry_ids))

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
        """As the streams do it."""
        return await self._grouped(
            lambda: self._streams.group_claim(
                key, group, consumer, min_idle_ms, count, owner=owner, take_own=take_own
            )
        )

    async def group_leave(self, key: StreamKey, group: str, consumer: str) -> int:
        """As the streams do it."""
        return await self._grouped(lambda: self._streams.group_leave(key, group, consumer))

    async def group_pending(self, key: StreamKey, group: str, count: int) -> tuple[int, list[PendingEntry]]:
        """As the streams do it."""
        return await self._grouped(lambda: self._streams.group_pending(key, group, count))

    async def _answered(
        self, ask: Callable[[], Awaitable[Answer]], recall: Callable[[MemoryStorage], Awaitable[Answer]]
    ) -> Answer:
        if self._fallback is None:
            try:
                return await ask()
            except StorageUnavailableError:
                await self._streams.looked()  # is the server gone, or only this answer?
                if self._fallback is None:
                    raise
        return await recall(self._fallback)

    async def _grouped(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        return await self._answered(ask, _no_groups)

    async def _guessed(self, memory: MemoryStorage, keys: Sequence[StreamKey]) -> list[int]:
        now = max(int(self._clock() * 1000), self._highest)
        held = await memory.last_sequences(keys)
        return [last if memory.holds(key) else now for key, last in zip(keys, held, strict=True)]

    def _hear(self, event: StorageEvent) -> None:
        if event.event_type == "storage.unavailable":
            self._degrade(event.reason)
        elif self._writing_back is None or self._writing_back.done():
            self._writing_back = asyncio.create_task(self._write_back(), name="storage-write-back")

    def _degrade(self, reason: str) -> None:
        self._reason = reason
        if self._fallback is None:
            self._fallback = MemoryStorage(max_history=self._max_history, begins_anywhere=True)
            self._progress = WriteBack(self._fallback, self._streams)
            self.on_event(StorageEvent("storage.degraded", reason))

    async def _write_back(self) -> None:
        """Bring what memory holds into the streams, through as many recoveries as it takes; then change over."""
        while True:
            try:
                await self._progress.catch_up()
                async with (
                    self._append_turn
                ):  # nothing is accepted between the last entry written and the change
                    await self._progress.finish()
                    self._require_streams()
                    self._fallback = None
                    break
            except StorageUnavailableError as error:
                self._reason = str(error)
            await asyncio.sleep(RETRY_SECONDS)
            await self._streams.until_available()
        self.on_event(
            StorageEvent(
                "storage.recovered",
                "the server answers again",
                written_back=self._progress.written,
                lost=self._progress.lost,
            )
        )

    def _require_streams(self) -> None:
        status = self._streams.status()
        if status.status != "ok":
            raise StorageUnavailableError(status.reason or "unavailable")


async def _no_groups(_memory: MemoryStorage) -> Answer:
    raise CapabilityUnavailableError("consumer groups need durable storage")


def _unheard(event: StorageEvent) -> None:
    """Nobody listens."""
