from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from arqonbus_conformance.judge import Judge
from arqonbus_conformance.judging import CaseResult, Finding
from arqonbus_conformance.report.junit import as_element
from arqonbus_conformance.report.making import Span, make_report
from arqonbus_conformance.report.model import Report
from arqonbus_conformance.requirements import requirement_set
from arqonbus_conformance.selection import RunRequest
from arqonbus_conformance.signatures import signature_of
from arqonbus_conformance.target import quick_target
from arqonbus_conformance.verdict import Verdict
from arqonbus_conformance.waiver_file import read_waivers
from arqonbus_conformance.waivers import Waiver, WaiverFileError, parse

TODAY = date(2026, 3, 1)
PLAIN = "ROUTE-001"
SECURE = next(one.id for one in requirement_set().by_id.values() if one.security and one.level == "MUST")


def case(
    verdict: Verdict,
    name: str = "test_v",
    *,
    requirements: tuple[str, ...] = (PLAIN,),
    reason: str = "the code",
) -> CaseResult:
    finding = None if verdict is Verdict.HOLDS else Finding(verdict, reason, "1002", "1000")
    return CaseResult(f"unit/test_m::{name}", "unit", requirements, verdict, 0.5, finding=finding)


FAILING = case(Verdict.VIOLATED)
HOLDING = case(Verdict.HOLDS, "test_h")


def waiver(
    *, requirement: str = PLAIN, expires: date = TODAY, signature: str = signature_of(FAILING)
) -> Waiver:
    return Waiver(requirement, "ann", "the proxy rewrites it", "OPS-1", expires, signature)


def report_of(*waivers: Waiver, results: tuple[CaseResult, ...], selected: bool = True) -> Report:
    judge = Judge(quick_target("ws://127.0.0.1:9100", None, None), seed=1)
    judge.waivers, judge.waiver_file = waivers, "waivers.toml" if waivers else ""
    for result in results:
        judge.record(result)
    began = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)
    judge.request = RunRequest(keyword="x" if selected else "")
    return make_report(judge, Span(began, 1.0))


def test_a_fresh_waiver_with_the_right_signature_lets_a_run_pass() -> None:
    """On its last day too; the case ran, its violation is shown, and who allowed it."""
    report = report_of(waiver(), results=(FAILING, HOLDING))

    assert report.exit_code == 0
    assert report.waivers[0].status == "applied"
    assert report.waivers[0].cases == (FAILING.id,)
    assert [(line.verdict, line.waived) for line in report.requirements] == [("violated", True)]
    assert [(one.waived, one.signature) for one in report.failures] == [(True, signature_of(FAILING))]
    assert "except 1 that waivers cover (ROUTE-001)" in report.sentence
    assert "violations are allowed for now by 1 waivers of waivers.toml" in report.notes


@pytest.mark.parametrize(
    ("given", "results", "code", "status", "says"),
    [
        (waiver(expires=TODAY - timedelta(1)), (FAILING,), 3, "expired", "it expired on 2026-02-28"),
        (waiver(), (case(Verdict.HOLDS),), 3, "stale", "holds now"),
        (waiver(), (case(Verdict.VIOLATED, reason="else"),), 1, "unmatched", "another signature: unit/"),
        (waiver(requirement="ROUTE-999"), (HOLDING,), 3, "unmatched", "has no ROUTE-999"),
        (waiver(requirement=SECURE), (HOLDING,), 3, "forbidden", "MUST of security"),
        (waiver(), (HOLDING,), 0, "not_judged", "not selected"),
        (waiver(), (case(Verdict.UNKNOWN), HOLDING), 2, "not_judged", "is unknown"),
        (waiver(expires=TODAY - timedelta(1)), (FAILING, case(Verdict.VIOLATED, "test_w")), 1, "expired", ""),
        (waiver(), (FAILING, case(Verdict.VIOLATED, "test_w")), 1, "applied", ""),
        (waiver(), (FAILING, case(Verdict.UNKNOWN, "test_u")), 2, "applied", ""),
        (waiver(), (FAILING, case(Verdict.BROKEN, "test_b")), 4, "applied", ""),
        (waiver(), (case(Verdict.VIOLATED, requirements=(PLAIN, "ROUTE-002")),), 1, "applied", ""),
    ],
)
def test_each_fate_of_a_waiver(
    given: Waiver, results: tuple[CaseResult, ...], code: int, status: str, says: str
) -> None:
    """A waiver excuses exactly the failure it names, and a wrong one is a fault of its own."""
    report = report_of(given, results=results)

    assert (report.exit_code, report.waivers[0].status) == (code, status)
    assert says in report.waivers[0].problem


