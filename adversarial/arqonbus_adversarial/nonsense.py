"""Text frames that every deployment must refuse, made at random from good ones; the seed is the caller's."""

from __future__ import annotations

import json
import random
import string
from collections.abc import Callable
from typing import Any, Final

Document = dict[str, Any]

REQUIRED: Final = ("id", "type", "timestamp", "version", "payload")
WRONG_VALUES: Final[tuple[Any, ...]] = (None, True, 5, -0.5, [], ["x"])
"""Values of a wrong type for every field of a message."""
FORBIDDEN_IN_NAMES: Final = "/\\:;,*?<>|\"'`~!@#$%^&()+=[]{} \t\r\n\x00\x7f\u00e9\u0430\u2024\U0001f600"
BAD_VALUES: Final = (
    "01",
    "+1",
    ".5",
    "1.",
    "0x1",
    "NaN",
    "Infinity",
    "-Infinity",
    "tru",
    "'x'",
    '"\\x"',
    '"\\ud800"',
)
LEVELS: Final = 65
"""The least nesting that is refused, in levels."""


def _compact(document: Document) -> str:
    return json.dumps(document, separators=(",", ":"))


def _cut(rng: random.Random, document: Document) -> str:
    text = _compact(document)
    return text[: rng.randrange(len(text))]


def _continued(rng: random.Random, document: Document) -> str:
    return _compact(document) + rng.choice(" \n\t") * rng.randrange(3) + rng.choice("x}],{[\"0\x00'")


def _noise(rng: random.Random, document: Document) -> str:
    first = rng.choice("abcxyz)]}>,:*&%$#@!")
    return first + "".join(rng.choices(string.printable, k=rng.randrange(200)))


def _no_object(rng: random.Random, document: Document) -> str:
    return json.dumps(rng.choice([[document], [], 5, "text", None, True, 1.5, [[]], ""]))


def _without_a_field(rng: random.Random, document: Document) -> str:
    missing = rng.choice(REQUIRED)
    return _compact({name: value for name, value in document.items() if name != missing})


def _wrongly_typed(rng: random.Random, document: Document) -> str:
    return _compact(document | {rng.choice([*REQUIRED, "room", "channel"]): rng.choice(WRONG_VALUES)})


def _with_a_field_too_many(rng: random.Random, document: Document) -> str:
    name = "x_" + "".join(rng.choices(string.ascii_letters, k=rng.randrange(40)))
    return _compact(document | {name: rng.choice([1, "x", None, {}])})


def _with_a_bad_name(rng: random.Random, document: Document) -> str:
    name = list("room" * rng.randrange(1, 9))
    name.insert(rng.randrange(len(name)), rng.choice(FORBIDDEN_IN_NAMES))
    return _compact(document | {rng.choice(["room", "channel"]): "".join(name)})


def _with_a_bad_value(rng: random.Random, document: Document) -> str:
    spoilt = document | {"payload": {"text": "never", "spot": ["SPOT"] * rng.randrange(1, 4)}}
    return _compact(spoilt).replace('"SPOT"', rng.choice(BAD_VALUES), 1)


def _with_a_duplicate(rng: random.Random, document: Document) -> str:
    name = rng.choice(list(document))
    return _compact(document)[:-1] + f",{json.dumps(name)}:{json.dumps(document[name])}}}"


def _too_deep(rng: random.Random, document: Document) -> str:
    levels = rng.choice([LEVELS, LEVELS + 1, 200, 5000])
    opening, closing = rng.choice([("[", "]"), ('{"a":', "}")])
    inner = opening * levels + "0" + closing * levels
    return _compact(document | {"payload": {"text": "never", "spot": "SPOT"}}).replace('"SPOT"', inner)


def _with_a_raw_control_character(rng: random.Random, document: Document) -> str:
    return _compact(document).replace("never", "ne" + chr(rng.randrange(0x20)) + "ver")


KINDS: Final[tuple[Callable[[random.Random, Document], str], ...]] = (
    _cut,
    _continued,
    _noise,
    _no_object,
    _without_a_field,
    _wrongly_typed,
    _with_a_field_too_many,
    _with_a_bad_name,
    _with_a_bad_value,
    _with_a_duplicate,
    _too_deep,
    _with_a_raw_control_character,
)


def malformed(rng: random.Random, document: Document) -> str:
    """A text that must be refused, made from `document`, a good message whose payload text is `never`."""
    return rng.choice(KINDS)(rng, document)
