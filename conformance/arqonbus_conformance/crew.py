"""Several processes share the cases of one run.

Each member of the crew collects the same cases and asks for the next one when it is free. Cases on the main
deployment all go to the first member, one after the other, because they look at the counters of a whole deployment;
cases with a deployment of their own go to whoever asks.
"""

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final, Literal, NamedTuple, cast

import pytest

from arqonbus_conformance.judge import Judge
from arqonbus_conformance.judging import CaseResult
from arqonbus_conformance.recording import CASE
from arqonbus_conformance.requirements import Scope
from arqonbus_conformance.selection import RunRequest
from arqonbus_conformance.session import KeywordError, run_here
from arqonbus_conformance.stage import Surroundings
from arqonbus_conformance.target import Target

__all__ = ["run"]

FAREWELL_SECONDS: Final = 15.0
"""The longest a member may take to end its deployments when the run is over, in seconds."""


class Collected(NamedTuple):
    """What a member found.

    Attributes:
        on_main: the cases on the main deployment.
        batches: the others, those together that share a deployment.
        faults: what is wrong with the suite.
        all_cases: every case that was found, whether it is run or not.
        left_out: the cases that a budget left out, each with the reason.
        seconds: how long it took to find them.
        not_scored: the cases that judge what a later revision adds.
    """

    on_main: tuple[str, ...]
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
    """A member is through: what it saw of the main deployment, and what went wrong."""

    surroundings: Surroundings
    unreachable: str | None
    faults: tuple[str, ...]
    keyword_fault: str | None


class Task(NamedTuple):
    """Which cases to run next."""

    cases: tuple[str, ...]


News = Collected | Started | CaseResult | Free | Ended
Link = Connection
"""The captain's end of the pipe to a member."""