def test_a_violated_must_of_security_cannot_be_waived() -> None:
    """The waiver is forbidden, and the requirement stays violated."""
    failing = case(Verdict.VIOLATED, requirements=(SECURE,))

    report = report_of(waiver(requirement=SECURE), results=(failing, HOLDING))

    assert report.exit_code == 3
    assert not report.failures[0].waived
    assert "forbidden" in report.sentence


def test_a_case_that_does_not_exist_is_unmatched_in_a_complete_run() -> None:
    """In a selection it is only not judged."""
    report = report_of(waiver(), results=(HOLDING,), selected=False)

    assert report.waivers[0].status == "unmatched"
    assert "no case of ROUTE-001" in report.waivers[0].problem


def test_a_run_that_decided_nothing_is_no_matter_of_waivers() -> None:
    """An expired waiver does not hide that no case ran."""
    assert report_of(waiver(expires=TODAY - timedelta(1)), results=()).exit_code == 2


def test_junit_skips_what_is_waived_and_lists_the_waivers() -> None:
    """A server that reads only this file is green, and can be asked why."""
    element = as_element(report_of(waiver(), results=(FAILING, HOLDING)))

    assert element.findall(".//failure") == []
    skipped = element.find(".//skipped")
    assert skipped is not None
    assert skipped.get("message") == "violated (waived): the code"
    listed = element.find("testsuite[@name='gate']/properties/property[@name='waiver']")
    assert listed is not None
    assert listed.get("value") == "ROUTE-001 applied until 2026-03-01, ann, OPS-1: the proxy rewrites it"


def test_a_signature_is_that_of_the_text_that_the_report_shows() -> None:
    """A credential in a reason is cut out of both, so that the copied signature matches."""
    leaking = case(Verdict.VIOLATED, reason="it said Bearer abcdefgh")
    shown = report_of(results=(leaking,)).failures[0].signature

    report = report_of(waiver(signature=shown), results=(leaking, HOLDING))

    assert "abcdefgh" not in shown
    assert report.exit_code == 0


WRITTEN = """
[[waiver]]
requirement = "ROUTE-001"
owner = "ann"
reason = "the proxy rewrites it"
issue = "https://tracker.example/1"
expires = 2026-03-31
signature = 'unit/test_m::test_x[*]: the code (expected 1002, actual 1000)'
"""


def test_a_file_of_waivers_is_read() -> None:
    """Into values."""
    (read,) = parse(WRITTEN, TODAY)

    assert (read.requirement, read.expires) == ("ROUTE-001", date(2026, 3, 31))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("2026-03-31", '"2026-03-31"'), "waiver[1].expires: '2026-03-31' is not allowed; allowed: a date"),
        (("2026-03-31", "2026-03-31T00:00:00Z"), "waiver[1].expires"),
        (("2026-03-31", "2026-08-29"), "of at most 2026-08-28, 180 days from today"),
        (("https://tracker.example/1", "later"), "waiver[1].issue: 'later' is not allowed"),
        (('owner = "ann"', ""), "waiver[1].owner: it is missing"),
        (('owner = "ann"', 'owner = " "'), "waiver[1].owner: ' ' is not allowed"),
        (("owner", "ovner"), "waiver[1].ovner: there is no such field"),
        (("unit/test_m::test_x[*]: ", "*: "), "waiver[1].signature"),
        (("[[waiver]]", "[waiver]"), "waiver: "),
        (("[[waiver]]", "[[waivers]]"), "waivers: there is no such field; allowed: waiver"),
        ((WRITTEN, WRITTEN * 2), "occurs twice"),
        ((WRITTEN, ""), "waiver: it is missing"),
        ((WRITTEN, "="), "it is not TOML"),
    ],
)
def test_a_file_that_is_not_valid_is_refused(change: tuple[str, str], says: str) -> None:
    """With the waiver, the field, the value and what is allowed."""
    with pytest.raises(WaiverFileError) as refused:
        parse(WRITTEN.replace(*change), TODAY)

    assert says in str(refused.value)


def test_all_problems_are_said_at_once(tmp_path: Path) -> None:
    """Each with the name of the file."""
    path = tmp_path / "waivers.toml"
    path.write_text(WRITTEN.replace("ann", "").replace("https://tracker.example/1", "later"))

    with pytest.raises(WaiverFileError) as refused:
        read_waivers(path, TODAY)

    assert len(refused.value.problems) == 2
    assert all(problem.startswith(f"{path}: waiver[1].") for problem in refused.value.problems)


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    """A waiver file that was named and is missing is no empty one."""
    with pytest.raises(WaiverFileError, match="cannot be read"):
        read_waivers(tmp_path / "none.toml", TODAY)
