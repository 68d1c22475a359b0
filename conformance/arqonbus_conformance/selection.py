"""Which cases of a run are asked for, and which requirements they decide. Pure."""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final, NamedTuple

from arqonbus_conformance.depth import Depth
from arqonbus_conformance.ordering import shuffled
from arqonbus_conformance.power import Power, balanced_part, most_powerful
from arqonbus_conformance.requirements import PHASES, SUITES, Requirement, RequirementSet

__all__ = [
    "Candidate",
    "Chosen",
    "RunRequest",
    "SelectionError",
    "Shard",
    "check",
    "choose",
    "parse_budget",
    "parse_shard",
    "scored",
]

START_SECONDS: Final = 4.0
"""What a budget sets aside for collecting the cases and starting the main deployment, in seconds."""
MOST_SHARDS: Final = 256
"""The most parts that a run may be divided into."""
_BUDGET: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(s|m|h)?")
_SHARD: Final = re.compile(r"([0-9]{1,4})/([0-9]{1,4})")
_SECONDS_OF: Final = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


class SelectionError(Exception):
    """What was asked for does not exist; the text names the option, the value and what is allowed."""


class Shard(NamedTuple):
    """Part ``number`` (from 1) of ``parts``."""

    number: int
    parts: int

    def __str__(self) -> str:
        """As it is asked for on the command line."""
        return f"{self.number}/{self.parts}"


class RunRequest(NamedTuple):
    """Which cases are asked for; all of level *standard* by default.

    Attributes:
        suites, keyword: names of suites; an expression of case ids and requirement ids, as pytest's ``-k``.
        requirements, areas, phase: a case is run when one of its requirements is of these ids, of these areas, and
            of this phase or an earlier one.
        depth: the level.
        budget_seconds: how long the cases may take, one after the other; None without bound.
        shard: the part of all that is run here, None for all.
        shuffle: whether the order is drawn from the seed.
        cases: the ids of the cases one by one, in the order in which they are to run; nothing else counts then.
    """

    suites: tuple[str, ...] = ()
    keyword: str = ""
    requirements: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    phase: int | None = None
    depth: Depth = Depth.STANDARD
    budget_seconds: float | None = None
    shard: Shard | None = None
    shuffle: bool = False
    cases: tuple[str, ...] = ()

    @property
    def by_requirement(self) -> bool:
        """Whether it says which requirements are to be decided."""
        return bool(self.requirements or self.areas) or self.phase is not None

    @property
    def all_cases_of_them(self) -> bool:
        """Whether every case of the requirements to be decided is run."""
        parts = (self.suites, self.keyword, self.cases, self.budget_seconds, self.shard)
        return not any(parts) and self.depth is not Depth.SMOKE

    @property
    def complete(self) -> bool:
        """Whether no case of the level is left out and the level judges every requirement."""
        return self.all_cases_of_them and not self.by_requirement


class Candidate(NamedTuple):
    """What choosing needs to know of a case; those of one ``group`` share a deployment and stay together."""

    id: str
    requirements: tuple[str, ...]
    depth: Depth = Depth.STANDARD
    group: str = ""


class Chosen(NamedTuple):
    """The cases to run, in their order, and those that a budget left out, each with the reason."""

    kept: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...] = ()


def check(request: RunRequest, requirements: RequirementSet) -> None:
    """Return when everything that the request names exists.

    Raises:
        SelectionError: something does not.
    """
    areas = list(dict.fromkeys(one.area for one in requirements.by_id.values()))
    _known("--suite", request.suites, SUITES)
    _known("--area", request.areas, areas)
    for name in request.requirements:
        if name in requirements.later:
            raise SelectionError(
                f"--requirement: {name} is no part of requirement set {requirements.revision}; allowed: with "
                f"--requirements {requirements.later[name]}, which brings it"
            )
        if name not in requirements.by_id:
            raise SelectionError(
                f"--requirement: {name!r} is not allowed; allowed: an id of requirement set "
                f"{requirements.revision} (arqonbus-gate list shows them)"
            )
    if request.phase is not None and request.phase not in PHASES:
        raise SelectionError(f"--phase: {request.phase} is not allowed; allowed: {PHASES[0]} to {PHASES[-1]}")


