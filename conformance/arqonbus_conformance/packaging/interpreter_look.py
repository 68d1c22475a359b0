"""The whole look at the interpreter of a deployment: whether what it imports is what was installed."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from arqonbus_conformance.packaging.finding import Finding, finding
from arqonbus_conformance.packaging.launched_python import LaunchedPython, Seen, StartError
from arqonbus_conformance.packaging.recorded import Distributions, distributions_on
from arqonbus_conformance.packaging.shadowing import edited, owned_names, shadowed, shadowed_stdlib
from arqonbus_conformance.packaging.undecided import UndecidedError

__all__ = ["InterpreterLook", "imported_and_installed", "look_at_interpreter"]


class InterpreterLook(NamedTuple):
    """What was found of an interpreter, and its import path as the deployment is launched."""

    version: str
    path: tuple[str, ...]
    findings: list[Finding]
    notes: list[str]


def imported_and_installed(launch: LaunchedPython, place: Path) -> tuple[Seen, Distributions]:
    """From where the modules of the installed distributions would be imported, and what these say they installed.

    ``place`` is an existing folder of the caller.

    Raises:
        StartError: it does not start as it is launched.
        UndecidedError: no distribution on its import path says what it installed.
    """
    installed = distributions_on(launch.seen(place).path)
    names = owned_names(installed.recorded)
    if not names:
        raise UndecidedError(
            f"no distribution on the import path of {launch.interpreter} has a RECORD of modules: there is nothing to compare"
        )
    return launch.seen(place, names), installed


def look_at_interpreter(launch: LaunchedPython, place: Path) -> InterpreterLook:
    """Hold what the interpreter would import against what is installed; ``place`` is an existing folder of the caller.

    Raises:
        UndecidedError: it is no Python, or there is nothing to compare.
    """
    isolated = launch.isolated(place)
    try:
        seen, installed = imported_and_installed(launch, place)
        stdlib = list(shadowed_stdlib(isolated, launch.seen(place)))
    except StartError as fault:
        command = shlex.join([str(launch.interpreter), *launch.flags])
        return InterpreterLook(isolated.version, (), [finding("does-not-start", str(fault), command)], [])
    findings = [*stdlib, *shadowed(installed.recorded, seen), *edited(installed.recorded)]
    return InterpreterLook(seen.version, seen.path, findings, list(_notes(seen, installed)))


def _notes(seen: Seen, installed: Distributions) -> Iterator[str]:
    yield f"{len(seen.origins)} modules of {len(installed.recorded)} distributions, of the import path {list(seen.path)}"
    if installed.unrecorded:
        named = ", ".join(installed.unrecorded)
        yield f"no RECORD says what these installed, so that their modules were not compared: {named}"
    if foreign := sorted(one.name for one in installed.recorded.values() if not one.has_installer):
        yield f"put there by no installer of wheels, so that their files were not compared: {', '.join(foreign)}"
    if installed.editable:
        named = ", ".join(installed.editable)
        yield f"installed editable, so that their modules are those of a tree, whatever it holds: {named}"
