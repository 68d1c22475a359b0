"""Entering what another program found out into the report of a run. Pure."""

from collections.abc import Iterable, Sequence

import msgspec

from arqonbus_conformance.report.model import ExternalLine, Report
from arqonbus_conformance.verdict import ExitCode, Verdict, outcome, roll_up

__all__ = ["EnteredError", "entered", "external_exit_code"]


class EnteredError(Exception):
    """The report has a line of that id already; the text names it and says what is allowed."""


def external_exit_code(lines: Iterable[ExternalLine]) -> ExitCode:
    """1 where one is violated, 0 where each holds, else 2: nothing, or something undecided, is no pass."""
    worst = roll_up(Verdict(line.verdict) for line in lines)
    codes = {Verdict.HOLDS: ExitCode.PASS, Verdict.VIOLATED: ExitCode.VIOLATED}
    return codes.get(worst, ExitCode.INCOMPLETE)


def entered(report: Report, lines: Sequence[ExternalLine]) -> Report:
    """The same report with these lines; its verdict gets worse by them, and never better.

    Raises:
        EnteredError: one of them is there already.
    """
    if not lines:
        return report
    known = {line.id for line in report.external}
    if twice := [line.id for line in lines if line.id in known]:
        raise EnteredError(f"the report has {twice[0]!r} already; allowed: a report of a new run")
    before, added = ExitCode(report.exit_code), external_exit_code(lines)
    after = before
    if added is ExitCode.VIOLATED or before is ExitCode.PASS:
        after = added
    told = tuple(f"{line.id} {line.verdict}: {line.reason or line.command}" for line in lines)
    worse = f"{outcome(after)} by what other programs found out; without it: {report.sentence}"
    return msgspec.structs.replace(
        report,
        external=(*report.external, *lines),
        exit_code=int(after),
        verdict=str(outcome(after)),
        sentence=report.sentence if after is before else worse,
        notes=(*report.notes, *told),
    )
