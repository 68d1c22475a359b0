"""What Ctrl-C and SIGTERM do to a run: they are counted and waited for, and break into nothing."""

import os
import signal
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any, Final, Self

__all__ = ["AT_ONCE", "SIGNALS", "Interruption"]

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
"""What interrupts a run."""
AT_ONCE: Final = 2
"""After so many of them nothing is waited for any more."""
DRAINED_BYTES: Final = 4096
"""How much is read of the pipe at once; one byte stands for one signal."""


class Interruption:
    """Counts the signals that interrupt a run, from entering it to leaving it; can be waited for as a file can.

    An exception in the middle of reading a message or of writing a report would lose either, so there is none.

    Attributes:
        times: how many there were.
    """

    def __init__(self) -> None:
        self.times = 0
        self._reading = self._writing = -1
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        """Take the signals over; in the main thread only."""
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._reading, False)
        os.set_blocking(self._writing, False)
        for number in SIGNALS:
            self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the signals back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        os.close(self._reading)
        os.close(self._writing)

    def fileno(self) -> int:
        """What becomes readable with each signal, until ``heard``."""
        return self._reading

    def heard(self) -> None:
        """The signals so far were noticed; waiting goes on for the next."""
        with suppress(BlockingIOError):
            while os.read(self._reading, DRAINED_BYTES):
                pass

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.times += 1
        with suppress(BlockingIOError):  # full: there is more than enough to be read
            os.write(self._writing, b"!")
