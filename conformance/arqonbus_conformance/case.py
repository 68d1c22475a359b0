"""One case: what it says about itself, and what it amounts to once it has run."""

import inspect
import time
from typing import Any, Final

import pytest

from arqonbus_conformance.depth import Depth
from arqonbus_conformance.judging import CaseResult, Finding, finding_of
from arqonbus_conformance.launched import ProcessLine
from arqonbus_conformance.marks import CASE_SECONDS, Blast, Need
from arqonbus_conformance.namespace import Namespace
from arqonbus_conformance.observing import observed_since
from arqonbus_conformance.repeating import nothing_asserted
from arqonbus_conformance.transcript import Transcript
from arqonbus_conformance.verdict import Verdict

__all__ = ["CASE", "Case"]

FIXTURE_NEEDS: Final = {
    "launch": Need.LAUNCH,
    "valkey": Need.CONTROL_VALKEY,
    "make_valkey": Need.CONTROL_VALKEY,
    "http": Need.HTTP,
    "telemetry": Need.TELEMETRY,
    "shield": Need.SHIELD,
    "launch_shield": Need.LAUNCH_SHIELD,
    "tap": Need.SPINE,
    "nats": Need.CONTROL_NATS,
    "make_nats": Need.CONTROL_NATS,
}
"""What a case needs by asking for a fixture."""
CASE_FOLDER: Final = "suites"
"""The part of a module's name that says it belongs to the cases."""
MAIN_FIXTURES: Final = frozenset({"bus", "http", "telemetry", "shield", "tap"})
"""The fixtures that are the main deployment, on which cases run one after the other."""
MAIN_NEEDS: Final = frozenset({Need.AUTH, Need.NO_AUTH, Need.CONSUMER_GROUPS, Need.DURABLE})
"""The needs that only the main deployment can answer."""
FAR: Final = frozenset({Blast.DISRUPTIVE, Blast.RESOURCE_EXHAUSTING})
"""The radii within which other cases on the same deployment would be hit."""
TRANSCRIPT_LINES: Final = 200
"""How many of the last entries of a transcript a report keeps."""


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
        self.seconds_allowed = float(_marked(item, "time_limit", CASE_SECONDS))
        self.blast = str(_marked(item, "blast", Blast.OWN_NAMESPACE))
        self.depth = Depth(_marked(item, "depth", Depth.STANDARD))
        self.exclusive = item.get_closest_marker("exclusive") is not None or self.blast in FAR
        self.least_observations = int(_marked(item, "observations", 1))
        self.repeats = int(_marked(item, "repeats", 1))
        self.sentence = (inspect.getdoc(getattr(item, "function", None)) or "").partition("\n")[0]
        self.namespace = Namespace()
        self.transcript = Transcript()
        self.findings: list[Finding] = []
        self.rounds_held = 0
        self.processes: tuple[ProcessLine, ...] = ()
        self.started = 0.0
        self._observed_before = 0

    def start(self) -> None:
        """Begin the record anew, with names of its own."""
        self.started = time.monotonic()
        self.namespace = Namespace()
        self.transcript = Transcript()
        self.findings = []
        self.processes = ()
        self.begin_observing()

    def begin_observing(self) -> None:
        """Count from here on what the case looks at: what was done for all cases before is not its own."""
        self._observed_before = observed_since()

    def ended(self, fault: BaseException) -> None:
        """Note how a phase ended, and at the first time what the case stood on: later phases end all of it."""
        if not self.findings:
            self.processes = self.transcript.processes()
        self.findings.append(finding_of(fault))

    def result(self) -> CaseResult:
        """What the case amounts to, once its phases are over; one that held without a look at anything is broken."""
        observations = observed_since(self._observed_before)
        worst = max(self.findings, key=lambda finding: finding.verdict.rank, default=None)
        worst = worst or nothing_asserted(observations, self.least_observations)
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
            level=str(self.depth),
            blast=self.blast,
            observations=observations,
            close_codes=self.transcript.close_codes,
            processes=self.processes if kept else (),
        )


def _marked(item: pytest.Item, name: str, otherwise: Any) -> Any:
    """What the closest mark of that name says."""
    mark = item.get_closest_marker(name)
    return mark.args[0] if mark is not None else otherwise


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
"""Where an item of pytest keeps its case."""
