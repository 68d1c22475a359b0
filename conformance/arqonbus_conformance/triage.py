"""How severe a failure is and whose matter it is, from the requirement it violates. Pure."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from arqonbus_conformance.requirements import Level, Requirement

__all__ = ["Kind", "Severity", "kind_of", "severity_of"]


class Severity(StrEnum):
    """How much a failure weighs, heaviest first."""

    BLOCKER = "blocker"
    CRITICAL = "critical"
    HIGH = "high"


class Kind(StrEnum):
    """Where the cause of a failure is to be looked for first."""

    CONFIG = "config"
    DEPENDENCY = "dependency"
    CODE = "code"


KEEPING_AREAS: Final = frozenset({"STORE", "FAULT", "NATS"})
"""Areas in which a violation loses or doubles what was acknowledged."""
DEPENDENCY_AREAS: Final = frozenset({"PKG"})
CONFIG_AREAS: Final = frozenset({"CONF"})


def severity_of(requirements: Iterable[Requirement]) -> Severity:
    """Blocker for security; critical for another MUST that keeps data or the start safe; high for the rest."""
    judged = list(requirements)
    if any(one.security and one.level is Level.MUST for one in judged):
        return Severity.BLOCKER
    if any(one.level is Level.MUST and (one.criteria or one.area in KEEPING_AREAS) for one in judged):
        return Severity.CRITICAL
    return Severity.HIGH


def kind_of(requirements: Iterable[Requirement]) -> Kind:
    """Dependency where one is about packages, config where one is about configuration, else code."""
    areas = {one.area for one in requirements}
    if areas & DEPENDENCY_AREAS:
        return Kind.DEPENDENCY
    return Kind.CONFIG if areas & CONFIG_AREAS else Kind.CODE
