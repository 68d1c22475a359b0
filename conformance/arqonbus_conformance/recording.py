"""The pytest hooks of one run: every case gets an id, its needs are known, its end becomes a verdict."""

import asyncio
import functools
import inspect
import time
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Final

import pytest

from arqonbus_conformance.findings import Unfinished, Violation
from arqonbus_conformance.judge import Judge
from arqonbus_conformance.judging import CaseResult, Finding, finding_of
from arqonbus_conformance.marks import CASE_SECONDS, Blast, Need
from arqonbus_conformance.namespace import Namespace
from arqonbus_conformance.patience import Patience
from arqonbus_conformance.registration import case_id
from arqonbus_conformance.stage import Stage
from arqonbus_conformance.transcript import Transcript
from arqonbus_conformance.verdict import Verdict

__all__ = ["CASE", "Case", "Recorder"]

GREETING: Final = "CONN-001"
"""The requirement that every other one stands on: a bus greets."""
FIXTURE_NEEDS: Final = {
    "launch": Need.LAUNCH,
    "valkey": Need.CONTROL_VALKEY,
    "make_valkey": Need.CONTROL_VALKEY,
    "http": Need.HTTP,
    "telemetry": Need.TELEMETRY,
}
"""What a case needs by asking for a fixture."""
CASE_FOLDER: Final = "suites"
"""The part of a module's name that says it belongs to the cases."""
MAIN_FIXTURES: Final = frozenset({"bus", "http", "telemetry"})
"""The fixtures that are the main deployment, on which cases run one after the other."""
MAIN_NEEDS: Final = frozenset({Need.AUTH, Need.NO_AUTH, Need.CONSUMER_GROUPS, Need.DURABLE})
"""The needs that only the main deployment can answer."""
TRANSCRIPT_LINES: Final = 200
"""How many of the last entries of a transcript a report keeps."""
FAULT_CHARACTERS: Final = 3000
"""How much of a collection error a report keeps."""


class Case:
    """One case while it runs."""

    def __init__(self, item: pytest.Item, suite: str, identity: str) -> None:
        self.id = identity
        self.suite = suite
        self.requirements = tuple(
            str(name) for mark in item.iter_markers("requirement") for name in mark.args
        )
        declared = {Need(name) for mark in item.iter_markers("needs") for name in mark.args}
        asked = {FIXTURE_NEEDS[name] for name in getattr(item, "fixturenames", ()) if name in FIXTURE_NEEDS}
        self.needs = declared | asked
        asks_main = bool(MAIN_FIXTURES.intersection(getattr(item, "fixturenames", ())))
        self.on_main = asks_main or bool(self.needs & MAIN_NEEDS)
        self.group = _shared_fixture(item)
        limit = item.get_closest_marker("time_limit")
        self.seconds_allowed = float(limit.args[0]) if limit is not None else CASE_SECONDS
        radius = item.get_closest_marker("blast")
        self.blast = str(radius.args[0]) if radius is not None else str(Blast.OWN_NAMESPACE)
        self.sentence = (inspect.getdoc(getattr(item, "function", None)) or "").partition("\n")[0]
        self.namespace = Namespace()
        self.transcript = Transcript()
        self.findings: list[Finding] = []
        self.started = 0.0

    def start(self) -> None:
        """Begin the record."""
        self.started = time.monotonic()
        self.transcript = Transcript()

    def result(self) -> CaseResult:
        """What the case amounts to, once its phases are over."""
        worst = max(self.findings, key=lambda finding: finding.verdict.rank, default=None)
        verdict = worst.verdict if worst is not None else Verdict.HOLDS
        entries = self.transcript.entries
        kept = verdict in {Verdict.VIOLATED, Verdict.BROKEN, Verdict.UNKNOWN}
        return CaseResult(
            id=self.id,
            suite=self.suite,
            requirements=self.requirements,
            verdict=verdict,
            seconds=round(time.monotonic() - self.started, 4),
            sentence=self.sentence,
            finding=worst,
            transcript=entries[-TRANSCRIPT_LINES:] if kept else (),
            dropped=self.transcript.dropped + max(0, len(entries) - TRANSCRIPT_LINES) if kept else 0,
            blast=self.blast,
            close_codes=self.transcript.close_codes,
        )


def _shared_fixture(item: pytest.Item) -> str:
    """The fixture of the suites that this case shares with others, "" where it shares none."""
    info = getattr(item, "_fixtureinfo", None)  # the only place where pytest says which fixture is which
    if info is None:
        return ""
    for name, definitions in sorted(info.name2fixturedefs.items()):
        definition = definitions[-1]
        if definition.scope != "function" and CASE_FOLDER in definition.func.__module__.split("."):
            return f"{definition.func.__module__}.{name}"
    return ""


CASE = pytest.StashKey[Case]()


class Recorder:
    """A pytest plugin object that writes what happens into a judge."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._patience = Patience()

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Give the case its id and let ``-k`` find it by id and by requirement."""
        found = case_id(self._judge.folders, item.path, item.name)
        if found is None:
            self._judge.faults.append(f"{item.nodeid}: lies in no suite")
            return
        case = item.stash[CASE] = Case(item, *found)
        item.extra_keyword_matches.update({case.id, *case.requirements})
        known = self._judge.requirements.by_id
        if not case.requirements:
            self._judge.faults.append(f"{case.id}: names no requirement")
        for name in case.requirements:
            if name not in known:
                self._judge.faults.append(f"{case.id}: names {name}, which is no requirement")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A module of cases that cannot be imported is a fault of the suite."""
        if report.failed:
            self._judge.faults.append(
                f"{report.nodeid}: cannot be collected: {report.longreprtext[-FAULT_CHARACTERS:]}"
            )

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Bound every case in time, and drop what is no case."""
        items[:] = [item for item in items if CASE in item.stash]
        for item in items:
            if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.obj):
                item.obj = _bounded(item.obj, item.stash[CASE].seconds_allowed)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Say how many cases there are."""
        self._judge.selected = len(session.items)
        self._judge.listener.started(len(session.items))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Begin the record of the case."""
        case = item.stash[CASE]
        case.start()
        self._judge.listener.case_started(case.id)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Note how a phase ended; after the last one, the verdict."""
        case = item.stash[CASE]
        if call.excinfo is not None:
            case.findings.append(finding_of(call.excinfo.value))
        report = yield
        if call.when == "teardown" and self._judge.unreachable is None:
            result = case.result()
            if Need.LAUNCH not in case.needs:
                self._patience.note(result.verdict, result.seconds)
            self._judge.record(result)
        return report

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
        seen = stage.greeting
        if seen is not None and GREETING in case.requirements:
            raise Violation(seen.what, expected=seen.expected, actual=seen.actual)
        if seen is not None and Need.LAUNCH not in case.needs:
            raise Unfinished(f"not judged, because {GREETING} is violated: {seen.what}")
        if self._patience.lost is not None and Need.LAUNCH not in case.needs:
            raise Unfinished(f"not judged, because {self._patience.lost}")
        stage.check_claimed(case.needs)


def _bounded(function: Callable[..., Awaitable[Any]], seconds: float) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(function)
    async def bounded(*args: object, **fixtures: object) -> Any:
        try:
            async with asyncio.timeout(seconds) as limit:
                return await function(*args, **fixtures)
        except TimeoutError:
            if limit.expired():
                raise Unfinished(f"the case did not end within {seconds:g} s") from None
            raise

    return bounded
