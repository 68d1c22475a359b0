"""``arqonbus-gate run``: judges a deployment and writes the reports."""

import os
import secrets
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter
from cyclopts.validators import Number

from arqonbus_conformance.commands.application import UsageError, app, make_room
from arqonbus_conformance.commands.asked import Asked
from arqonbus_conformance.container_check import ContainerError, container_problems
from arqonbus_conformance.depth import Depth
from arqonbus_conformance.interruption import Interruption
from arqonbus_conformance.judge import Judge, MutationScore
from arqonbus_conformance.mutation.matrix import MatrixError, read_matrix
from arqonbus_conformance.program_check import program_problems
from arqonbus_conformance.repeating import ATTEMPTS, MOST_ATTEMPTS
from arqonbus_conformance.report.artefacts import Places, write_artefacts
from arqonbus_conformance.report.incident_folder import write_incidents
from arqonbus_conformance.report.live import Live, console_for
from arqonbus_conformance.report.reading import read_report
from arqonbus_conformance.report.terminal import show
from arqonbus_conformance.requirements import RequirementSet, Scope
from arqonbus_conformance.runner import run
from arqonbus_conformance.target import ProfileError, Target, embedded_reference, quick_target, read_profile
from arqonbus_conformance.token_check import token_problems
from arqonbus_conformance.waiver_file import waivers_of

__all__ = ["default_jobs", "named_target", "run_command"]

EVERYTHING: Final = Asked()
"""What is run when nothing is said."""
MATRIX_BYTES: Final = 64 * 1024 * 1024
"""The largest kill matrix that is read."""
MOST_JOBS: Final = 16
"""The most processes that may share a run."""


def default_jobs(target: Target, depth: Depth = Depth.STANDARD) -> int:
    """One process more than there are processors where cases launch deployments of their own; else one.

    Two are enough for a few seconds of cases: each further one has to collect them first.
    """
    if target.launch is None or target.reach.requests_per_second is not None:
        return 1  # one process, one budget
    most = 2 if depth is Depth.SMOKE else MOST_JOBS
    return min(most, (os.cpu_count() or 1) + 1)


def named_target(profile: Path | None, url: str | None, http: str | None, telemetry: str | None) -> Target:
    """What the options name; the reference that is shipped where they name nothing.

    Raises:
        UsageError: they do not go together.
        ProfileError: the profile, or an address, is not valid.
    """
    if profile is not None:
        if url or http or telemetry:
            raise UsageError(
                "--target cannot be combined with --url, --http or --telemetry; the profile names endpoints"
            )
        return read_profile(profile)
    if url is not None:
        return quick_target(url, http, telemetry)
    if http or telemetry:
        raise UsageError("--http and --telemetry need --url, the address of the bus")
    return embedded_reference()


def _options(scope: Scope | None, **named: Path | str | None) -> tuple[str, ...]:
    """How target, scope and requirement set were named, as far as they were."""
    said = [(f"--{name}", str(value)) for name, value in named.items() if value is not None]
    if scope is not None:
        said.append(("--scope", str(scope)))
    return tuple(word for pair in said for word in pair)


