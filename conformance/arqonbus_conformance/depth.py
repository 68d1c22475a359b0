"""How deep a run looks: from a minute's notice of trouble to everything that can be tried. Pure."""

from enum import StrEnum
from typing import Final

__all__ = ["FULL_FACTOR", "Depth"]

FULL_FACTOR: Final = 5
"""How many times as many examples, frames or rounds the level *full* tries as *standard*."""


class Depth(StrEnum):
    """The levels of a run, shallowest first; each runs the cases of those before it as well.

    ``SMOKE`` touches every area within seconds; ``STANDARD`` judges every requirement; ``FULL`` tries more examples,
    longer runs, and what depends on chance several times.
    """

    SMOKE = "smoke"
    STANDARD = "standard"
    FULL = "full"

    def runs(self, case: "Depth") -> bool:
        """Whether a run of this level runs a case of level ``case``."""
        order = tuple(Depth)
        return order.index(case) <= order.index(self)

    def times(self, count: int) -> int:
        """How many examples to try where *standard* tries ``count``."""
        return count * FULL_FACTOR if self is Depth.FULL else count
