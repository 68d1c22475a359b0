"""How often a case is run, and what several runs of it amount to. Pure."""

from collections.abc import Sequence
from typing import Final

import msgspec

from arqonbus_conformance.judging import Attempt, CaseResult, Finding
from arqonbus_conformance.verdict import Verdict

__all__ = ["ATTEMPTS", "MOST_ATTEMPTS", "Repetition", "nothing_asserted", "together"]

ATTEMPTS: Final = 3
"""How often a case is run that was violated once, so that the report can say how often it is."""
MOST_ATTEMPTS: Final = 20
"""The most that may be asked for."""
REPEAT_SECONDS: Final = 60.0
"""How long one process may spend on running violated cases again, in seconds in all."""


class Repetition:
    """Decides about running a case again, within the time that there is for it.

    A violation stays a violation whatever the later runs show: they only say how often it is to be seen.
    """

    def __init__(self, attempts: int = ATTEMPTS) -> None:
        self._attempts = attempts
        self._seconds_left = REPEAT_SECONDS

    def again(self, results: Sequence[CaseResult], repeats: int) -> bool:
        """Whether a case with these results so far is run again; one that holds is run ``repeats`` times.

        Time is taken for it by what the last run took.
        """
        last = results[-1]
        if any(result.verdict is Verdict.VIOLATED for result in results):
            if len(results) >= max(self._attempts, 1) or last.seconds > self._seconds_left:
                return False
            self._seconds_left -= last.seconds
            return True
        return last.verdict is Verdict.HOLDS and len(results) < repeats


def together(results: Sequence[CaseResult]) -> CaseResult:
    """The result of a case that was run once or more often: its worst run, with the rate where runs differ."""
    worst = max(results, key=lambda result: result.verdict.rank)
    if len(results) == 1:
        return worst
    same = sum(result.verdict is worst.verdict for result in results)
    finding = worst.finding
    if finding is not None and same < len(results):
        said = f"{str(worst.verdict).replace('_', ' ')} {same} of {len(results)} attempts: {finding.reason}"
        finding = msgspec.structs.replace(finding, reason=said)
    return msgspec.structs.replace(
        worst,
        finding=finding,
        seconds=round(sum(result.seconds for result in results), 4),
        observations=min(result.observations for result in results),
        attempts=tuple(Attempt(result.verdict, result.seconds) for result in results),
    )


def nothing_asserted(observations: int, least: int) -> Finding | None:
    """What is wrong with a case that held after so many observations, None where it looked often enough."""
    if observations >= least:
        return None
    return Finding(
        Verdict.BROKEN,
        f"asserted nothing: it looked at the deployment {observations} times before it held; allowed: "
        f"at least {least}",
    )
