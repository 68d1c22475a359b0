"""``arqonbus-gate replay``: runs the case of an incident again, as it was run."""

import os
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from arqonbus_conformance.commands.application import UsageError, app
from arqonbus_conformance.commands.asked import named_set
from arqonbus_conformance.commands.run import named_target
from arqonbus_conformance.container_check import ContainerError, container_problems
from arqonbus_conformance.depth import Depth
from arqonbus_conformance.judge import Judge
from arqonbus_conformance.program_check import program_problems
from arqonbus_conformance.redaction import CUT
from arqonbus_conformance.report.incident import Incident
from arqonbus_conformance.report.incident_folder import read_incident
from arqonbus_conformance.report.json_report import write_json
from arqonbus_conformance.report.live import console_for
from arqonbus_conformance.report.model import Report
from arqonbus_conformance.report.terminal import show
from arqonbus_conformance.requirements import Scope
from arqonbus_conformance.runner import run
from arqonbus_conformance.selection import RunRequest
from arqonbus_conformance.target import ProfileError, Target

__all__ = ["replay_command"]


@app.command(name="replay")
def replay_command(
    incident: Path,
    *,
    target: Path | None = None,
    url: str | None = None,
    http: str | None = None,
    telemetry: str | None = None,
    verbose: Annotated[bool, Parameter(name=["--verbose", "-v"], negative="")] = False,
) -> int:
    """Run the case of an incident again: the same seed, the same target, once.

    The report is written to replay.json in the folder of the incident. Exit codes are those of run.

    Parameters
    ----------
    incident
        The folder of the incident.
    target
        A target profile (TOML), instead of the target of then.
    url
        The WebSocket address of a running bus, instead of the target of then.
    http
        The address of its HTTP interface.
    telemetry
        The address of its telemetry interface.
    verbose
        Show tracebacks of suite faults.
    """
    told = read_incident(incident)
    folder = incident if incident.is_dir() else incident.parent
    named = (
        named_target(target, url, http, telemetry) if target or url or http or telemetry else _target(told)
    )
    if problems := program_problems(named, Scope(told.scope)):
        raise ProfileError(problems)
    if faults := container_problems(named, Scope(told.scope)):
        raise ContainerError(faults)
    judge = Judge(
        named,
        scope=Scope(told.scope),
        seed=told.seed,
        requirements=named_set(told.requirement_set.revision, "the requirement set of the incident"),
        attempts=1,
    )
    judge.options = told.options
    console = console_for(sys.stdout, os.environ)
    report = run(judge, RunRequest(cases=(told.failure.case,), depth=Depth(told.level)))
    write_json(report, folder / "replay.json")
    show(report, console, verbose=verbose)
    console.print(_compared(told, report), markup=False, highlight=False, soft_wrap=True)
    return report.exit_code


def _target(told: Incident) -> Target:
    """The target of then.

    Raises:
        UsageError: its address held a credential, which is kept nowhere.
        ProfileError: the profile is not there any more, or not valid.
    """
    given = dict(zip(told.options[::2], told.options[1::2], strict=True))
    for option in ("--url", "--http", "--telemetry"):
        if CUT in given.get(option, ""):
            raise UsageError(
                f"{option}: the address of the incident held a credential, which is not kept; give it again"
            )
    profile = given.get("--target")
    return named_target(
        Path(profile) if profile else None, given.get("--url"), given.get("--http"), given.get("--telemetry")
    )


def _compared(told: Incident, report: Report) -> str:
    case = told.failure.case
    now = {line.id: line.verdict for line in report.cases}.get(case)
    if now is None:
        return f"not seen: {case} did not run"
    if now != told.failure.verdict:
        return f"not seen again: {case} was {told.failure.verdict}; now it is: {now}"
    same = any(failure.reason == told.failure.reason for failure in report.failures)
    return f"seen again: {case} is {now}" + ("" if same else ", for another reason than then")
