"""From a run that is over to its report."""

import os
import platform
import shlex
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import msgspec

from arqonbus_conformance.criteria import criteria_of
from arqonbus_conformance.judge import Judge
from arqonbus_conformance.judging import CaseResult, requirement_verdicts
from arqonbus_conformance.leftovers import Left
from arqonbus_conformance.phases import phase_results
from arqonbus_conformance.redaction import names_a_secret
from arqonbus_conformance.report.advice import closing_sentence, replay_command
from arqonbus_conformance.report.chosen import selection_notes, selection_of
from arqonbus_conformance.report.model import (
    SCHEMA_VERSION,
    CaseLine,
    CriterionLine,
    Failure,
    Leftovers,
    PhaseLine,
    Report,
    RequirementLine,
    RequirementSetLine,
    TargetLine,
)
from arqonbus_conformance.report.timing import timing_of
from arqonbus_conformance.requirements import Level, Scope
from arqonbus_conformance.selection import scored
from arqonbus_conformance.signatures import signature_of
from arqonbus_conformance.triage import kind_of, severity_of
from arqonbus_conformance.verdict import ExitCode, Verdict, exit_code, outcome
from arqonbus_conformance.waivers import Application, apply

__all__ = ["Span", "make_report"]

FAILED = frozenset({Verdict.VIOLATED, Verdict.BROKEN, Verdict.UNKNOWN})
"""The verdicts of cases that a report explains at length."""
TELLING = ("ARQONBUS_", "CI", "LANG", "LC_", "PYTHON", "TZ")
"""What the names of variables begin with that a report tells of the gate's own environment."""
OURS = frozenset({"requirement_set", "requirements", "criteria", "phases", "id", "case"})
"""The fields of a report that hold only what was written before any credential was known."""


class Span(NamedTuple):
    """When a run began, and how long it took in seconds."""

    started_at: datetime
    seconds: float


def make_report(judge: Judge, span: Span) -> Report:
    """The report of a run that is over, whichever way it ended."""
    judge.results.sort(key=lambda result: judge.place(result.id))
    selection = selection_of(judge)
    waivers = apply(
        judge.waivers,
        judge.requirements,
        [judge.as_shown(result) for result in judge.scored_results],
        span.started_at.astimezone(UTC).date(),
        complete=selection.complete and judge.unreachable is None,
    )
    lines = _requirement_lines(judge, waivers)
    verdicts = {line.id: Verdict(line.verdict) for line in lines}
    code = _exit_code(judge, lines, waivers)
    report = Report(
        schema_version=SCHEMA_VERSION,
        suite_version=version("arqonbus-conformance"),
        requirement_set=RequirementSetLine(judge.requirements.revision, judge.requirements.digest),
        target=_target_line(judge),
        level=judge.level,
        scope=str(judge.scope),
        selection=selection,
        seed=judge.seed,
        started_at=span.started_at.isoformat(timespec="seconds"),
        seconds=round(span.seconds, 3),
        verdict=str(outcome(code)),
        exit_code=int(code),
        interrupted=judge.interrupted,
        sentence=closing_sentence(
            judge, lines, code, waivers=waivers.lines, selection_complete=selection.complete
        ),
        notes=tuple(_notes(judge)),
        faults=tuple(judge.faults),
        criteria=tuple(_criteria(judge, verdicts)),
        phases=tuple(_phases(judge, verdicts)),
        requirements=tuple(lines),
        cases=tuple(_case_line(judge, result, waivers) for result in judge.results),
        failures=tuple(
            _failure(judge, result, waivers) for result in judge.results if result.verdict in FAILED
        ),
        waivers=waivers.lines,
        timing=timing_of(judge.results, judge.collect_seconds),
        not_scored=judge.not_scored,
        vanished=judge.vanished,
        leftovers=_leftovers(judge),
        mutation=judge.mutation,
        environment=_environment(),
    )
    return judge.redaction.cleaned(report, keep=OURS)


def _leftovers(judge: Judge) -> Leftovers:
    left = judge.leftovers
    if left is None:
        return Leftovers(checked=False, found=())
    return Leftovers(left.problem is None, left.found)


def _target_line(judge: Judge) -> TargetLine:
    endpoints = judge.surroundings.endpoints
    return TargetLine(
        name=judge.target.name,
        bus=endpoints.bus if endpoints else None,
        http=endpoints.http if endpoints else None,
        telemetry=endpoints.telemetry if endpoints else None,
        claims=dict(judge.surroundings.claims),
        launch=judge.target.launch.command if judge.target.launch else None,
        fingerprint=msgspec.structs.replace(
            judge.surroundings.fingerprint, package_digest=judge.package_digest
        ),
    )


def _environment() -> dict[str, str]:
    """What the gate itself ran on; nothing of it is secret."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "executable": sys.executable,
        "processors": str(os.cpu_count()),
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        **{name: os.environ[name] for name in sorted(os.environ) if _is_telling(name)},
    }


def _is_telling(name: str) -> bool:
    """Whether a variable of the gate's own environment may change what it sees and is no secret."""
    return name.startswith(TELLING) and not names_a_secret(name)


