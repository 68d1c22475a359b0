"""Writes whose outcome is unknown, and how nothing remains of them."""

from hashlib import sha1
from typing import NamedTuple

from arqonbus_reference.storage import keys
from arqonbus_reference.storage.interface import Entry
from arqonbus_reference.storage.lane import Lane, script

COPIED_PER_SCRIPT = 1000
"""Entries that one script copies while a stream is rebuilt."""


class Mark(NamedTuple):
    """An entry in doubt: its sequence and the SHA-1 of its message, by which it is told from another writer's."""

    sequence: int
    message_sha1: str


def mark(entry: Entry) -> Mark:
    """How `entry` is found again."""
    return Mark(entry.sequence, sha1(entry.message, usedforsecurity=False).hexdigest())


class Doubt:
    """The entries of one failed append: refused to their publishers, and perhaps written.

    Nothing is appended until it is settled, so there is never more than one call's entries to remember.
    """

    def __init__(self) -> None:
        self._marks: dict[bytes, list[Mark]] = {}

    def __bool__(self) -> bool:
        return bool(self._marks)

    def add(self, entries: list[Entry]) -> None:
        """Remember entries in the order of their sequences."""
        for entry in entries:
            self._marks.setdefault(keys.stream(entry.key), []).append(mark(entry))

    async def settle(self, lane: Lane, workshop: bytes) -> None:
        """Remove from the server what landed, and forget the doubt; where this fails, call again.

        A stream is rebuilt without the entries under the key `workshop` and put back whole: its groups stay.

        Raises:
            StorageUnavailableError, ResponseError: not settled yet.
        """
        for stream, marks in list(self._marks.items()):
            # The sequence before the first mark was the last one acknowledged: append checked it, or did not write.
            last = marks[0].sequence - 1
            flat = [word for entry_mark in marks for word in entry_mark]
            if landed := await lane.run(script("doubt"), (stream,), last, *flat):
                await _rebuild(lane, stream, workshop, last, landed)
            del self._marks[stream]


async def _rebuild(lane: Lane, stream: bytes, workshop: bytes, last: int, landed: int) -> None:
    await lane.call("DEL", workshop)
    copied = b"0-0"
    while copied:
        copied = await lane.run(script("copy"), (stream, workshop), copied, f"{last}-0", COPIED_PER_SCRIPT)
    await lane.run(script("replace"), (stream, workshop), last, landed)
