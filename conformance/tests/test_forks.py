import functools
import os
import time

import pytest
from arqonbus_conformance.mutation.forks import ForkError, in_forks

LONG_SECONDS = 60.0


def told(what: str) -> tuple[str, int]:
    return what, os.getpid()


def test_each_work_is_done_in_a_process_of_its_own() -> None:
    """Whatever was made before, functions that no module names included, is there."""
    works = [functools.partial(told, what) for what in ("a", "b", "c")]

    done = list(in_forks(works, jobs=2))

    assert {what for what, _ in done} == {"a", "b", "c"}
    assert len({pid for _, pid in done} - {os.getpid()}) == 3


def test_a_result_comes_as_soon_as_it_is_made() -> None:
    """The quick one does not wait for the slow one; the slow one ends when nobody asks any more."""
    began = time.monotonic()

    done = in_forks([functools.partial(time.sleep, LONG_SECONDS), lambda: "quick"], jobs=2)
    first = next(done)
    done.close()

    assert first == "quick"
    assert time.monotonic() - began < LONG_SECONDS


def test_a_fork_without_a_result_is_said() -> None:
    """With the code with which it ended, and nothing waits for it."""
    with pytest.raises(ForkError, match="without a result, with exit code 7"):
        list(in_forks([lambda: os._exit(7)], jobs=1))


def test_an_error_in_a_fork_is_said() -> None:
    """With its text: the fork has nobody else to tell."""
    with pytest.raises(ForkError, match=r"without a result: (?s:.*)ZeroDivisionError"):
        list(in_forks([lambda: 1 // 0], jobs=1))