def _requirement_lines(judge: Judge, waivers: Application) -> list[RequirementLine]:
    judged = Counter(name for result in judge.scored_results for name in result.requirements)
    chosen = scored(judge.request, judge.requirements, judged)
    verdicts = requirement_verdicts(chosen, judge.scored_results, judge.scope)
    excused = requirement_verdicts(chosen, judge.scored_results, judge.scope, waivers.covered)
    return [
        RequirementLine(
            id=one.id,
            level=str(one.level),
            verdict=str(verdicts[one.id]),
            suite=one.suite,
            area=one.area,
            phase=one.phase,
            security=one.security,
            sentence=one.sentence,
            source=one.source,
            cases=judged[one.id],
            waived=verdicts[one.id] is Verdict.VIOLATED and excused[one.id] is not Verdict.VIOLATED,
        )
        for one in chosen
    ]


def _criteria(judge: Judge, verdicts: Mapping[str, Verdict]) -> list[CriterionLine]:
    suites = [(result.suite, result.verdict) for result in judge.scored_results]
    return [
        CriterionLine(one.id, one.title, str(one.verdict), one.requirements, one.violated)
        for one in criteria_of(list(judge.requirements.by_id.values()), verdicts, suites)
    ]


def _phases(judge: Judge, verdicts: Mapping[str, Verdict]) -> list[PhaseLine]:
    return [
        PhaseLine(
            phase=one.phase.number,
            title=one.phase.title,
            exit_criteria=one.phase.exit_criteria,
            verdict=str(one.verdict),
            blocked_by=one.blocked_by,
            requirements=len(one.requirements),
            violated=one.violated,
        )
        for one in phase_results(list(judge.requirements.by_id.values()), verdicts)
    ]


def _exit_code(judge: Judge, lines: Sequence[RequirementLine], waivers: Application) -> ExitCode:
    if judge.unreachable is not None:
        return ExitCode.UNREACHABLE
    musts = judge.requirements.of(line.id for line in lines if line.level == Level.MUST)
    required = requirement_verdicts(musts, judge.scored_results, judge.scope, waivers.expected)
    cases = [result.verdict for result in judge.scored_results]
    left = judge.leftovers or Left()
    if judge.faults or left.found:
        cases.append(Verdict.BROKEN)
    return exit_code(
        required.values(),
        cases,
        interrupted=judge.interrupted or left.problem is not None,
        waiver_fault=waivers.faulty,
    )


def _notes(judge: Judge) -> list[str]:
    notes = list(judge.surroundings.notes)
    if judge.waiver_file:
        notes.append(f"violations are allowed for now by {len(judge.waivers)} waivers of {judge.waiver_file}")
    if judge.unreachable is not None:
        notes.append(judge.unreachable)
    notes.extend(selection_notes(judge))
    if not judge.requirements.frozen:
        notes.append(
            f"requirement set {judge.requirements.revision} is a draft: it is not frozen yet, and nothing is signed of it"
        )
    if judge.not_scored:
        notes.append(f"{len(judge.not_scored)} cases judge what a later revision adds: run, and not scored")
    if judge.scope is Scope.ENDPOINT:
        notes.append("only endpoint-visible requirements were judged (scope endpoint)")
    if judge.leftovers is not None and judge.leftovers.problem is not None:
        notes.append(f"nobody knows what the run left behind: {judge.leftovers.problem}")
    if judge.interrupted:
        notes.append("the run was interrupted: this report is incomplete")
    return notes


def _case_line(judge: Judge, result: CaseResult, waivers: Application) -> CaseLine:
    return CaseLine(
        id=result.id,
        suite=result.suite,
        requirements=result.requirements,
        verdict=str(result.verdict),
        seconds=result.seconds,
        reason=result.finding.reason if result.finding is not None else "",
        level=result.level,
        blast=result.blast,
        observations=result.observations,
        attempts=result.attempts,
        waived=waivers.excuses(result, judge.requirements),
        close_codes=result.close_codes,
    )


def _failure(judge: Judge, result: CaseResult, waivers: Application) -> Failure:
    finding = result.finding
    judged = judge.requirements.of(result.requirements)
    return Failure(
        case=result.id,
        verdict=str(result.verdict),
        requirements=result.requirements,
        sentence=result.sentence,
        reason=finding.reason if finding else "",
        expected=finding.expected if finding else "",
        actual=finding.actual if finding else "",
        traceback=finding.traceback if finding else "",
        severity=str(severity_of(judged)),
        kind=str(kind_of(judged)),
        transcript=result.transcript,
        dropped=result.dropped,
        seed=judge.seed,
        replay=replay_command(result.id, judge.options, judge.seed),
        waived=waivers.excuses(result, judge.requirements),
        processes=result.processes,
        signature=signature_of(judge.as_shown(result)) if result.verdict is Verdict.VIOLATED else "",
    )
