"""Cases that are collected once are run as they would be run alone."""

import functools
from collections import Counter

import conversations
import pytest
from arqonbus_conformance.catalogue import registered_cases
from arqonbus_conformance.mutation.collected import told_by
from arqonbus_conformance.mutation.forks import ForkError
from arqonbus_conformance.mutation.hunting import hunt_all
from arqonbus_conformance.mutation.matrix import Outcome
from arqonbus_conformance.power import function_of
from arqonbus_fixtures.mutants.registry import mutant_named


def test_all_cases_are_collected() -> None:
    """As many of each function as are listed; pytest writes some parameters otherwise when a process collects twice."""
    listed = {name for of_one in registered_cases().values() for name, _ in of_one}

    collected = set(told_by(conversations.of_cases, None))

    assert Counter(map(function_of, collected)) == Counter(map(function_of, listed))


def test_a_case_runs_in_a_fork_as_anywhere() -> None:
    """On a deployment that the fork launches."""
    name = min(
        name for of_one in registered_cases().values() for name, _ in of_one if name.startswith("unit/")
    )

    verdicts = list(told_by(functools.partial(conversations.of_one, name), None))

    assert verdicts == [[(name, "holds")]]


def test_a_case_that_is_not_there_is_said() -> None:
    """It judged nothing, and nobody may take it for one that did."""
    assert list(told_by(conversations.of_nobody, None)) == [{conversations.NOBODY}]


def test_an_end_before_the_end_is_an_error() -> None:
    """What was told before is told all the same."""
    told = told_by(conversations.ended_early, None)

    assert next(told) > 1000
    with pytest.raises(ForkError, match="ended before all were run"):
        next(told)


def test_a_hunted_mutant_is_killed_by_the_requirement_that_it_breaks() -> None:
    """With the case that caught it, and without breaking anything else."""
    mutant = mutant_named("limit-beyond-bound")

    (kill,) = hunt_all([mutant], jobs=1)

    assert (kill.id, kill.outcome, kill.problem) == (mutant.id, Outcome.KILLED, "")
    assert kill.by.startswith("unit/test_history_get::")
    assert kill.collateral == ()
