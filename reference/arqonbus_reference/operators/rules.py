"""The built-in rule engine: a small controlled English, read word by word, always with the same result.

    ROUTE messages [where CONDITION {and CONDITION}] [in room NAME] to [room NAME] channel NAME [in room NAME]
    ROUTE:     route, send, forward or copy; "all" may follow
    CONDITION: FIELD OPERATION VALUE, or FIELD exists
    FIELD:     room, channel, sender, payload.NAME or metadata.NAME
    OPERATION: is, is not, equals, contains, starts with, ends with, is greater than, is less than, is at least, is at most
    VALUE:     a word, a number, true, false, null, or "text between quotes"

The room before `to` is where messages come from, and where they go unless another is named after `to`.
"""

import re
from collections.abc import Callable
from typing import Final

from arqonbus_reference.grammar import NAME_RULE, is_name
from arqonbus_reference.operators.operator import (
    FIELD_ALLOWED,
    FIELD_PATTERN,
    MAX_CONDITIONS,
    Comparison,
    Condition,
    Destination,
    Operator,
    Value,
)

SHOWN_CHARACTERS: Final = 64
_WORD = re.compile(r'"[^"]*"|[^\s"]+|"')
_FIELD = re.compile(FIELD_PATTERN)
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
_LITERALS: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None}
_VERBS: Final = ("route", "send", "forward", "copy")
_OPERATIONS: Final[tuple[tuple[tuple[str, ...], Comparison], ...]] = (
    (("is", "greater", "than"), "gt"),
    (("is", "less", "than"), "lt"),
    (("is", "at", "least"), "ge"),
    (("is", "at", "most"), "le"),
    (("is", "not"), "ne"),
    (("is",), "eq"),
    (("equals",), "eq"),
    (("contains",), "contains"),
    (("starts", "with"), "starts_with"),
    (("ends", "with"), "ends_with"),
    (("exists",), "exists"),
)
"""Longer ones first: `is` begins five of them."""
_ORDERING: Final = frozenset({"gt", "ge", "lt", "le"})
_TEXTUAL: Final = frozenset({"contains", "starts_with", "ends_with"})


class NotUnderstoodError(Exception):
    """The prompt is not of the language; the text names the first word not understood and what may stand there."""


def parse(prompt: str) -> Operator:
    """The operator that the prompt describes.

    Raises:
        NotUnderstoodError: it describes none.
    """
    words = _Words(_WORD.findall(prompt.strip().removesuffix(".")))
    words.expect(*_VERBS)
    words.skip("all")
    words.expect("messages")
    when = _conditions(words) if words.skip("where") else []
    source = _room(words) if words.skip("in") else None
    words.expect("to", instead="where, in or to" if source is None and not when else "and, in or to")
    then = _destination(words, source)
    words.end()
    if source is not None:
        when.insert(0, Condition("room", "eq", source))
    return Operator(when, then)


def _destination(words: "_Words", source: str | None) -> Destination:
    room = source
    if words.peek() == "room":
        room = _room(words)
    words.expect("channel", instead="room or channel")
    channel = words.take("a channel name", is_name, NAME_RULE)
    if words.skip("in"):
        room = _room(words)
    if room is None:
        raise NotUnderstoodError("prompt: names no room; allowed: in room NAME, or to room NAME channel NAME")
    return Destination(room, channel)


def _room(words: "_Words") -> str:
    words.expect("room")
    return words.take("a room name", is_name, NAME_RULE)


def _conditions(words: "_Words") -> list[Condition]:
    conditions = [_condition(words)]
    while words.skip("and"):
        if len(conditions) == MAX_CONDITIONS - 1:  # one place is kept for the room
            raise NotUnderstoodError(f"prompt: more conditions than allowed; allowed: {MAX_CONDITIONS - 1}")
        conditions.append(_condition(words))
    return conditions


def _condition(words: "_Words") -> Condition:
    field = words.take("a field", lambda word: _FIELD.match(word) is not None, FIELD_ALLOWED)
    for sequence, op in _OPERATIONS:
        if words.skip(*sequence):
            return Condition(field, op, True if op == "exists" else _value(words, op))
    raise words.not_understood(
        "is, is not, equals, contains, starts with, ends with, is greater than or exists"
    )


def _value(words: "_Words", op: Comparison) -> Value:
    if op in _ORDERING:
        return _number(words.take("a number", _is_number, "digits, a sign, a decimal point"))
    word = words.take("a value", lambda word: word != '"', 'a word, a number or "text"')
    if word.startswith('"') or op in _TEXTUAL:
        return word.strip('"')
    if word in _LITERALS:
        return _LITERALS[word]
    return _number(word) if _is_number(word) else word


def _is_number(word: str) -> bool:
    return _NUMBER.fullmatch(word) is not None


def _number(word: str) -> int | float:
    return float(word) if "." in word else int(word)


class _Words:
    """The words of a prompt, taken one by one."""

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._at = 0

    def peek(self, ahead: int = 0) -> str | None:
        index = self._at + ahead
        return self._words[index].lower() if index < len(self._words) else None

    def skip(self, *sequence: str) -> bool:
        """Take the words when they come next."""
        if any(self.peek(ahead) != word for ahead, word in enumerate(sequence)):
            return False
        self._at += len(sequence)
        return True

    def expect(self, *choices: str, instead: str | None = None) -> None:
        if self.peek() not in choices:
            raise self.not_understood(instead or " or ".join(choices))
        self._at += 1

    def take(self, what: str, fits: Callable[[str], bool], allowed: str) -> str:
        if self._at == len(self._words) or not fits(self._words[self._at]):
            raise self.not_understood(f"{what} ({allowed})")
        self._at += 1
        return self._words[self._at - 1]

    def end(self) -> None:
        if self._at < len(self._words):
            raise self.not_understood("the end of the prompt")

    def not_understood(self, allowed: str) -> NotUnderstoodError:
        if self._at == len(self._words):
            return NotUnderstoodError(f"prompt: ends too early; allowed: {allowed}")
        word = self._words[self._at]
        shown = word if len(word) <= SHOWN_CHARACTERS else word[:SHOWN_CHARACTERS] + "..."
        return NotUnderstoodError(f"prompt: {shown!r} is not understood; allowed: {allowed}")
