"""One consumer group on its way to the push consumers of this process."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from arqonbus_reference.storage.interface import (
    CapabilityUnavailableError,
    GroupEntry,
    Storage,
    StorageUnavailableError,
    StreamKey,
    UnknownGroupError,
)

READ_AT_ONCE = 32
"""Entries read for one consumer before the next one's turn."""

REDELIVERED_AT_ONCE = 256

MAX_DEPARTED = 1024
"""Departed clients remembered per group; what others left waits for `min_idle_ms`."""

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.Encoder().encode


class Consumer:
    """A client in the group: what is out to it, and how much may be."""

    __slots__ = ("client_id", "deliver", "out", "prefetch")

    def __init__(self, client_id: str, deliver: Callable[[bytes], None], prefetch: int) -> None:
        self.client_id = client_id
        self.deliver = deliver
        self.prefetch = prefetch
        self.out: set[str] = set()

    @property
    def credit(self) -> int:
        """How many more entries may be sent to it."""
        return max(0, self.prefetch - len(self.out))


class GroupFeed:
    """Sends the entries of one group. Only its own task talks to the storage, one question after the other."""

    def __init__(self, storage: Storage, key: StreamKey, group: str, *, min_idle_ms: int) -> None:
        self.key = key
        self.group = group
        self.consumers: dict[str, Consumer] = {}
        self.departed: dict[str, None] = {}
        """Clients that left with entries perhaps pending: these go to others at once."""
        self._storage = storage
        self._min_idle_ms = min_idle_ms
        self._poll_seconds = min(1.0, max(0.05, min_idle_ms / 2000))
        self._reclaim_at = 0.0
        self._woken = asyncio.Event()
        self._stumbled = False

    def wake(self) -> None:
        """Look for entries now."""
        self._woken.set()

    def remove(self, client_id: str) -> None:
        """The client is gone."""
        if self.consumers.pop(client_id, None) is not None:
            self.departed[client_id] = None
            if len(self.departed) > MAX_DEPARTED:
                del self.departed[next(iter(self.departed))]
            self.wake()

    def acked(self, entry_ids: Iterable[str]) -> None:
        """These entries are out no more."""
        gone = set(entry_ids)
        for consumer in self.consumers.values():
            consumer.out -= gone
        self.wake()

    async def run(self) -> None:
        """Send until the last consumer is gone; on return `departed` names those that left something behind."""
        while True:
            try:
                await self._pump()
            except (StorageUnavailableError, CapabilityUnavailableError):
                # What was read and not sent is found again by asking for what is pending to our consumers.
                self._stumbled = True
                await asyncio.sleep(self._poll_seconds)
            if not self.consumers:
                return
            try:
                async with asyncio.timeout(self._poll_seconds):
                    await self._woken.wait()
            except TimeoutError:
                pass  # entries written by other processes wake nobody here
            self._woken.clear()

    async def _pump(self) -> None:
        try:
            await self._redeliver_own()
            await self._hand_over_departed()
            await self._reclaim_idle()
            await self._send_new()
        except UnknownGroupError:
            # The server lost it, or somebody destroyed it: at least once means from the beginning.
            await self._storage.group_create(self.key, self.group, from_beginning=True)
            self.wake()

    async def _redeliver_own(self) -> None:
        if not self._stumbled:
            return
        for consumer in list(self.consumers.values()):
            mine = consumer.client_id
            self._send(consumer, await self._claim(consumer, 0, REDELIVERED_AT_ONCE, owner=mine))
        self._stumbled = False

    async def _hand_over_departed(self) -> None:
        if self.consumers and not self._with_credit():
            return
        for client_id in list(self.departed):
            if not await self._storage.group_leave(self.key, self.group, client_id):
                del self.departed[client_id]
                continue
            for consumer in self._with_credit():
                taken = await self._claim(consumer, 0, consumer.credit, owner=client_id)
                self._send(consumer, taken)
                if not taken:
                    break
        if self.departed and self._with_credit():
            self.wake()  # a page was bounded: there is more to hand over

    async def _reclaim_idle(self) -> None:
        now = asyncio.get_running_loop().time()
        if now < self._reclaim_at:
            return
        self._reclaim_at = now + self._poll_seconds
        for consumer in self._with_credit():
            taken = await self._claim(consumer, self._min_idle_ms, consumer.credit, take_own=False)
            ids = {given.entry.entry_id for given in taken}
            for other in self.consumers.values():
                other.out -= ids
            self._send(consumer, taken)

    async def _send_new(self) -> None:
        while ready := self._with_credit():
            for consumer in ready:
                count = min(consumer.credit, READ_AT_ONCE)
                if not count:
                    continue
                entries = await self._storage.group_read(self.key, self.group, consumer.client_id, count)
                self._send(consumer, entries)
                if not entries:
                    return

    def _with_credit(self) -> Sequence[Consumer]:
        """Consumers that may be sent something, those with the least out first."""
        ready = [consumer for consumer in self.consumers.values() if consumer.credit]
        return sorted(ready, key=_out)

    async def _claim(
        self,
        consumer: Consumer,
        min_idle_ms: int,
        count: int,
        *,
        owner: str | None = None,
        take_own: bool = True,
    ) -> list[GroupEntry]:
        return await self._storage.group_claim(
            self.key, self.group, consumer.client_id, min_idle_ms, count, owner=owner, take_own=take_own
        )

    def _send(self, consumer: Consumer, entries: Iterable[GroupEntry]) -> None:
        if self.consumers.get(consumer.client_id) is not consumer:
            return  # it left while they were read: they are pending to it and go to another
        for given in entries:
            entry_id = given.entry.entry_id
            if entry_id not in consumer.out:
                consumer.out.add(entry_id)
                consumer.deliver(pushed(given, self.group))


def pushed(given: GroupEntry, group: str) -> bytes:
    """The stored message as pushed to a consumer: unchanged but for what its metadata says of the delivery."""
    fields: dict[str, Any] = _fields.decode(given.entry.message)
    metadata: dict[str, Any] = _fields.decode(fields["metadata"]) if "metadata" in fields else {}
    metadata["sequence"] = given.entry.sequence
    metadata["group"] = group
    metadata["entry_id"] = given.entry.entry_id
    metadata["delivery_count"] = given.delivery_count
    fields["metadata"] = metadata
    return _encode(fields)


def _out(consumer: Consumer) -> int:
    return len(consumer.out)
