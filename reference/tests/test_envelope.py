"""The only door for what clients send: `envelope.parse` and the diagnosis of what it refuses."""

import json
from contextlib import suppress
from typing import Any

import pytest
from arqonbus_reference.diagnosis import MAX_NESTING, InvalidEnvelopeError, nesting_exceeds
from arqonbus_reference.envelope import parse
from calls import counted_calls
from hypothesis import given
from hypothesis import strategies as st

ID = "arq_1_2_abcdef"
HEAD: dict[str, Any] = {"id": ID, "timestamp": "2026-11-22T10:00:00Z", "version": "1.0"}
MESSAGE = HEAD | {"type": "message", "room": "r", "channel": "c", "payload": {"text": "hello"}}
COMMAND = HEAD | {"type": "command", "command": "ping"}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def encoded(document: Any) -> bytes:
    return json.dumps(document).encode()


def spliced(old: str, new: str, document: dict[str, Any] = MESSAGE) -> bytes:
    text = json.dumps(document)
    assert old in text
    return text.replace(old, new).encode()


def nested(levels: int) -> dict[str, Any]:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return {"deep": value}


def read(frame: bytes) -> tuple[str, str] | None:
    """The id and type of an envelope, None for a frame that is refused."""
    try:
        envelope = parse(frame)
    except InvalidEnvelopeError:
        return None
    return envelope.id, envelope.type


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


REFUSED = {
    "empty": (b"", "envelope"),
    "not JSON": (b"hello", "envelope"),
    "array": (b"[]", "envelope"),
    "string": (b'"x"', "envelope"),
    "number": (b"12", "envelope"),
    "null": (b"null", "envelope"),
    "two documents": (encoded(MESSAGE) * 2, "envelope"),
    "half a document": (encoded(MESSAGE)[:-9], "envelope"),
    "byte order mark": (b"\xef\xbb\xbf" + encoded(MESSAGE), "envelope"),
    "NaN": (spliced('"hello"', "NaN"), "payload"),
    "Infinity in metadata": (spliced("1", "-Infinity", MESSAGE | {"metadata": {"a": 1}}), "metadata"),
    "lone surrogate": (spliced('"hello"', r'"\ud800"'), "payload"),
    "lone surrogate in a key": (spliced('"text"', r'"\udc00"'), "payload"),
    "lone surrogate in the id": (spliced(ID, r"\ud800"), "id"),
    "duplicate key": (spliced('"room": "r"', '"room": "r", "room": "r"'), "room"),
    "duplicate key spelled with an escape": (spliced('"room": "r"', r'"room": "r", "roo\u006d": "r"'), "room"),
    "duplicate payload": (spliced('"payload":', '"payload": {"a": 1, "b": 2}, "payload":'), "payload"),
    "duplicate key in args": (spliced('"a": 1', '"a": 1, "a": 1', COMMAND | {"args": {"a": 1}}), "a"),
    "duplicate key deep in args": (spliced('"b": 1', '"b": 1, "b": 1', COMMAND | {"args": {"a": [{"b": 1}]}}), "b"),
    "duplicate key in metadata": (spliced('"a": 1', '"a": 1, "a": 1', MESSAGE | {"metadata": {"a": 1}}), "a"),
    "too deep": (encoded(MESSAGE | {"payload": nested(MAX_NESTING - 1)}), "envelope"),
    "much too deep": (b'{"id":"x","payload":' + b"[" * 50_000, "envelope"),
    "unknown type": (encoded(MESSAGE | {"type": "gossip"}), "type"),
    "type of the bus": (encoded(MESSAGE | {"type": "response"}), "type"),
    "type is a number": (encoded(MESSAGE | {"type": 1}), "type"),
    "version": (encoded(MESSAGE | {"version": "1.1"}), "version"),
    "version is a number": (encoded(MESSAGE | {"version": 1.0}), "version"),
    "id": (encoded(MESSAGE | {"id": "arq_1_2_ABCDEF"}), "id"),
    "id with a line feed": (encoded(MESSAGE | {"id": ID + "\n"}), "id"),
    "timestamp": (encoded(MESSAGE | {"timestamp": "2026-11-22 10:00"}), "timestamp"),
    "timestamp of no day": (encoded(MESSAGE | {"timestamp": "2026-02-30T10:00:00Z"}), "timestamp"),
    "room": (encoded(MESSAGE | {"room": "a/b"}), "room"),
    "room null": (encoded(MESSAGE | {"room": None}), "room"),
    "room true": (encoded(MESSAGE | {"room": True}), "room"),
    "room is a list": (encoded(MESSAGE | {"room": []}), "room"),
    "channel": (encoded(MESSAGE | {"channel": ".c"}), "channel"),
    "to_client": (encoded(HEAD | {"type": "message", "to_client": "", "payload": {"a": 1}}), "to_client"),
    "to_client beside room": (encoded(MESSAGE | {"to_client": "c1"}), "to_client"),
    "channel alone": (encoded(HEAD | {"type": "message", "channel": "c", "payload": {"a": 1}}), "room"),
    "no target": (encoded(HEAD | {"type": "message", "payload": {"a": 1}}), "room"),
    "payload empty": (encoded(MESSAGE | {"payload": {}}), "payload"),
    "payload empty but for white space": (spliced('{"text": "hello"}', "{ \n }"), "payload"),
    "payload a list": (encoded(MESSAGE | {"payload": [1]}), "payload"),
    "payload a string": (encoded(MESSAGE | {"payload": "x"}), "payload"),
    "metadata a list": (encoded(MESSAGE | {"metadata": []}), "metadata"),
    "unknown field": (encoded(MESSAGE | {"colour": 1}), "colour"),
    "unknown field, unprintable": (encoded(MESSAGE | {"\x1b[31m": 1}), r"\\x1b\[31m"),
    "reply field": (encoded(MESSAGE | {"request_id": ID}), "request_id"),
    "args in a message": (encoded(MESSAGE | {"args": {}}), "args"),
    "command in a message": (encoded(MESSAGE | {"command": "ping"}), "command"),
    "room in a command": (encoded(COMMAND | {"room": "r"}), "room"),
    "payload in a command": (encoded(COMMAND | {"payload": {"a": 1}}), "payload"),
    "command empty": (encoded(COMMAND | {"command": ""}), "command"),
    "command too long": (encoded(COMMAND | {"command": "x" * 129}), "command"),
    "args a list": (encoded(COMMAND | {"args": []}), "args"),
    "args in telemetry": (encoded(HEAD | {"type": "telemetry", "payload": {}, "args": {}}), "args"),
    "command in telemetry": (encoded(HEAD | {"type": "telemetry", "payload": {}, "command": "x"}), "command"),
    "payload a list in telemetry": (encoded(HEAD | {"type": "telemetry", "payload": []}), "payload"),
    "operator.join without payload": (encoded(HEAD | {"type": "operator.join"}), "payload"),
    "not UTF-8": (b'{"id": "\xff"}', "envelope"),
} | {
    f"no {field}": (encoded({name: value for name, value in MESSAGE.items() if name != field}), field)
    for field in ("id", "type", "timestamp", "version", "payload")
} | {"no command": (encoded(HEAD | {"type": "command"}), "command")}  # fmt: skip


