"""One pytest session over the shipped cases, sealed off from the caller's configuration and plugins."""

import contextlib
import io
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from arqonbus_conformance.judge import Judge
from arqonbus_conformance.plugin import Handoff
from arqonbus_conformance.selection import RunRequest

__all__ = ["KeywordError", "collect", "run_here"]

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


def run_here(judge: Judge, request: RunRequest, *, plugins: Sequence[object] = ()) -> None:
    """Run the requested cases in this process and write what comes of them into ``judge``.

    Raises:
        KeywordError: pytest does not understand the keyword expression.
    """
    code = _pytest(judge, request, plugins=plugins)
    if code == pytest.ExitCode.INTERRUPTED and judge.unreachable is None:
        judge.interrupted = True
    if code == pytest.ExitCode.INTERNAL_ERROR and not judge.faults:
        judge.faults.append("pytest ended with an internal error")


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


def _places(judge: Judge, request: RunRequest) -> list[Path]:
    """The files of the cases that were named, else the folders of the suites."""
    if request.cases:
        split = (name.partition("::")[0].partition("/") for name in request.cases)
        files = (judge.folders[suite] / f"{module}.py" for suite, _, module in split)
        return list(dict.fromkeys(files))
    return [
        folder for suite, folder in judge.folders.items() if not request.suites or suite in request.suites
    ]


def _pytest(
    judge: Judge, request: RunRequest, *more: str, plugins: Sequence[object] = ()
) -> int | pytest.ExitCode:
    judge.request = request
    places = _places(judge, request)
    keyword = ["-k", request.keyword] if request.keyword else []
    common = os.path.commonpath(list(judge.folders.values())) if judge.folders else "."
    said = io.StringIO()
    # Without its terminal plugin pytest still prints usage errors by itself.
    with contextlib.redirect_stderr(said):
        code = pytest.main(
            [*ARGUMENTS, "--rootdir", common, *keyword, *more, *map(str, places)],
            plugins=[Handoff(judge), *plugins],
        )
    if code == pytest.ExitCode.USAGE_ERROR:
        raise KeywordError(said.getvalue().strip() or f"-k: {request.keyword!r} is not allowed")
    return code
