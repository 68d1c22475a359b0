"""How long a run goes on with a deployment that does not answer. Pure."""

from typing import Final

from arqonbus_conformance.verdict import Verdict

VAIN_SECONDS: Final = 2.0
"""A case that did not hold and took so long has waited in vain."""

VAIN_CASES_IN_A_ROW: Final = 10
VAIN_SECONDS_IN_ALL: Final = 300.0
"""After so many such cases without one that ended otherwise, or so many seconds in all, the rest is not tried."""


class Patience:
    """Counts what the cases on one deployment waited for and did not get."""

    def __init__(self) -> None:
        self._in_a_row = 0
        self._seconds = 0.0

    def note(self, verdict: Verdict, seconds: float) -> None:
        """A case ended with this verdict after so many seconds."""
        if seconds >= VAIN_SECONDS and verdict in {Verdict.VIOLATED, Verdict.UNKNOWN}:
            self._in_a_row += 1
            self._seconds += seconds
        elif not self.lost:
            self._in_a_row = 0

    @property
    def lost(self) -> str | None:
        """Why the rest is not tried, None while it is."""
        if self._in_a_row >= VAIN_CASES_IN_A_ROW:
            return f"the {VAIN_CASES_IN_A_ROW} cases before waited in vain for an answer"
        if self._seconds >= VAIN_SECONDS_IN_ALL:
            return f"cases before waited {self._seconds:.0f} s in vain for answers"
        return None
