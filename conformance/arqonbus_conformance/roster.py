"""Who of a crew runs what next, so that cases which may not meet never do. Pure."""

from collections import deque
from collections.abc import Hashable, Iterable, Sequence
from enum import Enum, auto
from typing import Final

__all__ = ["Pause", "Roster"]

CHUNK_CASES: Final = 8
"""How many cases on a shared main deployment a member is given at once."""

Batch = tuple[str, ...]


class Pause(Enum):
    """What a member is told that gets no cases."""

    WAIT = auto()
    """There will be some, once others are through."""
    DONE = auto()
    """There are none left."""


class Roster:
    """Hands out the cases of one run.

    Cases with a deployment of their own go to whoever asks, those that share one together. A main deployment that
    was launched belongs to the member that launched it, who runs all its cases one after the other. On a main
    deployment that all members reach, cases run beside each other, and then the exclusive ones, one after the other
    and none beside them.
    """

    def __init__(self, keeper: Hashable, *, shared_main: bool) -> None:
        self._keeper = keeper
        self._shared_main = shared_main
        self._beside: deque[Batch] = deque()
        self._alone: deque[Batch] = deque()
        self._own: deque[Batch] = deque()
        self._on_main: set[Hashable] = set()

    def fill(self, main: Sequence[str], exclusive: Iterable[str], own: Iterable[Batch]) -> None:
        """Take the cases on the main deployment in their order, those of them that are exclusive, and the others."""
        apart = set(exclusive)
        if self._shared_main:
            beside = [case for case in main if case not in apart]
            starts = range(0, len(beside), CHUNK_CASES)
            self._beside.extend(tuple(beside[start : start + CHUNK_CASES]) for start in starts)
            self._alone.extend((case,) for case in main if case in apart)
        else:
            self._beside.extend((case,) for case in main)
        self._own.extend(own)

    def next_for(self, member: Hashable) -> Batch | Pause:
        """What a member that is free does next."""
        self._on_main.discard(member)
        if self._beside and (self._shared_main or member == self._keeper):
            self._on_main.add(member)
            return self._beside.popleft()
        if self._alone and not self._on_main and not self._beside:
            self._on_main.add(member)
            return self._alone.popleft()
        if self._own:
            return self._own.popleft()
        return Pause.WAIT if self._alone else Pause.DONE

    def lose(self, member: Hashable) -> None:
        """A member is gone, and with it what it was given."""
        self._on_main.discard(member)
