"""From the way a case ended to its verdict, and from the verdicts of cases to those of requirements."""

import traceback
from collections.abc import Collection, Iterable, Mapping
from typing import Final

import msgspec
import pytest

from arqonbus_conformance.findings import (
    NotApplicable,
    NotOffered,
    OutOfScope,
    Unfinished,
    Unreachable,
    Violation,
)
from arqonbus_conformance.launched import ProcessLine
from arqonbus_conformance.requirements import Requirement, Scope
from arqonbus_conformance.transcript import Entry
from arqonbus_conformance.verdict import Verdict, roll_up

__all__ = ["Attempt", "CaseResult", "Finding", "finding_of", "requirement_verdicts"]

TRACEBACK_CHARACTERS: Final = 20_000
"""How much of a traceback a report keeps, its end."""

# What ends a case -> its verdict. Looked up in this order; whatever is not here means the suite is broken.
VERDICT_OF: Final[tuple[tuple[type[BaseException], Verdict], ...]] = (
    (AssertionError, Verdict.VIOLATED),
    (pytest.fail.Exception, Verdict.VIOLATED),
    (Unreachable, Verdict.UNKNOWN),
    (Unfinished, Verdict.UNKNOWN),
    # A connection that is refused or reset under a case's own socket shows no violation.
    (ConnectionError, Verdict.UNKNOWN),
    (NotOffered, Verdict.UNVERIFIED),
    (pytest.skip.Exception, Verdict.UNVERIFIED),
    (NotApplicable, Verdict.NOT_APPLICABLE),
    (OutOfScope, Verdict.OUT_OF_SCOPE),
)


class Finding(msgspec.Struct, frozen=True):
    """How one phase of a case ended, when not by its last line."""

    verdict: Verdict
    reason: str
    expected: str = ""
    actual: str = ""
    traceback: str = ""


class Attempt(msgspec.Struct, frozen=True):
    """One of several runs of one case."""

    verdict: Verdict
    seconds: float


class CaseResult(msgspec.Struct, frozen=True):
    """What one case amounts to.

    Attributes:
        seconds: how long it took, with set-up and tear-down.
        transcript: the last entries of what was said on the wire, where it did not hold.
        dropped: how many entries before those are not kept.
        level: the level from which on it is run.
        blast: how far its effects reach.
        observations: how often it looked at what the deployment did.
        attempts: every run of it, where it was run more than once.
        close_codes: the codes with which the deployment ended its connections.
        processes: the programs that it stood on, where it did not hold.
    """

    id: str
    suite: str
    requirements: tuple[str, ...]
    verdict: Verdict
    seconds: float
    sentence: str = ""
    finding: Finding | None = None
    transcript: tuple[Entry, ...] = ()
    dropped: int = 0
    level: str = "standard"
    blast: str = "own-namespace"
    observations: int = 0
    attempts: tuple[Attempt, ...] = ()
    close_codes: tuple[int, ...] = ()
    processes: tuple[ProcessLine, ...] = ()


def finding_of(ended: BaseException) -> Finding:
    """The verdict on a case that ended with this exception, and why."""
    if isinstance(ended, BaseExceptionGroup):
        return max((finding_of(one) for one in ended.exceptions), key=lambda finding: finding.verdict.rank)
    verdict = next((verdict for kind, verdict in VERDICT_OF if isinstance(ended, kind)), Verdict.BROKEN)
    if isinstance(ended, Violation):
        return Finding(verdict, ended.what, ended.expected, ended.actual)
    if verdict is Verdict.BROKEN:
        text = "".join(traceback.format_exception(ended))
        return Finding(verdict, f"{type(ended).__name__}: {ended}", traceback=text[-TRACEBACK_CHARACTERS:])
    return Finding(verdict, str(ended) or type(ended).__name__)


def requirement_verdicts(
    requirements: Iterable[Requirement],
    cases: Iterable[CaseResult],
    scope: Scope,
    excused: Mapping[str, Collection[str]] | None = None,
) -> dict[str, Verdict]:
    """The verdict on each requirement: the worst of its cases, unverified where it has none.

    In endpoint scope, a requirement that needs a deployment to be launched is out of scope unless a case that could
    run without showed it violated. The cases that are ``excused`` for a requirement violate it as if it held.
    """
    by_requirement: dict[str, list[Verdict]] = {}
    for case in cases:
        for name in case.requirements:
            expected = case.verdict is Verdict.VIOLATED and case.id in (excused or {}).get(name, ())
            by_requirement.setdefault(name, []).append(Verdict.HOLDS if expected else case.verdict)
    verdicts = {}
    for one in requirements:
        verdict = roll_up(by_requirement.get(one.id, ()))
        shown = verdict in {Verdict.VIOLATED, Verdict.BROKEN}
        if scope is Scope.ENDPOINT and one.scope is Scope.DEPLOYMENT and not shown:
            verdict = Verdict.OUT_OF_SCOPE
        verdicts[one.id] = verdict
    return verdicts
