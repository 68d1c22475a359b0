"""The gate can fail: every requirement is judged, every MUST is broken by a mutant, and each case catches one, and none goes unnoticed."""

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
JUDGES = {requirement: {function_of(case) for case, _ in of_it} for requirement, of_it in CASES.items()}
FUNCTIONS = sorted(set().union(*JUDGES.values()))
BROKEN = {one.requirement for one in MUTANTS.values()}

PAGE = Path(__file__).parents[2] / "docs/requirements.md"
ROW = re.compile(r"^\| ([A-Z]+-\d{3}) \|.*\| ([^|]*) \|$", re.MULTILINE)
JUDGE = re.compile(r"`([^`]+)`(?: \((\d+)\))?")

NO_MUTANT: dict[str, str] = {}
"""By id of a MUST that one deployment cannot break: why."""

OPEN = "judges a main deployment without authentication; the one that is hunted has it on"
NO_KILL: dict[str, str] = {
    "unit/test_http_access::test_administration_is_open_where_authentication_is_off": OPEN,
    "unit/test_telemetry_socket::test_telemetry_is_open_where_authentication_is_off": OPEN,
}
"""By function of cases that can catch no mutant on the deployment that is hunted: why."""


def caught_by(function: str) -> list[str]:
    """The mutants that were measured to be caught by it, of those that there are and that break what it judges."""
    kills = measured_power().kills.get(function, ())
    return [name for name in kills if name in MUTANTS and function in JUDGES[MUTANTS[name].requirement]]


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


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_case_catches_a_mutant_or_says_why_not(function: str) -> None:
    """What was never seen to fail proves nothing by passing; `nox -s power` measures which catches which."""
    assert bool(caught_by(function)) is not (function in NO_KILL), (
        f"{function} needs a mutant that it catches and a measurement of it (nox -s power), or a reason in NO_KILL"
    )


def test_every_reason_is_of_a_function_that_there_is() -> None:
    """One of a function that was renamed would excuse nothing."""
    assert set(FUNCTIONS) >= set(NO_KILL)


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
