"""Why a sign-off is refused: one kind for each sort of reason, with an exit code of its own. Pure."""

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import NamedTuple

__all__ = ["Problem", "Refusal", "Refused", "refusal_code"]


class Refusal(IntEnum):
    """The sort of a reason and the exit code that stands for it, the more fundamental first (but for the last)."""

    KEY = 10
    EDITED = 11
    TARGET = 12
    STALE = 13
    LEVEL = 14
    SCOPE = 15
    REQUIREMENTS = 16
    NOT_PASSED = 17
    WAIVERS = 18
    MUTATION = 19
    CLAIMS = 20
    DRAFT = 21


class Problem(NamedTuple):
    """One reason: its sort and a sentence that names what was found and what is allowed."""

    kind: Refusal
    sentence: str


class Refused(Exception):  # noqa: N818 - named after what happened to the sign-off
    """A sign-off cannot be made or believed, for all of these reasons."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problem.sentence for problem in problems))


def refusal_code(problems: Iterable[Problem]) -> int:
    """The exit code for these reasons: that of the most fundamental; 0 where there are none."""
    return min((int(problem.kind) for problem in problems), default=0)
