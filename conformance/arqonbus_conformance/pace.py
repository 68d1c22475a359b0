"""A budget of requests per second: a token bucket, pure, and the waiting for it."""

import asyncio
import time
from contextvars import ContextVar
from typing import Final

__all__ = ["CASE_LIMIT", "Bucket", "Pace"]

BURST_SECONDS: Final = 1.0
"""How long a bucket saves up what is not used, in seconds."""
MOST_LENT_SECONDS: Final = 120.0
"""How much longer a case may take because it waits for its budget, in seconds."""

CASE_LIMIT: Final[ContextVar[asyncio.Timeout | None]] = ContextVar("CASE_LIMIT", default=None)
"""The time limit of the case that runs: what it waits for the budget is not its own time."""


class Bucket:
    """Tokens that come in steadily, up to what comes in ``BURST_SECONDS`` (at least one); a debt is paid by waiting."""

    def __init__(self, per_second: float, now: float) -> None:
        self.per_second = per_second
        self._most = max(1.0, per_second * BURST_SECONDS)
        self._tokens = self._most
        self._at = now

    def spend(self, now: float) -> None:
        """Take one token, on credit where there is none."""
        self._refill(now)
        self._tokens -= 1.0

    def wait(self, now: float) -> float:
        """So many seconds until no debt is left; 0 where there is none."""
        self._refill(now)
        return max(0.0, -self._tokens / self.per_second)

    def _refill(self, now: float) -> None:
        self._tokens = min(self._most, self._tokens + (now - self._at) * self.per_second)
        self._at = now


class Pace:
    """How fast may be sent; without ``per_second`` as fast as one likes.

    Attributes:
        sent: how much was sent so far: connections, requests and frames.
    """

    def __init__(self, per_second: float | None = None) -> None:
        self.sent = 0
        self._bucket = Bucket(per_second, time.monotonic()) if per_second is not None else None
        self._lent: dict[int, float] = {}

    def spend(self) -> None:
        """Note that something goes out now."""
        self.sent += 1
        if self._bucket is not None:
            self._bucket.spend(time.monotonic())

    async def settled(self) -> None:
        """Return when the budget allows for all that was sent; meanwhile the clock of the case stands still."""
        while self._bucket is not None and (seconds := self._bucket.wait(time.monotonic())) > 0:
            self._lend(seconds)
            await asyncio.sleep(seconds)

    async def turn(self) -> None:
        """Return when one more may go out, and note that it does."""
        self.spend()
        await self.settled()

    def _lend(self, seconds: float) -> None:
        limit = CASE_LIMIT.get()
        if limit is None or limit.expired() or (when := limit.when()) is None:
            return
        lent = self._lent.get(id(limit), 0.0)
        if lent + seconds <= MOST_LENT_SECONDS:
            # One case at a time runs against a budget: older entries are over.
            self._lent = {id(limit): lent + seconds}
            limit.reschedule(when + seconds)
