"""One run from its request to its report."""

import os
import time
from contextlib import nullcontext
from datetime import UTC, datetime

from arqonbus_conformance import crew
from arqonbus_conformance.baseline import vanished_cases
from arqonbus_conformance.container_check import image_digest
from arqonbus_conformance.container_launch import container_launch
from arqonbus_conformance.interruption import Interruption
from arqonbus_conformance.judge import Judge
from arqonbus_conformance.package_digest import digest_of_command
from arqonbus_conformance.redaction import Redaction
from arqonbus_conformance.report.advice import named
from arqonbus_conformance.report.making import Span, make_report
from arqonbus_conformance.report.model import Report
from arqonbus_conformance.selection import RunRequest
from arqonbus_conformance.starting import words
from arqonbus_conformance.target import Target

__all__ = ["run"]


def run(
    judge: Judge, request: RunRequest, *, jobs: int = 1, interruption: Interruption | None = None
) -> Report:
    """Run the requested cases in ``jobs`` processes and return the report, whichever way the run ended.

    With several, cases that launch deployments of their own run beside each other, and so do cases on a main
    deployment that is there already; on one that is launched for the run they run one after the other in the process
    that launched it. With one, all cases run in the order in which they were chosen.

    Args:
        judge: what is judged, and what becomes of it.
        request: which cases.
        jobs: how many processes; cases never run in this one.
        interruption: what stops the run, where the caller has entered one; else it is entered here.

    Raises:
        KeywordError: pytest does not understand the keyword expression.
    """
    started_at, began = datetime.now(UTC), time.monotonic()
    judge.redaction = Redaction.of_run(judge.target, os.environ)
    judge.request, judge.day = request, started_at.date()
    judge.package_digest = _package_digest(judge.target)
    with Interruption() if interruption is None else nullcontext(interruption) as signals:
        crew.run(judge, request, jobs, signals)
    _miss(judge)
    return make_report(judge, Span(started_at, time.monotonic() - began))


def _package_digest(target: Target) -> str | None:
    """The digest of what cases launch; None where the main deployment runs elsewhere, whatever that may be."""
    if target.launch is None or target.endpoints is not None:
        return None
    line = words(target.launch.command)
    if (launch := container_launch(line)) is not None:
        return image_digest(launch)
    return digest_of_command(line, target.launch.environment)


def _miss(judge: Judge) -> None:
    """A case that the last report has must still be there, or what it judged is judged no more."""
    if not judge.collected:  # the run ended before the cases were found
        return
    judge.vanished = vanished_cases(judge.baseline, set(judge.collected), judge.request)
    if judge.vanished:
        judge.faults.append(
            f"{len(judge.vanished)} cases of the last report have vanished ({named(judge.vanished)})"
        )
