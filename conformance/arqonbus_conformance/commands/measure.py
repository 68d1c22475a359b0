"""``arqonbus-gate measure``: what a budget goes by, from reports of runs."""

import json
from pathlib import Path
from typing import Annotated, Any

from arqonbus_fixtures.mutants.registry import all_mutants
from cyclopts import Parameter

from arqonbus_conformance.commands.application import UsageError, app
from arqonbus_conformance.power import measured, measured_power
from arqonbus_conformance.report.json_report import is_whole
from arqonbus_conformance.verdict import ExitCode

__all__ = ["measure_command"]


@app.command(name="measure")
def measure_command(report: Path, *, out: Path, mutants: Annotated[Path | None, Parameter()] = None) -> int:
    """Write what was measured of the cases, which --budget and --shard go by.

    Parameters
    ----------
    report
        The report of a run with --jobs 1: cases that run beside each other slow each other down.
    out
        The file to write; the shipped one is measured/power.json of the package.
    mutants
        The kill matrix of arqonbus-gate mutants --every-case; what is known of mutants that are not in it stays.
    """
    document = _read(report)
    if not is_whole(document):
        raise UsageError(f"{str(report)!r} is not allowed; allowed: a whole report of arqonbus-gate run")
    kills = _every_kill(mutants) if mutants is not None else ()
    content = measured(document, measured_power(), kills, all_mutants())
    out.write_text(json.dumps(content, indent=0, sort_keys=True) + "\n", "utf-8")
    return ExitCode.PASS


def _every_kill(path: Path) -> list[dict[str, Any]]:
    """The hunts of a matrix in which every function of cases was tried: another names the first that caught a mutant."""
    document = _read(path)
    if document.get("every_case") is not True:
        raise UsageError(
            f"--mutants: {str(path)!r} is not allowed; allowed: the JSON of arqonbus-gate mutants --every-case"
        )
    kills: list[dict[str, Any]] = document["mutants"]
    return kills


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as fault:
        raise UsageError(f"{str(path)!r} cannot be read: {fault}") from fault
    if not isinstance(document, dict):
        raise UsageError(f"{str(path)!r} is not allowed; allowed: a JSON object")
    return document
