"""Which Python a deployment is meant to run with."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from arqonbus_conformance.packaging.undecided import InputError

__all__ = ["named_interpreter"]

ASK_SECONDS: Final = 30.0
"""How long an interpreter may take to say where it is."""


def named_interpreter(name: str | None) -> Path:
    """The interpreter of this name, path or version ("3.12"); the one that runs this, where none is named.

    Raises:
        InputError: there is none, or it is no Python.
    """
    if name is None:
        return Path(sys.executable)
    found = shutil.which(name) or shutil.which(f"python{name}")
    if found is None:
        raise InputError(f"{name!r} is not there; allowed: a Python by path, name or version, such as 3.12")
    code = "import sys; print(sys.executable)"  # the program behind a shim
    try:
        asked = subprocess.run(  # noqa: S603 - the caller named it
            [found, "-I", "-c", code], capture_output=True, text=True, check=False, timeout=ASK_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as fault:
        raise InputError(f"{name!r} does not run as a Python: {fault}") from fault
    told = asked.stdout.strip()
    if asked.returncode or not Path(told).is_file():
        raise InputError(f"{name!r} is no Python: it ended with exit code {asked.returncode}")
    return Path(told)
