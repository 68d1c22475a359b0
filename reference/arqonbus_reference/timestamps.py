"""RFC 3339 timestamps, strictly: the one reading and the one writing of time that clients see."""

import re
from datetime import UTC, date, datetime
from functools import lru_cache

MAX_TIMESTAMP_CHARACTERS = 64
"""No timestamp is longer; RFC 3339 bounds no fraction of a second, this does."""

_FORM = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
_UNIX_EPOCH_DAY = date(1970, 1, 1).toordinal()
_DAYS_IN_400_YEARS = 146_097
_MINUTES_A_DAY = 1440


def parse_rfc3339(text: str) -> int:
    """Milliseconds since the Unix epoch; digits beyond milliseconds are cut off.

    A leap second (`23:59:60` UTC) counts as the second after it.

    Raises:
        ValueError: not an RFC 3339 date-time with zone, an impossible date or time, or over 64 characters.
    """
    form = _FORM.fullmatch(text) if len(text) <= MAX_TIMESTAMP_CHARACTERS else None
    if form is None:
        raise ValueError("not an RFC 3339 timestamp with zone")
    year, month, day, hour, minute, second = map(int, form.group(1, 2, 3, 4, 5, 6))
    zone_hours, zone_minutes = int(form[9] or 0), int(form[10] or 0)
    if hour > 23 or minute > 59 or second > 60 or zone_hours > 23 or zone_minutes > 59:
        raise ValueError("not a time of day")
    offset = (zone_hours * 60 + zone_minutes) * (-1 if form[8] == "-" else 1)
    minutes = (_day(year, month, day) * _MINUTES_A_DAY) + hour * 60 + minute - offset
    if second == 60 and minutes % _MINUTES_A_DAY != _MINUTES_A_DAY - 1:
        raise ValueError("a leap second only ends a day in UTC")
    return (minutes * 60 + second) * 1000 + int((form[7] or "")[:3].ljust(3, "0"))


def format_ms(ms: int) -> str:
    """`ms` since the Unix epoch as `YYYY-MM-DDTHH:MM:SS.mmmZ`.

    Raises:
        ValueError: before year 1 or after year 9999.
    """
    return f"{_second_text(ms // 1000)}.{ms % 1000:03d}Z"


def _day(year: int, month: int, day: int) -> int:
    """Days since the Unix epoch; year 0, which RFC 3339 has and Python has not, lies 400 years before year 400."""
    if year == 0:
        return date(400, month, day).toordinal() - _DAYS_IN_400_YEARS - _UNIX_EPOCH_DAY
    return date(year, month, day).toordinal() - _UNIX_EPOCH_DAY


@lru_cache(maxsize=1024)
def _second_text(second: int) -> str:
    try:
        return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
    except (OverflowError, OSError, ValueError) as error:
        raise ValueError(f"{second} seconds lie outside the years 1 to 9999") from error
