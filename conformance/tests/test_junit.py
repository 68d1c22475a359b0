from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
from arqonbus_conformance.report.junit import as_element, write_junit
from arqonbus_conformance.report.model import Report
from made_reports import EXTERNAL, HOSTILE, made_report


def case_of(report: Report, name: str) -> ET.Element:
    found = as_element(report).find(f".//testcase[@name='{name}']")
    assert found is not None
    return found


def test_a_failing_case_has_its_properties() -> None:
    """Requirement, phase, verdict, severity, class, seed and how to see it again."""
    case = case_of(made_report(failing=True), "test_auth_003")

    properties = [(one.get("name"), one.get("value")) for one in case.iterfind("properties/property")]

    assert properties == [
        ("requirement", "AUTH-003"),
        ("phase", "1"),
        ("verdict", "violated"),
        ("severity", "blocker"),
        ("class", "code"),
        ("seed", "20261125"),
        ("replay", "arqonbus-gate run -k 'unit/test_auth::test_auth_003'"),
    ]


def test_a_transcript_is_the_output_of_its_case() -> None:
    """The failure itself says what was expected and what came."""
    case = case_of(made_report(failing=True, text=HOSTILE), "test_route_007")

    assert "1011 internal error" in (case.findtext("system-out") or "")
    assert "expected: ['sentinel']\nactual: ['late', 'sentinel']" in (case.findtext("failure") or "")
    assert "1011" not in (case.findtext("failure") or "")


def test_a_case_that_holds_says_no_more_than_that() -> None:
    """It has neither an end nor output."""
    case = case_of(made_report(), "test_route_007")

    assert [one.tag for one in case] == ["properties"]


def test_a_waived_violation_is_skipped() -> None:
    """The run passes with it, so no server may count it as a failure; it says what it is."""
    report = made_report(failing=True)
    cases = tuple(
        msgspec.structs.replace(one, waived=True) if one.verdict == "violated" else one
        for one in report.cases
    )
    waived = msgspec.structs.replace(report, cases=cases)

    suites = as_element(waived).findall("testsuite")
    case = case_of(waived, "test_route_007")

    assert {suite.get("failures") for suite in suites} == {"0"}
    assert case.find("failure") is None
    skipped = case.find("skipped")
    assert skipped is not None
    assert (skipped.get("message") or "").startswith("violated (waived): ")


def test_counts_are_those_of_the_elements() -> None:
    """In each suite, for servers that read only the numbers."""
    root = as_element(made_report(failing=True))

    for suite in root:
        for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert suite.get(name) == str(len(suite.findall(f"testcase/{tag}")))
        assert suite.get("tests") == str(len(suite.findall("testcase")))


def test_what_other_programs_found_out_is_a_suite() -> None:
    """One case each: violated is a failure, what did not run is skipped, and the numbers agree."""
    suite = as_element(made_report(external=EXTERNAL)).find("testsuite[@name='external']")

    assert suite is not None
    assert [[one.tag for one in case] for case in suite] == [
        ["properties"],
        ["properties", "failure"],
        ["properties", "skipped"],
    ]
    assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["3", "1", "0", "1"]
    assert [one.get("message") for one in suite.iterfind("testcase/failure")] == [
        "violated: test a ... FAILED"
    ]
    assert [
        (one.get("name"), one.get("value"))
        for one in suite.iterfind("testcase[@name='shield_rust/test']/properties/property")
    ] == [("verdict", "violated"), ("command", "cargo test -p shield --tests"), ("exit code", "101")]


def test_a_report_without_other_programs_has_no_suite_of_them() -> None:
    """An empty suite would look like something that was checked."""
    assert as_element(made_report()).find("testsuite[@name='external']") is None


def test_the_file_is_xml_whatever_was_said(tmp_path: Path) -> None:
    """Control characters and lone surrogates are replaced."""
    write_junit(made_report(failing=True, text=HOSTILE), tmp_path / "gate.xml")

    root = ET.parse(tmp_path / "gate.xml").getroot()  # noqa: S314 - written by ourselves

    assert root.tag == "testsuites"
