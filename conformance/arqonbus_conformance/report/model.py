"""The report as a value: everything a reader needs to believe or doubt a verdict."""

from collections import Counter
from typing import Final

import msgspec

from arqonbus_conformance.fingerprint import Fingerprint
from arqonbus_conformance.judge import MutationScore
from arqonbus_conformance.judging import Attempt
from arqonbus_conformance.launched import ProcessLine
from arqonbus_conformance.transcript import Entry
from arqonbus_conformance.verdict import Verdict
from arqonbus_conformance.waivers import WaiverLine

__all__ = [
    "SCHEMA_VERSION",
    "CaseLine",
    "CriterionLine",
    "ExternalLine",
    "Failure",
    "Fingerprint",
    "LeftOut",
    "Leftovers",
    "PhaseLine",
    "Report",
    "RequirementLine",
    "RequirementSetLine",
    "Selection",
    "SlowCase",
    "TargetLine",
    "Timing",
    "TimingBin",
]

SCHEMA_VERSION: Final = "2.0"
"""The version of the shape of this document; grows when a reader must change."""


class LeftOut(msgspec.Struct, frozen=True):
    """A case that was not run, and why."""

    case: str
    reason: str


class Selection(msgspec.Struct, frozen=True):
    """Which cases were asked for; complete when none of the level was left out and the run came to its end.

    Attributes:
        keyword: the expression that cases had to match; the ids of the cases where they were asked for one by one.
        phase: the phase that was asked for, None for all.
        budget_seconds: how long the cases were to take, None without a budget.
        shard: which part of the cases this was ("1/4"), "" for all.
        shuffle: whether the order was drawn from the seed.
    """

    complete: bool
    suites: tuple[str, ...] = ()
    keyword: str = ""
    areas: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    phase: int | None = None
    budget_seconds: float | None = None
    shard: str = ""
    shuffle: bool = False
    left_out: tuple[LeftOut, ...] = ()


class TargetLine(msgspec.Struct, frozen=True):
    """What was judged."""

    name: str
    bus: str | None
    http: str | None
    telemetry: str | None
    claims: dict[str, bool]
    launch: str | None
    fingerprint: Fingerprint = Fingerprint()


class RequirementLine(msgspec.Struct, frozen=True):
    """The verdict on one requirement, and how many cases it stands on; ``waived`` where a waiver covers its violation."""

    id: str
    level: str
    verdict: str
    suite: str
    area: str
    phase: int
    security: bool
    sentence: str
    source: str
    cases: int
    waived: bool = False


class CaseLine(msgspec.Struct, frozen=True):
    """The verdict of one case; ``reason`` where it is not *holds*, ``attempts`` where it was run more than once."""

    id: str
    suite: str
    requirements: tuple[str, ...]
    verdict: str
    seconds: float
    reason: str = ""
    level: str = "standard"
    blast: str = "own-namespace"
    observations: int = 0
    attempts: tuple[Attempt, ...] = ()
    waived: bool = False
    close_codes: tuple[int, ...] = ()


class Failure(msgspec.Struct, frozen=True):
    """A case that did not hold, with what is needed to understand and repeat it.

    Attributes:
        severity: blocker, critical or high.
        kind: whose matter it is: config, dependency or code.
        transcript: the last entries of the wire transcript, secrets cut out.
        dropped: how many entries before those are not here.
        replay: the command that runs it again.
        processes: the programs that the case stood on, as they were when it failed.
        signature: what a waiver of it would have to say, "" where none can.
    """

    case: str
    verdict: str
    requirements: tuple[str, ...]
    sentence: str
    reason: str
    expected: str
    actual: str
    traceback: str
    severity: str
    kind: str
    transcript: tuple[Entry, ...]
    dropped: int
    seed: int
    replay: str
    waived: bool = False
    processes: tuple[ProcessLine, ...] = ()
    signature: str = ""


class RequirementSetLine(msgspec.Struct, frozen=True):
    """Which requirements were judged."""

    revision: str
    digest: str


class CriterionLine(msgspec.Struct, frozen=True):
    """One exit criterion of "production ready", and what it stands on."""

    id: str
    title: str
    verdict: str
    requirements: tuple[str, ...]
    violated: tuple[str, ...]


class PhaseLine(msgspec.Struct, frozen=True):
    """One phase; ``blocked_by`` is the first earlier phase that is red."""

    phase: int
    title: str
    exit_criteria: tuple[str, ...]
    verdict: str
    blocked_by: int | None
    requirements: int
    violated: tuple[str, ...]


class SlowCase(msgspec.Struct, frozen=True):
    """A case and how long it took."""

    case: str
    seconds: float


class TimingBin(msgspec.Struct, frozen=True):
    """How many cases took at most so long, and longer than the bin before; None is without bound."""

    upto_seconds: float | None
    cases: int


class Timing(msgspec.Struct, frozen=True):
    """Where the time went: seconds of the cases by level and by suite (cases run beside each other count in full)."""

    collect_seconds: float
    by_level: dict[str, float]
    by_suite: dict[str, float]
    slowest: tuple[SlowCase, ...]
    histogram: tuple[TimingBin, ...]


class Leftovers(msgspec.Struct, frozen=True):
    """What the run left behind; unchecked where nobody looked."""

    checked: bool
    found: tuple[str, ...]


class ExternalLine(msgspec.Struct, frozen=True):
    """What another program found out about the deployment; ``exit_code`` is None where it did not run or was killed."""

    id: str
    verdict: str
    command: str
    seconds: float
    exit_code: int | None
    reason: str = ""


class Report(msgspec.Struct, frozen=True):
    """One run, complete but for the footer, which the JSON form adds."""

    schema_version: str
    suite_version: str
    requirement_set: RequirementSetLine
    target: TargetLine
    level: str
    scope: str
    selection: Selection
    seed: int
    started_at: str
    seconds: float
    verdict: str
    exit_code: int
    interrupted: bool
    sentence: str
    notes: tuple[str, ...]
    faults: tuple[str, ...]
    criteria: tuple[CriterionLine, ...]
    phases: tuple[PhaseLine, ...]
    requirements: tuple[RequirementLine, ...]
    cases: tuple[CaseLine, ...]
    failures: tuple[Failure, ...]
    waivers: tuple[WaiverLine, ...]
    timing: Timing
    not_scored: tuple[str, ...]
    vanished: tuple[str, ...]
    leftovers: Leftovers
    mutation: MutationScore | None
    environment: dict[str, str]
    external: tuple[ExternalLine, ...] = ()

    def count(self, verdict: Verdict) -> int:
        """How many requirements have this verdict."""
        return Counter(line.verdict for line in self.requirements)[str(verdict)]
