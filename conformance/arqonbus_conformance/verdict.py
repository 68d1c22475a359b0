"""Verdicts: values with an order, rolled up so that the worst wins; and the exit code they amount to."""

from collections.abc import Iterable
from enum import IntEnum, StrEnum

__all__ = ["ExitCode", "Outcome", "Verdict", "exit_code", "outcome", "roll_up"]


class Verdict(StrEnum):
    """What a case or a requirement amounts to, mildest first.

    ``VIOLATED`` outranks ``BROKEN``: a violation that was shown stays shown whatever else is wrong with the suite.
    """

    OUT_OF_SCOPE = "out_of_scope"
    NOT_APPLICABLE = "not_applicable"
    HOLDS = "holds"
    UNVERIFIED = "unverified"
    UNKNOWN = "unknown"
    BROKEN = "broken"
    VIOLATED = "violated"

    @property
    def rank(self) -> int:
        """Its place in the order, the worst highest."""
        return _ORDER.index(self)


_ORDER = tuple(Verdict)


def roll_up(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of them; unverified where there are none (never green on nothing)."""
    return max(verdicts, key=lambda verdict: verdict.rank, default=Verdict.UNVERIFIED)


class ExitCode(IntEnum):
    """How ``arqonbus-gate run`` ends."""

    PASS = 0
    VIOLATED = 1
    INCOMPLETE = 2
    WAIVER_FAULT = 3
    SUITE_FAULT = 4
    USAGE = 64
    UNREACHABLE = 69
    PROFILE = 78


class Outcome(StrEnum):
    """What a whole run amounts to."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    INCOMPLETE = "incomplete"
    FAULT = "fault"
    WAIVER_FAULT = "waiver_fault"


def exit_code(
    musts: Iterable[Verdict],
    cases: Iterable[Verdict],
    *,
    interrupted: bool = False,
    waiver_fault: bool = False,
) -> ExitCode:
    """The exit code of a run from the verdicts of the MUST requirements it is about and of all its cases.

    A violated MUST decides first; then a fault of the suite; then that the run was interrupted or judged nothing;
    then a waiver that is not what it may be; then whatever was left undecided.

    Args:
        musts: violations that a waiver of this run expects do not count among them, whatever is wrong with it.
        cases: the verdicts of all cases that ran.
        interrupted: whether the run was stopped before its end.
        waiver_fault: whether a waiver is expired, unmatched, stale or forbidden.
    """
    required, ran = set(musts), set(cases)
    if Verdict.VIOLATED in required:
        return ExitCode.VIOLATED
    if Verdict.BROKEN in required | ran:
        return ExitCode.SUITE_FAULT
    judged = ran & {Verdict.HOLDS, Verdict.VIOLATED}
    if interrupted or not judged:
        return ExitCode.INCOMPLETE
    if waiver_fault:
        return ExitCode.WAIVER_FAULT
    if required & {Verdict.UNKNOWN, Verdict.UNVERIFIED}:
        return ExitCode.INCOMPLETE
    return ExitCode.PASS


def outcome(code: ExitCode) -> Outcome:
    """The word for an exit code of a run."""
    words = {
        ExitCode.PASS: Outcome.PASS,
        ExitCode.VIOLATED: Outcome.FAIL,
        ExitCode.SUITE_FAULT: Outcome.FAULT,
        ExitCode.WAIVER_FAULT: Outcome.WAIVER_FAULT,
    }
    return words.get(code, Outcome.INCOMPLETE)
