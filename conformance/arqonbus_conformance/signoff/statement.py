"""What is signed: an in-toto statement (test-result) that binds the verdicts of one run to what was judged. Pure."""

import hashlib
import json
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec

from arqonbus_conformance.fingerprint import Fingerprint
from arqonbus_conformance.judge import MutationScore
from arqonbus_conformance.report.json_report import as_document
from arqonbus_conformance.report.model import CaseLine, Report, RequirementSetLine
from arqonbus_conformance.requirements import Level
from arqonbus_conformance.verdict import ExitCode, Verdict
from arqonbus_conformance.waivers import WaiverLine

__all__ = [
    "PREDICATE_TYPE",
    "STATEMENT_TYPE",
    "Evidence",
    "JudgedTarget",
    "NotRun",
    "Predicate",
    "Resource",
    "Statement",
    "canonical",
    "statement_of",
    "subject_of",
]

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "https://in-toto.io/attestation/test-result/v0.1"
FORMAT: Final = "1.0"
"""The version of the shape of ``Evidence``."""

Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Resource(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An in-toto resource descriptor: what it is called, and the digests that it is known by."""

    name: str
    digest: dict[str, str]


class JudgedTarget(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was judged: its name in the profile, what tells it from others, and what it claims to do."""

    name: str
    fingerprint: Fingerprint
    claims: dict[str, bool]


class NotRun(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A case that decided nothing, or was left out, and why."""

    case: str
    verdict: str
    reason: str


class Evidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the run showed, as whoever verifies needs it.

    Attributes:
        requirements: the verdict on each requirement, by id.
        waived: the violated requirements that waivers cover.
        not_run: every case that did not end with *holds* or *violated*, and what was left out.
        criteria: the verdict on each exit criterion of "production ready", by id.
        report_digest: SHA-256 of the report, as in its footer.
    """

    format: Literal["1.0"]
    suite_version: str
    requirement_set: RequirementSetLine
    target: JudgedTarget
    level: Literal["smoke", "standard", "full"]
    scope: Literal["endpoint", "deployment"]
    seed: int
    started_at: Annotated[datetime, msgspec.Meta(tz=True)]
    seconds: float
    verdict: str
    exit_code: int
    requirements: dict[str, str]
    waived: tuple[str, ...]
    waivers: tuple[WaiverLine, ...]
    not_run: tuple[NotRun, ...]
    criteria: dict[str, str]
    mutation: MutationScore | None
    report_digest: Sha256


class Predicate(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    rename={"passed": "passedTests", "warned": "warnedTests", "failed": "failedTests"},
):
    """An in-toto test result; ``arqonbus_gate`` is an extension with all that this gate adds."""

    result: Literal["PASSED", "WARNED", "FAILED"]
    configuration: tuple[Resource, ...]
    passed: tuple[str, ...]
    warned: tuple[str, ...]
    failed: tuple[str, ...]
    arqonbus_gate: Evidence


class Statement(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    rename={"type": "_type", "predicate_type": "predicateType"},
):
    """An in-toto statement, version 1."""

    type: Literal["https://in-toto.io/Statement/v1"]
    subject: tuple[Resource, ...]
    predicate_type: Literal["https://in-toto.io/attestation/test-result/v0.1"]
    predicate: Predicate


def canonical(value: object) -> bytes:
    """The one JSON text of a value: sorted keys, no spaces, ASCII."""
    made: Any = msgspec.to_builtins(value)
    return json.dumps(made, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def subject_of(target: JudgedTarget) -> tuple[Resource, ...]:
    """What a statement about this target is bound to: its name and fingerprint, and its package where that is known."""
    identity = hashlib.sha256(canonical({"name": target.name, "fingerprint": target.fingerprint})).hexdigest()
    subjects = [Resource(target.name, {"sha256": identity})]
    if target.fingerprint.package_digest is not None:
        subjects.append(Resource("package", {"sha256": target.fingerprint.package_digest}))
    return tuple(subjects)


def statement_of(report: Report) -> Statement:
    """The statement that a report amounts to, whatever its verdict."""
    target = JudgedTarget(report.target.name, report.target.fingerprint, dict(report.target.claims))
    warned = {line.id for line in report.cases if _is_warning(report, line)}
    passed = ExitCode(report.exit_code) is ExitCode.PASS
    failing = {str(Verdict.VIOLATED), str(Verdict.BROKEN)}
    return Statement(
        type=STATEMENT_TYPE,
        subject=subject_of(target),
        predicate_type=PREDICATE_TYPE,
        predicate=Predicate(
            result=("WARNED" if warned else "PASSED") if passed else "FAILED",
            configuration=(
                Resource(
                    f"arqonbus requirement set {report.requirement_set.revision}",
                    {"sha256": report.requirement_set.digest},
                ),
            ),
            passed=tuple(line.id for line in report.cases if line.verdict == Verdict.HOLDS),
            warned=tuple(line.id for line in report.cases if line.id in warned),
            failed=tuple(
                line.id for line in report.cases if line.verdict in failing and line.id not in warned
            ),
            arqonbus_gate=_evidence(report, target),
        ),
    )


def _is_warning(report: Report, case: CaseLine) -> bool:
    """Whether a violation fails nothing: it is waived, or only of what a deployment SHOULD do."""
    if case.verdict != Verdict.VIOLATED:
        return False
    musts = {line.id for line in report.requirements if line.level == Level.MUST}
    return case.waived or not musts.intersection(case.requirements)


def _evidence(report: Report, target: JudgedTarget) -> Evidence:
    decided = {str(Verdict.HOLDS), str(Verdict.VIOLATED)}
    undecided = [
        NotRun(line.id, line.verdict, line.reason) for line in report.cases if line.verdict not in decided
    ]
    left_out = [NotRun(one.case, "left_out", one.reason) for one in report.selection.left_out]
    return Evidence(
        format=FORMAT,
        suite_version=report.suite_version,
        requirement_set=report.requirement_set,
        target=target,
        level=report.level,  # type: ignore[arg-type]
        scope=report.scope,  # type: ignore[arg-type]
        seed=report.seed,
        started_at=datetime.fromisoformat(report.started_at),
        seconds=report.seconds,
        verdict=report.verdict,
        exit_code=report.exit_code,
        requirements={line.id: line.verdict for line in report.requirements},
        waived=tuple(line.id for line in report.requirements if line.waived),
        waivers=report.waivers,
        not_run=(*undecided, *left_out),
        criteria={line.id: line.verdict for line in report.criteria},
        mutation=report.mutation,
        report_digest=as_document(report)["footer"]["digest"],
    )
