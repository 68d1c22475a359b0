import pytest
from arqonbus_conformance.criteria import ALL_SUITES, TITLES, criteria_of
from arqonbus_conformance.requirements import CRITERIA, SUITES, requirement_set
from arqonbus_conformance.verdict import Verdict

SHIPPED = list(requirement_set().by_id.values())
ALL_HOLD = {one.id: Verdict.HOLDS for one in SHIPPED}
ALL_RAN = [(suite, Verdict.HOLDS) for suite in SUITES]


def by_id(verdicts: dict[str, Verdict], suites: list[tuple[str, Verdict]]) -> dict[str, Verdict]:
    return {one.id: one.verdict for one in criteria_of(SHIPPED, verdicts, suites)}


def test_all_six_are_met_when_everything_holds() -> None:
    """And there are six, each standing on something."""
    made = criteria_of(SHIPPED, ALL_HOLD, ALL_RAN)

    assert [one.id for one in made] == list(TITLES)
    assert {one.verdict for one in made} == {Verdict.HOLDS}
    assert all(one.requirements for one in made)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_one_violated_requirement_breaks_its_criterion(criterion: str) -> None:
    """And names it."""
    broken = next(one.id for one in SHIPPED if criterion in one.criteria)

    made = {one.id: one for one in criteria_of(SHIPPED, ALL_HOLD | {broken: Verdict.VIOLATED}, ALL_RAN)}

    assert made[criterion].verdict is Verdict.VIOLATED
    assert broken in made[criterion].violated


def test_a_requirement_that_was_not_judged_leaves_its_criterion_unverified() -> None:
    """A selection can meet no criterion it did not look at."""
    assert set(by_id({}, []).values()) == {Verdict.UNVERIFIED}


def test_a_suite_without_a_judged_case_is_no_gate() -> None:
    """Cases that are not applicable alone show nothing."""
    suites = [*ALL_RAN[1:], (SUITES[0], Verdict.NOT_APPLICABLE)]

    assert by_id(ALL_HOLD, suites)[ALL_SUITES] is Verdict.UNVERIFIED
