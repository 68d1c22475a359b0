import pytest
from arqonbus_conformance.verdict import ExitCode, Outcome, Verdict, exit_code, outcome, roll_up
from hypothesis import given
from hypothesis import strategies as st

VERDICTS = st.lists(st.sampled_from(Verdict))


@given(VERDICTS, st.sampled_from(Verdict))
def test_more_evidence_never_makes_it_better(verdicts: list[Verdict], one: Verdict) -> None:
    """Rolling up is monotone: the worst wins."""
    assert roll_up([*verdicts, one]).rank >= one.rank
    assert roll_up([one, *verdicts]) is roll_up([*verdicts, one])


def test_nothing_is_unverified() -> None:
    """No case, no green."""
    assert roll_up([]) is Verdict.UNVERIFIED


@pytest.mark.parametrize(
    ("musts", "cases", "code"),
    [
        ([Verdict.HOLDS], [Verdict.HOLDS], ExitCode.PASS),
        ([Verdict.HOLDS, Verdict.NOT_APPLICABLE], [Verdict.HOLDS], ExitCode.PASS),
        ([Verdict.HOLDS, Verdict.OUT_OF_SCOPE], [Verdict.HOLDS], ExitCode.PASS),
        ([Verdict.VIOLATED, Verdict.BROKEN], [Verdict.VIOLATED, Verdict.BROKEN], ExitCode.VIOLATED),
        ([Verdict.HOLDS], [Verdict.VIOLATED], ExitCode.PASS),
        ([Verdict.HOLDS], [Verdict.HOLDS, Verdict.BROKEN], ExitCode.SUITE_FAULT),
        ([Verdict.HOLDS, Verdict.UNKNOWN], [Verdict.HOLDS, Verdict.UNKNOWN], ExitCode.INCOMPLETE),
        ([Verdict.HOLDS, Verdict.UNVERIFIED], [Verdict.HOLDS], ExitCode.INCOMPLETE),
        ([], [], ExitCode.INCOMPLETE),
        ([Verdict.OUT_OF_SCOPE], [Verdict.OUT_OF_SCOPE], ExitCode.INCOMPLETE),
    ],
)
def test_the_exit_code_follows_the_verdicts(
    musts: list[Verdict], cases: list[Verdict], code: ExitCode
) -> None:
    """A shown violation first, then a fault of the suite, then what is undecided; a SHOULD fails nothing."""
    assert exit_code(musts, cases) is code


def test_an_interrupted_run_is_never_a_pass() -> None:
    """What did not run cannot hold."""
    assert exit_code([Verdict.HOLDS], [Verdict.HOLDS], interrupted=True) is ExitCode.INCOMPLETE


def test_every_exit_code_has_a_word() -> None:
    """The report says in a word what the exit code says in a number."""
    words = [
        outcome(code)
        for code in (ExitCode.PASS, ExitCode.VIOLATED, ExitCode.SUITE_FAULT, ExitCode.UNREACHABLE)
    ]

    assert words == [Outcome.PASS, Outcome.FAIL, Outcome.FAULT, Outcome.INCOMPLETE]
