import json
import subprocess
import sys
from pathlib import Path

import jsonschema_rs
import msgspec
import pytest
from arqonbus_conformance.launched import OUTPUT_CHARACTERS, ProcessLine, Ran, process_line
from arqonbus_conformance.report.incident import (
    INCIDENTS_MOST,
    SLUG_CHARACTERS,
    incident_schema,
    incidents_of,
    slug_of,
)
from arqonbus_conformance.report.incident_folder import IncidentError, read_incident, write_incidents
from arqonbus_conformance.report.incident_summary import summary
from arqonbus_conformance.report.model import Report
from made_reports import HOSTILE, made_report

RUN_SECONDS = 60.0
GATE = Path(sys.executable).parent / "arqonbus-gate"
PROGRAM = ProcessLine("my-bus serve", 3, {"ARQONBUS_X": "1", "ARQONBUS_SECRET": "***"}, "boom ``` boom", 5)


def failing(text: str = "plain text") -> Report:
    report = made_report(failing=True, text=text)
    failures = tuple(msgspec.structs.replace(one, processes=(PROGRAM,)) for one in report.failures)
    environment = {"command": "arqonbus-gate run --target my.toml", "python": "3.11.7"}
    return msgspec.structs.replace(report, failures=failures, environment=environment)


def test_the_most_severe_incident_comes_first() -> None:
    """Violated and broken cases are incidents; unknown ones are told in the report only."""
    incidents, left_out = incidents_of(failing(), versions={})

    assert [one.severity for one in incidents][:2] == ["blocker", "critical"]
    assert {one.failure.verdict for one in incidents} == {"violated", "broken"}
    assert left_out == 0


def test_a_broken_case_accuses_the_suite() -> None:
    """And a violated one what its requirement says."""
    kinds = {one.failure.verdict: one.kind for one in incidents_of(failing(), versions={})[0]}

    assert kinds == {"broken": "suite", "violated": "code"}


def test_there_are_only_so_many_incidents() -> None:
    """The rest is counted."""
    report = failing()
    many = tuple(
        msgspec.structs.replace(report.failures[0], case=f"unit/test_m::test_{number}", verdict="violated")
        for number in range(INCIDENTS_MOST + 7)
    )

    incidents, left_out = incidents_of(msgspec.structs.replace(report, failures=many), versions={})

    assert (len(incidents), left_out) == (INCIDENTS_MOST, 7)


@pytest.mark.parametrize(
    "case", ["unit/test_m::test_x[a/../../b]", "x" * 500, "unit/test_m::test_x[\ud800 é]", "[]"]
)
def test_a_slug_is_a_plain_name_of_its_case_alone(case: str) -> None:
    """Bounded, without separators, another one for each parameter."""
    slug = slug_of(case)

    assert len(slug) <= SLUG_CHARACTERS
    assert slug.strip("-").replace("-", "").replace("_", "").isalnum()
    assert slug.isascii()
    assert slug != slug_of(f"{case}'")


def test_a_summary_has_what_somebody_needs_who_was_not_there() -> None:
    """Title with labels, requirement and source, expected, actual, replay, seed, commit, program, versions."""
    one = next(
        one for one in incidents_of(failing(), versions={"aiohttp": "3.14.5"})[0] if one.severity == "blocker"
    )

    page = summary(one)

    assert page.startswith("# \\[blocker\\] \\[code\\] AUTH-003")
    sentence, source = one.requirements[0].sentence.split("`")[0][:20], one.requirements[0].source
    for part in (
        "`severity: blocker`",
        "`class: code`",
        sentence,
        source,
        "['sentinel']",
        "['late', 'sentinel']",
        f"arqonbus-gate replay {one.slug}",
        one.failure.replay,
        "| seed | 20261125 |",
        "| commit of the target | 8c1f0d2 |",
        "my-bus serve",
        "had ended with 3",
        "arqonbus-gate run --target my.toml",
        "| aiohttp | 3.14.5 |",
    ):
        assert part in page