@pytest.mark.parametrize(("frame", "field"), REFUSED.values(), ids=REFUSED)
def test_a_wrong_envelope_is_refused_by_the_name_of_its_fault(frame: bytes, field: str) -> None:
    """What breaks a rule is refused with a text that begins with the field, says what is allowed, and is short."""
    with pytest.raises(InvalidEnvelopeError, match=f"^'?{field}'?: ") as refused:
        parse(frame)

    assert (
        "allowed" in refused.value.text
        or "belong" in refused.value.text
        or "given twice" in refused.value.text
    )
    assert len(refused.value.text) < 400
    assert refused.value.text.isascii()


READABLE = [
    "NaN",
    "duplicate key",
    "too deep",
    "unknown type",
    "room",
    "no payload",
    "half a document",
    "lone surrogate",
]


@pytest.mark.parametrize("name", READABLE)
def test_a_refusal_holds_the_id_that_could_be_read(name: str) -> None:
    """ENV-020: the offending id comes back whenever it could be read."""
    with pytest.raises(InvalidEnvelopeError) as refused:
        parse(REFUSED[name][0])

    assert refused.value.request_id == ID


@pytest.mark.parametrize("name", ["empty", "array", "no id", "lone surrogate in the id"])
def test_a_refusal_without_a_readable_id_holds_none(name: str) -> None:
    """Where no id could be read, none is made up."""
    with pytest.raises(InvalidEnvelopeError) as refused:
        parse(REFUSED[name][0])

    assert refused.value.request_id is None


