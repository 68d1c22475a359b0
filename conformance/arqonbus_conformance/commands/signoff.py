"""``arqonbus-gate keygen``, ``sign`` and ``verify``: a verdict that can be checked where the release is deployed."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import Parameter
from rich.console import Console

from arqonbus_conformance.commands.application import UsageError, app, make_room
from arqonbus_conformance.report.reading import ReportError, as_report, read_report
from arqonbus_conformance.requirements import RequirementSet, requirement_set, revisions
from arqonbus_conformance.signoff.attestation import opened, sealed
from arqonbus_conformance.signoff.keys import KeyFileError, new_pair, read_private, read_public, write_pair
from arqonbus_conformance.signoff.policy import Policy, PolicyError, parse_policy, stricter
from arqonbus_conformance.signoff.refusals import Problem, Refusal, Refused, refusal_code
from arqonbus_conformance.signoff.statement import Statement, statement_of
from arqonbus_conformance.signoff.verification import problems_of_report, problems_of_run, problems_with
from arqonbus_conformance.verdict import ExitCode

__all__ = ["keygen_command", "sign_command", "verify_command"]

SIGNOFF_BYTES: Final = 64 * 1024 * 1024
"""The largest sign-off that is read."""
POLICY_BYTES: Final = 1024 * 1024
"""The largest policy that is read."""


def _passphrase(variable: str | None) -> bytes | None:
    if variable is None:
        return None
    if not os.environ.get(variable):
        raise UsageError(f"--passphrase-env: the environment variable {variable} is not set")
    return os.environb[variable.encode()]


def _read(option: str, path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(most + 1)
    except OSError as fault:
        raise UsageError(f"{option}: {str(path)!r} cannot be read: {fault.strerror}") from fault
    if len(data) > most:
        raise UsageError(f"{option}: {str(path)!r} is larger than {most} bytes, the largest allowed")
    return data


def _sets() -> dict[str, RequirementSet]:
    return {revision: requirement_set(revision) for revision in revisions()}


def _refuse(what: str, problems: tuple[Problem, ...] | list[Problem]) -> int:
    complaint = Console(stderr=True)
    for problem in problems:
        complaint.print(f"{what} refused: {problem.sentence}", markup=False, highlight=False, soft_wrap=True)
    return refusal_code(problems)


@app.command(name="keygen")
def keygen_command(*, out: Path, passphrase_env: str | None = None) -> int:
    """Make a pair of keys to sign with: OUT is the private one, OUT.pub the public one. Nothing is overwritten.

    Parameters
    ----------
    out
        Where the private key is written; only its owner may read it.
    passphrase_env
        The environment variable with the passphrase that encrypts it; not encrypted unless given.
    """
    try:
        write_pair(out, new_pair(_passphrase(passphrase_env)))
    except KeyFileError as fault:
        raise UsageError(f"--out: {fault}") from fault
    Console().print(f"private key: {out}, public key: {out}.pub", highlight=False, soft_wrap=True)
    return ExitCode.PASS


@app.command(name="sign")
def sign_command(
    report: Path,
    *,
    key: Path,
    out: Path,
    allow_failed: Annotated[bool, Parameter(negative="")] = False,
    passphrase_env: str | None = None,
) -> int:
    """Sign what a report shows, for whoever verifies it before a release.

    Exit codes: 0 signed; 11 the report is truncated or edited; 16, 17, 18 it is no pass; 21 it is judged by a draft; 64 usage.

    Parameters
    ----------
    report
        The JSON report of a complete run, such as reports/gate.json.
    key
        The private key.
    out
        Where the sign-off is written.
    allow_failed
        Sign a run that did not pass, too: as FAILED, which no verification accepts.
    passphrase_env
        The environment variable with the passphrase of the key.
    """
    make_room("--out", out)
    try:
        signer = read_private(key, _passphrase(passphrase_env))
    except KeyFileError as fault:
        raise UsageError(f"--key: {fault}") from fault
    if not report.is_file():
        raise UsageError(f"{str(report)!r} is not there; allowed: the JSON report of a run")
    try:
        read = as_report(read_report(report))
    except ReportError as fault:
        return _refuse("signing", [Problem(Refusal.EDITED, str(fault))])
    statement = statement_of(read)
    sets = _sets()
    problems = problems_of_report(read, sets)
    if not allow_failed:
        problems += problems_of_run(statement, datetime.now(UTC), sets, Policy())
    if problems:
        return _refuse("signing", sorted(problems, key=lambda problem: problem.kind))
    unfinished = out.with_name(f".{out.name}.unfinished")
    unfinished.write_bytes(sealed(statement, signer))
    unfinished.replace(out)
    Console().print(f"signed as {statement.predicate.result}: {out}", highlight=False, soft_wrap=True)
    return ExitCode.PASS


@app.command(name="verify")
def verify_command(
    attestation: Path,
    *,
    key: Path,
    report: Path | None = None,
    level: Literal["smoke", "standard", "full"] | None = None,
    policy: Path | None = None,
    target: str | None = None,
) -> int:
    """Check, offline, whether a sign-off may be believed and is enough for a release.

    Exit codes: 0 it is; 10 another key, 11 edited, 12 another target, 13 too old, 14 a lower level, 15 a lower scope,
    16 another requirement set, 17 not passed, 18 waivers, 19 mutation score, 20 claims, 21 judged by a draft (the
    lowest of several); 64 usage; 78 the policy is not valid.

    Parameters
    ----------
    attestation
        The sign-off.
    key
        The public key of whoever may sign.
    report
        The report that must have been signed.
    level
        The least level, where it is above that of the policy.
    policy
        What is demanded (TOML).
    target
        The name of the deployment that must have been judged.
    """
    demanded = stricter(_policy(policy), level, target)
    data = _read("the sign-off", attestation, SIGNOFF_BYTES)
    try:
        public = read_public(key)
    except KeyFileError as fault:
        raise UsageError(f"--key: {fault}") from fault
    try:
        statement = opened(data, public)
    except Refused as refused:
        return _refuse("release", refused.problems)
    problems = problems_with(statement, demanded, datetime.now(UTC), _sets())
    if target not in {None, demanded.target.name}:
        sentence = f"the target to release is {target!r}, and the policy is about {demanded.target.name!r}"
        problems.append(Problem(Refusal.TARGET, sentence))
    if report is not None:
        problems += _problems_with_report(statement, report)
    if problems:
        return _refuse("release", problems)
    _tell(statement)
    return ExitCode.PASS


def _policy(path: Path | None) -> Policy:
    if path is None:
        return Policy()
    try:
        return parse_policy(_read("--policy", path, POLICY_BYTES).decode())
    except UnicodeDecodeError as fault:
        raise PolicyError([f"{path}: it is not UTF-8: {fault}"]) from fault
    except PolicyError as fault:
        raise PolicyError([f"{path}: {problem}" for problem in fault.problems]) from fault


def _problems_with_report(statement: Statement, path: Path) -> list[Problem]:
    if not path.is_file():
        raise UsageError(f"--report: {str(path)!r} is not there; allowed: the JSON report of a run")
    try:
        digest = read_report(path)["footer"]["digest"]
    except ReportError as fault:
        return [Problem(Refusal.EDITED, str(fault))]
    signed = statement.predicate.arqonbus_gate.report_digest
    if digest == signed:
        return []
    sentence = f"{path} has the digest {digest[:12]}, and the report that was signed {signed[:12]}"
    return [Problem(Refusal.EDITED, sentence)]


def _tell(statement: Statement) -> None:
    evidence = statement.predicate.arqonbus_gate
    console = Console()
    lines = [
        (
            f"verified: {evidence.target.name}, {statement.predicate.result}, level {evidence.level}, "
            f"scope {evidence.scope}, requirement set {evidence.requirement_set.revision}, "
            f"judged at {evidence.started_at.isoformat()} by suite {evidence.suite_version}"
        ),
        *(
            f"waiver {line.status}: {line.requirement} until {line.expires}, {line.owner}, {line.issue}: {line.reason}"
            for line in evidence.waivers
        ),
    ]
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
