"""Consumer groups of streams."""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from arqonbus_reference.storage import keys
from arqonbus_reference.storage.interface import (
    CapabilityUnavailableError,
    Entry,
    GroupEntry,
    PendingEntry,
    StreamKey,
)
from arqonbus_reference.storage.lane import script
from arqonbus_reference.storage.questions import Questions, strides
from arqonbus_reference.storage.views import PAGE_BYTES

MAX_GROUPS_PER_STREAM = 256

IDLE_CONSUMER_MS = 3_600_000
"""A consumer with nothing pending that did nothing for so long is forgotten when another one leaves."""

_ENTRY_ID = re.compile(r"[0-9]{1,19}-0", re.ASCII)


class StreamGroups(Questions, ABC):
    """The consumer groups of the streams storage."""

    @abstractmethod
    def _require_groups(self) -> None:
        """Require that groups can be had. Raises: CapabilityUnavailableError."""

    async def group_create(self, key: StreamKey, group: str, *, from_beginning: bool) -> bool:
        """Create the group; False when it existed. Raises: CapabilityUnavailableError, beyond `MAX_GROUPS_PER_STREAM` too."""
        start = "0" if from_beginning else "$"
        created = await self._group("create", key, group, start, MAX_GROUPS_PER_STREAM)
        if created < 0:
            raise CapabilityUnavailableError(f"more than {MAX_GROUPS_PER_STREAM} groups on one channel")
        return bool(created)

    async def group_read(self, key: StreamKey, group: str, consumer: str, count: int) -> list[GroupEntry]:
        """Entries not yet given to any consumer, about `PAGE_BYTES` of them at most. Raises: UnknownGroupError."""
        return _given(key, await self._group("read", key, group, consumer, count, PAGE_BYTES))

    async def group_ack(self, key: StreamKey, group: str, entry_ids: Sequence[str]) -> int:
        """How many of the entries were pending; they are no more. Raises: UnknownGroupError."""
        ids = [entry_id for entry_id in entry_ids if _ENTRY_ID.fullmatch(entry_id)]
        return int(await self._group("ack", key, group, *ids))

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
        """Take over idle entries, about `PAGE_BYTES` of them at most. Raises: UnknownGroupError."""
        which = (owner or "", int(take_own))
        return _given(
            key, await self._group("claim", key, group, consumer, min_idle_ms, count, PAGE_BYTES, *which)
        )

    async def group_leave(self, key: StreamKey, group: str, consumer: str) -> int:
        """Forget the consumer when nothing is pending to it; how many entries are. Raises: UnknownGroupError."""
        return int(await self._group("leave", key, group, consumer, IDLE_CONSUMER_MS))

    async def group_pending(self, key: StreamKey, group: str, count: int) -> tuple[int, list[PendingEntry]]:
        """How many entries are pending, and the oldest `count` of them. Raises: UnknownGroupError."""
        total, rows = await self._group("pending", key, group, count)
        return total, [
            PendingEntry(id_.decode(), owner.decode(), idle, times) for id_, owner, idle, times in rows
        ]

    async def _group(self, action: str, key: StreamKey, group: str, *args: str | int) -> Any:
        self._require_groups()
        return await self._ask(script(f"group_{action}"), (keys.stream(key),), group, *args)


def _given(key: StreamKey, flat: list[Any]) -> list[GroupEntry]:
    return [
        GroupEntry(Entry(key, int(id_.partition(b"-")[0]), int(stored_at), message), times)
        for id_, stored_at, message, times in strides(flat, 4)
    ]