def test_a_long_value_is_cut() -> None:
    """An error text shows at most the beginning of a value."""
    with pytest.raises(InvalidEnvelopeError) as refused:
        parse(encoded(MESSAGE | {"room": "x" * 10_000}))

    assert "x" * 64 in refused.value.text
    assert "x" * 65 not in refused.value.text


def test_a_long_number_is_cut() -> None:
    """A number is shown as written, and cut."""
    with pytest.raises(InvalidEnvelopeError) as refused:
        parse(spliced('"r"', "9" * 5000))

    assert "9" * 64 + "..." in refused.value.text


@given(payload=st.dictionaries(st.text(), json_values, min_size=1), ascii_only=st.booleans())
def test_any_payload_is_carried_as_its_bytes(payload: dict[str, Any], *, ascii_only: bool) -> None:
    """ENV-017: whatever a payload holds, its bytes come through, commas and brackets in strings included."""
    text = json.dumps(payload, ensure_ascii=ascii_only).encode("utf-8", "replace")
    frame = encoded(MESSAGE)[: -len('{"text": "hello"}}')] + text + b"}"

    envelope = parse(frame)

    assert bytes(envelope.payload) == text  # type: ignore[arg-type]


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused(frame: bytes) -> None:
    """Bytes that nobody made an envelope of are refused, without any other exception."""
    assert read(frame) is None


@given(
    document=st.sampled_from([MESSAGE, COMMAND]),
    field=st.sampled_from([*sorted(MESSAGE), "command"]),
    value=json_values,
)
def test_a_mutated_field_never_shifts_another(document: dict[str, Any], field: str, value: Any) -> None:
    """Whatever stands in one field, an accepted envelope has the other fields as sent."""
    mutated = document | {field: value}

    assert read(encoded(mutated)) in (None, (mutated.get("id"), mutated.get("type")))


@given(
    members=st.lists(
        st.tuples(st.sampled_from(["room", "channel", "sender", "payload"]), json_values), max_size=4
    )
)
def test_a_repeated_key_is_always_refused(members: list[tuple[str, Any]]) -> None:
    """ENV-003: no value, however many commas it holds, hides that a key stands twice."""
    head = encoded(MESSAGE)[:-1]
    repeated = b"".join(b', "%b": %b' % (name.encode(), encoded(value)) for name, value in members)

    with pytest.raises(InvalidEnvelopeError):
        parse(head + repeated + b', "id": "arq_1_2_abcdef"}')


@pytest.mark.parametrize(
    "sender", ["a,b", "\\u002c", "\\u002c,,"], ids=["a comma", "an escaped comma", "commas of both kinds"]
)
def test_commas_in_a_field_hide_no_repeated_member(sender: str) -> None:
    """ENV-012: the quick look counts commas; one that is no separator must not stand for a second `room`."""
    plain = spliced('"room": "r"', f'"room": "r", "sender": "{sender}"')
    repeated = spliced('"room": "r"', f'"room": "r", "room": "r", "sender": "{sender}"')

    assert parse(plain).room == "r"
    with pytest.raises(InvalidEnvelopeError, match="room: given twice"):
        parse(repeated)


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


MEGABYTE = 1_000_000
BRACKETS = ",".join(["[]"] * (MEGABYTE // 3))
OBJECTS = "[" * 60 + ",".join(["{}"] * (MEGABYTE // 3)) + "]" * 60
NUMBERS = ",".join(["1"] * (MEGABYTE // 2))
COSTLY = {
    "brackets": f'"payload": {{"a": [{BRACKETS}]}}',
    "quotes without an end": '"payload": {"a": [[[' + "[]," * 50 + '"' + '\\"' * (MEGABYTE // 2),
    "objects in metadata": f'"payload": {{"a": 1}}, "metadata": {{"a": {OBJECTS}}}',
    "a payload beside metadata": f'"payload": {{"a": [{NUMBERS}]}}, "metadata": {{}}',
}


@pytest.mark.parametrize("members", COSTLY.values(), ids=COSTLY.keys())
def test_a_frame_that_is_costly_to_check_does_not_hold_up_the_loop(members: str) -> None:
    """One frame of the largest size took up to 3 s of everybody's time; now it is read by few calls, four for an object at most."""
    frame = spliced('"payload": {"text": "hello"}', members)

    with counted_calls() as calls, suppress(InvalidEnvelopeError):
        parse(frame)

    assert calls.count <= 200 + 4 * members.count("{")
