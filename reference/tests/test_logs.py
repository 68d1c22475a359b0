"""Log lines: JSON, bounded, without secrets."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from arqonbus_reference.logs import MAX_FIELD_CHARACTERS, Redaction, open_log
from hypothesis import given
from hypothesis import strategies as st

SECRET = 'top"secret\\word'


@pytest.fixture(autouse=True)
def _standard_logging_as_before() -> Iterator[None]:
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:], logging.root.level = handlers, level


def written(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object() -> None:
    """Event, fields, level and time."""
    stream = io.StringIO()

    open_log(stream=stream).info("ready", port=9100)

    (line,) = written(stream)
    assert (line["event"], line["port"], line["level"]) == ("ready", 9100, "info")
    assert line["timestamp"].endswith("Z")


def test_lines_below_the_level_are_not_written() -> None:
    """A warning passes where an info line does not."""
    stream = io.StringIO()
    log = open_log("warning", stream=stream)

    log.info("quiet")
    log.warning("loud")

    assert [line["event"] for line in written(stream)] == ["loud"]


def test_no_secret_is_written() -> None:
    """CONF-028: not in a field, not in a traceback, not in a nested value, not in another library's line."""
    stream = io.StringIO()
    log = open_log(secrets=[SECRET], stream=stream)

    log.error("failed", exc_info=ValueError(f"cannot use {SECRET}"), field=SECRET, nested=[{"a": SECRET}])
    logging.getLogger("other").error("header eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln %s", SECRET)
    log.error("url", url="redis://user:pass-word@h/0")

    text = stream.getvalue()
    assert len(written(stream)) == 3
    assert not any(part in text for part in (SECRET, json.dumps(SECRET)[1:-1], "eyJ", "pass-word"))


def test_a_long_text_keeps_its_end() -> None:
    """The end of a traceback names the error; the line stays JSON."""
    stream = io.StringIO()

    open_log(stream=stream).error("x", text="a" * 100_000 + "end")

    (line,) = written(stream)
    assert len(line["text"]) == MAX_FIELD_CHARACTERS
    assert line["text"].endswith("end")


def test_a_broken_stream_breaks_nothing_else() -> None:
    """Standard error may be closed while the bus lives on."""
    stream = io.StringIO()
    log = open_log(stream=stream)
    stream.close()

    outcome = log.error("nobody hears this")

    assert outcome is None


def test_the_console_format_is_for_people() -> None:
    """One line of plain text."""
    stream = io.StringIO()

    open_log(line_format="console", stream=stream).info("ready", port=1)

    assert "ready" in stream.getvalue()
    assert "{" not in stream.getvalue()


def test_imports_find_rich_again() -> None:
    """Loading structlog without rich leaves no trace."""
    open_log(stream=io.StringIO())

    assert sys.modules.get("rich", True) is not None


@given(st.text(st.characters(exclude_characters="*"), min_size=4), st.text(), st.text())
def test_a_secret_of_any_characters_is_removed(secret: str, before: str, after: str) -> None:
    """Whatever it is made of, as JSON writes it too."""
    line = json.dumps({"field": before + secret + after}) + secret

    cleaned = Redaction([secret])(line)

    assert all(secret not in piece for piece in cleaned.split("***"))
