"""``arqonbus-gate package``: what a Python deployment would install, before it is launched."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from arqonbus_conformance.commands.application import UsageError, app, make_room
from arqonbus_conformance.packaging.inspection import Inspection
from arqonbus_conformance.packaging.installer import uv_program
from arqonbus_conformance.packaging.interpreter import named_interpreter
from arqonbus_conformance.packaging.launched_python import LaunchedPython, launched_by, python_environ
from arqonbus_conformance.packaging.report import write_package_json
from arqonbus_conformance.packaging.showing import show_package
from arqonbus_conformance.packaging.undecided import InputError
from arqonbus_conformance.redaction import Redaction
from arqonbus_conformance.starting import words
from arqonbus_conformance.target import read_profile

__all__ = ["package_command"]


@app.command(name="package")
def package_command(
    path: Path | None = None,
    *,
    modules: Annotated[list[str] | None, Parameter(name="--import", negative="")] = None,
    python: str | None = None,
    interpreter: str | None = None,
    target: Path | None = None,
    launched_in: Path | None = None,
    json: Path | None = None,
) -> int:
    """Look at what a Python deployment would install: its wheel, its names, its dependencies, its scripts.

    The tree is built and tried in environments of its own, with nothing of the caller's environment. With --interpreter
    or --target, with or without a tree or wheel, the interpreter of a deployment is looked at: whether it imports what
    is installed, started as the deployment is. Nothing of the deployment is imported.

    Exit codes: 0 nothing is wrong, 1 something is, 2 it could not be looked at to the end, 64 usage, 69 the package
    index cannot be reached, 78 the profile is not valid.

    Parameters
    ----------
    path
        A folder with pyproject.toml or setup.py, or a wheel.
    modules
        A module that must import; may be repeated. The top-level names of the wheel unless given.
    python
        The Python to try it with, by path, name or version; that of --interpreter, else the one that runs this.
    interpreter
        The Python of a deployment, by path, name or version, or the folder of a virtual environment.
    target
        A target profile (TOML): its launch command says which interpreter and options, its variables PYTHONPATH.
    launched_in
        The working directory of the deployment; a tree that is given, else an empty folder.
    json
        Where the findings are written.
    """
    check_paths(path, interpreter or target, launched_in)
    if path is None and (modules or python):
        raise UsageError("--import and --python need PATH, the tree or wheel that is tried with them")
    for module in modules or ():
        if not all(part.isidentifier() for part in module.split(".")):
            raise UsageError(f"--import: {module!r} is not allowed; allowed: a dotted name of a module")
    if json is not None:
        make_room("--json", json)
    with TemporaryDirectory(prefix="arqonbus-package-cwd-") as empty:
        folder = launched_in or (path if path is not None and path.is_dir() else Path(empty))
        try:
            launched = named_launch(interpreter, target, folder.absolute())
            tried_with = named_interpreter(python) if python or launched is None else launched.interpreter
            subject = path.absolute() if path is not None else None
            looked = Inspection(subject, modules or (), tried_with, uv_program(), launched).report()
        except InputError as fault:
            raise UsageError(str(fault)) from fault
    report = Redaction.of_run(None, os.environ).cleaned(looked)
    console = Console()
    show_package(report, console)
    if json is not None:
        write_package_json(report, json)
        console.print(f"findings: {json}", markup=False, highlight=False, soft_wrap=True)
    return report.exit_code


def check_paths(path: Path | None, launched: object, launched_in: Path | None) -> None:
    """There is something to look at, and folders are there.

    Raises:
        UsageError: there is not.
    """
    if path is None and launched is None:
        raise UsageError("nothing to look at; allowed: PATH, --interpreter, --target, or several of them")
    if path is not None and not path.exists():
        raise UsageError(
            f"{str(path)!r} is not there; allowed: a folder with pyproject.toml or setup.py, or a wheel"
        )
    if launched_in is not None and launched is None:
        raise UsageError("--launched-in needs --interpreter or --target, which say what is launched there")
    if launched_in is not None and not launched_in.is_dir():
        raise UsageError(
            f"--launched-in: {str(launched_in)!r} is not allowed; allowed: a folder that is there"
        )


def named_launch(interpreter: str | None, profile: Path | None, cwd: Path) -> LaunchedPython | None:
    """How the deployment starts its interpreter, None where neither option is given.

    Raises:
        UsageError: the launch command starts no Python that can be seen.
        InputError: the interpreter is not there, or is no Python.
        ProfileError: the profile is not valid.
    """
    launch = read_profile(profile).launch if profile is not None else None
    environ = launch.environment if launch is not None else {}
    if interpreter is not None:
        in_folder = Path(interpreter, "bin", "python")
        python = named_interpreter(str(in_folder) if in_folder.is_file() else interpreter)
        return LaunchedPython(python, (), None, python_environ(environ), cwd)
    if profile is None:
        return None
    launched = launched_by(words(launch.command), environ, cwd) if launch is not None else None
    if launched is None:
        raise UsageError(
            f"--target: launch.command of {str(profile)!r} starts no Python program that can be seen; allowed: PYTHON -m "
            "MODULE, PYTHON FILE, a program whose first line names its Python; else name it by --interpreter"
        )
    return launched
