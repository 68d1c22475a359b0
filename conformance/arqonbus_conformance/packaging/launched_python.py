"""The interpreter of a deployment, started as the deployment is: its import path, and from where it takes modules."""

import ast
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from arqonbus_fixtures.launching import inherited_environ

from arqonbus_conformance.packaging.environment import PROBES
from arqonbus_conformance.packaging.sealed import run_sealed
from arqonbus_conformance.packaging.undecided import UndecidedError
from arqonbus_conformance.python_command import python_command

__all__ = ["LaunchedPython", "Seen", "StartError", "launched_by", "python_environ"]

START_SECONDS: Final = 60.0
"""How long the interpreter may take to tell."""
SEEN_BY_PYTHON: Final = frozenset({"HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH"})
"""Beside PYTHON…, the variables that say what an interpreter imports; others, and secrets among them, are not passed on."""


class StartError(Exception):
    """The interpreter starts in isolation, and not as the deployment starts it; the text is the last line it wrote."""


class Seen(msgspec.Struct, frozen=True):
    """What an interpreter told.

    Attributes:
        path: its import path.
        stdlib: the names of its standard library.
        origins: by dotted name, the file it would come from and the name that the file is of; None for nothing.
    """

    version: str
    executable: str
    path: tuple[str, ...]
    stdlib: frozenset[str]
    origins: dict[str, tuple[str, str] | None]


class LaunchedPython(NamedTuple):
    """How a deployment starts its interpreter.

    Attributes:
        flags: options of the interpreter.
        folder: what stands first on its import path; None for the working directory, as with ``-m``.
        environ: all its variables.
        cwd: its working directory.
    """

    interpreter: Path
    flags: tuple[str, ...]
    folder: Path | None
    environ: Mapping[str, str]
    cwd: Path

    def seen(self, place: Path, names: Sequence[str] = ()) -> Seen:
        """From where these would be imported as the deployment is launched; names of the standard library unless given.

        Raises:
            StartError: it does not start like this.
        """
        ran, told = self._asked(place, self.flags, str(self.folder or ""), names)
        if told is None:
            raise StartError(ran)
        # The working directory is written as '' on some import paths.
        path = tuple(str(self.cwd / entry) for entry in told.path)
        origins = {
            name: (str(self.cwd / origin[0]), origin[1]) if origin and _is_file(origin[0]) else origin
            for name, origin in told.origins.items()
        }
        return msgspec.structs.replace(told, path=path, origins=origins)

    def isolated(self, place: Path) -> Seen:
        """From where it takes its standard library with nothing of the deployment around it.

        Raises:
            UndecidedError: it is no Python that can tell.
        """
        ran, told = self._asked(place, ("-I", "-S"), "", ())
        if told is None:
            raise UndecidedError(f"{shlex.quote(str(self.interpreter))} does not tell what it imports: {ran}")
        return told

    def _asked(
        self, place: Path, flags: Sequence[str], folder: str, names: Sequence[str]
    ) -> tuple[str, Seen | None]:
        """How it ended, and what it told; None where it did not."""
        result = place / "origins"
        result.unlink(missing_ok=True)
        code = (PROBES / "origins.py").read_text("utf-8")
        ran = run_sealed(
            [str(self.interpreter), "-B", *flags, "-c", code, str(result), folder, *names],
            environ=self.environ,
            cwd=self.cwd,
            limit_seconds=START_SECONDS,
        )
        if ran.exit_code != 0 or not result.is_file():
            return f"it {ran.ending}: {ran.last_line}", None
        told: Any = ast.literal_eval(result.read_text("utf-8", errors="surrogateescape"))
        return "", msgspec.convert(told, Seen)


def _is_file(origin: str) -> bool:
    """Whether an origin is no word such as built-in or frozen."""
    return origin not in {"built-in", "frozen"}


def launched_by(words: Sequence[str], environ: Mapping[str, str], cwd: Path) -> LaunchedPython | None:
    """The interpreter that these words start with ``environ`` on top of our variables; None where they start none."""
    try:
        command = python_command(words)
    except OSError:
        return None  # what cannot be read cannot be told to be a Python
    if command is None:
        return None
    return LaunchedPython(
        command.interpreter.absolute(), command.flags, command.folder, python_environ(environ), cwd
    )


def python_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """What an interpreter sees of our variables and of these, which a launch puts on top."""
    whole = {**inherited_environ(), **environ}
    return {
        name: value for name, value in whole.items() if name in SEEN_BY_PYTHON or name.startswith("PYTHON")
    }
