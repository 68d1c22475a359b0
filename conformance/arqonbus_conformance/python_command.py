"""A command line that runs a Python program: which interpreter, with which options, and what it runs."""

import os
import re
import shutil
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import Final, Literal, NamedTuple

__all__ = ["PythonCommand", "is_python", "python_command"]

FIRST_LINE_BYTES: Final = 512
"""How much of a program is looked at for the line that names its interpreter, in bytes."""
_PYTHON: Final = re.compile(r"python[0-9.]*")
_FLAGS: Final = re.compile(r"-[bBdEIOPqsSuvx]+")
"""Options of the interpreter without a value."""


class PythonCommand(NamedTuple):
    """What a command line runs.

    Attributes:
        interpreter: its path.
        flags: the options of the interpreter, as they were given.
        kind: ``-m NAME``, ``FILE``, or a program whose first line names the interpreter.
        name: of the module; else the path of the file or program.
    """

    interpreter: Path
    flags: tuple[str, ...]
    kind: Literal["module", "file", "script"]
    name: str

    @property
    def folder(self) -> Path | None:
        """What stands first on its import path unless it is told otherwise; None for the working directory."""
        return None if self.kind == "module" else Path(self.name).resolve().parent


def is_python(program: str) -> bool:
    """Whether a program is named as interpreters are."""
    return _PYTHON.fullmatch(Path(program).name) is not None


def python_command(words: Sequence[str]) -> PythonCommand | None:
    """What these words run; None where that is no Python program, or one that is read from the command line.

    Raises:
        OSError: the program cannot be read.
    """
    found = shutil.which(words[0])
    if found is None:
        return None
    program = Path(found)
    if not is_python(found):
        first = _first_line(program)
        if not first or not is_python(first[0]):
            return None
        return PythonCommand(Path(first[0]), tuple(first[1:]), "script", found)
    flags = tuple(takewhile(_FLAGS.fullmatch, words[1:]))
    rest = words[1 + len(flags) :]
    if len(rest) >= 2 and rest[0] == "-m":
        return PythonCommand(program, flags, "module", rest[1])
    if rest and not rest[0].startswith("-") and Path(rest[0]).is_file():
        return PythonCommand(program, flags, "file", rest[0])
    return None


def _first_line(program: Path) -> list[str]:
    """The interpreter that the first line of a script names, and its options; none where it names none."""
    with program.open("rb") as stream:
        line = stream.readline(FIRST_LINE_BYTES)
    return os.fsdecode(line[2:]).split() if line.startswith(b"#!") else []
