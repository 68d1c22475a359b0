"""One run from its request to its report."""

import os
import signal
import time
from datetime import UTC, datetime

from arqonbus_fixtures.remains import remains

from arqonbus_conformance import crew
from arqonbus_conformance.baseline import vanished_cases
from arqonbus_conformance.judge import Judge
from arqonbus_conformance.leftovers import Left
from arqonbus_conformance.package_digest import digest_of_command
from arqonbus_conformance.redaction import Redaction
from arqonbus_conformance.report.advice import named
from arqonbus_conformance.report.making import Span, make_report
from arqonbus_conformance.report.model import Report
from arqonbus_conformance.selection import RunRequest
from arqonbus_conformance.session import run_here
from arqonbus_conformance.starting import words
from arqonbus_conformance.target import Target

__all__ = ["run"]


def run(judge: Judge, request: RunRequest, *, jobs: int = 1) -> Report:
    """Run the requested cases and return the report, whichever way the run ended.

    With several ``jobs``, cases that launch deployments of their own run beside each other in so many processes, and
    so do cases on a main deployment that is there already; on one that is launched for the run they run one after
    the other in the process that launched it.

    Raises:
        KeywordError: pytest does not understand the keyword expression.
    """
    started_at, began = datetime.now(UTC), time.monotonic()
    judge.redaction = Redaction.of_run(judge.target, os.environ)
    previous = signal.getsignal(signal.SIGTERM)
    # A run that is told to stop ends like one that is interrupted: with a partial report.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    judge.request = request
    judge.package_digest = _package_digest(judge.target)
    try:
        if jobs == 1:
            run_here(judge, request)
            judge.find_left(Left(remains()))
        else:
            crew.run(judge, request, jobs)
    finally:
        signal.signal(signal.SIGTERM, previous)
    _miss(judge)
    return make_report(judge, Span(started_at, time.monotonic() - began))


def _package_digest(target: Target) -> str | None:
    """The digest of what cases launch; None where the main deployment runs elsewhere, whatever that may be."""
    if target.launch is None or target.endpoints is not None:
        return None
    return digest_of_command(words(target.launch.command), target.launch.environment)


def _miss(judge: Judge) -> None:
    """A case that the last report has must still be there, or what it judged is judged no more."""
    if not judge.collected:  # the run ended before the cases were found
        return
    judge.vanished = vanished_cases(judge.baseline, set(judge.collected), judge.request)
    if judge.vanished:
        judge.faults.append(
            f"{len(judge.vanished)} cases of the last report have vanished ({named(judge.vanished)})"
        )
