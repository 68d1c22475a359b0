"""How far the clock of a deployment is from ours, as far as one answer can tell. Pure."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

from arqonbus_conformance.doctor.check import Blame, Check, ok, problem, skipped

__all__ = [
    "CLOCK_SECONDS",
    "DATE_SECONDS",
    "Reading",
    "clock_check",
    "date_of",
    "skew_seconds",
    "timestamp_of",
]

CLOCK_SECONDS: Final = 5.0
"""The most that both clocks may differ: the leeway that the specification gives to the times in a token."""
DATE_SECONDS: Final = 1.0
"""An HTTP Date header leaves out parts of a second."""


class Reading(NamedTuple):
    """What a deployment said of the time, and when we asked; all in seconds since 1970.

    Attributes:
        said: the time that it gave.
        before: our time before it was asked.
        after: our time when it had answered.
        coarse: how much later than ``said`` it may have been, for want of digits.
    """

    said: float
    before: float
    after: float
    coarse: float = 0.0


def skew_seconds(reading: Reading) -> float:
    """How far its clock is at least ahead of ours (above 0) or behind it (below 0); 0 where they may agree."""
    if reading.said > reading.after:
        return reading.said - reading.after
    latest = reading.said + reading.coarse
    return min(0.0, latest - reading.before)


def clock_check(about: str, source: str, reading: Reading | None) -> Check:
    """Whether both clocks agree; ``source`` is where the time was read."""
    if reading is None:
        return skipped(about, "clock", f"it gave no {source} that can be read")
    skew = skew_seconds(reading)
    shown = f"{abs(skew):.1f} s {'ahead of' if skew > 0 else 'behind'} ours by its {source}"
    if abs(skew) > CLOCK_SECONDS:
        return problem(
            about,
            "clock",
            f"its clock is {shown}; allowed: {CLOCK_SECONDS:g} s",
            "set both clocks by the same time source; tokens are judged by them",
            Blame.TARGET,
        )
    return ok(about, "clock", f"its clock agrees with ours within {CLOCK_SECONDS:g} s by its {source}")


def date_of(header: str | None) -> float | None:
    """Seconds since 1970 of an HTTP Date header; None where it is none."""
    if header is None:
        return None
    try:
        said = parsedate_to_datetime(header)
    except ValueError:
        return None
    return (said if said.tzinfo else said.replace(tzinfo=UTC)).timestamp()


def timestamp_of(given: object) -> float | None:
    """Seconds since 1970 of a timestamp (RFC 3339); None where it is none."""
    if not isinstance(given, str):
        return None
    try:
        said = datetime.fromisoformat(given)
    except ValueError:
        return None
    return said.timestamp() if said.tzinfo else None
