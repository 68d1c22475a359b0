"""How often the running case has looked at what the deployment did: a case that never looked judges nothing.

A process runs one case at a time, so there is one count. What compares, waits or asks counts; a case need not.
"""

__all__ = ["observed", "observed_since"]


class _Tally:
    def __init__(self) -> None:
        self.looks = 0


_TALLY = _Tally()


def observed() -> None:
    """Something that the deployment did, or left out, was looked at."""
    _TALLY.looks += 1


def observed_since(before: int = 0) -> int:
    """How often, beyond what this returned ``before``."""
    return _TALLY.looks - before
