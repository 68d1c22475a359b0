"""Storage in a Redis or Valkey server: one stream per (tenant, room, channel), entry ids `<sequence>-0`.

Three kinds of connections ("lanes"): one writes, one watches and repairs, some read. What a read shows was acknowledged:
a read waits for the write in flight when it was answered, and fails if that write failed. So an own append that returned is
seen by every later read (the server carried it out before), and an entry whose write failed is seen by none.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

from arqonbus_reference.storage import keys
from arqonbus_reference.storage.batches import Batch, batches
from arqonbus_reference.storage.doubt import Doubt, mark
from arqonbus_reference.storage.interface import (
    CapabilityUnavailableError,
    Durability,
    Entry,
    StorageEvent,
    StorageStatus,
    StorageUnavailableError,
    StreamKey,
    UnknownGroupError,
)
from arqonbus_reference.storage.lane import Lane, ResponseError, Script, Word, script
from arqonbus_reference.storage.persistence import PersistenceLook, look
from arqonbus_reference.storage.questions import strides
from arqonbus_reference.storage.stream_groups import StreamGroups
from arqonbus_reference.storage.stream_history import StreamHistory

WATCH_SECONDS = 0.25
"""Between two looks at whether the server lives, or has come back."""

LOOKS_PER_PERSISTENCE_LOOK = 20

FENCE_MS = 3_600_000
"""A writer's fence is gone this long after its writer; without it nothing of that writer is accepted."""

READERS = 4
"""Connections for reading: a big page does not hold up the others, nor the writes."""

KEYS_PER_SCRIPT = 256
"""Streams of which one script gives the last sequence."""


class SequenceConflictError(StorageUnavailableError):
    """A stream does not stand where the caller's sequences begin: ask for `last_sequences` again. Nothing was written."""


