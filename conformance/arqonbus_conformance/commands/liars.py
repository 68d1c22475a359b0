"""``arqonbus-gate liars``: shows every case every liar, and says which cases believed one."""

import json as json_format
import os
import time
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Final

from arqonbus_fixtures.liars.liar import Liar
from arqonbus_fixtures.liars.registry import LIARS, LiarError, liar_named
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from arqonbus_conformance.commands.application import UsageError, app, make_room
from arqonbus_conformance.mutation.interrogation import interrogate_all
from arqonbus_conformance.mutation.trial import Answer, Trial, tried
from arqonbus_conformance.requirements import requirement_set, revisions
from arqonbus_conformance.verdict import ExitCode

__all__ = ["liars_command"]

MOST_JOBS: Final = 16
"""The most liars that are interrogated beside each other."""
JOBS_PER_PROCESSOR: Final = 2
"""Most of the time is waiting for answers that never come."""
SHOWN: Final = 40
"""How many cases of one kind the terminal shows; the JSON holds them all."""


@app.command(name="liars")
def liars_command(
    *,
    only: Annotated[list[str] | None, Parameter(negative="")] = None,
    keyword: Annotated[str, Parameter(name=["--keyword", "-k"])] = "",
    jobs: Annotated[int | None, Parameter(validator=Number(gte=1, lte=MOST_JOBS))] = None,
    json: Path = Path("reports/liars.json"),
    show: Annotated[bool, Parameter(name="--list", negative="")] = False,
) -> int:
    """Show every case deployments that lie: no case that expects a refusal may hold on one of them.

    Judged by the newest requirement set, a draft included: a case must not believe a liar before it counts either.
    Exit codes: 0 every liar was found out, 4 a case believed one, broke on one or holds on all of them, 64 usage.

    Parameters
    ----------
    only
        Show this liar only; may be repeated.
    keyword
        Only cases whose id holds this text.
    jobs
        How many are interrogated beside each other; two for each processor unless given.
    json
        Where what was found is written.
    show
        List the liars instead.
    """
    console = Console()
    try:
        chosen = [liar_named(name) for name in only] if only else list(LIARS.values())
    except LiarError as fault:
        raise UsageError(f"--only: {fault}") from fault
    if show:
        for one in chosen:
            console.print(f"[bold]{one.id}[/] {escape(one.story)}", highlight=False, soft_wrap=True)
        return ExitCode.PASS
    make_room("--json", json)
    began = time.monotonic()
    answers = _heard(chosen, keyword, jobs or JOBS_PER_PROCESSOR * (os.cpu_count() or 1), console)
    if not answers:
        raise UsageError(f"--keyword: no case has {keyword!r} in its id; see arqonbus-gate list")
    trial = tried(
        answers,
        requirement_set(revisions()[-1]),
        suite_version=version("arqonbus-conformance"),
        seconds=time.monotonic() - began,
        complete=not only and not keyword,
    )
    json.write_text(json_format.dumps(trial.as_document(), indent=1) + "\n", "utf-8")
    _show(trial, console)
    console.print(f"trial: {json}", highlight=False, soft_wrap=True)
    return ExitCode.PASS if trial.sound else ExitCode.SUITE_FAULT


def _heard(liars: list[Liar], keyword: str, jobs: int, console: Console) -> list[Answer]:
    answers: list[Answer] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("interrogating", total=None)
        for answer in interrogate_all(
            [one.id for one in liars],
            keyword,
            revisions()[-1],
            jobs=min(jobs, MOST_JOBS),
            began=lambda tasks: progress.update(bar, total=tasks),
        ):
            answers.append(answer)
            name = answer.liar or "the honest one"
            progress.update(bar, advance=1, description=f"interrogating, last {name}")
            if not console.is_terminal:
                console.print(f"{name}: {len(answer.heard)} cases, {answer.seconds:.1f} s", highlight=False)
    return answers


def _show(trial: Trial, console: Console) -> None:
    table = Table("liar", "exit", "cases", "held", "believed", "broke", "seconds")
    for line in trial.liars:
        style = "green" if not (line.believed or line.broke or line.faults) else "bold red"
        counts = (line.exit_code, line.cases, line.held, len(line.believed), len(line.broke))
        table.add_row(line.id, *(str(int(count)) for count in counts), f"{line.seconds:.1f}", style=style)
    console.print(table)
    for line in trial.liars:
        _list(f"negative cases that believed {line.id}", line.believed, console)
        _list(f"cases that {line.id} broke", line.broke, console)
        _list(f"faults of the suite on {line.id}", line.faults, console)
    _list("cases that no liar made fail (toothless)", trial.toothless, console)
    _list("cases that do not hold on the honest deployment", trial.dishonoured, console)
    console.print(
        f"{len(trial.liars)} liars, {trial.negative} negative cases, {trial.seconds:.1f} s: "
        + ("all found out" if trial.sound else "not all found out"),
        highlight=False,
        soft_wrap=True,
    )


def _list(title: str, names: tuple[str, ...], console: Console) -> None:
    if not names:
        return
    console.print(f"[bold red]{title}: {len(names)}[/]", highlight=False, soft_wrap=True)
    for name in names[:SHOWN]:
        console.print(f"  {escape(name)}", highlight=False, soft_wrap=True)
    if len(names) > SHOWN:
        console.print(f"  and {len(names) - SHOWN} more", highlight=False)
