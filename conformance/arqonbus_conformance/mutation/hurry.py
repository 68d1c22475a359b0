"""An event loop on which time passes faster: waiting in vain for a liar takes a fraction of what it takes otherwise."""

import asyncio
import selectors
import time
from typing import Any, Final

__all__ = ["PLAIN", "HurriedLoop", "HurriedPolicy", "hurry"]

PLAIN: Final = 1.0
"""Time as it passes elsewhere."""


class _Clock:
    """Monotonic time that passes ``speed`` times as fast as it does elsewhere."""

    def __init__(self) -> None:
        self.speed = PLAIN
        self._real = time.monotonic()
        self._shown = self._real

    def now(self) -> float:
        return self._shown + (time.monotonic() - self._real) * self.speed

    def set_speed(self, speed: float) -> None:
        self._shown, self._real = self.now(), time.monotonic()
        self.speed = speed


_CLOCK: Final = _Clock()


class _Selector(selectors.DefaultSelector):
    def select(self, timeout: float | None = None) -> Any:
        real = timeout if timeout is None else timeout / _CLOCK.speed
        return super().select(real)


class HurriedLoop(asyncio.SelectorEventLoop):
    """The usual loop with the clock of this module."""

    def __init__(self) -> None:
        super().__init__(_Selector())

    def time(self) -> float:
        """The time by which this loop waits."""
        return _CLOCK.now()


class HurriedPolicy(asyncio.DefaultEventLoopPolicy):
    """Makes such loops."""

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        """A loop whose time passes as ``hurry`` says."""
        return HurriedLoop()


def hurry(speed: float = PLAIN) -> None:
    """From now on time passes so many times as fast, on every loop of ``HurriedPolicy``."""
    _CLOCK.set_speed(speed)
