"""The processes that run the cases of one run; this one only steers, so that it can always stop them.

Each member of the crew collects the same cases and asks for the next ones when it is free; the roster says which.
"""

import multiprocessing
import os
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Final, cast

import msgspec
from arqonbus_fixtures.remains import Estate, remains_of

from arqonbus_conformance.crew_member import (
    Collected,
    Ended,
    Free,
    Link,
    News,
    Orders,
    Started,
    Task,
    serve,
)
from arqonbus_conformance.interruption import AT_ONCE, SIGNALS, Interruption
from arqonbus_conformance.judge import Judge
from arqonbus_conformance.judging import CaseResult
from arqonbus_conformance.leftovers import Left
from arqonbus_conformance.roster import Pause, Roster
from arqonbus_conformance.selection import RunRequest
from arqonbus_conformance.session import KeywordError
from arqonbus_conformance.stage import Surroundings

__all__ = ["run"]

FAREWELL_SECONDS: Final = 15.0
"""The longest a member may take to end its deployments when the run is over, in seconds."""


class _Captain:
    """Hands out cases and gathers what comes of them.

    Attributes:
        links: to the members that are not through yet.
        awake: to those of them that have collected their cases.
        keyword_fault: what pytest did not understand.
        estates: what belonged to the members that are through.
    """

    def __init__(self, judge: Judge, links: Sequence[Link], interruption: Interruption) -> None:
        self._judge = judge
        self._interruption = interruption
        self.links = list(links)
        self._first = self.links[0]
        self._roster = Roster(self._first, shared_main=judge.target.endpoints is not None)
        self._waiting: list[Link] = []
        self._known = False
        self._stopped = False
        self.awake: set[Link] = set()
        self.keyword_fault: str | None = None
        self.estates: dict[Link, Estate] = {}

    def steer(self) -> None:
        """Return when every member is through, or at the first interruption."""
        self._listen(None, signals=1)

    def stop(self, within: float) -> None:
        """Give out no more cases; return when every member is through, within so many seconds or at the next interruption."""
        self._stopped = True
        self._wake()
        self._listen(time.monotonic() + within, signals=AT_ONCE)

    def _listen(self, deadline: float | None, *, signals: int) -> None:
        while self.links and self._interruption.times < signals:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return
            for ready in wait([*self.links, self._interruption.fileno()], left):
                if isinstance(ready, int):
                    self._interruption.heard()
                else:
                    self._receive(cast("Link", ready))

    def _receive(self, link: Link) -> None:
        try:
            news = link.recv()
        except (EOFError, ConnectionResetError):
            self._lost(link)
        else:
            self._hear(link, news)

    def _hear(self, link: Link, news: News) -> None:
        match news:
            case Collected():
                self.awake.add(link)
                self._learn(news)
                self._assign(link)
            case Free():
                self._assign(link)
                self._wake()
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
        if len(self.links) == 1:  # nobody to share with: in the very order that was asked for
            self._roster.fill((), (), [collected.order] if collected.order else [])
        else:
            self._roster.fill(collected.on_main, collected.exclusive, collected.batches)
        self._judge.selected = len(collected.order)
        self._judge.listener.started(collected.order)

    def _assign(self, link: Link) -> None:
        stop = self._stopped or self._judge.unreachable is not None
        given = Pause.DONE if stop else self._roster.next_for(link)
        if given is Pause.WAIT:
            self._waiting.append(link)
            return
        with suppress(BrokenPipeError):  # its end is heard as an end of the stream
            link.send(None if isinstance(given, Pause) else Task(given))

    def _wake(self) -> None:
        """Ask again for those that had to wait for somebody to be through."""
        waiting, self._waiting = self._waiting, []
        for link in waiting:
            self._assign(link)

    def _part(self, link: Link, news: Ended) -> None:
        self._judge.faults.extend(news.faults)
        self.keyword_fault = self.keyword_fault or news.keyword_fault
        self._judge.find_left(news.left)
        if news.estate is not None:
            self.estates[link] = news.estate
        if news.unreachable is not None:
            self._judge.unreachable = news.unreachable
        if _told(news.surroundings) > _told(self._judge.surroundings):
            self._judge.surroundings = news.surroundings
        self._roster.lose(link)
        self._wake()

    def _lost(self, link: Link) -> None:
        self.links.remove(link)
        self._roster.lose(link)
        self._wake()
        if not self._stopped:
            self._judge.faults.append("a process of the gate ended before its work was done")


