"""Views over streams: the order of entries, cursors, and holes. Pure."""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple
from urllib.parse import quote, unquote

from arqonbus_reference.storage.interface import (
    Entry,
    HistoryQuery,
    InvalidCursorError,
    MissingSequenceError,
    Page,
    StreamKey,
)

PAGE_BYTES = 4 * 1024 * 1024
"""Messages of one page or replay together, unless one alone is larger: what one client may make the bus hold."""

MAX_MS = 2**53
"""Beyond every `stored_at`, and still exact in a Lua number."""


_NUMBER = "(?:0|[1-9][0-9]{0,14})"
_NAME = "[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}"
CURSOR_PATTERN = rf"^{_NUMBER}\.{_NUMBER}\.{_NAME}:({_NAME})?$"
"""Every text of this pattern is a cursor: a client can be told exactly what one looks like."""
_CURSOR = re.compile(r"([0-9]{1,16})\.([0-9]{1,16})\.([A-Za-z0-9_.~%-]*):([A-Za-z0-9_.~%-]*)", re.ASCII)


class Position(NamedTuple):
    """Where an entry stands in the order of every view: by time, then stream, then sequence."""

    stored_at: int
    room: str
    channel: str
    sequence: int


class Reach(NamedTuple):
    """How far back from the newest entry a page of one stream begins: both bounds are inclusive."""

    stored_at: int
    sequence: int


def position(entry: Entry) -> Position:
    """Where `entry` stands."""
    return Position(entry.stored_at, entry.key.room, entry.key.channel or "", entry.sequence)


def cursor_of(entry: Entry) -> str:
    """The cursor of the page older than `entry`, of CURSOR_PATTERN wherever its names follow the grammar of names."""
    return _cursor(position(entry))


def position_of(cursor: str) -> Position:
    """The position that `cursor` names.

    Raises:
        InvalidCursorError: it is not what `cursor_of` gives.
    """
    form = _CURSOR.fullmatch(cursor)
    if form is None:
        raise InvalidCursorError(cursor)
    room, channel = (unquote(part, errors="surrogatepass") for part in (form[3], form[4]))
    found = Position(int(form[1]), room, channel, int(form[2]))
    if max(found.stored_at, found.sequence) > MAX_MS or _cursor(found) != cursor:
        raise InvalidCursorError(cursor)
    return found


def _cursor(at: Position) -> str:
    room, channel = (quote(part, safe="", errors="surrogatepass") for part in (at.room, at.channel))
    return f"{at.stored_at}.{at.sequence}.{room}:{channel}"


def reach(key: StreamKey, query: HistoryQuery) -> Reach:
    """Where the page of `query` begins in the stream of `key`.

    Raises:
        InvalidCursorError: the cursor is not one of ours.
    """
    until = MAX_MS if query.until is None else max(-1, min(query.until, MAX_MS))
    if query.cursor is None:
        return Reach(until, MAX_MS)
    before = position_of(query.cursor)
    here = (key.room, key.channel or "")
    if here == (before.room, before.channel):
        return Reach(until, before.sequence - 1)
    # Streams before the cursor's own in the order still have entries of the cursor's millisecond to show.
    latest = before.stored_at if here < (before.room, before.channel) else before.stored_at - 1
    return Reach(min(until, latest), MAX_MS)


Part = tuple[list[Entry], bool]
"""The newest entries of a part of a view, in order, and whether that part holds older ones (then it is not empty)."""


def merged(parts: Iterable[Part], limit: int) -> Part:
    """The newest `limit` entries of several parts, as one part.

    Where a part was cut short, nothing older than its oldest entry may be shown: the entries it withheld belong between.
    """
    entries: list[Entry] = []
    horizon: Position | None = None
    for part, part_more in parts:
        entries += part
        if part_more:
            oldest = position(part[0])
            horizon = oldest if horizon is None else max(horizon, oldest)
    entries.sort(key=position)
    shown = [entry for entry in entries if horizon is None or position(entry) >= horizon][-limit:]
    return shown, horizon is not None or len(shown) < len(entries)


def page(part: Part) -> Page:
    """`part` with the cursor of what it withheld."""
    entries, more = part
    return Page(entries, cursor_of(entries[0]) if more else None)


def require_no_hole(
    entries: Sequence[Entry],
    *,
    from_ms: int,
    to_ms: int,
    before: int,
    behind: int | None,
) -> None:
    """Require consecutive sequences in a window of time, from `before` (that of the entry before the window) to `behind`.

    `behind` is the sequence after the window (the next entry's, or the next one to be given), None when the window was cut.

    Raises:
        MissingSequenceError: names the first hole.
    """
    if not entries:
        return
    sequences = [entry.sequence for entry in entries]
    if from_ms < entries[0].stored_at:
        sequences.insert(0, before)
    if behind is not None and to_ms > entries[-1].stored_at:
        sequences.append(behind)
    for earlier, later in pairwise(sequences):
        if later != earlier + 1:
            raise MissingSequenceError(earlier + 1, later - 1)
