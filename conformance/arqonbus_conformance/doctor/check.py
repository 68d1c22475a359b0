"""One check of a profile, and what all of them amount to. Pure."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import msgspec

from arqonbus_conformance.verdict import ExitCode

__all__ = [
    "SCHEMA_VERSION",
    "Blame",
    "Check",
    "Examination",
    "State",
    "exit_code_of",
    "note",
    "ok",
    "problem",
    "skipped",
    "warning",
]

SCHEMA_VERSION: Final = "1.0"
"""The version of the JSON document; schemas/doctor.schema.json describes it."""


class State(StrEnum):
    """What a check found."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    PROBLEM = "problem"
    SKIPPED = "skipped"


class Blame(StrEnum):
    """Whose move it is."""

    PROFILE = "profile"
    TARGET = "target"


class Check(msgspec.Struct, frozen=True, omit_defaults=False):
    """What one check found.

    Attributes:
        about: the field of the profile that it is about, such as ``endpoints.bus``.
        check: what was looked at, in a word or two.
        state: what was found.
        detail: one sentence on it.
        next_step: what to do, "" where there is nothing to do.
        blame: whose move it is, None where nobody has to move.
    """

    about: str
    check: str
    state: State
    detail: str
    next_step: str = ""
    blame: Blame | None = None


class Examination(msgspec.Struct, frozen=True):
    """All checks of one profile, in the order in which they lean on each other.

    Attributes:
        schema_version: the version of this document.
        profile: the file.
        target: the name that the profile gives, "" where it gives none.
        checks: what was found.
        problems: how many of the checks found a problem.
        exit_code: 0 no problem, 69 the target cannot be reached as it should be, 78 the profile is not valid.
    """

    schema_version: str
    profile: str
    target: str
    checks: tuple[Check, ...]
    problems: int
    exit_code: int


def exit_code_of(checks: Iterable[Check]) -> ExitCode:
    """The exit code; a fault of the profile first, because it has to be mended first (see decision 0021)."""
    blamed = {check.blame for check in checks if check.state is State.PROBLEM}
    if Blame.PROFILE in blamed:
        return ExitCode.PROFILE
    return ExitCode.UNREACHABLE if blamed else ExitCode.PASS


def ok(about: str, check: str, detail: str) -> Check:
    """Nothing is wrong."""
    return Check(about, check, State.OK, detail)


def note(about: str, check: str, detail: str, next_step: str = "") -> Check:
    """Something worth knowing that nobody has to change."""
    return Check(about, check, State.NOTE, detail, next_step)


def warning(about: str, check: str, detail: str, next_step: str) -> Check:
    """Something that will be a problem soon, or may be one."""
    return Check(about, check, State.WARNING, detail, next_step)


def problem(about: str, check: str, detail: str, next_step: str, blame: Blame) -> Check:
    """A run would end here, or judge something else than was meant."""
    return Check(about, check, State.PROBLEM, " ".join(detail.split()), next_step, blame)


def skipped(about: str, check: str, why: str) -> Check:
    """It could not be looked at, or need not be."""
    return Check(about, check, State.SKIPPED, why)
