"""What was said on the wire during one case: every frame both ways with monotonic time, bounded, redacted."""

import re
import time
from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec

from arqonbus_conformance.launched import LAUNCHED_KEPT, Launched, ProcessLine, process_line

__all__ = ["END", "Entry", "Transcript"]

TRANSCRIPT_ENTRIES: Final = 2000
"""How many entries a transcript keeps, the newest; how many were dropped is counted."""
EXCERPT_BYTES: Final = 1024
"""How many bytes of a frame an entry keeps."""

END: Final = "end"
"""The kind of entry that says how a connection ended: the close code, then the reason."""

_SECRET = re.compile(r"(?i)(bearer\s+|token=)[^\s\"'&,;]+")


class Entry(msgspec.Struct, frozen=True):
    """One frame, request or event: seconds since the case began, who, which way, what kind, its bytes in short."""

    at: float
    peer: str
    direction: str
    kind: str
    size: int
    text: str

    def line(self) -> str:
        """The entry as one line of text."""
        return f"{self.at:8.4f} {self.peer:<10} {self.direction} {self.kind:<8} {self.size:>7} {self.text}"


class Transcript:
    """The record of one case; secrets are cut out as they are written."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._start = clock()
        self._entries: deque[Entry] = deque(maxlen=TRANSCRIPT_ENTRIES)
        self._recorded = 0
        self._launched: deque[Launched] = deque(maxlen=LAUNCHED_KEPT)

    def attach(self, program: Launched) -> None:
        """Remember a program that the case stands on; of several the last ``LAUNCHED_KEPT``."""
        if program not in self._launched:
            self._launched.append(program)

    def processes(self) -> tuple[ProcessLine, ...]:
        """Every program that the case stands on, as it is now."""
        return tuple(process_line(program) for program in self._launched)

    def record(self, peer: str, direction: str, kind: str, data: bytes | str) -> None:
        """Write down ``data`` (cut to ``EXCERPT_BYTES``); direction is ``>`` to the deployment, ``<`` from it."""
        size = len(data)
        excerpt = data[:EXCERPT_BYTES]
        text = excerpt.decode("utf-8", "backslashreplace") if isinstance(excerpt, bytes) else excerpt
        text = _SECRET.sub(r"\1***", text.replace("\r", "\\r").replace("\n", "\\n"))
        at = round(self._clock() - self._start, 6)
        self._entries.append(Entry(at, peer, direction, kind, size, text))
        self._recorded += 1

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The newest entries, oldest first."""
        return tuple(self._entries)

    @property
    def dropped(self) -> int:
        """How many older entries were let go."""
        return self._recorded - len(self._entries)

    @property
    def close_codes(self) -> tuple[int, ...]:
        """The codes with which the deployment ended connections, in their order."""
        ends = (entry.text.partition(" ")[0] for entry in self._entries if entry.kind == END)
        return tuple(int(code) for code in ends if code.isdecimal())

    def lines(self, last: int | None = None) -> list[str]:
        """The ``last`` entries (all of them by default) as lines of text."""
        entries = self.entries if last is None else self.entries[-last:]
        return [entry.line() for entry in entries]
