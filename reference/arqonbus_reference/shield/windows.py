"""What the bus sent to its sessions lately, so that it can be sent again after an outage; bounded for all together. Pure."""

from collections import deque
from typing import Final, NamedTuple

WINDOW_BEATS: Final = 20
"""Beats of a connected bus for which something is kept: longer than either side needs to notice that NATS is gone."""

WINDOW_BYTES: Final = 64 * 1_048_576
"""Bytes kept for all sessions; beyond it the oldest are given up, and a session that missed them cannot go on."""

PART_BYTES: Final = 256
"""What keeping a part costs beside its bytes."""


class Part(NamedTuple):
    """One message to a session."""

    sequence: int
    payload: bytes
    more: bool


class Window:
    """The last parts sent to one session, without a gap."""

    __slots__ = ("parts",)

    def __init__(self) -> None:
        self.parts: deque[Part] = deque()

    def after(self, sequence: int, last: int) -> list[Part] | None:
        """All parts behind `sequence` up to `last`, the last one sent; None when they are not all here any more."""
        found = [part for part in self.parts if part.sequence > sequence]
        return found if len(found) == last - sequence else None


class Windows:
    """The windows of all sessions, oldest parts first; `now` is a number of beats."""

    def __init__(self, *, beats: int = WINDOW_BEATS, limit_bytes: int = WINDOW_BYTES) -> None:
        self._beats = beats
        self._limit_bytes = limit_bytes
        self._kept: deque[tuple[int, Window, Part]] = deque()
        self._bytes = 0

    def keep(self, window: Window, part: Part, now: int) -> None:
        """Keep a part that was sent, or should have been."""
        window.parts.append(part)
        self._kept.append((now, window, part))
        self._bytes += len(part.payload) + PART_BYTES
        while self._bytes > self._limit_bytes:
            self._forget_oldest()

    def trim(self, now: int) -> None:
        """Forget what has arrived by now, or was missed in time."""
        while self._kept and self._kept[0][0] < now - self._beats:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        _, window, part = self._kept.popleft()
        self._bytes -= len(part.payload) + PART_BYTES
        if window.parts and window.parts[0] is part:
            window.parts.popleft()
