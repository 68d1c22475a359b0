"""``arqonbus-gate package``: what a Python deployment would install, before it is launched."""

import os
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from arqonbus_conformance.commands.application import UsageError, app, make_room
from arqonbus_conformance.packaging.inspection import Inspection
from arqonbus_conformance.packaging.installer import uv_program
from arqonbus_conformance.packaging.interpreter import named_interpreter
from arqonbus_conformance.packaging.report import write_package_json
from arqonbus_conformance.packaging.showing import show_package
from arqonbus_conformance.packaging.undecided import InputError
from arqonbus_conformance.redaction import Redaction

__all__ = ["package_command"]


@app.command(name="package")
def package_command(
    path: Path,
    *,
    modules: Annotated[list[str] | None, Parameter(name="--import", negative="")] = None,
    python: str | None = None,
    json: Path | None = None,
) -> int:
    """Look at what a Python deployment would install: its wheel, its names, its dependencies, its scripts.

    The tree is built and tried in environments of its own, with nothing of the caller's environment.

    Exit codes: 0 nothing is wrong, 1 something is, 2 it could not be looked at to the end, 64 usage, 69 the package
    index cannot be reached.

    Parameters
    ----------
    path
        A folder with pyproject.toml or setup.py, or a wheel.
    modules
        A module that must import; may be repeated. The top-level names of the wheel unless given.
    python
        The Python to try it with, by path, name or version; the one that runs this unless given.
    json
        Where the findings are written.
    """
    if not path.exists():
        raise UsageError(
            f"{str(path)!r} is not there; allowed: a folder with pyproject.toml or setup.py, or a wheel"
        )
    for module in modules or ():
        if not all(part.isidentifier() for part in module.split(".")):
            raise UsageError(f"--import: {module!r} is not allowed; allowed: a dotted name of a module")
    if json is not None:
        make_room("--json", json)
    try:
        looked = Inspection(path.absolute(), modules or (), named_interpreter(python), uv_program()).report()
    except InputError as fault:
        raise UsageError(str(fault)) from fault
    report = Redaction.of_run(None, os.environ).cleaned(looked)
    console = Console()
    show_package(report, console)
    if json is not None:
        write_package_json(report, json)
        console.print(f"findings: {json}", markup=False, highlight=False, soft_wrap=True)
    return report.exit_code