def _known(option: str, names: Iterable[str], allowed: Collection[str]) -> None:
    for name in names:
        if name not in allowed:
            raise SelectionError(f"{option}: {name!r} is not allowed; allowed: {', '.join(allowed)}")


def parse_budget(text: str) -> float:
    """Seconds from ``60``, ``60s``, ``2m`` or ``1h``.

    Raises:
        SelectionError: it is none of these, or leaves no time for a case.
    """
    found = _BUDGET.fullmatch(text.strip())
    seconds = float(found[1]) * _SECONDS_OF[found[2] or ""] if found else 0.0
    if seconds <= START_SECONDS:
        raise SelectionError(
            f"--budget: {text!r} is not allowed; allowed: more than {START_SECONDS:g}s, such as 60s or 2m"
        )
    return seconds


def parse_shard(text: str) -> Shard:
    """A part such as ``1/4``.

    Raises:
        SelectionError: it is none.
    """
    found = _SHARD.fullmatch(text.strip())
    number, parts = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= number <= parts <= MOST_SHARDS:
        raise SelectionError(
            f"--shard: {text!r} is not allowed; allowed: PART/PARTS such as 1/4, at most {MOST_SHARDS} parts"
        )
    return Shard(number, parts)


def choose(
    candidates: Sequence[Candidate],
    request: RunRequest,
    requirements: RequirementSet,
    power: Power,
    seed: int,
) -> Chosen:
    """What is run of the cases that suite and keyword let through.

    The same candidates, request and seed give the same cases in the same order; the shards of one request are
    disjoint and together all of it.
    """
    if request.cases:
        found = {one.id for one in candidates}
        return Chosen(tuple(name for name in request.cases if name in found))
    wanted = _wanted(request, requirements)
    kept = [
        one
        for one in candidates
        if request.depth.runs(one.depth) and (wanted is None or wanted.intersection(one.requirements))
    ]
    left_out: list[tuple[str, str]] = []
    if request.budget_seconds is not None:
        seconds = request.budget_seconds - START_SECONDS
        within = most_powerful([(one.id, one.requirements) for one in kept], power, seconds)
        reason = f"did not fit into the budget of {request.budget_seconds:g} s"
        left_out = [
            (one.id, f"{reason}: {power.seconds_of(one.id):.2f} s measured")
            for one in kept
            if one.id not in within
        ]
        kept = [one for one in kept if one.id in within]
    if request.shard is not None:
        part = balanced_part(_groups(kept), power, request.shard.number, request.shard.parts)
        kept = [one for one in kept if one.id in part]
    order = shuffled(_groups(kept), seed) if request.shuffle else [one.id for one in kept]
    return Chosen(tuple(order), tuple(left_out))


def _groups(candidates: Iterable[Candidate]) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for one in candidates:
        groups.setdefault(one.group or one.id, []).append(one.id)
    return list(groups.values())


def _wanted(request: RunRequest, requirements: RequirementSet) -> set[str] | None:
    """The ids that the request is about, None where it names none."""
    if not request.by_requirement:
        return None
    tests: list[Callable[[Requirement], bool]] = [
        lambda one: not request.requirements or one.id in request.requirements,
        lambda one: not request.areas or one.area in request.areas,
        lambda one: request.phase is None or one.phase <= request.phase,
    ]
    return {one.id for one in requirements.by_id.values() if all(test(one) for test in tests)}


def scored(
    request: RunRequest, requirements: RequirementSet, judged: Collection[str]
) -> Sequence[Requirement]:
    """The requirements that a run decides, when its cases judged those with the ids ``judged``.

    What the request names counts even where no case judged it; what a case judges beside it does not.
    """
    wanted = _wanted(request, requirements)
    named = requirements.by_id.keys() if wanted is None else wanted
    return requirements.of(named if request.all_cases_of_them else set(named).intersection(judged))
