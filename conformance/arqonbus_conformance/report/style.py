"""How verdicts look in a terminal: a colour and a sign, never the colour alone."""

from collections.abc import Mapping
from typing import Final

from arqonbus_conformance.verdict import Verdict

__all__ = ["SIGN", "STYLE"]

STYLE: Final[Mapping[str, str]] = {
    Verdict.HOLDS: "green",
    Verdict.VIOLATED: "bold red",
    Verdict.BROKEN: "bold magenta",
    Verdict.UNKNOWN: "yellow",
    Verdict.UNVERIFIED: "yellow",
    Verdict.NOT_APPLICABLE: "dim",
    Verdict.OUT_OF_SCOPE: "dim",
}
SIGN: Final[Mapping[str, str]] = {
    Verdict.HOLDS: "\u2713",
    Verdict.VIOLATED: "\u2717",
    Verdict.BROKEN: "!",
    Verdict.UNKNOWN: "?",
    Verdict.UNVERIFIED: "-",
    Verdict.NOT_APPLICABLE: "\u00b7",
    Verdict.OUT_OF_SCOPE: "o",
}
"""How a verdict is written in the matrix, behind how many there are."""
