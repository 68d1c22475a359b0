import pytest
from arqonbus_conformance.findings import (
    NotApplicable,
    NotOffered,
    OutOfScope,
    SuiteFault,
    Unanswered,
    Unfinished,
    Unreachable,
    Violation,
)
from arqonbus_conformance.judging import CaseResult, finding_of, requirement_verdicts
from arqonbus_conformance.requirements import Level, Requirement, Scope
from arqonbus_conformance.verdict import Verdict


@pytest.mark.parametrize(
    ("ended", "verdict"),
    [
        (AssertionError("x"), Verdict.VIOLATED),
        (Violation("x"), Verdict.VIOLATED),
        (Unanswered("x"), Verdict.VIOLATED),
        (pytest.fail.Exception("DID NOT RAISE"), Verdict.VIOLATED),
        (Unreachable("x"), Verdict.UNKNOWN),
        (ConnectionResetError(), Verdict.UNKNOWN),
        (ConnectionRefusedError(), Verdict.UNKNOWN),
        (Unfinished("x"), Verdict.UNKNOWN),
        (NotOffered("x"), Verdict.UNVERIFIED),
        (pytest.skip.Exception("x"), Verdict.UNVERIFIED),
        (NotApplicable("x"), Verdict.NOT_APPLICABLE),
        (OutOfScope("x"), Verdict.OUT_OF_SCOPE),
        (SuiteFault("x"), Verdict.BROKEN),
        (KeyError("x"), Verdict.BROKEN),
        (TimeoutError(), Verdict.BROKEN),
        (ExceptionGroup("x", [NotOffered("a"), Violation("b"), KeyError("c")]), Verdict.VIOLATED),
    ],
)
def test_how_a_case_ends_is_its_verdict(ended: BaseException, verdict: Verdict) -> None:
    """One table decides; what is not in it is a fault of the suite; of several ends the worst counts."""
    assert finding_of(ended).verdict is verdict


def test_a_violation_carries_what_was_expected_and_seen() -> None:
    """A report shows both."""
    finding = finding_of(Violation("the code", expected=1002, actual=1000))

    assert (finding.reason, finding.expected, finding.actual) == ("the code", "1002", "1000")
    assert finding.traceback == ""


def test_a_fault_of_the_suite_carries_its_traceback() -> None:
    """So that it can be mended."""
    assert "KeyError" in finding_of(KeyError("x")).traceback


def need(name: str, scope: Scope = Scope.ENDPOINT) -> Requirement:
    return Requirement(name, Level.MUST, "unit", scope, "docs", "It holds.", 3)


def case(verdict: Verdict, *names: str) -> CaseResult:
    return CaseResult("unit/x::y", "unit", names, verdict, 0.0)


def test_the_worst_case_decides_a_requirement() -> None:
    """And one without a case is unverified."""
    cases = [case(Verdict.HOLDS, "A-001", "A-002"), case(Verdict.VIOLATED, "A-002")]

    verdicts = requirement_verdicts([need("A-001"), need("A-002"), need("A-003")], cases, Scope.DEPLOYMENT)

    assert verdicts == {"A-001": Verdict.HOLDS, "A-002": Verdict.VIOLATED, "A-003": Verdict.UNVERIFIED}


def test_in_endpoint_scope_what_needs_a_launch_is_left_out() -> None:
    """Unless a case showed it violated all the same."""
    inside = [need(f"A-00{number}", Scope.DEPLOYMENT) for number in (1, 2, 3)]
    cases = [
        case(Verdict.OUT_OF_SCOPE, "A-001"),
        case(Verdict.VIOLATED, "A-002"),
        case(Verdict.OUT_OF_SCOPE, "A-004"),
    ]

    verdicts = requirement_verdicts([*inside, need("A-004"), need("A-005")], cases, Scope.ENDPOINT)

    assert verdicts == {
        "A-001": Verdict.OUT_OF_SCOPE,
        "A-002": Verdict.VIOLATED,
        "A-003": Verdict.OUT_OF_SCOPE,
        "A-004": Verdict.OUT_OF_SCOPE,
        "A-005": Verdict.UNVERIFIED,
    }
