"""Entries packed for one append script."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from arqonbus_reference.storage import keys
from arqonbus_reference.storage.interface import Entry, StreamKey

BATCH_ENTRIES = 2048
"""Entries of one script: what bounds how long it keeps the server busy (some 10 ms)."""

BATCH_BYTES = 8 * 1024 * 1024
"""Messages of one script together, unless one alone is larger."""


class Batch(NamedTuple):
    """What one append script writes: `words` are its arguments for `streams`, `stored_at` is the latest of its entries."""

    entries: Sequence[Entry]
    streams: list[bytes]
    words: list[bytes]
    stored_at: int


def batches(
    entries: Sequence[Entry], lasts: Mapping[StreamKey, int], stored_at_floor: int
) -> Iterator[Batch]:
    """`entries` in bounded batches; a stream's first one follows `lasts`, or else its own sequence less one.

    No entry is written as stored before `stored_at_floor`, or before one in front of it: the clock may be set back.
    """
    behind = dict(lasts)
    for part in _parts(entries):
        batch = _packed(part, behind, stored_at_floor)
        stored_at_floor = batch.stored_at
        yield batch


def _packed(entries: Sequence[Entry], behind: dict[StreamKey, int], stored_at: int) -> Batch:
    runs: dict[StreamKey, list[bytes]] = {}
    stored_at_word = b"%d" % stored_at
    for key, sequence, entry_stored_at, message in entries:
        run = runs.get(key)
        if run is None:
            runs[key] = run = [b"%d" % behind.pop(key, sequence - 1), b""]
        if entry_stored_at > stored_at:
            stored_at = entry_stored_at
            stored_at_word = b"%d" % stored_at
        run += (b"%d-0" % sequence, stored_at_word, message)
    words: list[bytes] = []
    for run in runs.values():
        run[1] = b"%d" % (len(run) // 3)
        words += run
    return Batch(entries, [keys.stream(key) for key in runs], words, stored_at)


def _parts(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """`entries` cut where a bound is reached."""
    start = size = 0
    for at, entry in enumerate(entries):
        size += len(entry.message)
        if at > start and (at - start == BATCH_ENTRIES or size > BATCH_BYTES):
            yield entries[start:at]
            start, size = at, len(entry.message)
    if start < len(entries):
        yield entries[start:]
