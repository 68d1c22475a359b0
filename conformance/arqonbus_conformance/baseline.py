"""What must not get lost between two runs: a case that was there and is gone judges nothing any more. Pure."""

from collections.abc import Collection, Iterable

from arqonbus_conformance.selection import RunRequest

__all__ = ["vanished_cases"]


def vanished_cases(last: Iterable[str], found: Collection[str], request: RunRequest) -> tuple[str, ...]:
    """The cases of the last report that were not found any more, in its order.

    ``found`` holds every case that was found, whether it was selected or not: levels, areas and the like hide
    nothing. Suites that were not asked for were not searched, and what they had is not missed.
    """
    if request.cases:
        return ()
    searched = (case for case in last if not request.suites or case.partition("/")[0] in request.suites)
    return tuple(case for case in searched if case not in found)
