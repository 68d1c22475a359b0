"""Whole runs of the gate, in processes of their own, over small suites made for the test."""

import json
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from arqonbus_conformance.report.json_report import is_whole, report_schema

BusBeside = Callable[..., str]
RunSeconds = 60.0

SCRIPT = """
import sys
from pathlib import Path
from arqonbus_conformance.judge import Judge
from arqonbus_conformance.report.json_report import write_json
from arqonbus_conformance.report.junit import write_junit
from arqonbus_conformance.requirements import Scope
from arqonbus_conformance.runner import run
from arqonbus_conformance.selection import RunRequest
from arqonbus_conformance.target import quick_target

if __name__ == "__main__":
    folder, url, keyword, jobs, scope = sys.argv[1:]
    judge = Judge(quick_target(url, None, None), scope=Scope(scope), seed=7, folders={"unit": Path(folder)})
    report = run(judge, RunRequest(keyword=keyword), jobs=int(jobs))
    write_json(report, Path(folder) / "gate.json")
    write_junit(report, Path(folder) / "gate.xml")
    sys.exit(report.exit_code)
"""

HEAD = """
import asyncio
import pytest
from arqonbus_conformance.plugin import needs, requirement, time_limit
from arqonbus_conformance.deployment import Bus, Http, Launch, Valkey
"""

CASES = (
    HEAD
    + '''
@requirement("ROUTE-001")
async def test_holds(bus: Bus) -> None:
    """It holds."""
    ann = await bus.connect("ann")
    await ann.barrier()

@requirement("ROUTE-002")
async def test_violated(bus: Bus) -> None:
    """It does not hold."""
    ann = await bus.connect("ann")
    assert ann.welcome["payload"]["client_id"] == "nobody"

@requirement("ROUTE-003")
async def test_broken(bus: Bus) -> None:
    """The case is wrong."""
    undefined_name

@requirement("ROUTE-004")
async def test_malformed(bus: Bus) -> None:
    """The suite sends nonsense."""
    ann = await bus.connect("ann")
    await ann.send({"id": 1})

@requirement("ROUTE-005")
async def test_unknown(bus: Bus) -> None:
    """It takes too long."""
    await slow()

@time_limit(0.05)
@requirement("ROUTE-006")
async def test_too_slow(bus: Bus) -> None:
    """It takes too long."""
    await asyncio.Event().wait()

async def slow() -> None:
    raise ConnectionRefusedError("nobody there")

@requirement("CONF-001")
async def test_launches(launch: Launch, valkey: Valkey) -> None:
    """It needs a launch."""

@needs("auth")
@requirement("AUTH-001")
async def test_with_auth(bus: Bus) -> None:
    """It needs authentication."""

@requirement("HTTP-001")
async def test_http(http: Http) -> None:
    """It needs an address."""

@requirement("ROUTE-009")
@pytest.mark.parametrize("room", ["a", "a b"])
async def test_parameters(bus: Bus, room: str) -> None:
    """Each parameter is a case."""
    await bus.connect(room)

@requirement("CONN-001")
async def test_greets(bus: Bus) -> None:
    """The bus greets."""
    await bus.connect("ann")
'''
)


class Run:
    """One finished run."""

    def __init__(self, folder: Path, finished: subprocess.CompletedProcess[str]) -> None:
        self.code = finished.returncode
        self.said = finished.stdout + finished.stderr
        self.report: dict[str, Any] = json.loads((folder / "gate.json").read_text("utf-8"))
        self.cases = {case["id"]: case["verdict"] for case in self.report["cases"]}
        self.requirements = {one["id"]: one["verdict"] for one in self.report["requirements"]}


@pytest.fixture
def gate(tmp_path: Path) -> Callable[..., Run]:
    def run(cases: str, url: str, keyword: str = "", jobs: int = 1, scope: str = "deployment") -> Run:
        (tmp_path / "test_made.py").write_text(textwrap.dedent(cases), "utf-8")
        (tmp_path / "script.py").write_text(SCRIPT, "utf-8")
        finished = subprocess.run(
            [sys.executable, str(tmp_path / "script.py"), str(tmp_path), url, keyword, str(jobs), scope],
            capture_output=True,
            text=True,
            timeout=RunSeconds,
            check=False,
        )
        return Run(tmp_path, finished)

    return run


@pytest.mark.parametrize("jobs", [1, 3])
def test_every_way_to_end_has_its_verdict(gate: Callable[..., Run], bus_beside: BusBeside, jobs: int) -> None:
    """In one process or in several, cases end alike."""
    run = gate(CASES, bus_beside(), jobs=jobs)

    assert run.cases == {
        "unit/test_made::test_holds": "holds",
        "unit/test_made::test_violated": "violated",
        "unit/test_made::test_broken": "broken",
        "unit/test_made::test_malformed": "broken",
        "unit/test_made::test_unknown": "unknown",
        "unit/test_made::test_too_slow": "unknown",
        "unit/test_made::test_launches": "unverified",
        "unit/test_made::test_with_auth": "not_applicable",
        "unit/test_made::test_http": "unverified",
        "unit/test_made::test_parameters[a]": "holds",
        "unit/test_made::test_parameters[a b]": "holds",
        "unit/test_made::test_greets": "holds",
    }
    assert run.code == 1
    assert run.requirements["ROUTE-010"] == "unverified"
    assert "Traceback" not in run.said


