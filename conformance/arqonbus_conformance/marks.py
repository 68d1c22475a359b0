"""What a case says about itself: requirement ids, needs, blast radius, time limit."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final, TypeVar

import pytest

__all__ = ["CASE_SECONDS", "Blast", "Need", "blast", "needs", "requirement", "time_limit"]

CASE_SECONDS: Final = 30.0
"""The longest a case may take unless it says otherwise with ``time_limit``, in seconds."""

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
