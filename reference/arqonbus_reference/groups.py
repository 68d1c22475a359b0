"""Consumer groups over the stored stream of one channel: `op.group.*` and what `operator.join` asks for."""

from typing import Annotated, Any, Literal

import msgspec

from arqonbus_reference.caller import Caller
from arqonbus_reference.history import EntryRecord, entry_record
from arqonbus_reference.names import Name
from arqonbus_reference.push_consumers import DEFAULT_PREFETCH_ENTRIES, MAX_PREFETCH_ENTRIES, PushConsumers
from arqonbus_reference.storage.interface import GroupEntry, Storage, StreamKey
from arqonbus_reference.storage_answers import told_to_client

__all__ = [
    "GroupAckArgs",
    "GroupClaimArgs",
    "GroupCreateArgs",
    "GroupPendingArgs",
    "GroupReadArgs",
    "Groups",
    "JoinArgs",
    "PushConsumers",
]

MAX_PENDING_LISTED = 256
"""The most entries that `op.group.pending` lists."""

Count = Annotated[int, msgspec.Meta(ge=1, le=256, description="how many entries at most")]
MinIdle = Annotated[
    int, msgspec.Meta(ge=0, le=86_400_000, description="milliseconds since the last delivery")
]
EntryIds = Annotated[
    list[str], msgspec.Meta(min_length=1, max_length=256, description="entry_id of entries read")
]
Prefetch = Annotated[
    int, msgspec.Meta(ge=1, le=MAX_PREFETCH_ENTRIES, description="entries out unacknowledged")
]


class GroupCreateArgs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of `op.group.create`."""

    room: Name
    channel: Name
    group: Name
    start: Literal["new", "beginning"] = "new"


class GroupReadArgs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of `op.group.read`."""

    room: Name
    channel: Name
    group: Name
    count: Count = 10


class GroupAckArgs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of `op.group.ack`."""

    room: Name
    channel: Name
    group: Name
    entry_ids: EntryIds


class GroupClaimArgs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of `op.group.claim`."""

    room: Name
    channel: Name
    group: Name
    min_idle_ms: MinIdle
    count: Count = 10


class GroupPendingArgs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of `op.group.pending`."""

    room: Name
    channel: Name
    group: Name


class JoinArgs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The payload of `operator.join`."""

    group: Name
    room: Name
    channel: Name
    prefetch: Prefetch = DEFAULT_PREFETCH_ENTRIES


class Groups:
    """Answers `op.group.*`; every method raises CommandError for what a client may be told."""

    def __init__(self, storage: Storage, consumers: PushConsumers) -> None:
        self._storage = storage
        self._consumers = consumers

    async def create(self, caller: Caller, args: GroupCreateArgs) -> tuple[str, dict[str, Any]]:
        """Create the group at the end or the beginning of the stream."""
        with told_to_client():
            created = await self._storage.group_create(
                _key(caller, args), args.group, from_beginning=args.start == "beginning"
            )
        text = "group created" if created else "group existed"
        return text, {"group": args.group, "created": created}

    async def read(self, caller: Caller, args: GroupReadArgs) -> tuple[str, dict[str, Any]]:
        """Entries that no consumer was given yet, now pending to the caller's connection."""
        key = _key(caller, args)
        self._consumers.reads_by_itself(caller.client_id, key, args.group)
        with told_to_client():
            entries = await self._storage.group_read(key, args.group, caller.client_id, args.count)
        return _given_entries(entries)

    async def ack(self, caller: Caller, args: GroupAckArgs) -> tuple[str, dict[str, Any]]:
        """Acknowledge entries, whoever holds them; a push consumer that held them gets more."""
        key = _key(caller, args)
        with told_to_client():
            acknowledged = await self._storage.group_ack(key, args.group, args.entry_ids)
        self._consumers.acked(key, args.group, args.entry_ids)
        return f"{acknowledged} acknowledged", {"acknowledged": acknowledged}

    async def claim(self, caller: Caller, args: GroupClaimArgs) -> tuple[str, dict[str, Any]]:
        """Take over entries idle at least `min_idle_ms`, now pending to the caller's connection."""
        key = _key(caller, args)
        self._consumers.reads_by_itself(caller.client_id, key, args.group)
        with told_to_client():
            entries = await self._storage.group_claim(
                key, args.group, caller.client_id, args.min_idle_ms, args.count
            )
        self._consumers.acked(key, args.group, [given.entry.entry_id for given in entries])
        return _given_entries(entries)

    async def pending(self, caller: Caller, args: GroupPendingArgs) -> tuple[str, dict[str, Any]]:
        """How many entries are unacknowledged, and the oldest 256 of them."""
        with told_to_client():
            count, entries = await self._storage.group_pending(
                _key(caller, args), args.group, MAX_PENDING_LISTED
            )
        return f"{count} pending", {"count": count, "entries": [entry._asdict() for entry in entries]}


class GivenRecord(EntryRecord, frozen=True):
    """An entry as a consumer gets it."""

    delivery_count: int


_GroupArgs = GroupCreateArgs | GroupReadArgs | GroupAckArgs | GroupClaimArgs | GroupPendingArgs


def _key(caller: Caller, args: _GroupArgs) -> StreamKey:
    return StreamKey(caller.principal.tenant, args.room, args.channel)


def _given_entries(entries: list[GroupEntry]) -> tuple[str, dict[str, Any]]:
    records = [_given_record(given) for given in entries]
    return f"{len(records)} entries", {"entries": records, "count": len(records)}


def _given_record(given: GroupEntry) -> GivenRecord:
    record = entry_record(given.entry)
    return GivenRecord(
        record.entry_id,
        record.sequence,
        record.stored_at,
        record.message,
        delivery_count=given.delivery_count,
    )