def test_a_report_is_whole_and_fits_its_schema(gate: Callable[..., Run], bus_beside: BusBeside) -> None:
    """And shows expected, actual, transcript, seed and how to repeat each failure."""
    run = gate(CASES, bus_beside(), keyword="test_violated or test_broken")

    jsonschema_rs.validate(report_schema(), run.report)
    assert is_whole(run.report)
    assert list(run.report)[-1] == "footer"
    violated, broken = sorted(run.report["failures"], key=lambda failure: failure["case"], reverse=True)
    assert any("welcome" in entry["text"] for entry in violated["transcript"])
    assert violated["replay"] == "arqonbus-gate run --seed 7 -k 'unit/test_made::test_violated'"
    assert violated["seed"] == 7
    assert "NameError" in broken["traceback"]


def test_a_selection_judges_its_own_requirements_only(
    gate: Callable[..., Run], bus_beside: BusBeside
) -> None:
    """And the report says that it was one."""
    run = gate(CASES, bus_beside(), keyword="test_holds or test_parameters")

    assert run.requirements == {"ROUTE-001": "holds", "ROUTE-009": "holds"}
    assert run.code == 0
    assert not run.report["selection"]["complete"]
    assert any("selection" in note for note in run.report["notes"])


def test_cases_are_found_by_id_and_by_requirement(gate: Callable[..., Run], bus_beside: BusBeside) -> None:
    """The replay line of a report is a keyword that works."""
    run = gate(CASES, bus_beside(), keyword="unit/test_made::test_parameters[a] or ROUTE-001")

    assert set(run.cases) == {"unit/test_made::test_parameters[a]", "unit/test_made::test_holds"}


@pytest.mark.parametrize("jobs", [1, 2])
def test_nothing_selected_is_incomplete(gate: Callable[..., Run], bus_beside: BusBeside, jobs: int) -> None:
    """Never green on nothing."""
    run = gate(CASES, bus_beside(), keyword="nothing_matches", jobs=jobs)

    assert run.code == 2
    assert "no case ran" in run.report["sentence"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_nothing_listening_is_unreachable(gate: Callable[..., Run], jobs: int) -> None:
    """No case runs, and the sentence says where nobody was."""
    run = gate(CASES, "ws://127.0.0.1:1", jobs=jobs)

    assert run.code == 69
    assert run.cases == {}
    assert "ws://127.0.0.1:1" in run.report["sentence"]


def test_a_server_that_does_not_greet_violates_the_greeting(
    gate: Callable[..., Run], bus_beside: BusBeside, echo_server: object
) -> None:
    """Everything that stands on it is unknown at once."""
    run = gate(CASES, bus_beside(echo_server))

    assert run.code == 1
    assert run.requirements["CONN-001"] == "violated"
    assert run.cases["unit/test_made::test_holds"] == "unknown"
    assert run.cases["unit/test_made::test_with_auth"] == "unknown"
    assert run.report["seconds"] < 10


def test_what_needs_launching_names_the_scope_that_does_without(
    gate: Callable[..., Run], bus_beside: BusBeside
) -> None:
    """In deployment scope it is unverified; in endpoint scope it is left out and said so."""
    url = bus_beside()

    whole = gate(CASES, url, keyword="test_holds or test_launches")
    outside = gate(CASES, url, keyword="test_holds or test_launches", scope="endpoint")

    assert (whole.code, outside.code) == (2, 0)
    assert "--scope endpoint" in whole.report["sentence"]
    assert outside.requirements == {"ROUTE-001": "holds", "CONF-001": "out_of_scope"}
    assert any("endpoint-visible" in note for note in outside.report["notes"])


@pytest.mark.parametrize(
    ("cases", "says"),
    [
        ("import nothing_of_this_name", "cannot be collected"),
        (HEAD + "async def test_x(bus: Bus) -> None: ...", "names no requirement"),
        (HEAD + "@requirement('ROUTE-999')\nasync def test_x(bus: Bus) -> None: ...", "ROUTE-999"),
        (HEAD + "@requirement('ROUTE-001')\n@needs('luck')\nasync def test_x() -> None: ...", "luck"),
        (
            HEAD + "@requirement('ROUTE-001')\nasync def test_x(bus: Bus) -> None:\n    bus.connect()",
            "never awaited",
        ),
    ],
)
def test_a_fault_of_the_suite_is_never_a_pass(
    gate: Callable[..., Run], bus_beside: BusBeside, cases: str, says: str
) -> None:
    """A module that cannot be imported, a case without a known requirement, an oracle that never looked."""
    run = gate(cases, bus_beside())

    assert run.code == 4
    assert run.report["verdict"] == "fault"
    assert says in json.dumps([run.report["faults"], run.report["failures"]])


def test_junit_tells_failures_from_what_was_not_judged(
    gate: Callable[..., Run], bus_beside: BusBeside, tmp_path: Path
) -> None:
    """Violated is a failure, broken and unknown are errors, the rest is skipped."""
    from xml.etree import ElementTree as ET

    gate(CASES, bus_beside())

    suite = ET.parse(tmp_path / "gate.xml").getroot()[0]  # noqa: S314 - written by ourselves
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "12",
        "failures": "1",
        "errors": "4",
        "skipped": "3",
    }
