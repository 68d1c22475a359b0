"""Why a frame is refused: the slow, exact reading that names the field, the value and what is allowed."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import accumulate, repeat
from typing import Any, NamedTuple

from arqonbus_reference.grammar import ID_RULE, NAME_RULE, is_id, is_name, is_timestamp

MAX_NESTING = 64
"""Objects and arrays inside one another, the envelope counting 1 (ENV-015)."""

MAX_ID_LENGTH = 128
"""Characters of an id that is repeated back as request_id."""

MAX_COMMAND_LENGTH = 128
"""Characters of a command name."""

SHOWN_CHARACTERS = 64
"""Characters of a refused value that an error text shows."""

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
"""A string, the last one perhaps without its end: a search never looks at a byte twice, so that no frame costs its square."""
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_DEEPER = {byte: 1 if byte in b"[{" else -1 for byte in b"[]{}"}
_LEADING_ID = re.compile(rb'\s*\{\s*"id"\s*:\s*"([^"\\\x00-\x1f]{1,128})"')
_CLIENT_TYPES = ("message", "command", "telemetry", "operator.join")


class InvalidEnvelopeError(Exception):
    """A frame that is no envelope; `text` is for the client, `request_id` None when no id could be read."""

    def __init__(self, text: str, request_id: str | None) -> None:
        super().__init__(text)
        self.text = text
        self.request_id = request_id


class Pairs(list[tuple[str, Any]]):
    """A JSON object as its members in order, duplicates kept."""

    def get(self, key: str) -> Any:
        """The last value under `key`, or None."""
        return next((value for name, value in reversed(self) if name == key), None)

    def repeated(self) -> str | None:
        """A key that stands more than once, or None."""
        return next((name for name, count in Counter(name for name, _ in self).items() if count > 1), None)


class Number(str):
    """A JSON number as written."""

    __slots__ = ()


class NotANumber(str):
    """NaN, Infinity or -Infinity, which JSON does not have."""

    __slots__ = ()


_decoder = json.JSONDecoder(
    object_pairs_hook=Pairs, parse_int=Number, parse_float=Number, parse_constant=NotANumber
)


def nesting_exceeds(frame: bytes, limit: int) -> bool:
    """True when brackets outside strings open more than `limit` levels."""
    brackets = _STRING.sub(b"", frame).translate(None, _NO_BRACKETS)
    for depth in accumulate(map(_DEEPER.__getitem__, brackets)):
        if depth > limit:
            return True
        if depth <= 0:  # the document is over; what follows is refused whatever it is
            return False
    return False


def has_duplicate_keys(value: bytes) -> bool:
    """True when an object inside `value`, a JSON document of bounded nesting, repeats a key."""
    try:
        _unique_decoder.decode(value.decode())
    except _RepeatedKeyError:
        return True
    return False


def repeats_members(frame: bytes) -> bool:
    """True when the object that `frame` is repeats a key, whatever the objects inside do."""
    return _outermost_decoder.decode(frame.decode()) is True


class _RepeatedKeyError(Exception):
    """An object repeats a key."""


def _require_unique(pairs: list[tuple[str, Any]]) -> None:
    if len(pairs) > 1 and len(dict(pairs)) != len(pairs):
        raise _RepeatedKeyError


def _repeats(pairs: list[tuple[str, Any]]) -> bool:
    return len(dict(pairs)) != len(pairs)


_outermost_decoder = json.JSONDecoder(object_pairs_hook=_repeats, parse_int=str, parse_float=str)
_unique_decoder = json.JSONDecoder(object_pairs_hook=_require_unique, parse_int=str, parse_float=str)
"""Both keep nothing: the numbers stay text, which costs no time and has no longest one."""


def refusal(frame: bytes) -> InvalidEnvelopeError:
    """What is wrong with a frame that `envelope.parse` does not accept."""
    if nesting_exceeds(frame, MAX_NESTING):
        return InvalidEnvelopeError(
            f"envelope: nested too deeply; allowed: {MAX_NESTING} levels", _leading_id(frame)
        )
    try:
        document = _decoder.decode(frame.decode())
    except ValueError:
        return InvalidEnvelopeError(
            "envelope: not a JSON document; allowed: one JSON object per frame", _leading_id(frame)
        )
    if not isinstance(document, Pairs):
        return InvalidEnvelopeError(
            f"envelope: {_shown(document)} is not an object; allowed: one JSON object", None
        )
    found = document.get("id")
    readable = type(found) is str and len(found) <= MAX_ID_LENGTH and _lone_surrogate(found) is None
    return InvalidEnvelopeError(_fault(document), found if readable else None)


def _leading_id(frame: bytes) -> str | None:
    """The id of a frame that is no JSON document, when it is the first member."""
    match = _LEADING_ID.match(frame)
    return match[1].decode(errors="replace") if match else None


def _fault(document: Pairs) -> str:
    for value, where in _values(document, "envelope"):
        if isinstance(value, NotANumber):
            return f"{where}: {value} is not JSON; allowed: finite numbers"
        if isinstance(value, str) and _lone_surrogate(value) is not None:
            return f"{where}: a lone surrogate; allowed: Unicode text"
    repeated = _repeated_key(document)
    if repeated is not None:
        return f"{_shown_key(repeated)}: given twice; allowed: each key once"
    return _field_fault(document) or "envelope: cannot be read; allowed: the envelope of version 1.0"


def _repeated_key(document: Pairs) -> str | None:
    inner = [
        value
        for value, _ in _values([document.get("args"), document.get("metadata")], "")
        if isinstance(value, Pairs)
    ]
    return next((key for key in (pairs.repeated() for pairs in (document, *inner)) if key is not None), None)


def _values(value: Any, where: str) -> Iterator[tuple[Any, str]]:
    """Every key and value inside, in order, with the top-level field it stands in.

    Without recursion: a nested generator would cost each value as many steps as it lies deep.
    """
    waiting: list[Iterator[tuple[Any, str]]] = [iter([(value, where)])]
    while waiting:
        for found, inside in waiting[-1]:
            yield found, inside
            if isinstance(found, list) and found:
                waiting.append(_members(found, inside))
                break
        else:
            waiting.pop()


def _members(value: list[Any], where: str) -> Iterator[tuple[Any, str]]:
    if not isinstance(value, Pairs):
        yield from zip(value, repeat(where), strict=False)
        return
    for key, member in value:
        inside = _shown_key(key) if where == "envelope" else where
        yield key, inside
        yield member, inside


def _lone_surrogate(text: str) -> str | None:
    return next((character for character in text if "\ud800" <= character <= "\udfff"), None)


class _Rule(NamedTuple):
    types: tuple[str, ...]
    required: tuple[str, ...]
    shape: str
    allowed: str


_RULES = {
    "id": _Rule(_CLIENT_TYPES, _CLIENT_TYPES, "id", ID_RULE),
    "type": _Rule(_CLIENT_TYPES, _CLIENT_TYPES, "type", ", ".join(_CLIENT_TYPES)),
    "timestamp": _Rule(_CLIENT_TYPES, _CLIENT_TYPES, "timestamp", "an RFC 3339 date-time with zone"),
    "version": _Rule(_CLIENT_TYPES, _CLIENT_TYPES, "version", "1.0"),
    "room": _Rule(("message",), (), "name", NAME_RULE),
    "channel": _Rule(("message",), (), "name", NAME_RULE),
    "to_client": _Rule(("message",), (), "name", NAME_RULE),
    "sender": _Rule(_CLIENT_TYPES, (), "string", "a string"),
    "from_client": _Rule(_CLIENT_TYPES, (), "string", "a string"),
    "payload": _Rule(
        ("message", "telemetry", "operator.join"),
        ("message", "telemetry", "operator.join"),
        "object",
        "an object",
    ),
    "metadata": _Rule(_CLIENT_TYPES, (), "object", "an object"),
    "command": _Rule(("command",), ("command",), "command", "a string of 1-128 characters"),
    "args": _Rule(("command",), (), "object", "an object"),
}


_SHAPES: dict[str, Callable[[str], bool]] = {
    "id": is_id,
    "type": lambda value: value in _CLIENT_TYPES,
    "timestamp": is_timestamp,
    "version": lambda value: value == "1.0",
    "name": is_name,
    "string": lambda _: True,
    "command": lambda value: 1 <= len(value) <= MAX_COMMAND_LENGTH,
}


def _field_fault(document: Pairs) -> str | None:
    """The first field that breaks its rule, in the order of the specification."""
    fields = dict(document)
    kind = fields.get("type")
    if not isinstance(kind, str) or kind not in _CLIENT_TYPES:
        return _missing_or_wrong("type", fields)
    for field, rule in _RULES.items():
        if field not in fields:
            if kind in rule.required:
                return f"{field}: missing; allowed: {rule.allowed}"
            continue
        value = fields[field]
        if kind not in rule.types:
            belonging = ", ".join(name for name, other in _RULES.items() if kind in other.types)
            return f"{field}: does not belong to type {kind}; allowed: {belonging}"
        right = (
            isinstance(value, Pairs)
            if rule.shape == "object"
            else type(value) is str and _SHAPES[rule.shape](value)
        )
        if not right:
            return f"{field}: {_shown(value)} is not allowed; allowed: {rule.allowed}"
    unknown = next((field for field in fields if field not in _RULES), None)
    if unknown is not None:
        return f"{_shown_key(unknown)}: unknown field; allowed: {', '.join(_RULES)}"
    return _target_fault(kind, fields)


def _missing_or_wrong(field: str, fields: dict[str, Any]) -> str:
    allowed = _RULES[field].allowed
    if field not in fields:
        return f"{field}: missing; allowed: {allowed}"
    return f"{field}: {_shown(fields[field])} is not allowed; allowed: {allowed}"


def _target_fault(kind: str, fields: dict[str, Any]) -> str | None:
    if kind != "message":
        return None
    if not fields["payload"]:
        return "payload: {} is not allowed; allowed: an object with at least one member"
    if "to_client" in fields and ("room" in fields or "channel" in fields):
        return (
            "to_client: given beside room or channel; allowed: to_client alone, or room, or room and channel"
        )
    if "channel" in fields and "room" not in fields:
        return "room: missing beside channel; allowed: room and channel, room alone, or to_client"
    if "room" not in fields and "to_client" not in fields:
        return "room: missing, as is to_client; allowed: room and channel, room alone, or to_client"
    return None


def _shown(value: Any) -> str:
    """A value for an error text: JSON-like, at most SHOWN_CHARACTERS of it, printable ASCII only."""
    if isinstance(value, Number | NotANumber):
        text = str(value)
    elif isinstance(value, str):
        text = ascii(value[:SHOWN_CHARACTERS])
    else:
        names = {type(None): "null", bool: str(value).lower(), Pairs: "an object", list: "an array"}
        text = names.get(type(value), "this value")
    return text if len(text) <= SHOWN_CHARACTERS + 2 else text[:SHOWN_CHARACTERS] + "..."


def _shown_key(key: str) -> str:
    return key if key.isascii() and key.isprintable() and len(key) <= SHOWN_CHARACTERS else _shown(key)
