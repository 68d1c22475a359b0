"""What a case is worth for its time: measured seconds, requirements judged, known-bad deployments caught. Pure."""

import heapq
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final, NamedTuple

__all__ = ["Power", "balanced_part", "measured", "measured_power", "most_powerful"]

UNKNOWN_SECONDS: Final = 1.0
"""What a case is taken to need that was never measured, in seconds."""
LEAST_SECONDS: Final = 0.001
"""What a case is taken to need at least, in seconds."""


class Power(NamedTuple):
    """What was measured of the cases, by function (the id without its parameters).

    Attributes:
        seconds: the mean of its cases, each run alone.
        kills: the names of known-bad deployments that it catches.
        catchers: by name of a known-bad deployment a case that caught it.
    """

    seconds: Mapping[str, float]
    kills: Mapping[str, Sequence[str]]
    catchers: Mapping[str, str] = MappingProxyType({})

    def seconds_of(self, case: str) -> float:
        """How long a case is taken to need."""
        return max(LEAST_SECONDS, self.seconds.get(function_of(case), UNKNOWN_SECONDS))

    def knows(self, case: str) -> bool:
        """Whether it was ever measured."""
        return function_of(case) in self.seconds

    def kills_of(self, case: str) -> Sequence[str]:
        """What it catches, as far as that was measured."""
        return self.kills.get(function_of(case), ())


def function_of(case: str) -> str:
    """The id of a case without its parameters."""
    return case.partition("[")[0]


@cache
def measured_power() -> Power:
    """What the shipped file says."""
    text = resources.files(__package__).joinpath("measured/power.json").read_text("utf-8")
    document = json.loads(text)
    return Power(document["seconds"], document["kills"], document["catchers"])


def measured(
    report: Mapping[str, Any],
    before: Power,
    mutants: Sequence[Mapping[str, Any]],
    known: Collection[str],
) -> dict[str, Any]:
    """The content of the shipped file after a run with this report; functions not in it keep what was known.

    ``mutants`` is a kill matrix of every case, each entry with an ``id``, ``by``, a case that caught it, and ``catchers``,
    the functions that did; what is known of mutants that were not hunted stays as it was, if they are among those that
    are ``known`` at all.
    """
    seconds: dict[str, list[float]] = {}
    for case in report["cases"]:
        if case["verdict"] == "holds":
            seconds.setdefault(function_of(case["id"]), []).append(case["seconds"])
    means = {name: round(sum(values) / len(values), 4) for name, values in seconds.items()}
    kept = _kept(before, {mutant["id"] for mutant in mutants}, known)
    kills = {function: set(names) for function, names in kept.kills.items()}
    for mutant in mutants:
        for function in mutant["catchers"]:
            kills.setdefault(function, set()).add(mutant["id"])
    return {
        "seconds": {**before.seconds, **means},
        "kills": {function: sorted(names) for function, names in kills.items() if names},
        "catchers": {**kept.catchers, **{mutant["id"]: mutant["by"] for mutant in mutants if mutant["by"]}},
    }


def _kept(before: Power, hunted: Collection[str], known: Collection[str]) -> Power:
    """What was known of mutants that were not hunted again and that there still are."""

    def stays(name: str) -> bool:
        return name in known and name not in hunted

    return Power(
        before.seconds,
        {function: [name for name in names if stays(name)] for function, names in before.kills.items()},
        {name: case for name, case in before.catchers.items() if stays(name)},
    )


def most_powerful(
    cases: Sequence[tuple[str, Collection[str]]], power: Power, seconds: float
) -> frozenset[str]:
    """The ids of cases that need at most so many seconds together and judge the most.

    Greedy, twice: first whatever adds most per second that is not judged or caught yet, until nothing that fits adds
    any; then the rest of the time for second looks, where the n-th look at the same thing adds 1/n.
    """
    picking = _Picking(cases, power, seconds)
    picking.fill(lambda looks: float(looks == 0))
    picking.fill(lambda looks: 1 / (1 + looks))
    return frozenset(picking.chosen)


class _Picking:
    """Cases chosen so far, and what they look at."""

    def __init__(self, cases: Sequence[tuple[str, Collection[str]]], power: Power, seconds: float) -> None:
        self.chosen: set[str] = set()
        self._facts = {case: [*requirements, *power.kills_of(case)] for case, requirements in cases}
        self._power = power
        self._seconds_left = seconds
        self._looks: Counter[str] = Counter()

    def fill(self, worth: Callable[[int], float]) -> None:
        """Choose what fits and adds something; ``worth`` of one more look at what was looked at so often."""
        # What a case adds only ever falls, so a stale entry that is still the best after a second look is the best.
        queue = [(-self._gain(case, worth), case) for case in self._facts if case not in self.chosen]
        heapq.heapify(queue)
        while queue:
            _, case = heapq.heappop(queue)
            gain = self._gain(case, worth)
            if gain <= 0 or self._power.seconds_of(case) > self._seconds_left:
                continue
            if queue and gain < -queue[0][0]:
                heapq.heappush(queue, (-gain, case))
                continue
            self.chosen.add(case)
            self._seconds_left -= self._power.seconds_of(case)
            self._looks.update(self._facts[case])

    def _gain(self, case: str, worth: Callable[[int], float]) -> float:
        return sum(worth(self._looks[fact]) for fact in self._facts[case]) / self._power.seconds_of(case)


def balanced_part(groups: Iterable[Sequence[str]], power: Power, number: int, count: int) -> frozenset[str]:
    """Part ``number`` of ``count`` (from 1) of the cases, each part needing about as long; groups stay together."""
    longest_first = sorted(
        ((sum(map(power.seconds_of, group)), min(group), group) for group in groups),
        key=lambda one: (-one[0], one[1]),
    )
    loads = [0.0] * count
    mine: set[str] = set()
    for seconds, _, group in longest_first:
        lightest = loads.index(min(loads))
        loads[lightest] += seconds
        if lightest == number - 1:
            mine.update(group)
    return frozenset(mine)
