"""One run from its request to its report: pytest does the collecting and running, the judge the judging."""

import contextlib
import io
import os
import signal
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import pytest

from arqonbus_conformance.judge import Judge
from arqonbus_conformance.plugin import Handoff
from arqonbus_conformance.report.model import Report, Selection, Timing, make_report

__all__ = ["KeywordError", "RunRequest", "collect", "run"]

# Nothing of the caller's pytest configuration or plugins may change a verdict.
ARGUMENTS = (
    "-c",
    os.devnull,
    "--disable-plugin-autoload",
    "--import-mode=importlib",
    "--continue-on-collection-errors",
    "--strict-markers",
    "-p",
    "pytest_asyncio.plugin",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:terminal",
    "-p",
    "no:logging",
    "-p",
    "arqonbus_conformance.plugin",
    "-o",
    "asyncio_mode=auto",
    "-o",
    "asyncio_default_fixture_loop_scope=session",
    "-o",
    "asyncio_default_test_loop_scope=session",
    # A coroutine that was never awaited is an oracle that never looked.
    "-W",
    "error::RuntimeWarning",
    "-W",
    "error::pytest.PytestUnraisableExceptionWarning",
)


class KeywordError(Exception):
    """The expression of ``-k`` is none."""


class RunRequest(NamedTuple):
    """Which cases are asked for; all of them by default."""

    suites: tuple[str, ...] = ()
    keyword: str = ""


def run(judge: Judge, request: RunRequest) -> Report:
    """Run the requested cases and return the report, whichever way the run ended.

    Raises:
        KeywordError: pytest does not understand the keyword expression.
    """
    started_at, began = datetime.now(UTC), time.monotonic()
    previous = signal.getsignal(signal.SIGTERM)
    # A run that is told to stop ends like one that is interrupted: with a partial report.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = _pytest(judge, request)
    finally:
        signal.signal(signal.SIGTERM, previous)
    if code == pytest.ExitCode.INTERRUPTED and judge.unreachable is None:
        judge.interrupted = True
    if code == pytest.ExitCode.INTERNAL_ERROR and not judge.faults:
        judge.faults.append("pytest ended with an internal error")
    selection = Selection(not request.suites and not request.keyword, request.suites, request.keyword)
    return make_report(judge, selection, Timing(started_at, time.monotonic() - began))


def collect(judge: Judge, request: RunRequest) -> list[pytest.Item]:
    """The requested cases, without running them.

    Raises:
        KeywordError: pytest does not understand the keyword expression.
    """
    gatherer = _Gatherer()
    _pytest(judge, request, "--collect-only", plugins=[gatherer])
    return gatherer.items


class _Gatherer:
    def __init__(self) -> None:
        self.items: list[pytest.Item] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.items = list(session.items)


def _pytest(
    judge: Judge, request: RunRequest, *more: str, plugins: Sequence[object] = ()
) -> int | pytest.ExitCode:
    folders = [
        folder for suite, folder in judge.folders.items() if not request.suites or suite in request.suites
    ]
    keyword = ["-k", request.keyword] if request.keyword else []
    common = os.path.commonpath(folders) if folders else "."
    said = io.StringIO()
    # Without its terminal plugin pytest still prints usage errors by itself.
    with contextlib.redirect_stderr(said):
        code = pytest.main(
            [*ARGUMENTS, "--rootdir", common, *keyword, *more, *map(str, folders)],
            plugins=[Handoff(judge), *plugins],
        )
    if code == pytest.ExitCode.USAGE_ERROR:
        raise KeywordError(said.getvalue().strip() or f"-k: {request.keyword!r} is not allowed")
    return code
