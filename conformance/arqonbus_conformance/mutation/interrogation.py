"""Showing cases to liars: one gate run for each liar, or for each part of the cases, several beside each other."""

import asyncio
import random
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import as_completed
from typing import Any, Final, NamedTuple

import pytest
from arqonbus_fixtures.liars.liar import Liar

from arqonbus_conformance.judge import Judge
from arqonbus_conformance.mutation.hunting import ORIGINAL, SEED, of_its_own_each
from arqonbus_conformance.mutation.hurry import PLAIN, HurriedPolicy, hurry
from arqonbus_conformance.mutation.plan import Huntable
from arqonbus_conformance.mutation.trial import HONEST, Answer, Heard, refused
from arqonbus_conformance.power import function_of
from arqonbus_conformance.recording import CASE
from arqonbus_conformance.selection import RunRequest
from arqonbus_conformance.session import run_here
from arqonbus_conformance.target import Target, embedded_reference

__all__ = ["Task", "interrogate", "interrogate_all", "tasks_for"]

HASTE: Final = 60.0
"""How much faster time passes for a case that waits for a liar: 5 s for a reply are 83 ms."""
LAUNCHING_HASTE: Final = 6.0
"""The same where a case launches the liar itself, which takes its time."""
PARTS: Final = 4
"""Into how many parts the cases are divided, beside each other, where most of the time is waiting."""

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


class _Ear:
    """A pytest plugin: hears what each case amounts to, and hurries while one runs."""

    def __init__(self, judge: Judge, haste: float) -> None:
        self._judge = judge
        self._haste = haste
        self.heard: list[Heard] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Generator[None, Any, Any]:
        """The case runs, its deployment is there."""
        hurry(self._haste)
        return (yield)

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_setup(self) -> None:
        """What is launched for all cases takes the time that it takes."""
        hurry()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """The case is over."""
        before = len(self._judge.results)
        outcome = yield
        for result in self._judge.results[before:]:
            told = result.finding.reason if result.finding is not None else ""
            transcript = item.stash[CASE].transcript
            was_refused = refused(transcript.entries, [one.exit_code for one in transcript.processes()])
            self.heard.append(Heard(result.id, result.requirements, result.verdict, was_refused, told))
        return outcome


def target_of(liar: str) -> Target:
    """The embedded reference, or the liar launched in its place; it needs no storage."""
    target = embedded_reference()
    if liar == HONEST:
        return target
    assert target.launch is not None  # noqa: S101 - the shipped profile launches
    lying = f"-m arqonbus_fixtures.liars {liar}"
    environment = {
        name: value for name, value in target.launch.environment.items() if "{valkey}" not in value
    }
    launch = target.launch._replace(
        command=target.launch.command.replace(ORIGINAL, lying),
        preflight=target.launch.preflight.replace(ORIGINAL, lying),
        environment=environment,
    )
    return target._replace(name=f"liar {liar}", launch=launch)


def interrogate(task: Task) -> Answer:
    """Run the cases on the liar and say what they heard."""
    began = time.monotonic()
    asyncio.set_event_loop_policy(HurriedPolicy())
    judge = Judge(target_of(task.liar), seed=SEED, attempts=1)
    ear = _Ear(judge, task.haste)
    run_here(judge, RunRequest(cases=task.cases), plugins=[ear])
    missed = set(task.cases) - {one.case for one in ear.heard}
    if missed and judge.unreachable is None:
        judge.faults.append(f"{len(missed)} cases were not run, such as {min(missed)}")
    return Answer(
        task.liar,
        tuple(ear.heard),
        judge.unreachable or "",
        tuple(judge.faults),
        round(time.monotonic() - began, 3),
    )


def tasks_for(liars: Sequence[Liar], cases: Sequence[Huntable]) -> list[Task]:
    """Every case on a main deployment to the liars that say most, a sample of them to the others.

    Cases that launch a deployment are shown to the liars that tell the two lies there are about a start.
    """
    on_main = [case.id for case in cases if not case.launches]
    launching = [case.id for case in cases if case.launches]
    tasks = [Task(HONEST, part, PLAIN) for part in _parts(on_main, PARTS)]
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


def interrogate_all(tasks: Sequence[Task], *, jobs: int) -> Iterator[Answer]:
    """Work through the tasks in ``jobs`` processes; answers come as they are made."""
    with of_its_own_each(jobs) as pool:
        waiting = [pool.submit(interrogate, task) for task in tasks]
        try:
            for done in as_completed(waiting):
                yield done.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
