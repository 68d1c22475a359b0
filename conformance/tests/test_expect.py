from typing import Any

import pytest
from arqonbus_conformance import expect
from arqonbus_conformance.expect import Violation

BASE = {"id": "arq_1_2_abcdef", "timestamp": "2026-01-01T00:00:00Z", "version": "1.0"}
ERROR: dict[str, Any] = {
    **BASE,
    "type": "error",
    "status": "error",
    "request_id": "r",
    "error_code": "VALIDATION_ERROR",
    "error": "room: 'a b' is not allowed; allowed: names",
}
FAILED: dict[str, Any] = {**ERROR, "type": "response", "error_code": "COMMAND_VALIDATION_ERROR"}
SUCCESS: dict[str, Any] = {**BASE, "type": "response", "status": "success", "request_id": "r"}


def test_a_rejection_gives_its_text() -> None:
    """A right rejection passes and its text can be looked at further."""
    assert expect.rejected(ERROR, request_id="r", names="room") == ERROR["error"]
    assert expect.rejected(ERROR).startswith("room")


@pytest.mark.parametrize(
    "fault",
    [
        {"type": "response"},
        {"status": "success"},
        {"error_code": "INTERNAL_ERROR"},
        {"request_id": "other"},
        {"error": ""},
        {"error": None},
        {"error": "rooms are not allowed"},
        {"error": "room: ValueError"},
        {"id": "1"},
    ],
)
def test_a_wrong_rejection_is_violated(fault: dict[str, object]) -> None:
    """Every part of a rejection is looked at, the field it must name as a whole word."""
    with pytest.raises(Violation):
        expect.rejected({**ERROR, **fault}, request_id="r", names="room")


def test_a_failed_command_gives_its_text() -> None:
    """A command fails in a response, which names the argument."""
    assert expect.failed(FAILED, "COMMAND_VALIDATION_ERROR", names="room") == FAILED["error"]


@pytest.mark.parametrize("fault", [{"type": "error"}, {"status": "success"}, {"error_code": "X"}])
def test_a_wrong_failure_is_violated(fault: dict[str, object]) -> None:
    """An error envelope is no answer to a command that was understood."""
    with pytest.raises(Violation):
        expect.failed({**FAILED, **fault}, "COMMAND_VALIDATION_ERROR")


def test_a_success_is_given_back() -> None:
    """The reply that succeeded can be read on."""
    assert expect.succeeded(SUCCESS) is SUCCESS


@pytest.mark.parametrize(
    "reply", [{**SUCCESS, "status": "error"}, {**SUCCESS, "type": "message"}, None, "success"]
)
def test_no_success_is_violated(reply: object) -> None:
    """Another status, another type, or no object at all."""
    with pytest.raises(Violation):
        expect.succeeded(reply)


@pytest.mark.parametrize(
    "fault", [{"id": 1}, {"type": "hello"}, {"timestamp": "2026-01-01"}, {"version": "2.0"}]
)
def test_each_field_of_an_envelope_has_a_shape(fault: dict[str, object]) -> None:
    """id, type, timestamp and version are checked, and named when wrong."""
    with pytest.raises(Violation, match=next(iter(fault))):
        expect.envelope_shape({**SUCCESS, **fault})


def test_both_forms_of_id_are_envelopes() -> None:
    """A ULID stands as well as time, count and six digits."""
    expect.envelope_shape({**SUCCESS, "id": "arq_01ARZ3NDEKTSV4RRFFQ69G5FAV"})


@pytest.mark.parametrize(
    "text",
    [
        "Traceback (most recent call last)",
        'File "bus.py", line 3',
        "cannot open /usr/lib/x",
        "KeyError: 'room'",
        "<bus.Session object at 0x7f0011223344>",
        "thread main panicked at src/main.rs",
    ],
)
def test_internals_are_seen(text: str) -> None:
    """Stack traces, paths, exceptions and addresses are internals."""
    with pytest.raises(Violation):
        expect.no_internals(text)


def test_words_for_a_client_are_no_internals() -> None:
    """A value and what is allowed may be shown."""
    expect.no_internals("room: 'a/b' is not allowed; allowed: 1-128 of A-Z a-z 0-9 _ . - (COMMAND_NOT_FOUND)")


def test_equal_tells_numbers_from_booleans() -> None:
    """1, 1.0 and True are three different values on the wire."""
    expect.equal(1, 1, "count")
    expect.equal([1], [1], "counts")

    with pytest.raises(Violation, match="count"):
        expect.equal(True, 1, "count")  # noqa: FBT003
    with pytest.raises(Violation, match="expected: 2"):
        expect.equal(1, 2, "count")


def test_that_says_what() -> None:
    """A condition carries its sentence."""
    expect.that(condition=True, what="fine")

    with pytest.raises(Violation, match="not fine"):
        expect.that(condition=False, what="not fine")


def entry(sequence: int, stored_at: str) -> dict[str, object]:
    return {"sequence": sequence, "stored_at": stored_at}


def test_ascending_entries_pass() -> None:
    """Equal times are allowed, zones are understood."""
    expect.ascending([])
    expect.ascending([entry(1, "2026-01-01T00:00:00Z"), entry(2, "2026-01-01T01:00:00+01:00")])


@pytest.mark.parametrize(
    "second",
    [entry(1, "2026-01-01T00:00:01Z"), entry(2, "2025-12-31T23:59:59Z"), entry(2, "yesterday"), entry(2, "")],
)
def test_entries_out_of_order_are_violated(second: dict[str, object]) -> None:
    """The sequence grows, the time never falls, and both can be read."""
    with pytest.raises(Violation):
        expect.ascending([entry(1, "2026-01-01T00:00:00Z"), second])
