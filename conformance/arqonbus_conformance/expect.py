"""What must be true of what a deployment sent; pure but for the count of looks, and precise about what was there instead."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, Final, TypeVar

from arqonbus_conformance.findings import Violation
from arqonbus_conformance.observing import observed

__all__ = [
    "Violation",
    "ascending",
    "envelope_shape",
    "equal",
    "failed",
    "no_internals",
    "rejected",
    "succeeded",
    "that",
]

BUS_TYPES: Final = frozenset({"message", "message_response", "response", "error", "telemetry"})
"""The types of envelope that the bus sends."""
MESSAGE_ID: Final = re.compile(r"arq_(?:[0-9]{1,20}_[0-9]{1,20}_[0-9a-f]{6}|[0-7][0-9A-HJKMNP-TV-Z]{25})")
"""The two forms of a message id."""
TIMESTAMP: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)
"""RFC 3339 with a zone."""
INTERNALS: Final = (
    ("a stack trace", re.compile(r"Traceback|File \"|line [0-9]+, in |\bat [\w.$<>]+\([\w.]+:[0-9]+\)")),
    (
        "a file path",
        re.compile(r"(?<![\w:/.])/(?:usr|home|opt|var|tmp|etc|root|app|srv)/|[A-Za-z]:\\|\.py\b|\.rs\b"),
    ),
    ("an exception's name", re.compile(r"\b[A-Z]\w*(?:Error|Exception)\b")),
    ("an object's address", re.compile(r"\b0x[0-9a-f]{6,}\b|<[\w.]+ object")),
)
"""What no error text may hold, each with its name (INT-002)."""

Value = TypeVar("Value")


def that(condition: object, what: str, *, expected: object = "", actual: object = "") -> None:
    """Raise ``Violation`` saying ``what`` unless ``condition`` is true."""
    observed()
    if not condition:
        raise Violation(what, expected=expected, actual=actual)


def equal(actual: Value, expected: Value, what: str) -> None:
    """``actual`` is equal to ``expected`` and, for numbers and booleans, of the same type.

    Raises:
        Violation: it is not; ``what`` says which thing was compared.
    """
    observed()
    same_kind = type(actual) is type(expected) or not isinstance(actual, (bool, int, float))
    if actual != expected or not same_kind:
        raise Violation(f"{what} is not what it must be", expected=expected, actual=actual)


def _field(frame: Mapping[str, Any], name: str, expected: object) -> None:
    actual = frame.get(name)
    if actual != expected:
        raise Violation(f"{name} is {actual!r}", expected=f"{name} {expected!r}", actual=dict(frame))


def rejected(
    reply: Mapping[str, Any],
    code: str = "VALIDATION_ERROR",
    *,
    request_id: str | None = None,
    names: str | None = None,
) -> str:
    """``reply`` is an ``error`` envelope with that code, for that request, naming that field; its text.

    Raises:
        Violation: it is not, or its text shows internals.
    """
    envelope_shape(reply)
    _field(reply, "type", "error")
    _field(reply, "status", "error")
    _field(reply, "error_code", code)
    if request_id is not None:
        _field(reply, "request_id", request_id)
    return _error_text(reply, names)


def failed(response: Mapping[str, Any], code: str, names: str | None = None) -> str:
    """``response`` is the answer to a command that failed with that code, naming that argument; its text.

    Raises:
        Violation: it is not, or its text shows internals.
    """
    envelope_shape(response)
    _field(response, "type", "response")
    _field(response, "status", "error")
    _field(response, "error_code", code)
    return _error_text(response, names)


def _error_text(frame: Mapping[str, Any], names: str | None) -> str:
    text = frame.get("error")
    if not isinstance(text, str) or not text:
        raise Violation("the error has no text", expected="a text in error", actual=dict(frame))
    no_internals(text)
    if names is not None and not re.search(rf"(?<!\w){re.escape(names)}(?!\w)", text):
        raise Violation(
            f"the error text does not name {names!r}", expected=f"a text that names {names!r}", actual=text
        )
    return text


def succeeded(reply: Value) -> Value:
    """``reply`` is a ``message_response`` or ``response`` with status success; the reply itself.

    Raises:
        Violation: it is not.
    """
    if not isinstance(reply, Mapping):
        raise Violation("the reply is no object", expected="an envelope", actual=reply)
    envelope_shape(reply)
    if reply.get("type") not in {"message_response", "response"} or reply.get("status") != "success":
        raise Violation(
            "the request did not succeed", expected="a reply with status success", actual=dict(reply)
        )
    return reply


def envelope_shape(frame: Mapping[str, Any]) -> None:
    """``frame`` has the id, type, timestamp and version of an envelope from the bus (ENV-026).

    Raises:
        Violation: it has not.
    """
    observed()
    shapes = (
        ("id", MESSAGE_ID.fullmatch, "arq_<digits>_<digits>_<6 hex> or arq_<ULID>"),
        ("type", BUS_TYPES.__contains__, f"one of {', '.join(sorted(BUS_TYPES))}"),
        ("timestamp", TIMESTAMP.fullmatch, "RFC 3339 with a zone"),
        ("version", "1.0".__eq__, "1.0"),
    )
    for name, fits, allowed in shapes:
        value = frame.get(name)
        if not isinstance(value, str) or not fits(value):
            raise Violation(
                f"{name} of an envelope from the bus is {value!r}", expected=allowed, actual=dict(frame)
            )


def no_internals(text: str) -> None:
    """``text`` shows no stack trace, file path, exception or object of the deployment (INT-002).

    Raises:
        Violation: it does.
    """
    observed()
    for name, pattern in INTERNALS:
        if found := pattern.search(text):
            raise Violation(f"a text shows {name}", expected="none", actual=f"{found.group()!r} in {text!r}")


def ascending(entries: Sequence[Mapping[str, Any]]) -> None:
    """The entries of one channel's history stand in the order of their sequence, ``stored_at`` never decreasing.

    Raises:
        Violation: two neighbours do not.
    """
    observed()
    for before, after in pairwise(entries):
        if before["sequence"] >= after["sequence"] or _instant(before) > _instant(after):
            raise Violation(
                "the entries are not in ascending order",
                expected="sequence growing, stored_at not decreasing",
                actual=[(entry["sequence"], entry["stored_at"]) for entry in (before, after)],
            )


def _instant(entry: Mapping[str, Any]) -> datetime:
    stored_at = entry["stored_at"]
    if not isinstance(stored_at, str) or not TIMESTAMP.fullmatch(stored_at):
        raise Violation("stored_at is no timestamp", expected="RFC 3339 with a zone", actual=stored_at)
    return datetime.fromisoformat(stored_at)