class _Member:
    """The pytest plugin of a member: runs what it is told to, and reports."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.judge: Judge | None = None

    def started(self, total: int) -> None:
        """The captain counts by itself."""

    def case_started(self, case: str) -> None:
        self._link.send(Started(case))

    def case_finished(self, result: CaseResult) -> None:
        self._link.send(result)

    def pytest_runtestloop(self, session: pytest.Session) -> Literal[True]:
        assert self.judge is not None  # noqa: S101 - set before pytest begins
        items = {item.stash[CASE].id: item for item in session.items}
        self._link.send(_sorted_out(session.items, self.judge))
        self.judge.faults.clear()
        while not session.shouldstop and (task := self._link.recv()) is not None:
            batch = [items[name] for name in task.cases]
            # Behind the last one comes the session: all is torn down but what lives as long as the run.
            following = [*batch[1:], cast("pytest.Item", session)]
            for item, after in zip(batch, following, strict=True):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
                if session.shouldstop:
                    break
            self._link.send(Free())
        return True


def _sorted_out(items: Sequence[pytest.Item], judge: Judge) -> Collected:
    """Cases that share a deployment stay together; the largest batches come first, unless the order is drawn."""
    on_main = [item.stash[CASE].id for item in items if item.stash[CASE].on_main]
    batches: dict[str, list[str]] = {}
    for case in (item.stash[CASE] for item in items):
        if not case.on_main:
            batches.setdefault(case.group or case.id, []).append(case.id)
    ordered = list(batches.values())
    if not judge.request.shuffle:
        ordered.sort(key=len, reverse=True)
    return Collected(
        tuple(on_main),
        tuple(map(tuple, ordered)),
        tuple(judge.faults),
        tuple(judge.collected),
        judge.left_out,
        judge.collect_seconds,
        judge.not_scored,
    )


class _Orders(NamedTuple):
    """What a member must know."""

    target: Target
    scope: Scope
    seed: int
    folders: Mapping[str, Path]
    request: RunRequest
    attempts: int


def _serve(link: Link, orders: _Orders) -> None:
    """The life of a member."""
    os.setsid()  # an interruption reaches the captain, who tells the crew
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a shell runs in the background
    member = _Member(link)
    judge = member.judge = Judge(
        orders.target,
        scope=orders.scope,
        seed=orders.seed,
        folders=orders.folders,
        listener=member,
        attempts=orders.attempts,
    )
    keyword_fault = None
    # Without a captain nobody is left to tell; a second interruption finds everything ended already.
    with suppress(EOFError, BrokenPipeError, KeyboardInterrupt):
        try:
            run_here(judge, orders.request, plugins=[member])
        except KeywordError as fault:
            keyword_fault = str(fault)
        link.send(Ended(judge.surroundings, judge.unreachable, tuple(judge.faults), keyword_fault))
    link.close()


class _Captain:
    """Hands out cases and gathers what comes of them.

    Attributes:
        links: to the members that are not through yet.
        awake: to those of them that have collected their cases.
        keyword_fault: what pytest did not understand.
    """

    def __init__(self, judge: Judge, links: Sequence[Link]) -> None:
        self._judge = judge
        self.links = list(links)
        self._first = self.links[0]
        self._on_main: deque[tuple[str, ...]] = deque()
        self._batches: deque[tuple[str, ...]] = deque()
        self._known = False
        self.awake: set[Link] = set()
        self.keyword_fault: str | None = None

    def steer(self) -> None:
        """Return when every member is through."""
        while self.links:
            for ready in cast("list[Link]", wait(self.links)):
                try:
                    news = ready.recv()
                except (EOFError, ConnectionResetError):
                    self._lost(ready)
                else:
                    self._hear(ready, news)

    def _hear(self, link: Link, news: News) -> None:
        match news:
            case Collected():
                self.awake.add(link)
                self._learn(news)
                self._assign(link)
            case Free():
                self._assign(link)
            case Started():
                self._judge.listener.case_started(news.case)
            case CaseResult():
                self._judge.record(news)
            case Ended():
                self.links.remove(link)
                self.awake.discard(link)
                self._part(link, news)

    def _learn(self, collected: Collected) -> None:
        if self._known:
            return
        self._known = True
        self._judge.faults.extend(collected.faults)
        self._judge.collected.extend(collected.all_cases)
        self._judge.left_out = collected.left_out
        self._judge.collect_seconds = collected.seconds
        self._judge.not_scored = collected.not_scored
        self._on_main.extend((name,) for name in collected.on_main)
        self._batches.extend(collected.batches)
        self._judge.selected = len(collected.on_main) + sum(map(len, collected.batches))
        self._judge.listener.started(self._judge.selected)

    def _assign(self, link: Link) -> None:
        mine = self._on_main if link is self._first and self._on_main else self._batches
        stop = self._judge.unreachable is not None or not mine
        with suppress(BrokenPipeError):  # its end is heard as an end of the stream
            link.send(None if stop else Task(mine.popleft()))

    def _part(self, link: Link, news: Ended) -> None:
        self._judge.faults.extend(news.faults)
        self.keyword_fault = self.keyword_fault or news.keyword_fault
        if news.unreachable is not None:
            self._judge.unreachable = news.unreachable
        if link is self._first:
            self._judge.surroundings = news.surroundings

    def _lost(self, link: Link) -> None:
        self.links.remove(link)
        self._judge.faults.append("a process of the gate ended before its work was done")


def run(judge: Judge, request: RunRequest, jobs: int) -> None:
    """Run the requested cases in ``jobs`` processes and write what comes of them into ``judge``.

    Raises:
        KeywordError: pytest does not understand the keyword expression.
    """
    context = multiprocessing.get_context("spawn")
    members: list[BaseProcess] = []
    links = []
    for _ in range(jobs):
        ours, theirs = context.Pipe()
        member = context.Process(
            target=_serve,
            args=(
                theirs,
                _Orders(judge.target, judge.scope, judge.seed, judge.folders, request, judge.attempts),
            ),
            daemon=True,
        )
        member.start()
        theirs.close()
        members.append(member)
        links.append(ours)
    captain = _Captain(judge, links)
    try:
        captain.steer()
    except KeyboardInterrupt:
        judge.interrupted = True
        for one, link in zip(members, links, strict=True):
            _interrupt(one, awake=link in captain.awake, through=link not in captain.links)
    finally:
        _dismiss(members)
    if captain.keyword_fault is not None:
        raise KeywordError(captain.keyword_fault)


def _interrupt(member: BaseProcess, *, awake: bool, through: bool) -> None:
    if awake and member.is_alive() and member.pid is not None:
        os.kill(member.pid, signal.SIGINT)
    elif not through:  # it is still starting and has launched nothing
        member.kill()


def _dismiss(members: Sequence[BaseProcess]) -> None:
    """Let every member end what it launched; whoever takes too long is killed, and what it launched dies with it."""
    for member in members:
        member.join(FAREWELL_SECONDS)
        if member.is_alive():
            member.kill()
            member.join()
