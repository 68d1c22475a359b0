"""Hunting mutants: one run each in a fork of one collection, several beside each other, each on deployments of its own."""

import functools
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import pytest
from arqonbus_fixtures.mutants.mutant import Mutant
from arqonbus_fixtures.mutants.registry import mutant_named

from arqonbus_conformance.judge import Judge
from arqonbus_conformance.judging import CaseResult, requirement_verdicts
from arqonbus_conformance.mutation.collected import Collected, told_by
from arqonbus_conformance.mutation.forks import in_forks
from arqonbus_conformance.mutation.matrix import Kill, Outcome, collateral_of, outcome_of
from arqonbus_conformance.mutation.plan import Plan, plan_for
from arqonbus_conformance.power import Power, function_of, measured_power
from arqonbus_conformance.recording import CASE
from arqonbus_conformance.target import Target, embedded_reference
from arqonbus_conformance.verdict import Verdict

__all__ = ["ORIGINAL", "hunt_all", "target_of"]

ORIGINAL: Final = "-m arqonbus_reference"
"""How the deployment that mutants are made of is launched."""


class _Chase:
    """A pytest plugin: once a case has caught the mutant, the other cases that claim to are not run.

    With ``every_case`` only those of the same function are not: each of them would wait in vain for as long.
    """

    def __init__(self, judge: Judge, requirement: str, *, every_case: bool) -> None:
        self._judge = judge
        self._requirement = requirement
        self._every_case = every_case

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Leave out a case that could only say once more what is known."""
        case = item.stash[CASE]
        if self._requirement not in case.requirements:
            return
        catchers = _catchers(self._requirement, self._judge.results)
        if function_of(case.id) in catchers or (catchers and not self._every_case):
            pytest.skip("the mutant is caught already")


def target_of(mutant: str) -> Target:
    """The embedded reference, launched as that mutant wherever it is launched."""
    target = embedded_reference()
    assert target.launch is not None  # noqa: S101 - the shipped profile launches
    mutated = f"-m arqonbus_fixtures.mutants {mutant}"
    launch = target.launch._replace(
        command=target.launch.command.replace(ORIGINAL, mutated),
        preflight=target.launch.preflight.replace(ORIGINAL, mutated),
        shield=None if target.launch.shield is None else target.launch.shield.replace(ORIGINAL, mutated),
    )
    return target._replace(name=f"mutant {mutant}", launch=launch)


def _hunt(collected: Collected, mutant: Mutant, plan: Plan, *, every_case: bool) -> Kill:
    """Run the cases of the plan on the mutant and say what became of it; once, in a fork."""
    began, judge = time.monotonic(), collected.judge
    chase = _Chase(judge, mutant.requirement, every_case=every_case)
    lost = collected.run((*plan.own, *plan.sample), target_of(mutant.id), chase)
    if lost:
        judge.faults.append(f"{len(lost)} of the cases were not found, such as {min(lost)}")
    return _kill(mutant, judge, time.monotonic() - began)


def _kill(mutant: Mutant, judge: Judge, seconds: float) -> Kill:
    judged = judge.requirements.of(name for result in judge.results for name in result.requirements)
    verdicts = requirement_verdicts(judged, judge.results, judge.scope)
    return Kill(
        id=mutant.id,
        requirement=mutant.requirement,
        story=mutant.story,
        # What a broken hunt found says nothing of the mutant.
        outcome=Outcome.SURVIVED if judge.faults else outcome_of(mutant.requirement, verdicts),
        by=_catcher(mutant.requirement, judge.results),
        catchers=_catchers(mutant.requirement, judge.results),
        seconds=round(seconds, 3),
        verdicts=verdicts,
        collateral=collateral_of(mutant.requirement, [(r.requirements, r.verdict) for r in judge.results]),
        problem="; ".join([*([judge.unreachable] if judge.unreachable else []), *judge.faults]),
    )


def _catcher(requirement: str, results: Iterable[CaseResult]) -> str:
    """The first case that judges the requirement and found it violated; else the first that found anything violated."""
    violated = [result for result in results if result.verdict is Verdict.VIOLATED]
    own = [result for result in violated if requirement in result.requirements]
    return next((result.id for result in [*own, *violated]), "")


def _catchers(requirement: str, results: Iterable[CaseResult]) -> tuple[str, ...]:
    """The functions whose cases judge the requirement and found it violated."""
    found = {
        function_of(result.id)
        for result in results
        if result.verdict is Verdict.VIOLATED and requirement in result.requirements
    }
    return tuple(sorted(found))


def _kills(mutants: Sequence[str], jobs: int, collected: Collected, *, every_case: bool) -> Iterator[Kill]:
    """Hunt the mutants, and once more those whose hunt had a problem, one at a time: a busy machine is no finding."""
    # Shown every case, a mutant of silence would use up the patience of its run with those that are known to catch it.
    power = Power({}, {}) if every_case else measured_power()
    plans = {
        one.id: functools.partial(
            _hunt,
            collected,
            one,
            plan_for(one.id, one.requirement, collected.cases, power),
            every_case=every_case,
        )
        for one in map(mutant_named, mutants)
    }
    again: list[str] = []
    for kill in in_forks(list(plans.values()), jobs=jobs):
        if kill.problem:
            again.append(kill.id)
        else:
            yield kill
    yield from in_forks([plans[name] for name in again], jobs=1)


def hunt_all(
    mutants: Sequence[Mutant], *, jobs: int, revision: str | None = None, every_case: bool = False
) -> Iterator[Kill]:
    """Hunt each mutant, ``jobs`` beside each other; kills come as they are made.

    With ``every_case`` a mutant that is caught is still shown the other cases of its requirement.
    ``revision`` is that of the requirement set that is judged by, the newest frozen one unless given.

    Raises:
        ForkError: the hunt ended before its end, or the cases could not be collected.
    """
    return told_by(
        functools.partial(_kills, [one.id for one in mutants], jobs, every_case=every_case), revision
    )
