"""The options that say which cases are asked for, alike for every command that has them."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from arqonbus_conformance.commands.application import UsageError
from arqonbus_conformance.depth import Depth
from arqonbus_conformance.requirements import RequirementSet, requirement_set, revisions
from arqonbus_conformance.selection import (
    RunRequest,
    SelectionError,
    check,
    parse_budget,
    parse_shard,
)

__all__ = ["Asked", "Selected", "named_set"]


def named_set(revision: str | None, option: str = "--requirements") -> RequirementSet:
    """The requirement set of that revision; the newest frozen one where none is named.

    Raises:
        UsageError: there is none of that revision; ``option`` is what named it.
    """
    if revision is not None and revision not in revisions():
        raise UsageError(f"{option}: {revision!r} is not allowed; allowed: {', '.join(revisions())}")
    return requirement_set(revision)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Selected:
    """Which cases; all of level standard unless something is said.

    Parameters
    ----------
    level
        smoke touches every area in about 15 s; standard judges every requirement; full tries more and longer.
    suite
        This suite only: unit, integration, e2e, regression or adversarial; may be repeated.
    requirement
        Cases of this requirement only; may be repeated.
    area
        Cases of this area only, such as ROUTE; may be repeated.
    phase
        Cases of requirements of this phase of the productionization plan or an earlier one, 0 to 5.
    keyword
        Cases that match this expression of case ids and requirement ids.
    budget
        The most powerful cases by measured seconds that fit, such as 60s or 2m; the report says what was left out.
    shard
        One of several disjoint parts, such as 1/4; arqonbus-gate merge puts their reports together.
    requirements
        The revision of the requirement set to judge by, such as 1.0; the newest that is frozen unless given.
    """

    level: Depth = Depth.STANDARD
    suite: Annotated[tuple[str, ...], Parameter(negative="")] = ()
    requirement: Annotated[tuple[str, ...], Parameter(negative="")] = ()
    area: Annotated[tuple[str, ...], Parameter(negative="")] = ()
    phase: int | None = None
    keyword: Annotated[str, Parameter(name=["--keyword", "-k"])] = ""
    budget: str | None = None
    shard: str | None = None
    requirements: str | None = None

    def requirement_set(self) -> RequirementSet:
        """What is judged by.

        Raises:
            UsageError: there is no such revision.
        """
        return named_set(self.requirements)

    def request(self) -> RunRequest:
        """What is asked for.

        Raises:
            UsageError: something of it does not exist.
        """
        try:
            request = RunRequest(
                suites=tuple(dict.fromkeys(self.suite)),
                keyword=self.keyword,
                requirements=tuple(dict.fromkeys(self.requirement)),
                areas=tuple(dict.fromkeys(self.area)),
                phase=self.phase,
                depth=self.level,
                budget_seconds=parse_budget(self.budget) if self.budget is not None else None,
                shard=parse_shard(self.shard) if self.shard is not None else None,
            )
            check(request, self.requirement_set())
        except SelectionError as fault:
            raise UsageError(str(fault)) from fault
        return request


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Asked(Selected):
    """Which cases, and in which order.

    Parameters
    ----------
    shuffle
        Run in an order drawn from the seed.
    """

    shuffle: Annotated[bool, Parameter(negative="")] = False

    def request(self) -> RunRequest:
        """What is asked for.

        Raises:
            UsageError: something of it does not exist.
        """
        return super().request()._replace(shuffle=self.shuffle)