def _told(seen: Surroundings) -> tuple[bool, int, int, int]:
    """How much somebody saw of the main deployment: only those that looked know its fingerprint.

    Nor does anybody else know what it claims, unless the profile says all of it.
    """
    known = sum(part is not None for part in msgspec.structs.astuple(seen.fingerprint))
    return seen.endpoints is not None, len(seen.claims), known, len(seen.notes)


def run(judge: Judge, request: RunRequest, jobs: int, interruption: Interruption) -> None:
    """Run the requested cases in ``jobs`` processes and write what comes of them into ``judge``.

    The first interruption ends what runs within ``FAREWELL_SECONDS``, the second at once.

    Raises:
        KeywordError: pytest does not understand the keyword expression.
    """
    known = judge.requirements
    # Read-only views of dictionaries cannot be sent to another process.
    sent = known._replace(by_id=dict(known.by_id), later=dict(known.later))
    orders = Orders(judge.target, judge.scope, judge.seed, judge.folders, request, judge.attempts, sent)
    members, links = _mustered(orders, jobs)
    captain = _Captain(judge, links, interruption)
    try:
        captain.steer()
        if interruption.times:
            judge.interrupted = True
            judge.listener.stopping(FAREWELL_SECONDS)
            for one, link in zip(members, links, strict=True):
                _interrupt(one, awake=link in captain.awake, through=link not in captain.links)
            captain.stop(FAREWELL_SECONDS)
    finally:
        _dismiss(members, interruption)
    _look_behind(judge, captain, dict(zip(links, members, strict=True)))
    if captain.keyword_fault is not None:
        raise KeywordError(captain.keyword_fault)


def _look_behind(judge: Judge, captain: _Captain, members: Mapping[Link, BaseProcess]) -> None:
    """Note what is left of members that have ended, and that nobody knows it of those that did not end by themselves."""
    for link, member in members.items():
        if member.exitcode != 0 or link in captain.links:
            judge.find_left(Left(problem="a process of the gate ended before it had looked for it"))
        elif link in captain.estates:
            judge.find_left(Left(remains_of(captain.estates[link])))


def _mustered(orders: Orders, jobs: int) -> tuple[list[BaseProcess], list[Link]]:
    """So many members, and the ends of the pipes to them."""
    context = multiprocessing.get_context("spawn")
    resource_tracker.ensure_running()  # else the first start does it, and unblocks the signals again
    members: list[BaseProcess] = []
    links: list[Link] = []
    # Inherited: Ctrl-C in a terminal reaches a member before it can leave our session, and waits until it has.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        for _ in range(jobs):
            ours, theirs = context.Pipe()
            member = context.Process(target=serve, args=(theirs, orders), daemon=True)
            member.start()
            theirs.close()
            members.append(member)
            links.append(ours)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    return members, links


def _interrupt(member: BaseProcess, *, awake: bool, through: bool) -> None:
    if awake and member.is_alive() and member.pid is not None:
        os.kill(member.pid, signal.SIGINT)
    elif not through:  # it is still starting and has launched nothing
        member.kill()


def _dismiss(members: Sequence[BaseProcess], interruption: Interruption) -> None:
    """Let every member end what it launched; whoever takes too long is killed, and what it launched dies with it."""
    deadline = time.monotonic() + FAREWELL_SECONDS
    while alive := [member for member in members if member.is_alive()]:
        left = deadline - time.monotonic()
        if left <= 0 or interruption.times >= AT_ONCE:
            break
        wait([*(member.sentinel for member in alive), interruption.fileno()], left)
        interruption.heard()
    for member in alive:
        member.kill()
    for member in members:
        member.join()
