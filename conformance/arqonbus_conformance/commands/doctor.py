"""``arqonbus-gate doctor``: checks a profile and the way to its deployment, before any case."""

import asyncio
import os
import sys
from pathlib import Path

from rich.console import Console

from arqonbus_conformance.commands.application import app
from arqonbus_conformance.doctor.examination import examine
from arqonbus_conformance.doctor.forms import as_json, show

__all__ = ["doctor_command"]


@app.command(name="doctor")
def doctor_command(*, target: Path, json: bool = False) -> int:
    """Check a profile and the way to its deployment; every problem is named, with what to do about it.

    Nothing is launched and nothing is judged. Exit codes: 0 no problem, 69 something cannot be reached, its TLS is wrong
    or its clock, 78 the profile (or a token, a program or a claim in it) is not valid; 78 before 69.

    Parameters
    ----------
    target
        A target profile (TOML).
    json
        Print the checks as JSON; ``arqonbus-gate schema doctor`` describes it.
    """
    found = asyncio.run(examine(target, os.environ))
    if json:
        sys.stdout.write(as_json(found))
    else:
        show(found, Console())
    return found.exit_code
