"""What `envelope.parse` refuses, and the diagnosis of it."""

import pytest
from arqonbus_reference.diagnosis import MAX_NESTING, InvalidEnvelopeError
from arqonbus_reference.envelope import parse
from made_envelopes import COMMAND, HEAD, ID, MESSAGE, encoded, nested, spliced

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
