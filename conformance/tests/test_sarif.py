import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from arqonbus_conformance.report.json_report import as_document
from arqonbus_conformance.report.model import ExternalLine
from arqonbus_conformance.report.sarif import as_sarif, write_sarif
from made_reports import EXTERNAL, HOSTILE, made_document, made_report

ESSENTIALS = json.loads((Path(__file__).parent / "sarif-2.1.0-essentials.schema.json").read_text("utf-8"))


def run_of(document: dict[str, Any]) -> dict[str, Any]:
    run: dict[str, Any] = as_sarif(document)["runs"][0]
    return run


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"failing": True, "text": HOSTILE, "faults": (HOSTILE, "")},
        {"requirements": (), "cases": (), "exit_code": 2, "verdict": "incomplete"},
        {"external": EXTERNAL},
        {"external": (ExternalLine("shield_rust/test", "violated", "cargo test", 0.0, None, HOSTILE),)},
    ],
)
def test_a_log_is_what_sarif_asks_for(changes: dict[str, Any]) -> None:
    """Of each property that is written, and no other is written."""
    log = as_sarif(made_document(**changes))

    jsonschema_rs.validate(ESSENTIALS, log, validate_formats=True)
    assert json.loads(json.dumps(log)) == log


def test_violated_cases_are_the_results() -> None:
    """A MUST is an error, a SHOULD a warning; each points at its rule, its page and its case."""
    report = made_report(failing=True)
    lines = [
        {**line, "level": "SHOULD"} if line["id"] == "ROUTE-007" else line
        for line in as_document(report)["requirements"]
    ]

    run = run_of({**as_document(report), "requirements": lines})
    results = {one["ruleId"]: one for one in run["results"]}

    assert {name: one["level"] for name, one in results.items()} == {
        "AUTH-003": "error",
        "ROUTE-007": "warning",
        "STORE-004": "error",
    }
    assert all(
        run["tool"]["driver"]["rules"][one["ruleIndex"]]["id"] == one["ruleId"] for one in run["results"]
    )
    assert results["AUTH-003"]["locations"][0] == {
        "physicalLocation": {"artifactLocation": {"uri": "docs/spec/configuration.md"}},
        "logicalLocations": [{"fullyQualifiedName": "unit/test_auth::test_auth_003", "kind": "function"}],
    }


def test_a_finding_is_recognised_in_the_next_run() -> None:
    """Its fingerprint depends on the case and the requirement only, and is its own."""
    runs = [run_of(made_document(failing=True, text=text)) for text in ("one", "another")]

    today, tomorrow = ([one["partialFingerprints"] for one in run["results"]] for run in runs)

    assert today == tomorrow
    assert len({json.dumps(one) for one in today}) == 3


def test_what_the_gate_could_not_do_accuses_nobody() -> None:
    """Broken and unknown cases are notifications, not results."""
    run = run_of(made_document(failing=True, faults=("it broke",)))

    said = [
        (one["level"], one["message"]["text"][:14])
        for one in run["invocations"][0]["toolExecutionNotifications"]
    ]

    assert said == [("error", "it broke"), ("error", "broken unit/te"), ("warning", "unknown integr")]


def test_what_another_program_found_violated_is_a_result() -> None:
    """It points at a rule of its own; what did not run is a notification, what holds is neither."""
    run = run_of(made_document(external=EXTERNAL))

    [result] = run["results"]
    rule = run["tool"]["driver"]["rules"][result["ruleIndex"]]

    assert (result["ruleId"], rule["id"]) == ("shield_rust/test", "shield_rust/test")
    assert (result["level"], result["message"]["text"]) == ("error", "test a ... FAILED")
    assert [one["message"]["text"] for one in run["invocations"][0]["toolExecutionNotifications"]] == [
        "unverified shield_rust/audit: cargo is not on the path"
    ]


def test_results_of_one_check_in_two_parts_share_a_rule() -> None:
    """Ids of rules are there once, and each result points at its own."""
    run = run_of(made_document(failing=True, external=(*EXTERNAL, EXTERNAL[1])))
    rules = [one["id"] for one in run["tool"]["driver"]["rules"]]

    assert len(rules) == len(set(rules))
    assert all(rules[one["ruleIndex"]] == one["ruleId"] for one in run["results"])
    assert [one["ruleId"] for one in run["results"]].count("shield_rust/test") == 2


def test_a_report_of_an_older_gate_has_a_log() -> None:
    """It has no section of other programs at all."""
    document = made_document()
    del document["external"]

    assert run_of(document)["results"] == []


@pytest.mark.parametrize(
    ("changes", "successful"),
    [
        ({}, True),
        ({"failing": True}, True),
        ({"exit_code": 2}, False),
        ({"exit_code": 3}, False),
        ({"exit_code": 4}, False),
        ({"exit_code": 69}, False),
        ({"interrupted": True}, False),
    ],
)
def test_a_run_that_decided_nothing_was_not_successful(changes: dict[str, Any], *, successful: bool) -> None:
    """So that no server takes an empty list of results for a pass."""
    invocation = run_of(made_document(**changes))["invocations"][0]

    assert invocation["executionSuccessful"] is successful


def test_hostile_text_makes_no_link_and_no_placeholder() -> None:
    """Brackets and braces are escaped as SARIF says."""
    document = made_document(failing=True)
    document["failures"][0]["reason"] = "[click](javascript:x) {0} \\"

    message = run_of(document)["results"][0]["message"]["text"]

    assert message == "\\[click\\](javascript:x) {{0}} \\\\"


def test_a_waived_result_is_suppressed() -> None:
    """And only that one, with who allowed it, why, and until when."""
    document = made_document(failing=True)
    waiver = document["waivers"][0] | {"requirement": "AUTH-003", "cases": [document["failures"][0]["case"]]}
    document["waivers"] = [waiver, waiver | {"status": "expired", "reason": "long ago"}]

    results = run_of(document)["results"]

    assert {
        one["ruleId"]: one["suppressions"][0]["justification"] for one in results if "suppressions" in one
    } == {"AUTH-003": "fixed in 2.5 (ann@example.org, BUS-41, waived until 2026-12-24)"}


def test_security_requirements_are_sorted_as_such() -> None:
    """By the tag and the number that code scanning reads from a rule."""
    rules = run_of(made_document())["tool"]["driver"]["rules"]
    lines = made_report().requirements

    tagged = {one["id"] for one in rules if "security" in one["properties"]["tags"]}

    assert (
        tagged
        == {line.id for line in lines if line.security}
        == {one["id"] for one in rules if "security-severity" in one["properties"]}
    )


def test_a_log_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """In a folder that is made for it, without leftovers."""
    write_sarif(made_document(failing=True, text=HOSTILE), tmp_path / "deep" / "gate.sarif")

    assert [one.name for one in (tmp_path / "deep").iterdir()] == ["gate.sarif"]
    assert json.loads((tmp_path / "deep/gate.sarif").read_text("utf-8"))["version"] == "2.1.0"