class StreamsStorage(StreamHistory, StreamGroups):
    """Streams of a server at `url`, each with its newest `max_history` entries. It implements Storage."""

    immediate = False

    def __init__(
        self,
        url: str,
        *,
        timeout_seconds: float,
        max_history: int,
        mode: Literal["strict", "degraded"] = "strict",
    ) -> None:
        self.max_history = max_history
        self.on_event: Callable[[StorageEvent], None] = _unheard
        self._mode: Literal["strict", "degraded"] = mode
        self._timeout_seconds = timeout_seconds
        self._writer = Lane(url, timeout_seconds)
        self._watcher = Lane(url, timeout_seconds)
        self._readers = [Lane(url, timeout_seconds) for _ in range(READERS)]
        self._next_reader = 0
        self._name = secrets.token_hex(16)
        self._epoch = 0
        self._reason: str | None = "not connected yet"
        self._persistence = PersistenceLook("not_visible", None)
        self._doubt = Doubt()
        self._append_turn = asyncio.Lock()
        self._writing: asyncio.Future[None] | None = None
        self._failures = 0
        self._stored_at_floor = 0
        self._alarm = asyncio.Event()
        self._available = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None

    def status(self) -> StorageStatus:
        """What is true now, without I/O."""
        seen = self._persistence
        return StorageStatus(
            self._mode,
            "redis_streams",
            durable=self._reason is None and seen.persistence != "off",
            status="ok" if self._reason is None else "unavailable",
            reason=self._reason or seen.window,
            persistence=seen.persistence,
        )

    async def start(self) -> None:
        """Connect, look at the server's persistence, begin watching it. Raises: StorageUnavailableError."""
        await self._recover()
        self.watch()

    def watch(self) -> None:
        """Begin watching the server, there or not."""
        self._look_done = asyncio.get_running_loop().create_future()
        self._watching = asyncio.create_task(self._watch(), name="storage-watch")
        self._watching.add_done_callback(_surfaced)

    async def close(self) -> None:
        """Stop watching and disconnect; no write of ours still under way is accepted afterwards."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait({self._watching})
        if self._reason is None:
            self._reason = "closed"
            try:
                await self._watcher.call("DEL", keys.fence(self._name))
            except (StorageUnavailableError, ResponseError):
                self._reason = "closed; its fence remains until it expires"
        for lane in (self._writer, self._watcher, *self._readers):
            await lane.close()

    async def last_sequences(self, streams: Sequence[StreamKey]) -> list[int]:
        """The sequence last used in each stream, 0 for a new one; it survives trimming and deletion."""
        found: list[int] = []
        for at in range(0, len(streams), KEYS_PER_SCRIPT):
            some = tuple(keys.stream(key) for key in streams[at : at + KEYS_PER_SCRIPT])
            for last, stored_at in strides(await self._ask(script("last"), some), 2):
                found.append(int(last))
                self._stored_at_floor = max(self._stored_at_floor, int(stored_at))
        return found

    def append_now(self, entries: Sequence[Entry]) -> Durability:
        """Not here: appending needs the server. Raises: StorageUnavailableError."""
        raise StorageUnavailableError("appending to streams needs the server")

    async def append(self, entries: Sequence[Entry]) -> Durability:
        """Append all entries or none, in one round trip (of `BATCH_ENTRIES` or `BATCH_BYTES` each).

        Raises:
            SequenceConflictError: a sequence does not follow its stream's last one.
            StorageUnavailableError: refused or not answered; what may have landed is removed before service resumes.
        """
        async with self._append_session():
            await self._write(entries, {}, self._stored_at_floor)
        return "memory" if self._persistence.persistence == "off" else "durable"

    async def write_back(self, entries: Sequence[Entry]) -> int:
        """Append entries of one stream that were accepted elsewhere, wherever the stream stands; how many it holds of them.

        Raises:
            StorageUnavailableError: not carried out; may be called again with the same entries.
        """
        key, stream = entries[0].key, keys.stream(entries[0].key)
        marks = [word for entry in entries for word in mark(entry)]
        last, stored_at, held = await self._ask(script("write_back"), (stream,), *marks)
        if int(last) < 0:
            return 0  # a foreign value: they are lost, and the other streams must not wait for it
        behind = [entry for entry in entries if entry.sequence > int(last)]
        async with self._append_session():
            await self._write(behind, {key: int(last)}, int(stored_at))
        return int(held) + len(behind)

    async def advance(self, key: StreamKey, sequence: int) -> None:
        """Let the stream's next sequence be beyond `sequence`. Raises: StorageUnavailableError."""
        stream = keys.stream(key)
        name = stream.removeprefix(keys.STREAM_PREFIX)
        await self._ask(script("advance"), (stream, keys.REGISTRY), sequence, name)

    async def looked(self) -> None:
        """Return after the watch has looked at the server again: the status is fresh then."""
        self._alarm.set()
        if self._watching is not None:
            await asyncio.wait({self._watching, self._look_done}, return_when=asyncio.FIRST_COMPLETED)

    async def until_available(self) -> None:
        """Return when the server serves."""
        await self._available.wait()

    @asynccontextmanager
    async def _append_session(self) -> AsyncIterator[None]:
        """The writer's turn: one append after the other, in the order of the calls."""
        self._require_available()
        async with self._append_turn:
            self._require_available()
            self._writing = asyncio.get_running_loop().create_future()
            try:
                yield
            finally:
                self._writing.set_result(None)
                self._writing = None

    async def _write(
        self, entries: Sequence[Entry], lasts: dict[StreamKey, int], stored_at_floor: int
    ) -> None:
        written: list[Entry] = []
        for batch in batches(entries, lasts, stored_at_floor):
            written += batch.entries
            try:
                reply = await self._send(batch)
            except BaseException as error:  # cancelled too: the command is on its way
                self._fail(_reason_of(error), in_doubt=written)
                if isinstance(error, ResponseError):
                    raise StorageUnavailableError(_reason_of(error)) from error
                raise
            if reply != 0:
                self._refused(reply, batch, written[: -len(batch.entries)])
            self._stored_at_floor = max(self._stored_at_floor, batch.stored_at)

    async def _send(self, batch: Batch) -> int:
        fence = keys.fence(self._name)
        reply = await self._writer.run(
            script("append"),
            (fence, keys.REGISTRY, *batch.streams),
            self._epoch,
            self.max_history,
            len(keys.STREAM_PREFIX),
            *batch.words,
        )
        return int(reply)

    def _refused(self, reply: int, batch: Batch, written: list[Entry]) -> None:
        """Raise for a batch of which nothing was written; `written` are the entries of earlier batches of the same call."""
        if reply < 0:
            self._fail("the server no longer knows this writer", in_doubt=written)
            raise StorageUnavailableError("the server no longer knows this writer")
        if written:
            self._fail("another writer appended to the same stream", in_doubt=written)
        raise SequenceConflictError(f"{batch.streams[reply - 1]!r} stands at another sequence")

    async def _ask(self, lua: Script, streams: tuple[Word, ...], *args: Word) -> Any:
        self._require_available()
        failures = self._failures
        deadline = asyncio.get_running_loop().time() + self._timeout_seconds
        self._next_reader = (self._next_reader + 1) % READERS
        try:
            reply = await self._readers[self._next_reader].run(lua, streams, *args)
        except StorageUnavailableError:
            self._alarm.set()
            raise
        except ResponseError as error:
            if _says_unknown_group(error):
                raise UnknownGroupError from error
            raise StorageUnavailableError(_reason_of(error)) from error
        if (writing := self._writing) is not None:
            left = deadline - asyncio.get_running_loop().time()
            await asyncio.wait({writing}, timeout=max(0.0, left))
        if self._failures != failures or (writing is not None and not writing.done()):
            raise StorageUnavailableError(self._reason or "a write is not settled")
        return reply

    def _require_groups(self) -> None:
        if self._reason is None and self._persistence.persistence == "off":
            raise CapabilityUnavailableError("consumer groups need durable storage")

    def _require_available(self) -> None:
        if self._reason is not None:
            raise StorageUnavailableError(self._reason)

    def _fail(self, reason: str, *, in_doubt: list[Entry] | None = None) -> None:
        self._failures += 1
        self._available.clear()
        self._doubt.add(in_doubt or [])
        self._alarm.set()
        if self._reason is None:
            self._reason = reason
            self.on_event(StorageEvent("storage.unavailable", reason))

    async def _watch(self) -> None:
        looks = 0
        while True:
            try:
                async with asyncio.timeout(WATCH_SECONDS):
                    await self._alarm.wait()
            except TimeoutError:
                looks += 1
            self._alarm.clear()
            try:
                await self._look(looks)
            except (StorageUnavailableError, ResponseError) as error:
                self._fail(_reason_of(error))
                self._reason = _reason_of(error)
                self._alarm.clear()  # our own: the next look comes after the pause
            self._look_done.set_result(None)
            self._look_done = asyncio.get_running_loop().create_future()

    async def _look(self, looks: int) -> None:
        if self._reason is not None:
            await self._recover()
            self.on_event(StorageEvent("storage.recovered", "the server answers again"))
        elif looks % LOOKS_PER_PERSISTENCE_LOOK == 0:
            await self._watcher.call("SET", keys.fence(self._name), self._epoch, "PX", FENCE_MS)
            self._persistence = await look(self._watcher)
        else:
            await self._watcher.call("PING")

    async def _recover(self) -> None:
        """Fence off what is still under way, remove what is in doubt; then, and only then, serve.

        A server that hung may yet find an old command in an old connection: after the new epoch is set it is refused, and
        before that it has landed where the removal finds it.
        """
        async with self._append_turn:
            for lane in (self._writer, *self._readers):
                await lane.close()  # connections to what is gone, or with replies still to come
            self._epoch += 1
            try:
                await self._watcher.call("SET", keys.fence(self._name), self._epoch, "PX", FENCE_MS)
                await self._doubt.settle(self._watcher, keys.workshop(self._name))
                self._persistence = await look(self._watcher)
            except ResponseError as error:
                raise StorageUnavailableError(_reason_of(error)) from error
            self._reason = None
            self._available.set()


def _reason_of(error: BaseException) -> str:
    if isinstance(error, StorageUnavailableError):
        return str(error)
    if isinstance(error, ResponseError):
        return f"the server refused: {str(error).partition(' script:')[0][:120]}"
    return "a write was given up"


def _says_unknown_group(error: ResponseError) -> bool:
    return "NOGROUP" in str(error) or "no such key" in str(error)


def _surfaced(task: asyncio.Task[None]) -> None:
    """The watch never ends by itself: what ended it is a fault of ours, and nobody awaits it."""
    if not task.cancelled() and (error := task.exception()) is not None:
        task.get_loop().call_exception_handler(
            {"message": "the storage watch ended", "exception": error, "task": task}
        )


def _unheard(event: StorageEvent) -> None:
    """Nobody listens."""
