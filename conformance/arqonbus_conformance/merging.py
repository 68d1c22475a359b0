"""Several parts of one run become one report, judged as if one process had run them all. Pure."""

from collections.abc import Sequence
from datetime import date, datetime

import msgspec

from arqonbus_conformance.depth import Depth
from arqonbus_conformance.external.entering import entered
from arqonbus_conformance.fingerprint import told_apart
from arqonbus_conformance.judge import Judge
from arqonbus_conformance.judging import CaseResult, Finding
from arqonbus_conformance.leftovers import Left
from arqonbus_conformance.report.making import Span, make_report
from arqonbus_conformance.report.model import CaseLine, Failure, Report
from arqonbus_conformance.requirements import Scope, requirement_set, revisions
from arqonbus_conformance.selection import RunRequest, Shard, parse_shard
from arqonbus_conformance.target import quick_target
from arqonbus_conformance.verdict import ExitCode, Verdict
from arqonbus_conformance.waivers import Waiver, WaiverLine

__all__ = ["MergeError", "fresh_judge", "merged"]

PART_NOTE = "this was part "
"""How the note of a part begins, which the whole does not need."""


class MergeError(Exception):
    """The reports are not all the parts of one run; the text says which is not, or which is missing."""


def merged(parts: Sequence[Report], judge: Judge) -> Report:
    """The report of the whole from those of all its parts; ``judge`` is a fresh one with the requirement set.

    Raises:
        MergeError: they are not of one run, one is missing or there twice, or a case was run in two of them.
    """
    first = parts[0]
    _check_alike(parts)
    _check_fingerprints(parts)
    _check_shards(parts)
    _check_set(first, judge)
    judge.request = _request(first)
    judge.scope, judge.seed = Scope(first.scope), first.seed
    for part in parts:
        _take(judge, part)
    made = make_report(
        judge,
        Span(
            min(datetime.fromisoformat(part.started_at) for part in parts),
            sum(part.seconds for part in parts),
        ),
    )
    told = [note for part in parts for note in part.notes if not note.startswith(PART_NOTE)]
    notes = (*dict.fromkeys([*made.notes, *told]), f"put together from {len(parts)} parts")
    whole = msgspec.structs.replace(
        made,
        suite_version=first.suite_version,
        target=next((part.target for part in parts if _seen(part)), first.target),
        environment=first.environment,
        notes=notes,
    )
    return entered(whole, tuple(dict.fromkeys(line for part in parts for line in part.external)))


def fresh_judge(part: Report | None = None) -> Judge:
    """A judge that has judged nothing yet, by the requirement set of that part where this gate has it.

    The parts say what the target is.
    """
    named = part.requirement_set.revision if part is not None else None
    requirements = requirement_set(named if named in revisions() else None)
    return Judge(quick_target("ws://127.0.0.1", None, None), requirements=requirements)


def _check_alike(parts: Sequence[Report]) -> None:
    """All that must be equal in the parts of one run."""
    for number, part in enumerate(parts[1:], 2):
        for field, values in _facts(part).items():
            expected = _facts(parts[0])[field]
            if values != expected:
                raise MergeError(
                    f"{field}: report {number} has {values!r}, report 1 has {expected!r}; allowed: parts of one run"
                )


def _seen(part: Report) -> bool:
    """Whether this part looked at the main deployment: one that only launched others, or reached nothing, did not."""
    return part.target.bus is not None and part.exit_code != ExitCode.UNREACHABLE


def _check_fingerprints(parts: Sequence[Report]) -> None:
    """Another version, package or key is another deployment, whatever its name."""
    known = [(number, part) for number, part in enumerate(parts, 1) if _seen(part)]
    for number, part in known[1:]:
        first, one = known[0]
        for words, old, new in told_apart(
            msgspec.structs.asdict(one.target.fingerprint), msgspec.structs.asdict(part.target.fingerprint)
        ):
            raise MergeError(
                f"fingerprint: the {words} of the target is {new} in report {number} and {old} in report {first}; "
                "allowed: parts of one run on one deployment"
            )


def _facts(part: Report) -> dict[str, object]:
    target = part.target
    facts: dict[str, object] = {
        "suite_version": part.suite_version,
        "requirement_set": (part.requirement_set.revision, part.requirement_set.digest),
        "target": target.name,
        "target.launch": target.launch,
        "target.claims": dict(target.claims),
        "target.package_digest": target.fingerprint.package_digest,
        "level": part.level,
        "scope": part.scope,
        "seed": part.seed,
    }
    if target.launch is None:  # a deployment that each part launched for itself is elsewhere each time
        facts["target.bus"] = target.bus
    selection = msgspec.structs.asdict(part.selection)
    return facts | {
        f"selection.{name}": value for name, value in selection.items() if name not in {"complete", "shard"}
    }


