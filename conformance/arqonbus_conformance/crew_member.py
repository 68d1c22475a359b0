"""One process of a crew: collects the cases, runs those it is told to, and reports.

What it and its captain say to each other is defined here.
"""

import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal, NamedTuple, cast

import pytest
from arqonbus_fixtures.remains import Estate, estate, remains

from arqonbus_conformance.interruption import SIGNALS
from arqonbus_conformance.judge import Judge
from arqonbus_conformance.judging import CaseResult
from arqonbus_conformance.leftovers import Left
from arqonbus_conformance.recording import CASE
from arqonbus_conformance.requirements import RequirementSet, Scope
from arqonbus_conformance.selection import RunRequest
from arqonbus_conformance.session import KeywordError, run_here
from arqonbus_conformance.stage import Surroundings
from arqonbus_conformance.target import Target

__all__ = ["Collected", "Ended", "Free", "Link", "News", "Orders", "Started", "Task", "serve"]


class Collected(NamedTuple):
    """What a member found.

    Attributes:
        order: the cases to be run, in their order.
        on_main: the cases on the main deployment.
        exclusive: those of them that no other case may run beside.
        batches: the others, those together that share a deployment.
        faults: what is wrong with the suite.
        all_cases: every case that was found, whether it is run or not.
        left_out: the cases that a budget left out, each with the reason.
        seconds: how long it took to find them.
        not_scored: the cases that judge what a later revision adds.
    """

    order: tuple[str, ...]
    on_main: tuple[str, ...]
    exclusive: tuple[str, ...]
    batches: tuple[tuple[str, ...], ...]
    faults: tuple[str, ...]
    all_cases: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]
    seconds: float
    not_scored: tuple[str, ...]


class Free(NamedTuple):
    """A member is through with its task."""


class Started(NamedTuple):
    """A case began."""

    case: str


class Ended(NamedTuple):
    """A member is through: what it saw of the main deployment, what went wrong, and what was left behind.

    ``estate`` is what belongs to its process, None where it has started nothing.
    """

    surroundings: Surroundings
    unreachable: str | None
    faults: tuple[str, ...]
    keyword_fault: str | None
    left: Left
    estate: Estate | None


class Task(NamedTuple):
    """Which cases to run next."""

    cases: tuple[str, ...]


News = Collected | Started | CaseResult | Free | Ended
Link = Connection
"""The captain's end of the pipe to a member."""


class Member:
    """The pytest plugin of a member: runs what it is told to, and reports."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.judge: Judge | None = None

    def started(self, cases: Sequence[str]) -> None:
        """The captain counts by itself."""

    def case_started(self, case: str) -> None:
        _say(self._link, Started(case))

    def case_finished(self, result: CaseResult, *, waived: bool) -> None:
        _say(self._link, result)

    def stopping(self, within_seconds: float) -> None:
        """The captain knows it first."""

    def pytest_runtestloop(self, session: pytest.Session) -> Literal[True]:
        assert self.judge is not None  # noqa: S101 - set before pytest begins
        items = {item.stash[CASE].id: item for item in session.items}
        _say(self._link, _sorted_out(session.items, self.judge))
        self.judge.faults.clear()
        while not session.shouldstop and (task := self._link.recv()) is not None:
            batch = [items[name] for name in task.cases]
            # Behind the last one comes the session: all is torn down but what lives as long as the run.
            following = [*batch[1:], cast("pytest.Item", session)]
            for item, after in zip(batch, following, strict=True):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
                if session.shouldstop:
                    break
            _say(self._link, Free())
        return True


def _sorted_out(items: Sequence[pytest.Item], judge: Judge) -> Collected:
    """Cases that share a deployment stay together; the largest batches come first, unless the order is drawn."""
    cases = [item.stash[CASE] for item in items]
    on_main = [case.id for case in cases if case.on_main]
    batches: dict[str, list[str]] = {}
    for case in cases:
        if not case.on_main:
            batches.setdefault(case.group or case.id, []).append(case.id)
    ordered = list(batches.values())
    if not judge.request.shuffle:
        ordered.sort(key=len, reverse=True)
    return Collected(
        tuple(case.id for case in cases),
        tuple(on_main),
        tuple(case.id for case in cases if case.on_main and case.exclusive),
        tuple(map(tuple, ordered)),
        tuple(judge.faults),
        tuple(judge.collected),
        judge.left_out,
        judge.collect_seconds,
        judge.not_scored,
    )


class Orders(NamedTuple):
    """What a member must know."""

    target: Target
    scope: Scope
    seed: int
    folders: Mapping[str, Path]
    request: RunRequest
    attempts: int
    requirements: RequirementSet


def _say(link: Link, news: News) -> None:
    """Tell the captain; an interruption waits until all of it is said, for half a message could not be understood."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        link.send(news)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def serve(link: Link, orders: Orders) -> None:
    """The life of a member, which begins with `SIGNALS` blocked."""
    os.setsid()  # an interruption reaches the captain, who tells the crew
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a shell runs in the background
    member = Member(link)
    judge = member.judge = Judge(
        orders.target,
        scope=orders.scope,
        seed=orders.seed,
        folders=orders.folders,
        requirements=orders.requirements,
        listener=member,
        attempts=orders.attempts,
    )
    keyword_fault = None
    # Without a captain nobody is left to tell; a second interruption finds everything ended already.
    with suppress(EOFError, BrokenPipeError, KeyboardInterrupt):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        try:
            run_here(judge, orders.request, plugins=[member])
        except KeywordError as fault:
            keyword_fault = str(fault)
        if (
            not judge.interrupted
        ):  # else what a case had no time to end goes with us, and the captain looks behind us
            judge.find_left(Left(remains()))
        _say(
            link,
            Ended(
                judge.surroundings,
                judge.unreachable,
                tuple(judge.faults),
                keyword_fault,
                judge.leftovers or Left(),
                estate(),
            ),
        )
    link.close()
