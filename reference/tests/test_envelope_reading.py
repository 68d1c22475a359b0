"""What `envelope.parse` reads, the only door for what clients send: right envelopes, as they were sent."""

from typing import Any

import pytest
from arqonbus_reference.diagnosis import MAX_NESTING, nesting_exceeds
from arqonbus_reference.envelope import parse
from made_envelopes import COMMAND, HEAD, MESSAGE, encoded, nested, spliced

ACCEPTED = {
    "room and channel": MESSAGE,
    "room": HEAD | {"type": "message", "room": "r", "payload": {"a": 1}},
    "client": HEAD | {"type": "message", "to_client": "c1", "payload": {"a": 1}},
    "sender given": MESSAGE | {"sender": "x", "from_client": "y"},
    "metadata": MESSAGE | {"metadata": {"a": [1, {"b": 2}], "c": "x,y"}},
    "commas in strings": MESSAGE | {"sender": "a,b,c"},
    "ulid": MESSAGE | {"id": "arq_01ARZ3NDEKTSV4RRFFQ69G5FAV"},
    "command": COMMAND,
    "command with args": COMMAND | {"args": {"room": "r"}},
    "command with metadata": COMMAND | {"metadata": {}},
    "telemetry": HEAD | {"type": "telemetry", "payload": {}},
    "operator.join": HEAD | {"type": "operator.join", "payload": {"group": "g"}},
    "deepest": MESSAGE | {"payload": nested(MAX_NESTING - 2)},
    "brackets in a string": MESSAGE | {"payload": {"text": "[" * 100 + '\\"{'}},
    "white space in the payload": MESSAGE,
}


@pytest.mark.parametrize("document", ACCEPTED.values(), ids=ACCEPTED)
def test_a_right_envelope_is_read(document: dict[str, Any]) -> None:
    """What follows the specification is read, and its fields are what was sent."""
    envelope = parse(encoded(document))

    assert envelope.type == document["type"]
    assert envelope.id == document["id"]


def test_white_space_around_and_inside_is_allowed() -> None:
    """JSON's white space changes nothing."""
    envelope = parse(b" \n" + spliced('{"text": "hello"}', '{ \t"text" : "hello"}') + b"\r\n ")

    assert bytes(envelope.payload) == b'{ \t"text" : "hello"}'  # type: ignore[arg-type]


def test_a_payload_may_repeat_its_keys_beside_metadata() -> None:
    """ENV-013: a payload is carried verbatim, also where the slow look at the other members is taken."""
    frame = spliced(
        '"payload": {"text": "hello"}', '"payload": {"a": 1, "a": {"b": 1, "b": 2}}, "sender": "a,b"'
    )

    assert bytes(parse(frame).payload) == b'{"a": 1, "a": {"b": 1, "b": 2}}'


@pytest.mark.parametrize(
    ("text", "exceeds"),
    [
        ("[" * MAX_NESTING + "]" * MAX_NESTING, False),
        ("[" * (MAX_NESTING + 1), True),
        ('["' + "[" * 100 + '"]', False),
        ('["\\"' + "[" * 100 + '"]', False),
        ('["' + "[" * 100, False),
        ('["\\' + "[" * 100 + "\\", False),
        ("[]" + "[" * 100, False),
        ('["a", "\\\\", ' + "[" * 100, True),
    ],
)
def test_nesting_is_counted_outside_strings(text: str, exceeds: bool) -> None:  # noqa: FBT001
    """ENV-015: brackets inside a string, ended or not, and behind the document count for nothing."""
    assert nesting_exceeds(text.encode(), MAX_NESTING) is exceeds
