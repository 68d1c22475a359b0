import pytest
from arqonbus_conformance.judging import CaseResult, Finding
from arqonbus_conformance.signatures import SIGNATURE, case_part_names, signature_of, signatures_of
from arqonbus_conformance.verdict import Verdict
from hypothesis import given
from hypothesis import strategies as st


def failing(
    reason: str, expected: str = "", actual: str = "", name: str = "unit/test_m::test_x"
) -> CaseResult:
    finding = Finding(Verdict.VIOLATED, reason, expected, actual)
    return CaseResult(name, "unit", ("ROUTE-001",), Verdict.VIOLATED, 0.1, finding=finding)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("ann-0a1b2c3d4e-1 got nothing", "ann-ffffffffff-22 got nothing"),
        ("no reply to arq_1_2_abcdef", "no reply to arq_99_3_fedcba"),
        ("it closed after 0.25 s", "it closed after 1.5 s"),
        ("stored_at is 2026-01-01T00:00:00Z", "stored_at is 2027-12-31T23:59:59.5+00:00"),
        ("ws://127.0.0.1:40001 is shut", "ws://127.0.0.1:40002 is shut"),
        ("id 3f2504e0-4f89-11d3-9a0c-0305e82c3301", "id 9b2b05b6-0f5d-11ee-be56-0242ac120002"),
        ("two\nlines", "two   lines"),
    ],
)
def test_what_changes_from_run_to_run_is_no_part_of_it(first: str, second: str) -> None:
    """Names, ids, times, addresses and spaces."""
    assert signature_of(failing(first)) == signature_of(failing(second))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (failing("the code"), failing("the reason")),
        (failing("the code", "1002", "1000"), failing("the code", "1002", "1011")),
        (failing("status is 401"), failing("status is 403")),
        (failing("x", name="unit/test_m::test_x[a]"), failing("x", name="unit/test_m::test_x[b]")),
    ],
)
def test_another_failure_has_another_signature(first: CaseResult, second: CaseResult) -> None:
    """Another reason, another code, another case."""
    assert signature_of(first) != signature_of(second)


def test_a_signature_says_what_failed_and_why() -> None:
    """Values are in it where they are short; whole frames are not."""
    signature = signature_of(failing("the code", "1002", "x" * 61, name="unit/test_m::test_x[a b]"))

    assert signature == "unit/test_m::test_x[a b]: the code (expected 1002)"


def test_a_star_stands_for_any_parameter_and_nothing_else() -> None:
    """Not for a function, a module or a reason."""
    case = failing("the code", name="unit/test_m::test_x[a]")

    assert signatures_of(case)[1] == "unit/test_m::test_x[*]: the code"
    assert "unit/test_m::*: the code" not in signatures_of(case)
    assert len(signatures_of(failing("the code"))) == 1


def test_a_signature_names_its_case_whatever_the_reason() -> None:
    """So that a case that passes now can be told from one that does not exist."""
    assert case_part_names("unit/test_m::test_x[*]: old", "unit/test_m::test_x[a]")
    assert case_part_names("unit/test_m::test_x[a]: old", "unit/test_m::test_x[a]")
    assert not case_part_names("unit/test_m::test_x[a]: old", "unit/test_m::test_x[b]")
    assert not case_part_names("unit/test_m::test_x[*]: old", "unit/test_m::test_x")


@given(st.text(), st.text(), st.text())
def test_every_failure_has_a_signature_of_the_documented_form(
    reason: str, expected: str, parameter: str
) -> None:
    """One line of what can be printed, whatever a hostile deployment made the reason say."""
    signature = signature_of(failing(reason, expected, name=f"unit/test_m::test_x[{parameter}]"))

    assert SIGNATURE.fullmatch(signature)
    assert signature.isprintable()
