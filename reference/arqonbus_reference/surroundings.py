"""What the pipeline needs around it, and the small facts it passes on."""

import time
from typing import NamedTuple, Protocol

from arqonbus_reference.effects import Announce, Execute, Outbound
from arqonbus_reference.session import Session
from arqonbus_reference.storage.interface import Entry


class Moment(NamedTuple):
    """The time of one tick: milliseconds since the epoch, and monotonic seconds."""

    milliseconds: int
    monotonic: float

    @classmethod
    def now(cls) -> "Moment":
        """This moment."""
        return cls(time.time_ns() // 1_000_000, time.monotonic())


class Left(NamedTuple):
    """A client is gone."""

    code: int
    reason: str


class Pausable(Protocol):
    """The part of a connection that holds back its client."""

    def pause(self) -> None:
        """Read no more."""
        ...

    def resume(self) -> None:
        """Read again."""
        ...


class Surroundings(Protocol):
    """Who carries out what the pipeline decides."""

    def send(self, outbound: Outbound) -> None:
        """Send frames to sessions that are still there."""
        ...

    def announce(self, announcement: Announce) -> None:
        """Emit a telemetry event."""
        ...

    async def execute(self, execute: Execute) -> None:
        """Run a command with I/O and answer it; never raises."""
        ...

    def appended(self, entries: list[Entry]) -> None:
        """Entries are stored."""
        ...

    def departed(self, session: Session) -> None:
        """A session ended; everything it sent is answered."""
        ...

    def failed(self, site: str, error: BaseException) -> None:
        """An exception was caught."""
        ...
