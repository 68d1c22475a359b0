"""What can be said of the programs of a profile before they are started: whether they are there."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from arqonbus_conformance.launch_profile import LaunchProfile
from arqonbus_conformance.requirements import Scope
from arqonbus_conformance.starting import words
from arqonbus_conformance.target import Target

__all__ = ["commands_of", "launches", "program_problems"]


def launches(target: Target, scope: Scope | None = None) -> bool:
    """Whether a run of this scope launches something; unless given, of that of the profile, else deployment."""
    wanted = scope or target.scope or Scope.DEPLOYMENT
    return target.launch is not None and (wanted is Scope.DEPLOYMENT or target.endpoints is None)


def commands_of(launch: LaunchProfile) -> Mapping[str, str]:
    """The command lines of a launch, by the field of the profile."""
    given = {
        "launch.command": launch.command,
        "launch.preflight": launch.preflight,
        "launch.shield": launch.shield,
    }
    return {field: command for field, command in given.items() if command is not None}


def program_problems(target: Target, scope: Scope | None = None) -> list[str]:
    """One sentence for each program that a run would launch and cannot: the field, the program, what is wrong."""
    if target.launch is None or not launches(target, scope):
        return []
    return [
        f"{field}: {fault}"
        for field, command in commands_of(target.launch).items()
        if (fault := _fault(words(command)[0])) is not None
    ]


def _fault(program: str) -> str | None:
    """What is wrong with it, None where nothing is."""
    if shutil.which(program) is not None:
        return None
    if os.sep in program and Path(program).is_file():
        return f"{program} cannot be executed"
    return f"{program} is not found{'' if os.sep in program else ' on PATH'}"
