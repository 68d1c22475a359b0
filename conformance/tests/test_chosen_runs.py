"""Whole runs of the gate over chosen cases, in processes of their own, over small suites made for the test."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

RunSeconds = 60.0
Judged = Callable[..., dict[str, Any]]

SCRIPT = """
import json, sys
from pathlib import Path
from arqonbus_conformance.depth import Depth
from arqonbus_conformance.judge import Judge
from arqonbus_conformance.report.json_report import write_json
from arqonbus_conformance.requirements import requirement_set
from arqonbus_conformance.runner import run
from arqonbus_conformance.selection import RunRequest, parse_shard
from arqonbus_conformance.target import quick_target

if __name__ == "__main__":
    folder, url, jobs, seed, asked = sys.argv[1:]
    asked = json.loads(asked)
    if "depth" in asked:
        asked["depth"] = Depth(asked["depth"])
    if "shard" in asked:
        asked["shard"] = parse_shard(asked["shard"])
    baseline, since = tuple(asked.pop("baseline", ())), asked.pop("later", None)
    by = requirement_set(asked.pop("revision", None))
    order = []
    class Listener:
        def started(self, cases): pass
        def case_started(self, case): order.append(case)
        def case_finished(self, result, *, waived): pass
        def stopping(self, within_seconds): pass
    judge = Judge(quick_target(url, None, None), seed=int(seed), folders={"unit": Path(folder)}, requirements=by, listener=Listener())
    judge.baseline = baseline
    if since is not None:
        judge.requirements = judge.requirements._replace(later=since)
    write_json(run(judge, RunRequest(**asked), jobs=int(jobs)), Path(folder) / "gate.json")
    (Path(folder) / "order.json").write_text(json.dumps(order))
