"""Cost in calls: a measure of work that no other load on the machine changes."""

import itertools
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Calls", "counted_calls"]


class Calls:
    """How many calls and returns of functions there were; to be read once counting has ended."""

    count = 0


@contextmanager
def counted_calls() -> Iterator[Calls]:
    """Count the calls and returns of functions, Python's and C's, that this thread makes meanwhile."""
    calls, seen = Calls(), itertools.count()
    sys.setprofile(lambda *_: next(seen))
    try:
        yield calls
    finally:
        sys.setprofile(None)
        calls.count = next(seen)
