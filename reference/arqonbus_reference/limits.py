"""Rates and bounds of one connection."""


class TokenBucket:
    """At most `rate` takes per second, and bursts of as many after a quiet second; a rate of 0 has no limit."""

    __slots__ = ("_filled_at", "_rate", "_tokens")

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._tokens = float(rate)
        self._filled_at = 0.0

    def wait(self, now: float) -> float:
        """Take one at `now` (monotonic seconds): 0.0 when granted, else the seconds until the next would be."""
        if not self._rate:
            return 0.0
        self._tokens = min(float(self._rate), self._tokens + max(0.0, now - self._filled_at) * self._rate)
        self._filled_at = now
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) / self._rate
