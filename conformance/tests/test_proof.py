"""The gate can fail: every requirement is judged, every MUST is broken by a mutant, and no case goes unnoticed."""

import re
from collections import Counter
from pathlib import Path

import pytest
from arqonbus_conformance.catalogue import EVERY, registered_cases
from arqonbus_conformance.mutation.plan import Huntable, plan_for
from arqonbus_conformance.power import function_of, measured_power
from arqonbus_conformance.requirements import Level, requirement_set, revisions
from arqonbus_fixtures.mutants.registry import all_mutants

NEWEST = requirement_set(revisions()[-1])
CASES = registered_cases(EVERY, NEWEST)
MUTANTS = all_mutants()
BROKEN = {one.requirement for one in MUTANTS.values()}

PAGE = Path(__file__).parents[2] / "docs/requirements.md"
ROW = re.compile(r"^\| ([A-Z]+-\d{3}) \|.*\| ([^|]*) \|$", re.MULTILINE)
JUDGE = re.compile(r"`([^`]+)`(?: \((\d+)\))?")

NO_MUTANT: dict[str, str] = {}
"""By id of a MUST that one deployment cannot break: why."""


def published() -> dict[str, Counter[str]]:
    """By requirement: the functions that the page says judge it, and with how many cases each."""
    return {
        requirement: Counter({name: int(count or 1) for name, count in JUDGE.findall(judges)})
        for requirement, judges in ROW.findall(PAGE.read_text("utf-8"))
    }


@pytest.mark.parametrize("requirement", NEWEST.by_id)
def test_each_case_that_was_published_is_there(requirement: str) -> None:
    """A case that was deleted, renamed or no longer found leaves its requirement uncovered: the page is the census.

    `nox -s pages` publishes a set of cases that was changed on purpose.
    """
    there = Counter(function_of(name) for name, _ in CASES.get(requirement, ()))

    missing = published()[requirement] - there

    assert not missing, f"{requirement} is no longer judged by {dict(missing)}"


@pytest.mark.parametrize("requirement", NEWEST.by_id)
def test_each_requirement_has_a_case(requirement: str) -> None:
    """Also one that is recommended: a sentence that nobody judges is none of the set."""
    assert CASES.get(requirement, ()), f"{requirement} has no case: {NEWEST.by_id[requirement].sentence}"


@pytest.mark.parametrize(
    "requirement", [name for name, one in NEWEST.by_id.items() if one.level is Level.MUST]
)
def test_each_must_is_broken_by_a_mutant_or_says_why_not(requirement: str) -> None:
    """What no known-bad deployment breaks has never been seen to fail."""
    assert (requirement in BROKEN) is not (requirement in NO_MUTANT), (
        f"{requirement} needs a mutant in arqonbus_fixtures/mutants/catalogue, or a reason in NO_MUTANT"
    )


@pytest.mark.parametrize("name", MUTANTS)
def test_each_mutant_has_cases_to_hunt_it(name: str) -> None:
    """It breaks a requirement of the newest set that cases judge, and a sample of others watches what else it breaks."""
    requirement = MUTANTS[name].requirement
    cases = [
        Huntable(case, (judged,), launches=False, mild=True)
        for judged, of_it in CASES.items()
        for case, _ in of_it
    ]

    plan = plan_for(name, requirement, cases, measured_power())

    assert requirement in NEWEST.by_id
    assert plan.own
    assert plan.sample


def test_every_area_has_mutants() -> None:
    """At least one for each, and more than a hundred in all."""
    areas = {NEWEST.by_id[one.requirement].area for one in MUTANTS.values()}

    assert areas == {one.area for one in NEWEST.by_id.values()}
    assert len(MUTANTS) > 100


def test_every_case_judges_a_requirement_of_the_set() -> None:
    """A case of nothing would be run, and count for nothing."""
    assert set(CASES) == set(NEWEST.by_id)
