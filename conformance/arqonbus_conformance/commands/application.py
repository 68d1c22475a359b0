"""The command line application, and what is wrong with how it was called."""

import os
from importlib.metadata import version as distribution_version
from pathlib import Path

from cyclopts import App

__all__ = ["UsageError", "app", "make_room"]

app = App(
    name="arqonbus-gate",
    help="Decides whether an ArqonBus deployment may be released.",
    version=lambda: f"arqonbus-gate {distribution_version('arqonbus-conformance')}",
    result_action="return_value",
)


class UsageError(Exception):
    """Options that do not go together, or name something that is not there."""


def make_room(option: str, path: Path) -> None:
    """A report can be written there: its folder exists. Said before the work, which takes its time.

    Raises:
        UsageError: it cannot.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise UsageError(f"{option}: {str(path)!r} cannot be written: {fault.strerror}") from fault
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise UsageError(f"{option}: {str(path)!r} is not allowed; allowed: a file in a folder to write to")
