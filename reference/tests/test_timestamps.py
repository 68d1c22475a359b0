from datetime import UTC, datetime, timedelta, timezone

import pytest
from arqonbus_reference.timestamps import format_ms, parse_rfc3339
from hypothesis import given
from hypothesis import strategies as st

ZONES = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1), timezones=ZONES)  # noqa: DTZ001 - hypothesis adds the zone


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:00:00.5z", 500),
        ("1970-01-01T01:00:00.1239+01:00", 123),
        ("1969-12-31T23:59:59.999-00:00", -1),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ("2017-01-01T00:59:60+01:00", 1_483_228_800_000),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000),
        ("0000-02-29T00:00:00Z", -62_162_121_600_000),
    ],
)
def test_a_timestamp_with_zone_is_read_to_the_millisecond(text: str, ms: int):
    """RFC 3339 date-times are milliseconds since the epoch, finer digits cut off."""
    assert parse_rfc3339(text) == ms


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "1970-01-01",
        "1970-01-01T00:00:00",
        "1970-01-01 00:00:00Z",
        "1970-01-01T00:00:00Z\n",
        " 1970-01-01T00:00:00Z",
        "1970-01-01T00:00:00+0100",
        "1970-01-01T00:00:00+24:00",
        "1970-01-01T00:00:00+01:60",
        "1970-01-01T24:00:00Z",
        "1970-01-01T00:60:00Z",
        "1970-01-01T00:00:61Z",
        "1970-01-01T12:00:60Z",
        "1970-01-01T00:00:00.Z",
        "1970-01-01T00:00:00,5Z",
        "1970-02-30T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "1970-00-01T00:00:00Z",
        "1970-1-1T0:0:0Z",
        "+1970-01-01T00:00:00Z",
        "١٩٧٠-01-01T00:00:00Z",
        "1970-01-01T00:00:00." + "0" * 64 + "Z",
    ],
)
def test_anything_else_is_no_timestamp(text: str):
    """Loose, impossible and overlong texts are refused."""
    with pytest.raises(ValueError):  # noqa: PT011 - the text is the caller's to word
        parse_rfc3339(text)


@given(MOMENTS)
def test_what_python_writes_is_read_alike(moment: datetime):
    """The reading agrees with datetime's, for every zone."""
    expected = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)

    assert parse_rfc3339(moment.isoformat()) == expected


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_what_is_written_is_read_back(ms: int):
    """Writing and reading are inverse over the years 1 to 9999, and the text has 24 characters."""
    text = format_ms(ms)

    assert parse_rfc3339(text) == ms
    assert len(text) == 24


def test_a_time_beyond_the_calendar_is_not_written():
    """Before year 1 and after year 9999 there is no text."""
    with pytest.raises(ValueError, match="outside the years"):
        format_ms(253_402_300_800_000)
