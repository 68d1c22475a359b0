"""Where the time of a run went. Pure."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final

from arqonbus_conformance.depth import Depth
from arqonbus_conformance.judging import CaseResult
from arqonbus_conformance.report.model import SlowCase, Timing, TimingBin

__all__ = ["timing_of"]

SLOWEST: Final = 20
"""How many of the slowest cases are named."""
BIN_SECONDS: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Upper bounds of the bins of the histogram, in seconds; one more bin is without bound."""


def timing_of(results: Sequence[CaseResult], collect_seconds: float) -> Timing:
    """The seconds of the cases by level and suite, the slowest of them, and their histogram."""
    by_level: dict[str, float] = dict.fromkeys(map(str, Depth), 0.0)
    by_suite: dict[str, float] = defaultdict(float)
    for result in results:
        for level in Depth:
            if level.runs(Depth(result.level)):
                by_level[level] += result.seconds
        by_suite[result.suite] += result.seconds
    slowest = sorted(results, key=lambda result: -result.seconds)[:SLOWEST]
    bounds = (*BIN_SECONDS, None)
    bins = Counter(_bound(result.seconds) for result in results)
    return Timing(
        collect_seconds=round(collect_seconds, 3),
        by_level={level: round(seconds, 3) for level, seconds in by_level.items()},
        by_suite={suite: round(seconds, 3) for suite, seconds in by_suite.items()},
        slowest=tuple(SlowCase(result.id, result.seconds) for result in slowest),
        histogram=tuple(TimingBin(bound, bins[bound]) for bound in bounds),
    )


def _bound(seconds: float) -> float | None:
    return next((bound for bound in BIN_SECONDS if seconds <= bound), None)
