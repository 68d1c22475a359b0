"""The report as a value: everything a reader needs to believe or doubt a verdict."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version
from typing import Final, NamedTuple

import msgspec

from arqonbus_conformance.judge import Judge
from arqonbus_conformance.judging import CaseResult, requirement_verdicts
from arqonbus_conformance.report.advice import closing_sentence, replay_command
from arqonbus_conformance.requirements import Level, Scope
from arqonbus_conformance.verdict import ExitCode, Verdict, exit_code, outcome

__all__ = ["SCHEMA_VERSION", "Failure", "Report", "RequirementLine", "Selection", "make_report"]

SCHEMA_VERSION: Final = "1.0"
"""The version of the shape of this document; grows when a reader must change."""
DEPTH: Final = "standard"
"""How deep this run looked."""


class Selection(msgspec.Struct, frozen=True):
    """Which cases were asked for; complete when none was left out."""

    complete: bool
    suites: tuple[str, ...] = ()
    keyword: str = ""


class TargetLine(msgspec.Struct, frozen=True):
    """What was judged."""

    name: str
    bus: str | None
    http: str | None
    telemetry: str | None
    claims: dict[str, bool]
    launch: str | None


class RequirementLine(msgspec.Struct, frozen=True):
    """The verdict on one requirement, and how many cases it stands on."""

    id: str
    level: str
    verdict: str
    suite: str
    sentence: str
    cases: int


class CaseLine(msgspec.Struct, frozen=True):
    """The verdict of one case; ``reason`` where it is not *holds*."""

    id: str
    suite: str
    requirements: tuple[str, ...]
    verdict: str
    seconds: float
    reason: str = ""


class Failure(msgspec.Struct, frozen=True):
    """A case that did not hold, with what is needed to understand and repeat it."""

    case: str
    verdict: str
    requirements: tuple[str, ...]
    sentence: str
    reason: str
    expected: str
    actual: str
    traceback: str
    transcript: tuple[str, ...]
    seed: int
    replay: str


class RequirementSetLine(msgspec.Struct, frozen=True):
    """Which requirements were judged."""

    revision: str
    digest: str


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
    requirements: tuple[RequirementLine, ...]
    cases: tuple[CaseLine, ...]
    failures: tuple[Failure, ...]

    def count(self, verdict: Verdict) -> int:
        """How many requirements have this verdict."""
        return Counter(line.verdict for line in self.requirements)[str(verdict)]


class Timing(NamedTuple):
    """When a run began, and how long it took in seconds."""

    started_at: datetime
    seconds: float


def make_report(judge: Judge, selection: Selection, timing: Timing) -> Report:
    """The report of a run that is over, whichever way it ended."""
    judge.results.sort(key=lambda result: judge.place(result.id))
    lines = _requirement_lines(judge, selection)
    code = _exit_code(judge, lines)
    endpoints = judge.surroundings.endpoints
    return Report(
        schema_version=SCHEMA_VERSION,
        suite_version=version("arqonbus-conformance"),
        requirement_set=RequirementSetLine(judge.requirements.revision, judge.requirements.digest),
        target=TargetLine(
            name=judge.target.name,
            bus=endpoints.bus if endpoints else None,
            http=endpoints.http if endpoints else None,
            telemetry=endpoints.telemetry if endpoints else None,
            claims=dict(judge.surroundings.claims),
            launch=judge.target.launch.command if judge.target.launch else None,
        ),
        level=DEPTH,
        scope=str(judge.scope),
        selection=selection,
        seed=judge.seed,
        started_at=timing.started_at.isoformat(timespec="seconds"),
        seconds=round(timing.seconds, 3),
        verdict=str(outcome(code)),
        exit_code=int(code),
        interrupted=judge.interrupted,
        sentence=closing_sentence(judge, lines, code, selection_complete=selection.complete),
        notes=tuple(_notes(judge, selection)),
        faults=tuple(judge.faults),
        requirements=tuple(lines),
        cases=tuple(_case_line(result) for result in judge.results),
        failures=tuple(_failure(result, judge.seed) for result in judge.results if _failed(result)),
    )


def _requirement_lines(judge: Judge, selection: Selection) -> list[RequirementLine]:
    judged = Counter(name for result in judge.results for name in result.requirements)
    chosen = judge.requirements.by_id.values() if selection.complete else judge.requirements.of(judged)
    verdicts = requirement_verdicts(chosen, judge.results, judge.scope)
    return [
        RequirementLine(
            one.id, str(one.level), str(verdicts[one.id]), one.suite, one.sentence, judged[one.id]
        )
        for one in chosen
    ]


def _exit_code(judge: Judge, lines: Sequence[RequirementLine]) -> ExitCode:
    if judge.unreachable is not None:
        return ExitCode.UNREACHABLE
    musts = [Verdict(line.verdict) for line in lines if line.level == Level.MUST]
    cases = [result.verdict for result in judge.results]
    if judge.faults:
        cases.append(Verdict.BROKEN)
    return exit_code(musts, cases, interrupted=judge.interrupted)


def _notes(judge: Judge, selection: Selection) -> list[str]:
    notes = list(judge.surroundings.notes)
    if judge.unreachable is not None:
        notes.append(judge.unreachable)
    if not selection.complete:
        notes.append("this was a selection of cases: only the requirements of the selected cases are shown")
    if judge.scope is Scope.ENDPOINT:
        notes.append("only endpoint-visible requirements were judged (scope endpoint)")
    if judge.interrupted:
        notes.append("the run was interrupted: this report is incomplete")
    return notes


def _case_line(result: CaseResult) -> CaseLine:
    reason = result.finding.reason if result.finding is not None else ""
    return CaseLine(result.id, result.suite, result.requirements, str(result.verdict), result.seconds, reason)


def _failed(result: CaseResult) -> bool:
    return result.verdict in {Verdict.VIOLATED, Verdict.BROKEN, Verdict.UNKNOWN}


def _failure(result: CaseResult, seed: int) -> Failure:
    finding = result.finding
    return Failure(
        case=result.id,
        verdict=str(result.verdict),
        requirements=result.requirements,
        sentence=result.sentence,
        reason=finding.reason if finding else "",
        expected=finding.expected if finding else "",
        actual=finding.actual if finding else "",
        traceback=finding.traceback if finding else "",
        transcript=result.transcript,
        seed=seed,
        replay=replay_command(result.id),
    )