def _mutation_score(path: Path, requirements: RequirementSet) -> MutationScore:
    """The score in that kill matrix, made with this requirement set.

    Raises:
        UsageError: it cannot be read, or is none that speaks for this suite.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MATRIX_BYTES + 1)
        if len(data) <= MATRIX_BYTES:
            return read_matrix(data.decode(), requirements.digest, version("arqonbus-conformance"))
    except OSError as fault:
        raise UsageError(f"--mutants: {str(path)!r} cannot be read: {fault.strerror}") from fault
    except (MatrixError, UnicodeDecodeError) as fault:
        raise UsageError(f"--mutants: {str(path)!r} is not allowed: {fault}") from fault
    raise UsageError(f"--mutants: {str(path)!r} is larger than {MATRIX_BYTES} bytes, the largest allowed")


@app.command(name="run")
def run_command(
    *,
    target: Path | None = None,
    url: str | None = None,
    http: str | None = None,
    telemetry: str | None = None,
    asked: Asked = EVERYTHING,
    scope: Scope | None = None,
    waivers: Path | None = None,
    json: Path = Path("reports/gate.json"),
    junit: Path = Path("reports/gate.xml"),
    html: Path = Path("reports/gate.html"),
    sarif: Path | None = None,
    badge: Path | None = None,
    baseline: Path | None = None,
    mutants: Path | None = None,
    incidents: Annotated[Path | None, Parameter(negative_none="no-")] = Path("reports/incidents"),
    seed: int | None = None,
    jobs: Annotated[int | None, Parameter(validator=Number(gte=1, lte=MOST_JOBS))] = None,
    attempts: Annotated[int, Parameter(validator=Number(gte=1, lte=MOST_ATTEMPTS))] = ATTEMPTS,
    verbose: Annotated[bool, Parameter(name=["--verbose", "-v"], negative="")] = False,
) -> int:
    """Judge a deployment; the reference that is shipped, where no other is named.

    Exit codes: 0 pass, 1 a MUST is violated, 2 undecided or nothing ran, 3 a waiver is not what it may be, 4 a fault
    of the suite, 64 usage, 69 the target cannot be reached, 78 the profile (or a token or program it names) or the file of waivers is not valid.

    Parameters
    ----------
    target
        A target profile (TOML).
    url
        The WebSocket address of a running bus, instead of a profile.
    http
        The address of its HTTP interface.
    telemetry
        The address of its telemetry interface; port 8081 of the same host unless given.
    scope
        endpoint judges only what can be seen from outside; deployment launches deployments too; unless given, as the profile says, else deployment.
    waivers
        The violations that are allowed for now (TOML); waivers.toml unless given, where there is one.
    json
        Where the report is written.
    junit
        Where the JUnit report is written.
    html
        Where the page for people is written.
    sarif
        Where the report for code scanning (SARIF) is written, if anywhere.
    badge
        Where the badge (SVG) is written, if anywhere.
    baseline
        The last report: a case of it that is not there any more is a fault of the suite.
    mutants
        The kill matrix of arqonbus-gate mutants, made with this suite: its score goes into the report and the sign-off.
    incidents
        The folder in which each failure gets a folder of its own, for an issue tracker and for replaying it.
    seed
        The seed of everything random; random unless given, and in the report.
    jobs
        How many processes share the cases; one more than there are processors unless given, one where nothing can be launched.
    attempts
        How often a case is run that is violated; the report says how often it was.
    verbose
        Show tracebacks of suite faults.
    """
    request, requirements = asked.request(), asked.requirement_set()
    places = Places(json=json, junit=junit, html=html, sarif=sarif, badge=badge)
    for option, path in places.asked():
        make_room(option, path)
    last = read_report(baseline) if baseline is not None else None
    if last is not None and last["interrupted"]:
        raise UsageError(
            f"--baseline: {str(baseline)!r} is not allowed; allowed: a run that was not interrupted"
        )
    score = _mutation_score(mutants, requirements) if mutants is not None else None
    judged = named_target(target, url, http, telemetry)
    tokens = token_problems(judged.credentials.tokens, time.time())
    if problems := [*tokens, *program_problems(judged, scope)]:
        raise ProfileError(problems)
    if faults := container_problems(judged, scope):
        raise ContainerError(faults)
    if judged.reach.requests_per_second is not None and (jobs or 1) > 1:
        raise UsageError(
            "--jobs must be 1 where the profile gives limits.requests_per_second: one budget, one process"
        )
    options = _options(
        scope, target=target, url=url, http=http, telemetry=telemetry, requirements=asked.requirements
    )
    # The signals are taken until the reports are written: an interruption cuts none of them short.
    with Interruption() as interruption:
        console = console_for(sys.stdout, os.environ)
        live = Live(console)
        judge = Judge(
            judged,
            scope=scope or judged.scope or Scope.DEPLOYMENT,
            seed=seed if seed is not None else secrets.randbelow(2**32),
            requirements=requirements,
            listener=live,
            attempts=attempts,
        )
        judge.baseline = tuple(case["id"] for case in last["cases"]) if last is not None else ()
        judge.mutation = score
        judge.options = options
        judge.waivers, judge.waiver_file = waivers_of(waivers, datetime.now(UTC).date())
        try:
            report = run(
                judge, request, jobs=jobs or default_jobs(judged, request.depth), interruption=interruption
            )
        finally:
            live.stop()
        write_artefacts(report, places)
        written = ", ".join(str(path) for _, path in places.asked())
        if incidents is not None and write_incidents(report, incidents, judge.redaction.cleaned(options)):
            written = f"{written}, {incidents}"
        show(report, console, verbose=verbose)
        console.print(f"report: {written}", markup=False, highlight=False, soft_wrap=True)
    return report.exit_code
