"""Interrogating liars: the cases are collected once, and shown to each liar in a fork, several beside each other."""

import asyncio
import functools
import gc
import multiprocessing
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Any, Final, TypeVar

import pytest
from arqonbus_fixtures.liars.registry import liar_named

from arqonbus_conformance.judge import Judge
from arqonbus_conformance.mutation.forks import ForkError, in_forks
from arqonbus_conformance.mutation.hunting import ORIGINAL, SEED, huntable
from arqonbus_conformance.mutation.hurry import PLAIN, HurriedPolicy, hurry
from arqonbus_conformance.mutation.showing import LAUNCHING_HASTE, Task, tasks_for
from arqonbus_conformance.mutation.trial import HONEST, Answer, Heard, refused
from arqonbus_conformance.recording import CASE
from arqonbus_conformance.requirements import requirement_set
from arqonbus_conformance.selection import RunRequest
from arqonbus_conformance.session import run_here
from arqonbus_conformance.target import Target, embedded_reference

__all__ = ["interrogate_all"]

NO_SERVER: Final = ("{valkey}", "{nats}")
"""What a liar is not given: it stores nothing and sends nothing on. Cases that look at the spine have one to look at."""

Told = TypeVar("Told", int, Answer, str)


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
    """A pytest plugin: does not run what was collected, but shows it to liars, in forks."""

    def __init__(self, judge: Judge, liars: Sequence[str], keyword: str, jobs: int, told: Connection) -> None:
        self._judge = judge
        self._liars = liars
        self._keyword = keyword
        self._jobs = jobs
        self._told = told

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Every task in a fork of its own, which has collected already."""
        found = [huntable(item.stash[CASE]) for item in session.items]
        cases = [case for case in found if self._keyword in case.id]
        tasks = tasks_for([liar_named(name) for name in self._liars], cases) if cases else []
        self._told.send(len(tasks))
        # What is shared stays shared: a collection in a fork would touch, and so copy, every object.
        gc.collect()
        gc.freeze()
        works = [functools.partial(self._answer, session, task) for task in tasks]
        for answer in in_forks(works, jobs=self._jobs):
            self._told.send(answer)
        return True

    def _answer(self, session: pytest.Session, task: Task) -> Answer:
        """Run the cases of the task on its liar and say what they heard."""
        began = time.monotonic()
        asyncio.set_event_loop_policy(HurriedPolicy())
        self._judge.target = _lying(self._judge.target, task.liar)
        ear = _Ear(self._judge, task.haste, PLAIN if _greets(task.liar) else LAUNCHING_HASTE)
        session.config.pluginmanager.register(ear)
        by_id = {item.stash[CASE].id: item for item in session.items}
        session.items = [by_id[name] for name in task.cases]
        _run(session)
        return Answer(
            task.liar,
            tuple(ear.heard),
            self._judge.unreachable or "",
            tuple(self._faults(task, ear)),
            round(time.monotonic() - began, 3),
        )

    def _faults(self, task: Task, ear: _Ear) -> list[str]:
        """What is wrong with this interrogation: all cases must have run, but on a liar that greets nobody."""
        faults = list(self._judge.faults)
        if self._judge.unreachable is not None:
            found = f"could not be reached: {self._judge.unreachable}"
            return [*faults, found] if _greets(task.liar) else faults
        missed = set(task.cases) - {one.case for one in ear.heard}
        if missed:
            faults.append(f"{len(missed)} cases were not run, such as {min(missed)}")
        return faults


def _greets(liar: str) -> bool:
    return liar == HONEST or liar_named(liar).greets


def _run(session: pytest.Session) -> None:
    """Run the cases of the session, and end what lives as long as it."""
    for item, following in zip(session.items, [*session.items[1:], None], strict=True):
        session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.shouldstop:
            break
    session.config.hook.pytest_sessionfinish(session=session, exitstatus=pytest.ExitCode.OK)


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


def _interrogate(liars: Sequence[str], keyword: str, revision: str, jobs: int, told: Connection) -> None:
    """Tell how many tasks there are, then every answer; where that ended too early, why."""
    judge = Judge(embedded_reference(), requirements=requirement_set(revision), seed=SEED, attempts=1)
    with told:
        run_here(judge, RunRequest(), plugins=[_Interrogation(judge, liars, keyword, jobs, told)])
        told.send("; ".join(judge.faults))


def interrogate_all(
    liars: Sequence[str], keyword: str, revision: str, *, jobs: int, began: Callable[[int], None]
) -> Iterator[Answer]:
    """Show the cases whose id holds ``keyword`` to the liars with these ids, ``jobs`` beside each other.

    Answers come as they are made; ``began`` is told how many there will be, 0 where no case holds the keyword.
    ``revision`` is that of the requirement set that is judged by.

    Raises:
        ForkError: the interrogation ended before its end.
    """
    # A process of its own, which has no thread but one: forks of another might wait for locks that nobody holds.
    context = multiprocessing.get_context("spawn")
    heard, told = context.Pipe(duplex=False)
    process = context.Process(target=_interrogate, args=(tuple(liars), keyword, revision, jobs, told))
    process.start()
    told.close()
    try:
        tasks = _next(heard, int)
        began(tasks)
        for _ in range(tasks):
            yield _next(heard, Answer)
        _next(heard, str)
    finally:
        heard.close()
        process.join()


def _next(heard: Connection, kind: type[Told]) -> Told:
    """What the interrogation says next, which must be of that kind."""
    try:
        said = heard.recv()
    except EOFError:
        said = "it told nothing more"
    if not isinstance(said, kind):
        raise ForkError(f"the interrogation ended before all were heard: {said}")
    return said
