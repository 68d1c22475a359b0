"""A deployment that does not answer costs a bounded time."""

from arqonbus_conformance.patience import VAIN_CASES_IN_A_ROW, VAIN_SECONDS_IN_ALL, Patience
from arqonbus_conformance.verdict import Verdict


def test_a_deployment_that_never_answers_is_given_up() -> None:
    """After ten cases in a row that waited in vain the rest is not tried, and stays untried."""
    patience = Patience()
    states = []

    for _ in range(VAIN_CASES_IN_A_ROW):
        states.append(patience.lost)
        patience.note(Verdict.VIOLATED, 5.0)
    patience.note(Verdict.UNKNOWN, 0.0)

    assert states == [None] * VAIN_CASES_IN_A_ROW
    assert patience.lost is not None


def test_a_case_that_holds_renews_it() -> None:
    """A few slow failures between cases that hold end no run."""
    patience = Patience()

    for _ in range(3):
        for _ in range(VAIN_CASES_IN_A_ROW - 1):
            patience.note(Verdict.VIOLATED, 3.0)
        patience.note(Verdict.HOLDS, 0.01)

    assert patience.lost is None


def test_quick_failures_cost_no_patience() -> None:
    """What fails at once is worth judging to the end."""
    patience = Patience()

    for _ in range(1000):
        patience.note(Verdict.VIOLATED, 0.01)

    assert patience.lost is None


def test_it_ends_in_all() -> None:
    """Slow failures between cases that hold are bounded together."""
    patience = Patience()

    for _ in range(int(VAIN_SECONDS_IN_ALL / 5)):
        patience.note(Verdict.UNKNOWN, 5.0)
        patience.note(Verdict.HOLDS, 0.01)

    assert patience.lost is not None
    assert "300 s" in patience.lost
