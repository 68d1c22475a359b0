from arqonbus_conformance.phases import PLAN, phase_results
from arqonbus_conformance.requirements import PHASES, Level, Requirement, Scope, requirement_set
from arqonbus_conformance.verdict import Verdict


def requirement(name: str, phase: int, level: Level = Level.MUST) -> Requirement:
    return Requirement(name, level, "unit", Scope.ENDPOINT, "docs/spec/routing.md", "It holds.", phase)


SIX = [requirement(f"ROUTE-00{phase}", phase) for phase in PHASES]


def test_each_phase_of_the_shipped_set_has_a_must() -> None:
    """Otherwise it could never be met."""
    musts = {one.phase for one in requirement_set().by_id.values() if one.level is Level.MUST}

    assert musts == set(PHASES) == {phase.number for phase in PLAN}


def test_a_red_phase_blocks_all_later_ones() -> None:
    """The first red one is named; those before it are not blocked."""
    verdicts = {one.id: Verdict.HOLDS for one in SIX} | {"ROUTE-001": Verdict.VIOLATED}

    results = phase_results(SIX, verdicts)

    assert [one.blocked_by for one in results] == [None, None, 1, 1, 1, 1]
    assert results[1].violated == ("ROUTE-001",)


def test_a_phase_that_was_not_judged_is_unverified() -> None:
    """Never green on nothing."""
    results = phase_results(SIX, {"ROUTE-000": Verdict.HOLDS})

    assert [one.verdict for one in results] == [Verdict.HOLDS, *[Verdict.UNVERIFIED] * 5]


def test_a_should_decides_no_phase() -> None:
    """Only a MUST is an exit criterion."""
    wish = requirement("ROUTE-009", 0, Level.SHOULD)

    results = phase_results([*SIX, wish], {"ROUTE-000": Verdict.HOLDS, "ROUTE-009": Verdict.VIOLATED})

    assert results[0].verdict is Verdict.HOLDS
