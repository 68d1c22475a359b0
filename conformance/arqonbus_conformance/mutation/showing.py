"""Which cases are shown to which liars, and how much of a hurry they are in. Pure."""

import random
from collections.abc import Sequence
from typing import Final, NamedTuple

from arqonbus_fixtures.liars.liar import Liar

from arqonbus_conformance.mutation.hurry import PLAIN
from arqonbus_conformance.mutation.plan import Huntable
from arqonbus_conformance.mutation.trial import HONEST
from arqonbus_conformance.power import function_of

__all__ = ["LAUNCHING_HASTE", "Task", "tasks_for"]

HASTE: Final = 60.0
"""How much faster time passes for a case that waits for a liar: 5 s for a reply are 83 ms."""
LAUNCHING_HASTE: Final = 6.0
"""The same where the liar itself is launched meanwhile, which takes its time."""
PARTS: Final = 4
"""Into how many parts the cases are divided, beside each other, where most of the time is waiting."""
TRUE_PARTS: Final = 2
"""The same for the deployment that tells the truth, which is busy itself."""

SHOWN_ALL: Final = frozenset({"rejects-everything", "accepts-everything"})
"""The liars that every case is shown."""
AT_THE_START: Final = frozenset({"rejects-every-start", "accepts-everything"})
"""The liars that cases which launch a deployment are shown."""
OF_A_FUNCTION: Final = 2
"""How many cases of one function the other liars are shown."""


class Task(NamedTuple):
    """Which cases are shown to whom: the id of a liar, or ``HONEST``."""

    liar: str
    cases: tuple[str, ...]
    haste: float


def tasks_for(liars: Sequence[Liar], cases: Sequence[Huntable]) -> list[Task]:
    """Every case on a main deployment to the liars that say most, a sample of them to the others.

    Cases that launch a deployment are shown to the liars that tell the two lies there are about a start.
    """
    on_main = [case.id for case in cases if not case.launches]
    launching = [case.id for case in cases if case.launches]
    tasks = [Task(HONEST, part, PLAIN) for part in _parts(on_main, TRUE_PARTS)]
    for liar in liars:
        if liar.id in AT_THE_START:
            tasks += [Task(liar.id, part, LAUNCHING_HASTE) for part in _parts(launching, PARTS)]
        if liar.starts:
            shown = on_main if liar.id in SHOWN_ALL else _sample(liar.id, on_main)
            tasks += [Task(liar.id, part, HASTE) for part in _parts(shown, PARTS if shown is on_main else 1)]
    return tasks


def _sample(liar: str, cases: Sequence[str]) -> list[str]:
    """Of each function some of its cases, drawn by the liar: the same every time, and others for another liar."""
    by_function: dict[str, list[str]] = {}
    for case in cases:
        by_function.setdefault(function_of(case), []).append(case)
    drawn = random.Random(liar)  # noqa: S311 - the same sample every time, not a secret
    return [
        case for group in by_function.values() for case in drawn.sample(group, min(OF_A_FUNCTION, len(group)))
    ]


def _parts(cases: Sequence[str], parts: int) -> list[tuple[str, ...]]:
    """The cases in parts; those of one module stay together, since collecting a module takes its time."""
    by_module: dict[str, list[str]] = {}
    for case in cases:
        by_module.setdefault(case.partition("::")[0], []).append(case)
    made: list[list[str]] = [[] for _ in range(parts)]
    for module in sorted(by_module.values(), key=len, reverse=True):
        min(made, key=len).extend(module)
    return [tuple(part) for part in made if part]
