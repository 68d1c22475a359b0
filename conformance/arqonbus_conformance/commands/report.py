"""``arqonbus-gate report`` and ``schema``: an old report in other forms, and what reports look like."""

import json as json_module
import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from rich.console import Console

from arqonbus_conformance.commands.application import UsageError, app, make_room
from arqonbus_conformance.doctor.forms import doctor_schema
from arqonbus_conformance.mutation.matrix import matrix_schema
from arqonbus_conformance.mutation.trial import trial_schema
from arqonbus_conformance.packaging.report import package_schema
from arqonbus_conformance.report.artefacts import Places, write_artefacts
from arqonbus_conformance.report.difference_forms import difference_schema
from arqonbus_conformance.report.incident import incident_schema
from arqonbus_conformance.report.json_report import report_schema
from arqonbus_conformance.report.reading import as_report, read_report
from arqonbus_conformance.report.terminal import show
from arqonbus_conformance.verdict import ExitCode

__all__ = ["report_command", "schema_command"]


@app.command(name="report")
def report_command(
    report: Path,
    *,
    html: Path | None = None,
    sarif: Path | None = None,
    badge: Path | None = None,
    junit: Path | None = None,
    verbose: Annotated[bool, Parameter(name=["--verbose", "-v"], negative="")] = False,
) -> int:
    """Show a report again, in the terminal or in the forms that are asked for.

    Exit codes: 0 the report is whole and was shown, whatever its verdict; 64 it is truncated, edited or none.

    Parameters
    ----------
    report
        A report as JSON, such as reports/gate.json.
    html
        Where the page is written.
    sarif
        Where the SARIF log is written.
    badge
        Where the badge is written.
    junit
        Where the JUnit report is written.
    verbose
        Show tracebacks of suite faults.
    """
    places = Places(junit=junit, html=html, sarif=sarif, badge=badge)
    asked = list(places.asked())
    if any(path.resolve() == report.resolve() for _, path in asked):
        raise UsageError(f"{str(report)!r} is the report that is read; it is never written over")
    read = as_report(read_report(report))
    for option, path in asked:
        make_room(option, path)
    write_artefacts(read, places)
    console = Console()
    if asked:
        written = ", ".join(str(path) for _, path in asked)
        console.print(f"report: {written}", markup=False, highlight=False, soft_wrap=True)
    else:
        show(read, console, verbose=verbose)
    return ExitCode.PASS


@app.command(name="schema")
def schema_command(
    document: Literal["report", "diff", "incident", "doctor", "package", "mutants", "liars"],
) -> int:
    """Print the JSON schema of a document that the gate writes.

    Parameters
    ----------
    document
        report: what ``arqonbus-gate run`` writes by ``--json``; diff: what ``arqonbus-gate diff`` writes by it;
        incident: the incident.json of a folder of ``arqonbus-gate run --incidents``; doctor: what ``arqonbus-gate doctor
        --json`` prints; package, mutants, liars: what ``arqonbus-gate`` with that name writes by ``--json``.
    """
    schemas = {
        "report": report_schema,
        "diff": difference_schema,
        "incident": incident_schema,
        "package": package_schema,
        "doctor": doctor_schema,
        "mutants": matrix_schema,
        "liars": trial_schema,
    }
    sys.stdout.write(json_module.dumps(schemas[document](), indent=2) + "\n")
    return ExitCode.PASS
