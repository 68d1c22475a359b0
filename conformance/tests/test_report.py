import io
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from arqonbus_conformance.fingerprint import Fingerprint
from arqonbus_conformance.judge import Judge
from arqonbus_conformance.judging import CaseResult, Finding
from arqonbus_conformance.report.advice import replay_command
from arqonbus_conformance.report.json_report import as_document, digest_of, is_whole, write_json
from arqonbus_conformance.report.junit import as_element
from arqonbus_conformance.report.making import Span, make_report
from arqonbus_conformance.report.model import Report
from arqonbus_conformance.report.terminal import show
from arqonbus_conformance.selection import RunRequest
from arqonbus_conformance.target import quick_target
from arqonbus_conformance.transcript import Entry
from arqonbus_conformance.verdict import Verdict
from rich.console import Console


def judged(*results: CaseResult) -> Judge:
    judge = Judge(quick_target("ws://127.0.0.1:9100", None, None), seed=1)
    for result in results:
        judge.record(result)
    return judge


def case(
    verdict: Verdict, name: str = "test_x", finding: Finding | None = None, requirement: str = "ROUTE-001"
) -> CaseResult:
    return CaseResult(
        f"unit/test_m::{name}",
        "unit",
        (requirement,),
        verdict,
        0.5,
        "It [bold]holds[/].",
        finding,
        (Entry(1.0, "ann", ">", "text", 6, "a line"),),
    )


VIOLATED = case(Verdict.VIOLATED, "test_v", Finding(Verdict.VIOLATED, "the [red]code\x00", "1002", "1000"))


def report_of(*results: CaseResult, complete: bool = False) -> Report:
    timing = Span(datetime(2026, 1, 1, tzinfo=UTC), 1.0)
    judge = judged(*results)
    judge.request = RunRequest(keyword="" if complete else "x")
    return make_report(judge, timing)


def printed(report: Report, *, verbose: bool = False) -> str:
    stream = io.StringIO()
    show(report, Console(file=stream, width=100), verbose=verbose)
    return stream.getvalue()


def test_the_footer_closes_the_document() -> None:
    """It is the last thing, counts, and changes with anything above it."""
    document = as_document(report_of(case(Verdict.HOLDS), VIOLATED))

    assert list(document)[-1] == "footer"
    assert document["footer"]["cases"] == 2
    assert document["footer"]["verdicts"] == {"holds": 1, "violated": 1}
    assert is_whole(json.loads(json.dumps(document)))


@pytest.mark.parametrize("name", ["verdict", "cases", "sentence", "footer"])
def test_a_report_that_was_changed_is_not_whole(name: str) -> None:
    """Whatever is changed or cut away."""
    document = as_document(report_of(case(Verdict.HOLDS)))

    del document[name]

    assert not is_whole(document)


def test_the_digest_does_not_depend_on_the_order_of_keys() -> None:
    """A reader may load and write the document again."""
    document = as_document(report_of(case(Verdict.HOLDS)))

    assert digest_of(dict(reversed(document.items()))) == document["footer"]["digest"]


def test_a_report_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """In a folder that is made for it, without leftovers."""
    path = tmp_path / "deep" / "gate.json"

    write_json(report_of(case(Verdict.HOLDS)), path)

    assert is_whole(json.loads(path.read_text("utf-8")))
    assert [one.name for one in path.parent.iterdir()] == ["gate.json"]


def test_a_complete_run_shows_every_requirement() -> None:
    """What no case judged is unverified, and so the run is incomplete."""
    report = report_of(case(Verdict.HOLDS), complete=True)

    verdicts = Counter(line.verdict for line in report.requirements)
    assert verdicts["holds"] == 1
    assert verdicts["unverified"] == len(report.requirements) - 1 > 200
    assert report.exit_code == 2


def test_a_failure_is_shown_with_all_that_is_needed() -> None:
    """Requirement, sentence, expected, actual, transcript, replay; markup in it is text."""
    text = printed(report_of(VIOLATED))

    for part in (
        "violated ROUTE-001",
        "It [bold]holds[/].",
        "the [red]code",
        "1002",
        "1000",
        "a line",
        "-k '",
    ):
        assert part in text
    assert "FAIL exit 1" in text


def test_a_traceback_is_shown_only_when_asked_for() -> None:
    """The report has it anyway."""
    broken = case(
        Verdict.BROKEN, "test_b", Finding(Verdict.BROKEN, "KeyError: 1", traceback="Traceback (most")
    )

    assert "Traceback" not in printed(report_of(broken))
    assert "Traceback" in printed(report_of(broken), verbose=True)


def test_reasons_of_undecided_cases_are_shown_once() -> None:
    """With how many cases share each."""
    unknown = Finding(Verdict.UNKNOWN, "nobody there")

    text = printed(report_of(*[case(Verdict.UNKNOWN, f"test_{number}", unknown) for number in range(3)]))

    assert text.count("nobody there") == 2  # once as a reason, once in the closing sentence
    assert "3 cases" in text


def test_a_violated_should_is_told_and_fails_nothing() -> None:
    """CONF-025 is a SHOULD."""
    report = report_of(case(Verdict.HOLDS), case(Verdict.VIOLATED, "test_s", VIOLATED.finding, "CONF-025"))

    assert report.exit_code == 0
    assert "SHOULD violated CONF-025" in printed(report)


def test_junit_is_not_green_where_nothing_was_decided() -> None:
    """The run is a case of its own: a server that reads only this file must not take no case for a pass."""
    nothing, holds = (
        as_element(report_of(*results)).find("testsuite[@name='gate']")
        for results in [(), (case(Verdict.HOLDS),)]
    )

    assert nothing is not None
    assert nothing.get("errors") == "1"
    assert [error.get("message", "")[:7] for error in nothing.findall("testcase/error")] == ["exit 2:"]
    assert holds is not None
    assert holds.get("errors") == "0"
    assert holds.findall("testcase/error") == []


def test_junit_holds_only_what_xml_can() -> None:
    """Control characters of a hostile deployment are replaced."""
    failure = as_element(report_of(VIOLATED)).find(".//failure")

    assert failure is not None
    assert failure.get("message") == "violated: the [red]code\ufffd"


@pytest.mark.parametrize(
    ("case_id", "command"),
    [
        (
            "unit/test_m::test_x[a-1]",
            "arqonbus-gate run --target 'my bus.toml' --seed 7 -k 'unit/test_m::test_x[a-1]'",
        ),
        (
            "unit/test_m::test_x[it's (a)]",
            "arqonbus-gate run --target 'my bus.toml' --seed 7 -k 'unit/test_m::test_x'",
        ),
    ],
)
def test_the_replay_command_can_be_pasted(case_id: str, command: str) -> None:
    """A parameter that a keyword cannot hold is left out."""
    assert replay_command(case_id, ("--target", "my bus.toml"), 7) == command


def test_the_terminal_says_what_tells_the_target_from_others() -> None:
    """As far as it is known, and harmless to look at."""
    report = report_of(case(Verdict.HOLDS))
    fingerprint = Fingerprint("1.2[red]\x1b", None, None, "ab" * 32)
    known = msgspec.structs.replace(report.target, fingerprint=fingerprint)

    said = printed(msgspec.structs.replace(report, target=known))

    assert f"version 1.2[red]\\x1b, TLS key SHA-256 {'ab' * 32}" in said
    assert "commit" not in said
