"""What a case launched, or stood on: command line, variables, how it ended and what it wrote last."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

import msgspec

from arqonbus_conformance.redaction import CUT, names_a_secret

__all__ = ["LAUNCHED_KEPT", "Launched", "ProcessLine", "Ran", "process_line"]

LAUNCHED_KEPT: Final = 4
"""How many of the programs of one case are told of, the last ones."""
OUTPUT_CHARACTERS: Final = 8000
"""How much of what a program wrote is kept, its end."""
SHOWN_PREFIXES: Final = ("ARQONBUS_", "ARQON_", "OLLAMA_", "SHIELD_", "NATS_URL", "JWT_", "POLICY_")
"""The variables that configure a deployment; others of its environment are not told."""


class ProcessLine(msgspec.Struct, frozen=True):
    """One program as it was when its case failed.

    Attributes:
        command: its command line, quoted as in a shell.
        exit_code: how it had ended: the code, or minus the number of the signal; None while it ran.
        environment: the variables that configured it; those named like secrets without their values.
        output: the end of what it had written.
        dropped: how many characters before that are not here.
    """

    command: str
    exit_code: int | None
    environment: dict[str, str]
    output: str
    dropped: int


class Launched(Protocol):
    """A program that can be looked at."""

    @property
    def command(self) -> Sequence[str]:
        """Its words."""

    @property
    def environ(self) -> Mapping[str, str]:
        """All its variables."""

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""

    @property
    def text(self) -> str:
        """What it wrote so far."""


class Ran(NamedTuple):
    """A program that ended by itself."""

    command: tuple[str, ...]
    environ: Mapping[str, str]
    exit_code: int
    text: str


def process_line(program: Launched) -> ProcessLine:
    """The program as it is now."""
    text = program.text
    shown = {
        name: CUT if names_a_secret(name) else value
        for name, value in sorted(program.environ.items())
        if name.startswith(SHOWN_PREFIXES)
    }
    output = text[-OUTPUT_CHARACTERS:]
    return ProcessLine(shlex.join(program.command), program.exit_code, shown, output, len(text) - len(output))
