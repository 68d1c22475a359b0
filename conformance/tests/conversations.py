"""What a process that has collected the cases is asked to do in tests; a new process imports it by name."""

import functools
import os
from collections.abc import Iterator

from arqonbus_conformance.mutation.collected import Collected
from arqonbus_conformance.mutation.forks import in_forks
from arqonbus_conformance.target import embedded_reference

__all__ = ["NOBODY", "ended_early", "of_cases", "of_nobody", "of_one"]

NOBODY = "unit/test_nothing::test_nothing"


def of_cases(collected: Collected) -> Iterator[str]:
    """Tell the id of each case."""
    for case in collected.cases:
        yield case.id


def of_nobody(collected: Collected) -> Iterator[set[str]]:
    """Run a case that there is not."""
    run = functools.partial(collected.run, [NOBODY], embedded_reference(), object())
    yield from in_forks([run], jobs=1)


def of_one(name: str, collected: Collected) -> Iterator[list[tuple[str, str]]]:
    """Run that case, and tell the verdict of each that was run."""
    yield from in_forks([functools.partial(_verdicts, collected, name)], jobs=1)


def _verdicts(collected: Collected, name: str) -> list[tuple[str, str]]:
    collected.run([name], embedded_reference(), object())
    return [(result.id, str(result.verdict)) for result in collected.judge.results]


def ended_early(collected: Collected) -> Iterator[int]:
    """Tell how many cases there are, and end the process."""
    yield len(collected.cases)
    os._exit(3)
