"""``arqonbus-gate mutants``: hunts every known-bad deployment and writes the kill matrix."""

import json as json_format
import os
import time
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Final

from arqonbus_fixtures.mutants.mutant import Mutant
from arqonbus_fixtures.mutants.registry import all_mutants
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from arqonbus_conformance.commands.application import UsageError, app
from arqonbus_conformance.commands.asked import named_set
from arqonbus_conformance.mutation.heat_map import write_page
from arqonbus_conformance.mutation.hunting import hunt_all
from arqonbus_conformance.mutation.matrix import MATRIX_SCHEMA_VERSION, Kill, Matrix, Outcome
from arqonbus_conformance.requirements import RequirementSet
from arqonbus_conformance.verdict import ExitCode

__all__ = ["mutants_command"]

MOST_JOBS: Final = 16
"""The most mutants that are hunted beside each other."""
JOBS_PER_PROCESSOR: Final = 2
"""How many mutants are hunted beside each other: a hunt waits for half of its time."""
COLLATERAL_SHARE: Final = 0.10
"""The largest share of mutants that may break more than they claim."""
STYLE: Final = {Outcome.KILLED: "green", Outcome.OTHER: "yellow", Outcome.SURVIVED: "bold red"}


def _of(judged: RequirementSet) -> dict[str, Mutant]:
    """The mutants that break a requirement of this set, by id."""
    return {name: one for name, one in all_mutants().items() if one.requirement in judged.by_id}


def _chosen(only: list[str] | None, requirement: list[str] | None, judged: RequirementSet) -> list[Mutant]:
    everything = _of(judged)
    for name in only or ():
        if name not in everything:
            raise UsageError(
                f"--only: {name!r} is no mutant of requirement set {judged.revision}; list them with arqonbus-gate mutants --list"
            )
    for name in requirement or ():
        if name not in judged.by_id:
            raise UsageError(f"--requirement: {name!r} is no requirement; see arqonbus-gate list")
    chosen = [
        one
        for one in everything.values()
        if (not only or one.id in only) and (not requirement or one.requirement in requirement)
    ]
    if not chosen:
        raise UsageError("no mutant breaks that; list them with arqonbus-gate mutants --list")
    return chosen


@app.command(name="mutants")
def mutants_command(
    *,
    only: Annotated[list[str] | None, Parameter(negative="")] = None,
    requirement: Annotated[list[str] | None, Parameter(negative="")] = None,
    jobs: Annotated[int | None, Parameter(validator=Number(gte=1, lte=MOST_JOBS))] = None,
    json: Path = Path("reports/mutants.json"),
    html: Path = Path("reports/mutants.html"),
    requirements: str | None = None,
    every_case: Annotated[bool, Parameter(negative="")] = False,
    show: Annotated[bool, Parameter(name="--list", negative="")] = False,
) -> int:
    """Hunt known-bad deployments: each must be caught by the requirement that it breaks.

    Exit codes: 0 every mutant was killed by its requirement, 4 one was not (the gate has a hole), 64 usage.

    Parameters
    ----------
    only
        Hunt this mutant only; may be repeated.
    requirement
        Hunt the mutants of this requirement only; may be repeated.
    jobs
        How many are hunted beside each other; twice as many as there are processors unless given.
    json
        Where the kill matrix is written.
    html
        Where the kill matrix is drawn.
    requirements
        The revision of the requirement set to judge by, whose mutants are hunted; the newest that is frozen unless given.
    every_case
        Show a mutant that is caught also the other functions of cases of its requirement, to see which of them catch it.
    show
        List the mutants instead.
    """
    console = Console()
    judged = named_set(requirements)
    chosen = _chosen(only, requirement, judged)
    if show:
        for one in chosen:
            console.print(f"[bold]{one.id}[/] breaks {one.requirement}: {escape(one.story)}", highlight=False)
        return ExitCode.PASS
    beside = jobs or min(MOST_JOBS, JOBS_PER_PROCESSOR * (os.cpu_count() or 1))
    matrix = _hunted(chosen, judged, beside, console, every_case=every_case)
    json.parent.mkdir(parents=True, exist_ok=True)
    json.write_text(json_format.dumps(matrix.as_document(), indent=1) + "\n", "utf-8")
    areas = list(dict.fromkeys(one.area for one in judged.by_id.values()))
    write_page(matrix, areas, html)
    _show(matrix, console)
    console.print(f"kill matrix: {json}, {html}", highlight=False, soft_wrap=True)
    return _exit_code(matrix)


def _hunted(
    chosen: list[Mutant], judged: RequirementSet, jobs: int, console: Console, *, every_case: bool
) -> Matrix:
    began = time.monotonic()
    kills: list[Kill] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("hunting", total=len(chosen))
        for kill in hunt_all(chosen, jobs=jobs, revision=judged.revision, every_case=every_case):
            kills.append(kill)
            progress.update(task, advance=1, description=f"hunting, last {kill.id}")
            if not console.is_terminal or kill.outcome is not Outcome.KILLED:
                console.print(_line(kill), highlight=False, soft_wrap=True)
    order = {one.id: place for place, one in enumerate(chosen)}
    return Matrix(
        schema_version=MATRIX_SCHEMA_VERSION,
        suite_version=version("arqonbus-conformance"),
        requirement_set_digest=judged.digest,
        seconds=round(time.monotonic() - began, 3),
        complete=len(chosen) == len(_of(judged)),
        mutants=tuple(sorted(kills, key=lambda kill: order[kill.id])),
        every_case=every_case,
    )


def _line(kill: Kill) -> str:
    told = escape(kill.problem or kill.by or "no case found anything violated")
    aside = f" [yellow]collateral: {', '.join(kill.collateral)}[/]" if kill.collateral else ""
    return (
        f"[{STYLE[kill.outcome]}]{kill.outcome}[/] {kill.requirement} {kill.id} "
        f"[dim]{kill.seconds:.1f} s {told}[/]{aside}"
    )


def _show(matrix: Matrix, console: Console) -> None:
    counts = ", ".join(f"{matrix.count(outcome)} {outcome}" for outcome in Outcome if matrix.count(outcome))
    console.print(
        f"{len(matrix.mutants)} mutants: {counts}; {matrix.with_collateral} with collateral violations; "
        f"score {100 * matrix.score:.1f} %, {matrix.seconds:.1f} s",
        highlight=False,
        soft_wrap=True,
    )


def _exit_code(matrix: Matrix) -> ExitCode:
    all_killed = matrix.count(Outcome.KILLED) == len(matrix.mutants)
    narrow = matrix.with_collateral <= COLLATERAL_SHARE * len(matrix.mutants)
    # A selection says nothing of the share.
    return ExitCode.PASS if all_killed and (narrow or not matrix.complete) else ExitCode.SUITE_FAULT