def test_no_text_of_the_deployment_ends_a_block_of_code() -> None:
    """Nor does a control character reach the tracker."""
    page = summary(incidents_of(failing(f"\n```\n# title {HOSTILE}"), versions={})[0][0])

    fence = ""
    outside = []
    for line in page.splitlines():
        ticks = line[: len(line) - len(line.lstrip("`"))]
        opens = not fence and len(ticks) >= 3
        closes = bool(fence) and line == fence
        outside += [line] * (not fence and not opens)
        fence = ticks if opens else "" if closes else fence
    assert not fence
    assert not [line for line in outside if "<script>" in line or line.startswith("# title")]
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_folders_are_written_read_and_removed(tmp_path: Path) -> None:
    """The next run leaves its own only, and nothing else is touched."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("kept", "utf-8")

    count = write_incidents(failing(HOSTILE), tmp_path, ("--target", "my.toml"))
    folders = sorted(path.parent for path in tmp_path.glob("*/incident.json"))
    told = [read_incident(folder) for folder in folders]
    documents = [json.loads((folder / "incident.json").read_text("utf-8")) for folder in folders]
    index = (tmp_path / "README.md").read_text("utf-8")
    write_incidents(made_report(), tmp_path)

    assert count == len(folders) == len(incidents_of(failing(), versions={})[0])
    assert [one.slug for one in told] == [folder.name for folder in folders]
    assert told[0].options == ("--target", "my.toml")
    for document in documents:
        jsonschema_rs.validate(incident_schema(), document)
    assert all(f"({folder.name}/SUMMARY.md)" in index for folder in folders)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("content", [None, "{", "[]", '{"slug": 1}', "[" * 100_000])
def test_what_is_no_incident_is_refused_by_name(tmp_path: Path, content: str | None) -> None:
    """Missing, cut in half, of another shape."""
    folder = tmp_path / "incident"
    folder.mkdir()
    if content is not None:
        (folder / "incident.json").write_text(content, "utf-8")

    with pytest.raises(IncidentError, match="no incident"):
        read_incident(folder)


def test_a_program_is_told_without_its_secrets_and_within_a_bound() -> None:
    """Its variables, how it ended, the end of what it wrote."""
    environ = {"ARQONBUS_AUTH_JWT_SECRET": "canary", "ARQONBUS_SERVER_PORT": "9100", "HOME": "/root"}

    line = process_line(Ran(("my bus", "serve"), environ, 3, "x" * OUTPUT_CHARACTERS + "end"))

    assert line.command == "'my bus' serve"
    assert line.environment == {"ARQONBUS_AUTH_JWT_SECRET": "***", "ARQONBUS_SERVER_PORT": "9100"}
    assert (line.output[-4:], line.dropped, line.exit_code) == ("xend", 3, 3)


@pytest.fixture
def broken_bus(tmp_path: Path) -> Path:
    """The profile of a bus that sends a room-wide message back to who sent it."""
    profile = tmp_path / "broken.toml"
    profile.write_text(
        'name = "broken"\n[launch]\ncommand = "{python} -m arqonbus_fixtures.mutants sender-echo serve"\n',
        "utf-8",
    )
    return profile


def gate(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(GATE), *arguments], cwd=place, capture_output=True, text=True, timeout=RUN_SECONDS, check=False
    )


def test_an_incident_of_a_real_run_can_be_replayed(tmp_path: Path, broken_bus: Path) -> None:
    """It is seen again while the bus is broken, and not when it is repaired."""
    keyword = "test_the_sender_does_not_hear_itself[room]"

    ran = gate(tmp_path, "run", "--target", str(broken_bus), "--seed", "5", "--jobs", "1", "-k", keyword)
    (folder,) = (path.parent for path in tmp_path.glob("reports/incidents/*/incident.json"))
    again = gate(tmp_path, "replay", str(folder))
    program = broken_bus.read_text("utf-8").replace(
        "arqonbus_fixtures.mutants sender-echo", "arqonbus_reference"
    )
    broken_bus.write_text(program, "utf-8")
    repaired = gate(tmp_path, "replay", str(folder))

    page = (folder / "SUMMARY.md").read_text("utf-8")
    assert (ran.returncode, again.returncode, repaired.returncode) == (1, 1, 0)
    assert "seen again" in again.stdout
    assert "not seen again" in repaired.stdout
    assert json.loads((folder / "replay.json").read_text("utf-8"))["seed"] == 5
    assert "arqonbus_fixtures.mutants sender-echo serve" in page
    assert "server.ready" in page


def test_incidents_are_written_where_they_are_wanted(tmp_path: Path, broken_bus: Path) -> None:
    """Or not at all."""
    common = (
        "run",
        "--target",
        str(broken_bus),
        "--jobs",
        "1",
        "-k",
        "test_the_sender_does_not_hear_itself[room]",
    )

    gate(tmp_path, *common, "--no-incidents")
    without = list(tmp_path.rglob("incident.json"))
    gate(tmp_path, *common, "--incidents", "elsewhere")

    assert without == []
    assert len(list((tmp_path / "elsewhere").glob("*/SUMMARY.md"))) == 1
