"""All cases, collected once in a process of its own, and run in forks of it: nothing is collected twice.

A hunt of hundreds of deployments and an interrogation of liars collect the same thousands of cases. pytest also names
some cases otherwise when one process collects them for the second time.
"""

import contextlib
import gc
import itertools
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Any, Final

import pytest

from arqonbus_conformance.judge import Judge
from arqonbus_conformance.marks import Blast, Need
from arqonbus_conformance.mutation.forks import ForkError
from arqonbus_conformance.mutation.plan import Huntable
from arqonbus_conformance.plugin import OF_EDGE
from arqonbus_conformance.recording import CASE, Case
from arqonbus_conformance.requirements import requirement_set
from arqonbus_conformance.selection import RunRequest
from arqonbus_conformance.session import run_here
from arqonbus_conformance.target import Target, embedded_reference

__all__ = ["Collected", "Conversation", "told_by"]

LAUNCHING: Final = frozenset({Need.LAUNCH, Need.CONTROL_VALKEY, Need.LAUNCH_SHIELD, Need.CONTROL_NATS})
MILD: Final = frozenset({Blast.READ_ONLY, Blast.OWN_NAMESPACE})
SEED: Final = 20_260_101
"""The seed of every run here: a mutant is caught every time or never."""


class Collected:
    """The cases of all suites, collected; to be run in forks.

    Attributes:
        cases: what there is to run.
        judge: what a run is written into; in a fork it is the fork's own.
    """

    def __init__(self, session: pytest.Session, judge: Judge) -> None:
        self._session = session
        self._items = {item.stash[CASE].id: item for item in session.items}
        self.judge = judge
        self.cases = [_huntable(item.stash[CASE]) for item in session.items]

    def run(self, cases: Sequence[str], target: Target, plugin: object) -> set[str]:
        """Run the cases in this order on the target; once, in a fork. Those that there are not are returned."""
        session = self._session
        self.judge.target = target
        session.config.pluginmanager.register(plugin)
        session.items = [self._items[name] for name in cases if name in self._items]
        for item, following in itertools.zip_longest(session.items, session.items[1:]):
            session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if session.shouldstop:
                break
        session.config.hook.pytest_sessionfinish(session=session, exitstatus=pytest.ExitCode.OK)
        return set(cases) - self._items.keys()


def _huntable(case: Case) -> Huntable:
    return Huntable(
        case.id,
        case.requirements,
        launches=bool(case.needs & LAUNCHING),
        mild=Blast(case.blast) in MILD,
        edge=bool(case.needs & OF_EDGE),
    )


Conversation = Callable[[Collected], Iterator[Any]]
"""What is done with the cases once they are collected, in forks, and what it tells meanwhile; both can be pickled."""


class _Ended(str):
    """The last that is told: what is wrong with the suite itself, "" for nothing."""

    __slots__ = ()


class _Conversing:
    """A pytest plugin: does not run what was collected, but has the conversation about it."""

    def __init__(self, judge: Judge, conversation: Conversation, told: Connection) -> None:
        self._judge = judge
        self._conversation = conversation
        self._told = told

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Every run in a fork of its own, which has collected already."""
        collected = Collected(session, self._judge)
        # What is shared stays shared: a collection in a fork would touch, and so copy, every object.
        gc.collect()
        gc.freeze()
        with contextlib.suppress(BrokenPipeError):
            for said in self._conversation(collected):
                self._told.send(said)
        return True


def _converse(conversation: Conversation, revision: str | None, told: Connection) -> None:
    judge = Judge(embedded_reference(), requirements=requirement_set(revision), seed=SEED, attempts=1)
    # Who stops listening, as after Ctrl-C, wants no more of it.
    with told, contextlib.suppress(BrokenPipeError):
        run_here(judge, RunRequest(), plugins=[_Conversing(judge, conversation, told)])
        told.send(_Ended("; ".join(judge.faults)))


def told_by(conversation: Conversation, revision: str | None) -> Iterator[Any]:
    """Collect all cases and have that conversation about them in a process of its own; what it tells, as it is told.

    ``revision`` is that of the requirement set that is judged by, None for the newest frozen one.

    Raises:
        ForkError: the process ended before its end, or something is wrong with the suite itself.
    """
    # A new process has no thread but one: forks of another might wait for locks that nobody holds.
    context = multiprocessing.get_context("spawn")
    heard, told = context.Pipe(duplex=False)
    process = context.Process(target=_converse, args=(conversation, revision, told))
    process.start()
    told.close()
    try:
        while not isinstance(said := _next(heard), _Ended):
            yield said
    finally:
        heard.close()
        process.join()
    if said:
        raise ForkError(f"the suite is broken: {said}")


def _next(heard: Connection) -> Any:
    try:
        return heard.recv()
    except EOFError:
        raise ForkError("the process that had collected the cases ended before all were run") from None
