"""Bringing what was accepted in memory into the streams, in order and under its own sequences."""

from arqonbus_reference.storage.interface import StreamKey
from arqonbus_reference.storage.memory import MemoryStorage
from arqonbus_reference.storage.streams import StreamsStorage

WRITTEN_AT_ONCE = 1000
"""Entries of one stream written in one go."""

CATCH_UP_ROUNDS = 8
"""Rounds while messages are still accepted into memory; what those bring in is less each time, and the last waits."""


class WriteBack:
    """How far the entries of `memory` are in `streams`; it goes on where it was after a failure."""

    def __init__(self, memory: MemoryStorage, streams: StreamsStorage) -> None:
        self._memory = memory
        self._streams = streams
        self._reached: dict[StreamKey, int] = {}
        self.written = 0
        """Entries that the streams hold now."""
        self.lost = 0
        """Entries that fell off memory before, or whose sequence another writer used."""

    async def catch_up(self) -> None:
        """Write what is there, while more may come. Raises: StorageUnavailableError."""
        for _ in range(CATCH_UP_ROUNDS):
            if not await self._round():
                return

    async def finish(self) -> None:
        """Write the rest; nothing may be added to the memory meanwhile. Raises: StorageUnavailableError."""
        while await self._round():
            pass

    async def _round(self) -> bool:
        """Write what each stream has now; False when there was nothing."""
        behind = [
            (key, last)
            for key, origin, last in self._memory.spans()
            if self._reached.setdefault(key, origin) < last
        ]
        for key, last in behind:
            while self._reached[key] < last:
                await self._advance(key, last)
        return bool(behind)

    async def _advance(self, key: StreamKey, last: int) -> None:
        """Bring one stream some entries further towards `last`."""
        reached = self._reached[key]
        entries = self._memory.entries_behind(key, reached, WRITTEN_AT_ONCE)
        if not entries:
            await self._streams.advance(key, last)
            self.lost += last - reached
            self._reached[key] = last
            return
        held = await self._streams.write_back(entries)
        self.written += held
        self.lost += entries[-1].sequence - reached - held
        self._reached[key] = entries[-1].sequence
