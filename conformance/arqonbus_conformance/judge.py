"""One run: what is judged, what was collected, and what has been found so far."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Protocol

import msgspec

from arqonbus_conformance.judging import CaseResult
from arqonbus_conformance.leftovers import Left, together
from arqonbus_conformance.redaction import Redaction, credentials_in
from arqonbus_conformance.registration import suite_folders
from arqonbus_conformance.repeating import ATTEMPTS
from arqonbus_conformance.requirements import RequirementSet, Scope, requirement_set
from arqonbus_conformance.selection import RunRequest
from arqonbus_conformance.stage import Surroundings
from arqonbus_conformance.target import Target
from arqonbus_conformance.verdict import Verdict
from arqonbus_conformance.waivers import Waiver, apply

__all__ = ["Judge", "Listener", "MutationScore"]


class MutationScore(msgspec.Struct, frozen=True):
    """How many known-bad deployments were caught, of how many.

    ``digest`` is that of the kill matrix, ``suite_version`` that of the suite it was made with.
    """

    score: float
    killed: int
    total: int
    digest: str
    suite_version: str


class Listener(Protocol):
    """Who wants to know how the run goes."""

    def started(self, cases: Sequence[str]) -> None:
        """These cases were selected."""

    def case_started(self, case: str) -> None:
        """A case begins."""

    def case_finished(self, result: CaseResult, *, waived: bool) -> None:
        """A case has its verdict; ``waived`` where a waiver allows its violation."""

    def stopping(self, within_seconds: float) -> None:
        """The run was interrupted, and what runs ends within so many seconds."""


class _Silent:
    def started(self, cases: Sequence[str]) -> None:
        """Say nothing."""

    def case_started(self, case: str) -> None:
        """Say nothing."""

    def case_finished(self, result: CaseResult, *, waived: bool) -> None:
        """Say nothing."""

    def stopping(self, within_seconds: float) -> None:
        """Say nothing."""


class Judge:
    """What one run knows; the plugin writes into it, reports read from it.

    Attributes:
        surroundings: what the main deployment turned out to be, once it was looked at.
        results: the verdicts so far, in the order in which the cases ran.
        faults: what is wrong with the suite itself, beyond single cases.
        selected: how many cases were selected.
        unreachable: why the target could not be judged at all, None where it could.
        interrupted: whether the run was stopped before its end.
        request: which cases are asked for.
        attempts: how often a violated case is run.
        collected: the ids of all cases that were found, before any was left out.
        left_out: the cases that a budget left out, each with the reason.
        collect_seconds: how long it took to find the cases.
        day: the day on which the run began, UTC.
        waivers: the violations that are allowed for now.
        waiver_file: where those are written, "" where there is no such file.
        not_scored: cases that judge what a later revision adds: run, and of no effect on any verdict.
        baseline: the cases of the last report.
        vanished: those of them that were not found any more.
        leftovers: what the run left behind, None where nobody looked.
        package_digest: SHA-256 of what is launched, None where that is not known.
        options: how the target, the scope and the requirement set were named on the command line.
        redaction: what cuts the credentials of this run out of its report.
        mutation: how many known-bad deployments this gate catches, None where it is not known.
    """

    def __init__(
        self,
        target: Target,
        *,
        scope: Scope = Scope.DEPLOYMENT,
        seed: int = 0,
        folders: Mapping[str, Path] | None = None,
        requirements: RequirementSet | None = None,
        listener: Listener | None = None,
        attempts: int = ATTEMPTS,
    ) -> None:
        self.target = target
        self.scope = scope
        self.seed = seed
        self.folders = dict(folders) if folders is not None else suite_folders()
        self.requirements = requirements if requirements is not None else requirement_set()
        self.listener: Listener = listener if listener is not None else _Silent()
        self.surroundings = Surroundings(target.endpoints, target.claims, ())
        self.results: list[CaseResult] = []
        self.faults: list[str] = []
        self.selected = 0
        self.unreachable: str | None = None
        self.interrupted = False
        self.request = RunRequest()
        self.attempts = attempts
        self.collected: list[str] = []
        self.left_out: tuple[tuple[str, str], ...] = ()
        self.collect_seconds = 0.0
        self.day: date = datetime.now(UTC).date()
        self.waivers: tuple[Waiver, ...] = ()
        self.waiver_file = ""
        self.not_scored: tuple[str, ...] = ()
        self.baseline: tuple[str, ...] = ()
        self.vanished: tuple[str, ...] = ()
        self.leftovers: Left | None = None
        self.mutation: MutationScore | None = None
        self.package_digest: str | None = None
        self.options: tuple[str, ...] = ()
        self.redaction = Redaction(credentials_in(target))

    @property
    def scored_results(self) -> list[CaseResult]:
        """The results that decide something: not those of cases that judge what a later revision adds."""
        left_out = set(self.not_scored)
        return [result for result in self.results if result.id not in left_out]

    @property
    def level(self) -> str:
        """How deep this run looks: smoke, standard or full."""
        return str(self.request.depth)

    def place(self, case: str) -> tuple[int, str]:
        """Where a case stands in a report: suites in their order, cases in the order of their modules."""
        suite, _, rest = case.partition("/")
        return (list(self.folders).index(suite), rest.partition("::")[0])

    def find_left(self, left: Left) -> None:
        """Note what somebody who looked found left behind, beside what others did."""
        self.leftovers = left if self.leftovers is None else together([self.leftovers, left])

    def record(self, result: CaseResult) -> None:
        """Note the verdict of one case."""
        self.results.append(result)
        self.listener.case_finished(result, waived=self._waives(result))

    def as_shown(self, result: CaseResult) -> CaseResult:
        """The result as a reader of the report knows it: a signature is copied from there, without credentials."""
        if result.verdict is not Verdict.VIOLATED or result.finding is None:
            return result
        finding = self.redaction.cleaned(result.finding, keep=frozenset({"verdict", "traceback"}))
        return msgspec.structs.replace(result, finding=finding)

    def _waives(self, result: CaseResult) -> bool:
        """Whether the waivers of this run allow what this case violates."""
        if result.verdict is not Verdict.VIOLATED or not self.waivers:
            return False
        alone = apply(self.waivers, self.requirements, [self.as_shown(result)], self.day, complete=False)
        return alone.excuses(result, self.requirements)
