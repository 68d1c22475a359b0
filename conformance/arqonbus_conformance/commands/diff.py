"""``arqonbus-gate diff``: what changed from one report to the next."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console

from arqonbus_conformance.commands.application import UsageError, app, make_room
from arqonbus_conformance.report.difference import (
    SLOWER_RATIO,
    SLOWER_SECONDS,
    SlownessBound,
    difference_of,
)
from arqonbus_conformance.report.difference_forms import show, write_json, write_page_of
from arqonbus_conformance.report.reading import read_report
from arqonbus_conformance.verdict import ExitCode

__all__ = ["diff_command"]


@app.command(name="diff")
def diff_command(
    old: Path,
    new: Path,
    *,
    html: Path | None = None,
    json: Path | None = None,
    slower_ratio: Annotated[float, Parameter(validator=Number(gte=1))] = SLOWER_RATIO,
    slower_seconds: Annotated[float, Parameter(validator=Number(gte=0))] = SLOWER_SECONDS,
) -> int:
    """Say what changed from one report to the next.

    Exit codes: 0 no regression, 1 something is newly violated or vanished, 64 a report is truncated, edited or none.

    Parameters
    ----------
    old
        The report of before, as JSON.
    new
        The report of now, as JSON.
    html
        Where the page is written, if anywhere.
    json
        Where the difference is written for machines, if anywhere.
    slower_ratio
        From how many times its old duration on a case is slower.
    slower_seconds
        How many seconds longer it must take as well.
    """
    asked = [(option, path) for option, path in (("--html", html), ("--json", json)) if path is not None]
    for option, path in asked:
        if path.resolve() in {old.resolve(), new.resolve()}:
            raise UsageError(f"{option}: {str(path)!r} is a report that is read; it is never written over")
    difference = difference_of(
        read_report(old), read_report(new), SlownessBound(slower_ratio, slower_seconds)
    )
    for option, path in asked:
        make_room(option, path)
    if html is not None:
        write_page_of(difference, html)
    if json is not None:
        write_json(difference, json)
    show(difference, Console())
    return ExitCode.VIOLATED if difference.regression else ExitCode.PASS