"""

CASES = '''
import itertools
from pathlib import Path
import pytest
from arqonbus_conformance.plugin import Depth, depth, observations, repeats, requirement
from arqonbus_conformance.deployment import Bus

@depth("smoke")
@requirement("ROUTE-001")
async def test_quick(bus: Bus) -> None:
    """It is quick."""
    await bus.connect("ann")

@requirement("ROUTE-002")
@pytest.mark.parametrize("number", range(6))
async def test_usual(bus: Bus, number: int) -> None:
    """It is usual."""
    await bus.connect("ann")

@depth("full")
@repeats(3)
@requirement("CONN-002")
async def test_long(bus: Bus, depth: Depth) -> None:
    """It is long."""
    for _ in range(depth.times(2)):
        await bus.connect("ann")
'''

FLAKY = '''
from pathlib import Path
from arqonbus_conformance.plugin import observations, requirement
from arqonbus_conformance.deployment import Bus

prefixes = []

@requirement("ROUTE-001")
async def test_flaky(bus: Bus) -> None:
    """It is violated the first time only."""
    await bus.connect("ann")
    prefixes.append(bus.namespace.prefix)
    assert len(prefixes) > 1, prefixes
    assert len(set(prefixes)) == len(prefixes)

@requirement("ROUTE-002")
async def test_looks_at_nothing(bus: Bus) -> None:
    """It asserts nothing."""
    assert True

@observations(5)
@requirement("ROUTE-003")
async def test_looks_too_seldom(bus: Bus) -> None:
    """It says that it looks five times."""
    await bus.connect("ann")
'''


@pytest.fixture
def judged(tmp_path: Path, bus_beside: Callable[..., str]) -> Judged:
    """Runs the cases as asked and returns the report, with the order of the cases as ``order``."""
    url = bus_beside()

    def run(cases: str, *, jobs: int = 1, seed: int = 7, **asked: object) -> dict[str, Any]:
        (tmp_path / "test_made.py").write_text(cases, "utf-8")
        (tmp_path / "script.py").write_text(SCRIPT, "utf-8")
        command = [str(tmp_path / "script.py"), str(tmp_path), url, str(jobs), str(seed), json.dumps(asked)]
        subprocess.run([sys.executable, *command], check=True, timeout=RunSeconds)
        report: dict[str, Any] = json.loads((tmp_path / "gate.json").read_text("utf-8"))
        return report | {"order": json.loads((tmp_path / "order.json").read_text("utf-8"))}

    return run


def verdicts(report: dict[str, Any]) -> dict[str, str]:
    return {case["id"].partition("::")[2]: case["verdict"] for case in report["cases"]}


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_level_decides_what_its_cases_judge(judged: Judged, jobs: int) -> None:
    """And says so; nothing is missing at the requirements that it does not reach."""
    report = judged(CASES, jobs=jobs, depth="smoke")

    assert verdicts(report) == {"test_quick": "holds"}
    assert [(one["id"], one["verdict"]) for one in report["requirements"]] == [("ROUTE-001", "holds")]
    assert (report["level"], report["exit_code"]) == ("smoke", 0)
    assert not report["selection"]["complete"]
    assert any("smoke" in note for note in report["notes"])


def test_the_level_full_tries_more_and_again(judged: Judged) -> None:
    """Five times the rounds, and what depends on chance as often as its case says."""
    report = judged(CASES, depth="full", requirements=["CONN-002"])

    (case,) = report["cases"]
    assert [one["verdict"] for one in case["attempts"]] == ["holds"] * 3
    assert (case["level"], case["observations"]) == ("full", 10)


@pytest.mark.parametrize("jobs", [1, 2])
def test_shards_judge_everything_once(judged: Judged, jobs: int) -> None:
    """Whatever the number of processes."""
    shards = [verdicts(judged(CASES, jobs=jobs, depth="full", shard=f"{part}/3")) for part in (1, 2, 3)]

    assert sum(map(len, shards)) == 8
    assert len({case for shard in shards for case in shard}) == 8


def test_the_same_seed_is_the_same_order(judged: Judged) -> None:
    """Another one is another."""
    orders = [judged(CASES, shuffle=True, seed=seed)["order"] for seed in (7, 7, 8)]

    assert orders[0] == orders[1]
    assert orders[0] != orders[2]
    assert sorted(orders[0]) == sorted(orders[2])


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_is_left_out_by_a_budget_is_in_the_report(judged: Judged, jobs: int) -> None:
    """With the reason; cases that were never measured are taken to need a second each."""
    report = judged(CASES, jobs=jobs, budget_seconds=6.5)

    assert len(report["cases"]) == 2
    assert {case["requirements"][0] for case in report["cases"]} == {"ROUTE-001", "ROUTE-002"}
    assert len(report["selection"]["left_out"]) == 5
    assert "budget" in report["selection"]["left_out"][0]["reason"]


def test_a_violation_that_comes_and_goes_is_one(judged: Judged) -> None:
    """On fresh names each time, with its rate."""
    report = judged(FLAKY, keyword="test_flaky")

    (case,) = report["cases"]
    assert report["exit_code"] == 1
    assert case["verdict"] == "violated"
    assert case["reason"].startswith("violated 1 of 3 attempts: ")
    assert [one["verdict"] for one in case["attempts"]] == ["violated", "holds", "holds"]


def test_a_case_that_does_not_look_is_a_fault_of_the_suite(judged: Judged) -> None:
    """Or less often than it says of itself."""
    report = judged(FLAKY, keyword="looks")

    assert verdicts(report) == {"test_looks_at_nothing": "broken", "test_looks_too_seldom": "broken"}
    assert report["exit_code"] == 4
    assert "asserted nothing" in report["failures"][0]["reason"]


def test_nothing_asked_for_is_incomplete(judged: Judged) -> None:
    """Never green on nothing: a requirement that is asked for and has no case is unverified."""
    report = judged(CASES, requirements=["ROUTE-009"])

    assert report["cases"] == []
    assert [(one["id"], one["verdict"]) for one in report["requirements"]] == [("ROUTE-009", "unverified")]
    assert report["exit_code"] == 2


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_case_that_vanished_is_a_fault_of_the_suite(judged: Judged, jobs: int) -> None:
    """Not one that was only left out."""
    last = ["unit/test_made::test_usual[0]", "unit/test_made::test_usual[9]"]

    report = judged(CASES, jobs=jobs, depth="smoke", baseline=last)

    assert report["vanished"] == ["unit/test_made::test_usual[9]"]
    assert report["exit_code"] == 4
    assert "vanished" in report["faults"][0]


def test_what_a_later_revision_demands_is_run_and_not_scored(judged: Judged) -> None:
    """Neither its violation nor what it holds beside changes a verdict by the revision that is judged."""
    cases = CASES.replace("async def test_quick", "async def test_kept") + (
        "@requirement('ROUTE-001', 'ROUTE-999')\n"
        "async def test_newer(bus: Bus) -> None:\n"
        "    await bus.connect('ann')\n    raise AssertionError('new')\n"
    )

    report = judged(cases, keyword="kept or newer", later={"ROUTE-999": "1.1"})

    assert verdicts(report) == {"test_kept": "holds", "test_newer": "violated"}
    assert report["not_scored"] == ["unit/test_made::test_newer"]
    assert [(one["id"], one["verdict"], one["cases"]) for one in report["requirements"]] == [
        ("ROUTE-001", "holds", 1)
    ]
    assert report["exit_code"] == 0


@pytest.mark.parametrize(
    ("revision", "jobs", "not_scored", "code"), [("0.9", 1, 1, 0), ("0.9", 2, 1, 0), (None, 2, 0, 1)]
)
def test_a_case_of_a_later_set_counts_only_for_who_judges_by_that_set(
    judged: Judged, revision: str | None, jobs: int, not_scored: int, code: int
) -> None:
    """By an older set its violation is shown, and no verdict of it; by the newest frozen one it is the verdict."""
    cases = CASES + (
        "@requirement('SHLD-007')\n"
        "async def test_newer(bus: Bus) -> None:\n"
        "    await bus.connect('ann')\n    raise AssertionError('new')\n"
    )

    report = judged(cases, keyword="quick or newer", jobs=jobs, revision=revision)

    assert verdicts(report) == {"test_quick": "holds", "test_newer": "violated"}
    assert (len(report["not_scored"]), report["exit_code"]) == (not_scored, code)
