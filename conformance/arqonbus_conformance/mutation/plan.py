"""Which cases a mutant is hunted with: all that judge its requirement, and a sample of the others. Pure."""

import random
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from arqonbus_conformance.power import Power

__all__ = ["SAMPLE_CASES", "Huntable", "Plan", "plan_for"]

SAMPLE_CASES: Final = 12
"""How many cases of other requirements show whether a mutant breaks more than it claims."""

SAMPLE_SECONDS: Final = 0.05
"""What each of them was measured to need at most, in seconds: a flood says no more of what else is broken than a message."""


class Huntable(NamedTuple):
    """A case as far as a plan needs to know it.

    Attributes:
        launches: whether it needs a deployment of its own, which takes its time.
        mild: whether its effects stay within its own namespace, so that it may run among others.
        edge: whether the main deployment must have its Shield for it.
    """

    id: str
    requirements: tuple[str, ...]
    launches: bool
    mild: bool
    edge: bool = False


class Plan(NamedTuple):
    """The cases of one hunt, in the order in which they run."""

    own: tuple[str, ...]
    sample: tuple[str, ...]


def plan_for(mutant: str, requirement: str, cases: Iterable[Huntable], power: Power) -> Plan:
    """The cases for one mutant; the sample is drawn by its id, so that it is the same every time.

    The case that was seen to catch it comes first, then the functions that do, and cases on a deployment that runs already: most mutants are caught
    without launching another. A mutant that is hunted without Shield, which takes as long to launch as all the rest,
    is sampled without it, and none with cases that are known to be slow.
    """
    everything = list(cases)
    own = [case for case in everything if requirement in case.requirements]
    others = [case for case in everything if requirement not in case.requirements]
    own.sort(
        key=lambda case: (
            case.id != power.catchers.get(mutant),
            mutant not in power.kills_of(case.id),
            case.launches,
            power.seconds_of(case.id),
        )
    )
    if not any(case.edge for case in own):
        others = [case for case in others if not case.edge]
    return Plan(tuple(case.id for case in own), tuple(_sample(mutant, others, power)))


def _sample(mutant: str, others: Sequence[Huntable], power: Power) -> list[str]:
    """At most one case of a requirement, and only those that run on the main deployment and disturb nobody."""
    by_requirement: dict[tuple[str, ...], list[str]] = {}
    for case in others:
        slow = power.knows(case.id) and power.seconds_of(case.id) > SAMPLE_SECONDS
        if case.mild and not case.launches and not slow:
            by_requirement.setdefault(case.requirements, []).append(case.id)
    drawn = random.Random(mutant)  # noqa: S311 - the same sample every time, not a secret
    groups = sorted(by_requirement)
    chosen = drawn.sample(groups, min(SAMPLE_CASES, len(groups)))
    return [drawn.choice(by_requirement[group]) for group in chosen]
