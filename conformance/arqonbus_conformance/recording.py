"""The pytest hooks of one run: every case gets an id, its needs are known, its end becomes a verdict."""

import asyncio
import functools
import inspect
import time
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Final, Literal, cast

import pytest
from _pytest.runner import runtestprotocol

from arqonbus_conformance.case import CASE, Case
from arqonbus_conformance.depth import Depth
from arqonbus_conformance.findings import Unfinished, Violation
from arqonbus_conformance.judge import Judge
from arqonbus_conformance.judging import CaseResult
from arqonbus_conformance.marks import Blast, Need
from arqonbus_conformance.pace import CASE_LIMIT
from arqonbus_conformance.patience import Patience
from arqonbus_conformance.power import measured_power
from arqonbus_conformance.registration import case_id
from arqonbus_conformance.repeating import Repetition, together
from arqonbus_conformance.selection import Candidate, choose
from arqonbus_conformance.stage import Stage
from arqonbus_conformance.verdict import Verdict

__all__ = ["CASE", "Case", "Recorder"]

GREETING: Final = "CONN-001"
"""The requirement that every other one stands on: a bus greets."""
FAULT_CHARACTERS: Final = 3000
"""How much of a collection error a report keeps."""


class Recorder:
    """A pytest plugin object that writes what happens into a judge."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._patience = Patience()
        self._repetition = Repetition(judge.attempts)
        self._began = time.monotonic()

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Give the case its id and let ``-k`` find it by id and by requirement."""
        found = case_id(self._judge.folders, item.path, item.name)
        if found is None:
            self._judge.faults.append(f"{item.nodeid}: lies in no suite")
            return
        case = item.stash[CASE] = Case(item, *found)
        self._judge.collected.append(case.id)
        item.extra_keyword_matches.update({case.id, *case.requirements})
        known = self._judge.requirements
        if not case.requirements:
            self._judge.faults.append(f"{case.id}: names no requirement")
        for name in case.requirements:
            if name not in known.by_id and name not in known.later:
                self._judge.faults.append(f"{case.id}: names {name}, which is no requirement")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A module of cases that cannot be imported is a fault of the suite."""
        if report.failed:
            self._judge.faults.append(
                f"{report.nodeid}: cannot be collected: {report.longreprtext[-FAULT_CHARACTERS:]}"
            )

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave the cases that are to be run, in their order, each bounded in time."""
        by_id = {item.stash[CASE].id: item for item in items if CASE in item.stash}
        chosen = choose(
            [_candidate(item.stash[CASE]) for item in by_id.values()],
            self._judge.request,
            self._judge.requirements,
            measured_power(),
            self._judge.seed,
        )
        self._judge.left_out = chosen.left_out
        items[:] = [by_id[name] for name in chosen.kept]
        for item in items:
            if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.obj):
                # A level that tries more has as much more time for it.
                allowed = item.stash[CASE].seconds_allowed * self._judge.request.depth.times(1)
                item.obj = _bounded(item.obj, allowed)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Say how many cases there are."""
        # What a later revision demands is tried, and changes no verdict by this one.
        later = self._judge.requirements.later.keys()
        cases = [item.stash[CASE] for item in session.items]
        self._judge.not_scored = tuple(case.id for case in cases if later & set(case.requirements))
        self._judge.collect_seconds = time.monotonic() - self._began
        self._judge.selected = len(session.items)
        self._judge.listener.started([case.id for case in cases])

    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> Literal[True]:
        """Run the case, again where its verdict or its level asks for that, and record what it amounts to."""
        case, session = item.stash[CASE], item.session
        repeats = case.repeats if self._judge.request.depth is Depth.FULL else 1
        self._judge.listener.case_started(case.id)
        # What lives as long as the run is ended with the run: the last case may have to be run again.
        following = nextitem if nextitem is not None else cast("pytest.Item", session)
        attempts = [self._attempt(item, following)]
        if Need.LAUNCH not in case.needs:
            self._patience.note(attempts[0][0].verdict, attempts[0][0].seconds)
        while (
            self._judge.unreachable is None
            and self._patience.lost is None
            and not session.shouldstop
            and self._repetition.again([result for result, _ in attempts], repeats)
        ):
            attempts.append(self._attempt(item, following))
        if self._judge.unreachable is None:
            self._judge.record(together([result for result, _ in attempts]))
        _, reports = max(attempts, key=lambda attempt: attempt[0].verdict.rank)
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        return True

    def _attempt(
        self, item: pytest.Item, following: pytest.Item
    ) -> tuple[CaseResult, list[pytest.TestReport]]:
        """Run the case once; what it amounts to, and what pytest has to say of it."""
        case = item.stash[CASE]
        case.start()
        reports = runtestprotocol(item, log=False, nextitem=following)
        result = case.result()
        case.rounds_held += result.verdict is Verdict.HOLDS
        return result, reports

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Note how a phase ended."""
        if call.excinfo is not None:
            item.stash[CASE].ended(call.excinfo.value)
        return (yield)

    def pytest_keyboard_interrupt(self) -> None:
        """The run was stopped by hand."""
        self._judge.interrupted = True

    def pytest_internalerror(self, excrepr: object) -> None:
        """Pytest itself, or a plugin, failed: a fault of the suite."""
        self._judge.faults.append(f"internal error: {str(excrepr)[-FAULT_CHARACTERS:]}")

    def require(self, case: Case, stage: Stage) -> None:
        """Return when the case can be judged.

        Raises:
            Violation: the deployment does not greet, which this very case is about.
            Unfinished: the deployment does not greet, on which this case stands, or has stopped answering.
            OutOfScope, NotOffered, NotApplicable: its needs are not met.
        """
        stage.check_offered(case.needs)
        stage.check_allowed(Blast(case.blast))
        seen = stage.greeting
        if seen is not None and GREETING in case.requirements:
            raise Violation(seen.what, expected=seen.expected, actual=seen.actual)
        if seen is not None and Need.LAUNCH not in case.needs:
            raise Unfinished(f"not judged, because {GREETING} is violated: {seen.what}")
        if self._patience.lost is not None and Need.LAUNCH not in case.needs:
            raise Unfinished(f"not judged, because {self._patience.lost}")
        stage.check_claimed(case.needs)


def _candidate(case: Case) -> Candidate:
    return Candidate(case.id, case.requirements, case.depth, "" if case.on_main else case.group)


def _bounded(function: Callable[..., Awaitable[Any]], seconds: float) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(function)
    async def bounded(*args: object, **fixtures: object) -> Any:
        try:
            async with asyncio.timeout(seconds) as limit:
                CASE_LIMIT.set(limit)
                return await function(*args, **fixtures)
        except TimeoutError:
            if limit.expired():
                raise Unfinished(f"the case did not end within {seconds:g} s") from None
            raise

    return bounded
