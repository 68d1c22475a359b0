"""The generator of nonsense makes nothing but nonsense, and the same for the same seed."""

import json
import random
import re

import pytest
from arqonbus_adversarial.documents import BOMBS, DISGUISED_KEYS, HUGE_NUMBERS, INJECTIONS, LOOK_ALIKES
from arqonbus_adversarial.nonsense import KINDS, malformed
from arqonbus_conformance.envelopes import check_own, envelope
from arqonbus_conformance.findings import SuiteFault
from hypothesis import given
from hypothesis import strategies as st

NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}")
MAX_NESTING = 64


class RepeatedKeyError(Exception):
    """A key stands twice in one object."""


def seeded(seed: int) -> random.Random:
    """A generator that the seed decides."""
    return random.Random(seed)  # noqa: S311 - reproducible, not secret


def once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object whose keys are all different."""
    if len({key for key, _ in pairs}) != len(pairs):
        raise RepeatedKeyError
    return dict(pairs)


def no_constant(word: str) -> None:
    """NaN and the infinities are not JSON."""
    raise ValueError(word)


def depth(value: object) -> int:
    """How deeply containers nest in a document; recursion is bounded by the parser before it."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return int(isinstance(value, (dict, list))) + max(map(depth, inner), default=0)


def is_refused(text: str) -> bool:
    """Whether the document breaks a rule that every deployment keeps, judged without any code of a deployment."""
    try:
        document = json.loads(text, object_pairs_hook=once_each, parse_constant=no_constant)
        text_again = json.dumps(document, ensure_ascii=False)
        text_again.encode()
        check_own(document)
    except (ValueError, RecursionError, RepeatedKeyError, SuiteFault, TypeError):
        return True
    return not isinstance(document, dict) or depth(document) > MAX_NESTING


def message() -> dict[str, object]:
    """A good message whose text is the word that nobody may hear."""
    return envelope(room="r", channel="c", payload={"text": "never"})


@given(st.integers())
def test_every_document_it_makes_must_be_refused(seed: int) -> None:
    """An independent parser and the schema of what clients send refuse whatever any seed makes."""
    text = malformed(seeded(seed), message())

    assert is_refused(text), text


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__.strip("_"))
def test_each_kind_alone_makes_nothing_but_nonsense(kind) -> None:
    """Two hundred documents of each kind are refused."""
    rng = seeded(1)

    accepted = [text for text in (kind(rng, message()) for _ in range(200)) if not is_refused(text)]

    assert accepted == []


def test_the_judge_accepts_a_good_message() -> None:
    """The judge of these tests can say no."""
    assert not is_refused(json.dumps(message()))


def test_the_same_seed_makes_the_same_documents() -> None:
    """A failure can be replayed from its seed."""
    good = message()

    first, second = ([malformed(rng, good) for _ in range(100)] for rng in (seeded(7), seeded(7)))

    assert first == second


def test_hostile_names_are_outside_the_grammar() -> None:
    """No name of the corpora is one that a deployment must accept."""
    allowed = [name for name in (LOOK_ALIKES | INJECTIONS).values() if NAME.fullmatch(name)]

    assert allowed == []


def test_disguises_spell_the_same_key() -> None:
    """A JSON parser reads both spellings alike."""
    read = {disguise: json.loads(f'"{spelled}"') for disguise, (_, spelled) in DISGUISED_KEYS.items()}

    assert read == {disguise: plain for disguise, (plain, _) in DISGUISED_KEYS.items()}


def test_bombs_are_deeper_than_any_limit() -> None:
    """Each bomb opens, or closes, at least a thousand levels in a row."""
    extremes = {
        name: abs(bomb.count("[") + bomb.count("{")) + bomb.count("]") for name, bomb in BOMBS.items()
    }

    assert min(extremes.values()) >= 25_000


def test_huge_numbers_are_json() -> None:
    """Every number of the corpus is one that a payload may hold."""
    read = [json.loads(f"[{number}]", parse_int=str, parse_float=str) for number in HUGE_NUMBERS.values()]

    assert [one[0] for one in read] == list(HUGE_NUMBERS.values())