def _check_shards(parts: Sequence[Report]) -> None:
    shards = [_shard(part, number) for number, part in enumerate(parts, 1)]
    count = shards[0].parts
    numbers = [shard.number for shard in shards]
    if any(shard.parts != count for shard in shards):
        raise MergeError(
            f"shard: {', '.join(map(str, shards))} are parts of several runs; allowed: all of one"
        )
    if twice := sorted({number for number in numbers if numbers.count(number) > 1}):
        raise MergeError(f"shard: part {twice[0]}/{count} is there twice; allowed: each once")
    if missing := [number for number in range(1, count + 1) if number not in numbers]:
        raise MergeError(f"shard: part {missing[0]}/{count} is missing; allowed: all {count} parts")
    owner: dict[str, int] = {}
    for number, part in enumerate(parts, 1):
        for case in part.cases:
            if owner.setdefault(case.id, number) != number:
                raise MergeError(f"{case.id} was run by report {owner[case.id]} and by report {number}")


def _shard(part: Report, number: int) -> Shard:
    if not part.selection.shard:
        raise MergeError(f"report {number} is no part of a run; allowed: reports of run --shard PART/PARTS")
    return parse_shard(part.selection.shard)


def _check_set(first: Report, judge: Judge) -> None:
    said, known = first.requirement_set, judge.requirements
    if (said.revision, said.digest) != (known.revision, known.digest):
        raise MergeError(
            f"requirement_set: {said.revision} {said.digest[:12]} is not allowed; allowed: {known.revision} "
            f"{known.digest[:12]}, which this gate judges by"
        )


def _request(part: Report) -> RunRequest:
    chosen = part.selection
    return RunRequest(
        suites=chosen.suites,
        keyword=chosen.keyword,
        requirements=chosen.requirements,
        areas=chosen.areas,
        phase=chosen.phase,
        depth=Depth(part.level),
        budget_seconds=chosen.budget_seconds,
        shuffle=chosen.shuffle,
    )


def _take(judge: Judge, part: Report) -> None:
    """Add what one part found."""
    failures = {failure.case: failure for failure in part.failures}
    judge.results.extend(_result(line, failures.get(line.id)) for line in part.cases)
    judge.faults.extend(fault for fault in part.faults if fault not in judge.faults)
    judge.interrupted = judge.interrupted or part.interrupted
    judge.collect_seconds += part.timing.collect_seconds
    judge.not_scored = tuple(dict.fromkeys([*judge.not_scored, *part.not_scored]))
    judge.vanished = tuple(dict.fromkeys([*judge.vanished, *part.vanished]))
    judge.left_out = tuple((one.case, one.reason) for one in part.selection.left_out)
    judge.mutation = judge.mutation or part.mutation
    judge.waivers = tuple(_waiver(line) for line in part.waivers)
    if part.exit_code == ExitCode.UNREACHABLE:
        judge.unreachable = part.sentence
    unknown = None if part.leftovers.checked else f"part {part.selection.shard} did not look for it"
    judge.find_left(Left(part.leftovers.found, unknown))


def _result(line: CaseLine, failure: Failure | None) -> CaseResult:
    verdict = Verdict(line.verdict)
    finding = None
    if failure is not None:
        finding = Finding(verdict, failure.reason, failure.expected, failure.actual, failure.traceback)
    elif line.reason:
        finding = Finding(verdict, line.reason)
    return CaseResult(
        id=line.id,
        suite=line.suite,
        requirements=line.requirements,
        verdict=verdict,
        seconds=line.seconds,
        sentence=failure.sentence if failure is not None else "",
        finding=finding,
        transcript=failure.transcript if failure is not None else (),
        dropped=failure.dropped if failure is not None else 0,
        level=line.level,
        blast=line.blast,
        observations=line.observations,
        attempts=line.attempts,
        close_codes=line.close_codes,
    )


def _waiver(line: WaiverLine) -> Waiver:
    told = msgspec.structs.asdict(line)
    fields = {name: told[name] for name in Waiver._fields if name != "expires"}
    return Waiver(expires=date.fromisoformat(told["expires"]), **fields)
