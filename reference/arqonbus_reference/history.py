"""Bounded history: `op.history.get`, `op.history.replay` and the same over HTTP."""

from typing import Annotated

import msgspec

from arqonbus_reference.caller import Caller
from arqonbus_reference.errors import CommandError
from arqonbus_reference.names import Name
from arqonbus_reference.storage.interface import Entry, HistoryQuery, Storage, StreamKey
from arqonbus_reference.storage.views import position_of
from arqonbus_reference.storage_answers import told_to_client
from arqonbus_reference.timestamps import format_ms, parse_rfc3339

MAX_ENTRIES = 1000
"""The most entries of one page or replay."""
DEFAULT_PAGE_ENTRIES = 100
MAX_CURSOR_CHARACTERS = 1024

Limit = Annotated[int, msgspec.Meta(ge=1, le=MAX_ENTRIES, description="how many entries at most")]
Timestamp = Annotated[str, msgspec.Meta(max_length=64, description="RFC 3339 with zone, inclusive")]
Cursor = Annotated[str, msgspec.Meta(max_length=MAX_CURSOR_CHARACTERS, description="from an earlier page")]


class HistoryGetArgs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of `op.history.get`; an absent one is UNSET, since null is a wrong type."""

    room: Name | msgspec.UnsetType = msgspec.UNSET
    channel: Name | msgspec.UnsetType = msgspec.UNSET
    limit: Limit = DEFAULT_PAGE_ENTRIES
    since: Timestamp | msgspec.UnsetType = msgspec.UNSET
    until: Timestamp | msgspec.UnsetType = msgspec.UNSET
    cursor: Cursor | msgspec.UnsetType = msgspec.UNSET


class HistoryReplayArgs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of `op.history.replay`."""

    room: Name
    channel: Name
    from_ts: Timestamp
    to_ts: Timestamp
    strict_sequence: bool = False
    limit: Limit = MAX_ENTRIES


class EntryRecord(msgspec.Struct, frozen=True):
    """An entry as a client sees it; `message` is spliced as stored."""

    entry_id: str
    sequence: int
    stored_at: str
    message: msgspec.Raw


class HistoryPage(msgspec.Struct, frozen=True):
    """Data of `op.history.get`: ascending entries, and the cursor of the page just older (None: there is none)."""

    entries: list[EntryRecord]
    count: int
    cursor: str | None


class HistoryReplay(msgspec.Struct, frozen=True):
    """Data of `op.history.replay`: entries oldest first, and whether the window holds no more."""

    entries: list[EntryRecord]
    count: int
    complete: bool


def entry_record(entry: Entry) -> EntryRecord:
    """`entry` as it is shown in history."""
    return EntryRecord(entry.entry_id, entry.sequence, format_ms(entry.stored_at), msgspec.Raw(entry.message))


class History:
    """Answers questions about stored messages; every method raises CommandError for what a client may be told."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def get(self, caller: Caller, args: HistoryGetArgs) -> tuple[str, HistoryPage]:
        """The newest entries of a channel, a room, or (administrators) the caller's tenant."""
        # HIST-008: the history of a whole tenant is for its administrators.
        if args.room is msgspec.UNSET and args.channel is msgspec.UNSET and not caller.principal.admin:
            raise CommandError("AUTHORIZATION_DENIED", "room: history without room is for administrators")
        page = await self.query(
            caller.principal.tenant,
            room=_given(args.room),
            channel=_given(args.channel),
            limit=args.limit,
            since=_given(args.since),
            until=_given(args.until),
            cursor=_given(args.cursor),
        )
        return f"{page.count} entries", page

    async def query(
        self,
        tenant: str,
        *,
        room: str | None,
        channel: str | None,
        limit: int = DEFAULT_PAGE_ENTRIES,
        since: str | None = None,
        until: str | None = None,
        cursor: str | None = None,
    ) -> HistoryPage:
        """A page for an already authorised caller; `since` and `until` are RFC 3339 texts, names and limit were checked.

        Raises:
            CommandError: COMMAND_VALIDATION_ERROR for `channel` without `room`, a malformed time or cursor; STORAGE_UNAVAILABLE.
        """
        if channel is not None and room is None:
            raise CommandError("COMMAND_VALIDATION_ERROR", "channel: needs room beside it")
        bounds = (_milliseconds("since", since), _milliseconds("until", until))
        with told_to_client():
            if cursor is not None:
                position_of(cursor)  # HIST-014: refused too where there is nothing to page through
            page = await self._storage.history(HistoryQuery(tenant, room, channel, limit, *bounds, cursor))
        entries = [entry_record(entry) for entry in page.entries]
        return HistoryPage(entries, len(entries), page.cursor)

    async def replay(self, caller: Caller, args: HistoryReplayArgs) -> tuple[str, HistoryReplay]:
        """The entries of a window of time in one channel, oldest first."""
        from_ms = _parsed("from_ts", args.from_ts)
        to_ms = _parsed("to_ts", args.to_ts)
        if from_ms > to_ms:
            raise CommandError(
                "COMMAND_VALIDATION_ERROR", "from_ts: lies after to_ts; allowed: from_ts <= to_ts"
            )
        key = StreamKey(caller.principal.tenant, args.room, args.channel)
        with told_to_client():
            entries, complete = await self._storage.replay(
                key, from_ms, to_ms, args.limit, strict_sequence=args.strict_sequence
            )
        return f"{len(entries)} entries", HistoryReplay(
            [entry_record(entry) for entry in entries], len(entries), complete
        )


def _given(value: str | msgspec.UnsetType) -> str | None:
    return None if value is msgspec.UNSET else value


def _milliseconds(field: str, text: str | None) -> int | None:
    return None if text is None else _parsed(field, text)


def _parsed(field: str, text: str) -> int:
    try:
        return parse_rfc3339(text)
    except ValueError as error:
        raise CommandError(
            "COMMAND_VALIDATION_ERROR", f"{field}: {text[:64]!r} is not allowed; allowed: RFC 3339 with zone"
        ) from error
