"""Interrogating liars: each is shown the cases in forks of one collection, several beside each other."""

import asyncio
import functools
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, Final

import pytest
from arqonbus_fixtures.liars.registry import liar_named

from arqonbus_conformance.judge import Judge
from arqonbus_conformance.mutation.collected import Collected, told_by
from arqonbus_conformance.mutation.forks import in_forks
from arqonbus_conformance.mutation.hunting import ORIGINAL
from arqonbus_conformance.mutation.hurry import PLAIN, HurriedPolicy, hurry
from arqonbus_conformance.mutation.showing import LAUNCHING_HASTE, Task, tasks_for
from arqonbus_conformance.mutation.trial import HONEST, Answer, Heard, refused
from arqonbus_conformance.recording import CASE
from arqonbus_conformance.target import Target

__all__ = ["interrogate_all"]

NO_SERVER: Final = ("{valkey}", "{nats}")
"""What a liar is not given: it stores nothing and sends nothing on. Cases that look at the spine have one to look at."""


class _Ear:
    """A pytest plugin: hears what each case amounts to, and hurries while one runs."""

    def __init__(self, judge: Judge, haste: float, launching_haste: float) -> None:
        self._judge = judge
        self._haste = haste
        self._launching_haste = launching_haste
        self.heard: list[Heard] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Generator[None, Any, Any]:
        """The case runs, its deployment is there."""
        hurry(self._haste)
        return (yield)

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_setup(self) -> None:
        """What is launched for all cases takes its time, unless it will never be ready."""
        hurry(self._launching_haste)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """What was launched for all cases is ended: a kill takes no less time because nobody waits for a liar."""
        hurry(PLAIN)

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


class _Interrogation:
    """What is done with the cases: they are shown to liars."""

    def __init__(self, liars: Sequence[str], keyword: str, jobs: int) -> None:
        self._liars = liars
        self._keyword = keyword
        self._jobs = jobs

    def __call__(self, collected: Collected) -> Iterator[int | Answer]:
        """How many tasks there are, then the answer of each."""
        cases = [case for case in collected.cases if self._keyword in case.id]
        tasks = tasks_for([liar_named(name) for name in self._liars], cases) if cases else []
        yield len(tasks)
        yield from in_forks([functools.partial(_answer, collected, task) for task in tasks], jobs=self._jobs)


def _answer(collected: Collected, task: Task) -> Answer:
    """Run the cases of the task on its liar and say what they heard; once, in a fork."""
    began, judge = time.monotonic(), collected.judge
    asyncio.set_event_loop_policy(HurriedPolicy())
    ear = _Ear(judge, task.haste, PLAIN if _greets(task.liar) else LAUNCHING_HASTE)
    collected.run(task.cases, _lying(judge.target, task.liar), ear)
    return Answer(
        task.liar,
        tuple(ear.heard),
        judge.unreachable or "",
        tuple(_faults(judge, task, ear)),
        round(time.monotonic() - began, 3),
    )


def _faults(judge: Judge, task: Task, ear: _Ear) -> list[str]:
    """What is wrong with this interrogation: all cases must have run, but on a liar that greets nobody."""
    faults = list(judge.faults)
    if judge.unreachable is not None:
        found = f"could not be reached: {judge.unreachable}"
        return [*faults, found] if _greets(task.liar) else faults
    if missed := set(task.cases) - {one.case for one in ear.heard}:
        faults.append(f"{len(missed)} cases were not run, such as {min(missed)}")
    return faults


def _greets(liar: str) -> bool:
    return liar == HONEST or liar_named(liar).greets


def _lying(target: Target, liar: str) -> Target:
    """The embedded reference, or the liar launched in the place of its bus and of its Shield."""
    if liar == HONEST:
        return target
    assert target.launch is not None  # noqa: S101 - the shipped profile launches
    assert target.launch.shield is not None  # noqa: S101 - and a Shield
    lying = f"-m arqonbus_fixtures.liars {liar}"
    environment = {
        name: value
        for name, value in target.launch.environment.items()
        if not any(server in value for server in NO_SERVER)
    }
    launch = target.launch._replace(
        command=target.launch.command.replace(ORIGINAL, lying),
        preflight=target.launch.preflight.replace(ORIGINAL, lying),
        shield=target.launch.shield.replace(ORIGINAL, lying),
        environment=environment,
    )
    return target._replace(name=f"liar {liar}", launch=launch)


def interrogate_all(
    liars: Sequence[str], keyword: str, revision: str, *, jobs: int, began: Callable[[int], None]
) -> Iterator[Answer]:
    """Show the cases whose id holds ``keyword`` to the liars with these ids, ``jobs`` beside each other.

    Answers come as they are made; ``began`` is told how many there will be, 0 where no case holds the keyword.
    ``revision`` is that of the requirement set that is judged by.

    Raises:
        ForkError: the interrogation ended before its end, or something is wrong with the suite itself.
    """
    told = told_by(_Interrogation(tuple(liars), keyword, jobs), revision)
    began(next(told))
    yield from told
