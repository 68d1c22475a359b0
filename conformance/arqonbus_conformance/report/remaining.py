"""How long a run will still take: by measured seconds of its cases where those are known, else by the mean so far. Pure."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from arqonbus_conformance.power import Power

__all__ = ["Basis", "Estimate", "Remaining"]

KNOWN_SHARE: Final = 0.5
"""The share of the cases that must have been measured for an estimate to go by that."""
TRUSTED_SECONDS: Final = 5.0
"""How many measured seconds are taken to pass as measured, before the pace of this run counts."""


class Basis(StrEnum):
    """What an estimate stands on."""

    MEASURED = "measured"
    MEAN = "mean"


class Estimate(NamedTuple):
    """How many seconds are left, and by what."""

    seconds: float
    basis: Basis


class Remaining:
    """The cases of a run that are not through yet; times are seconds since its first case could begin."""

    def __init__(self, cases: Sequence[str], power: Power) -> None:
        self._power = power
        self._left = set(cases)
        self._total = len(self._left)
        self._seconds_of = {case: power.seconds_of(case) for case in cases}
        self._seconds_in_all = sum(self._seconds_of.values())
        known = sum(power.knows(case) for case in self._left)
        self._basis = Basis.MEASURED if known and known >= KNOWN_SHARE * self._total else Basis.MEAN

    def finished(self, case: str) -> None:
        """The case is through; again, or another than those of the run, is nothing."""
        self._left.discard(case)

    def estimate(self, elapsed: float, running: Sequence[tuple[str, float]]) -> Estimate | None:
        """What is left after so many seconds, None where nothing is known yet.

        Args:
            elapsed: seconds so far.
            running: the cases that run, each with its seconds so far.
        """
        if self._basis is Basis.MEAN:
            through = self._total - len(self._left)
            return Estimate(elapsed / through * len(self._left), self._basis) if through else None
        left = sum(self._seconds_of[case] for case in self._left)
        # A long case that runs is done in part: the time left falls while it runs.
        left -= sum(min(seconds, self._seconds_of[case]) for case, seconds in running if case in self._left)
        done = self._seconds_in_all - left
        pace = (elapsed + TRUSTED_SECONDS) / (done + TRUSTED_SECONDS)
        return Estimate(max(0.0, left * pace), self._basis)
