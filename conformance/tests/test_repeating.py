import pytest
from arqonbus_conformance.judging import Attempt, CaseResult, Finding
from arqonbus_conformance.repeating import REPEAT_SECONDS, Repetition, nothing_asserted, together
from arqonbus_conformance.verdict import Verdict

HOLDS, VIOLATED, UNKNOWN = Verdict.HOLDS, Verdict.VIOLATED, Verdict.UNKNOWN


def result(verdict: Verdict, seconds: float = 1.0) -> CaseResult:
    finding = None if verdict is HOLDS else Finding(verdict, "the code", "1002", "1000")
    return CaseResult("unit/m::a", "unit", ("ENV-001",), verdict, seconds, finding=finding, observations=2)


@pytest.mark.parametrize(
    ("verdicts", "repeats", "answer"),
    [
        ([HOLDS], 1, False),
        ([HOLDS], 3, True),
        ([HOLDS, HOLDS, HOLDS], 3, False),
        ([UNKNOWN], 3, False),
        ([VIOLATED], 1, True),
        ([VIOLATED, HOLDS], 1, True),
        ([VIOLATED, HOLDS, HOLDS], 1, False),
        ([HOLDS, HOLDS, VIOLATED], 5, False),
    ],
)
def test_a_violated_case_is_run_again(verdicts: list[Verdict], repeats: int, *, answer: bool) -> None:
    """Three times in all; one that holds only as often as its level wants."""
    assert Repetition().again([result(verdict) for verdict in verdicts], repeats) is answer


def test_running_again_has_its_time() -> None:
    """For all cases of a process together."""
    repetition = Repetition(attempts=2)
    slow = [result(VIOLATED, REPEAT_SECONDS / 2)]

    assert [repetition.again(slow, 1) for _ in range(3)] == [True, True, False]


def test_a_flaky_violation_stays_one_and_tells_its_rate() -> None:
    """With every attempt, and the finding of the one that was worst."""
    flaky = together([result(VIOLATED), result(HOLDS, 2.0), result(HOLDS)])

    assert flaky.verdict is VIOLATED
    assert flaky.finding == Finding(VIOLATED, "violated 1 of 3 attempts: the code", "1002", "1000")
    assert flaky.attempts == (Attempt(VIOLATED, 1.0), Attempt(HOLDS, 2.0), Attempt(HOLDS, 1.0))
    assert flaky.seconds == 4.0


def test_a_steady_violation_keeps_its_reason() -> None:
    """Whatever compares reasons is not told another one."""
    steady = together([result(VIOLATED), result(VIOLATED)])

    assert steady.finding == result(VIOLATED).finding
    assert len(steady.attempts) == 2
    assert together([result(HOLDS)]) == result(HOLDS)


def test_a_case_that_never_looked_is_broken() -> None:
    """Or looked less often than it says of itself."""
    assert nothing_asserted(1, 1) is None

    found = nothing_asserted(1, 2)

    assert found is not None
    assert found.verdict is Verdict.BROKEN
    assert "asserted nothing" in found.reason
