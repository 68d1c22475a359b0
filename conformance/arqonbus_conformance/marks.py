"""What a case says about itself: requirement ids, needs, blast radius, level, time limit and how it is run."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final, TypeVar

import pytest

from arqonbus_conformance.depth import Depth

__all__ = [
    "CASE_SECONDS",
    "MARKERS",
    "Blast",
    "Need",
    "blast",
    "depth",
    "exclusive",
    "needs",
    "observations",
    "repeats",
    "requirement",
    "time_limit",
]

CASE_SECONDS: Final = 30.0
"""The longest a case may take unless it says otherwise with ``time_limit``, in seconds."""

MARKERS: Final = (
    "requirement(*ids): the requirements that the case judges",
    "needs(*needs): what the case needs of the target",
    "blast(radius): how far the effects of the case reach",
    "time_limit(seconds): how long the case may take",
    "depth(level): the level from which on the case is run",
    "exclusive: no other case uses the main deployment meanwhile",
    "observations(least): how often the case looks at the deployment at least",
    "repeats(count): how often the level full runs the case",
)
"""Every mark of a case, as pytest wants them registered."""

Case = TypeVar("Case", bound=Callable[..., Any])


class Need(StrEnum):
    """What a case may need beyond the bus endpoint."""

    LAUNCH = "launch"
    CONTROL_VALKEY = "control:valkey"
    AUTH = "auth"
    NO_AUTH = "no-auth"
    CONSUMER_GROUPS = "consumer_groups"
    DURABLE = "durable"
    HTTP = "http"
    TELEMETRY = "telemetry"
    SHIELD = "shield"
    LAUNCH_SHIELD = "launch:shield"
    SPINE = "spine"
    CONTROL_NATS = "control:nats"


class Blast(StrEnum):
    """How far the effects of a case reach, mildest first."""

    READ_ONLY = "read-only"
    OWN_NAMESPACE = "own-namespace"
    DISRUPTIVE = "disruptive"
    RESOURCE_EXHAUSTING = "resource-exhausting"


def requirement(*ids: str) -> Callable[[Case], Case]:
    """Register the decorated function as a case that judges the requirements ``ids``."""
    return pytest.mark.requirement(*ids)


def needs(*names: str) -> Callable[[Case], Case]:
    """Say what the case needs; each name is one of ``Need``.

    Raises:
        ValueError: a name is not a need.
    """
    return pytest.mark.needs(*(Need(name) for name in names))


def blast(radius: str) -> Callable[[Case], Case]:
    """Say how far the effects of the case reach; one of ``Blast``, own-namespace where nothing is said.

    Raises:
        ValueError: ``radius`` is none of them.
    """
    return pytest.mark.blast(Blast(radius))


def time_limit(seconds: float) -> Callable[[Case], Case]:
    """Give the case ``seconds`` instead of ``CASE_SECONDS``; a case over its limit is *unknown*."""
    return pytest.mark.time_limit(seconds)


def depth(level: str) -> Callable[[Case], Case]:
    """Say from which level on the case is run; one of ``Depth``, standard where nothing is said.

    Raises:
        ValueError: ``level`` is none of them.
    """
    return pytest.mark.depth(Depth(level))


def exclusive(case: Case) -> Case:
    """Say that no other case may use the main deployment meanwhile: this one looks at all of its traffic.

    What is disruptive or exhausts resources is exclusive without a word.
    """
    marked: Case = pytest.mark.exclusive(case)
    return marked


def observations(least: int) -> Callable[[Case], Case]:
    """Say how often the case looks at what the deployment did before it may hold; 1 where nothing is said.

    Raises:
        ValueError: ``least`` is below 1: a case that looks at nothing judges nothing.
    """
    if least < 1:
        raise ValueError(f"observations: {least} is not allowed; allowed: 1 and more")
    return pytest.mark.observations(least)


def repeats(count: int) -> Callable[[Case], Case]:
    """Say how often the level *full* runs the case, because what it looks for depends on chance.

    Raises:
        ValueError: ``count`` is below 2.
    """
    if count < 2:
        raise ValueError(f"repeats: {count} is not allowed; allowed: 2 and more")
    return pytest.mark.repeats(count)
