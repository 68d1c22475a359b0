"""`arqonbus-gate merge`: what it writes, and what it never writes over."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from arqonbus_conformance.judge import Judge
from arqonbus_conformance.judging import CaseResult, Finding
from arqonbus_conformance.leftovers import Left
from arqonbus_conformance.report.artefacts import Places, write_artefacts
from arqonbus_conformance.report.json_report import write_json
from arqonbus_conformance.report.making import Span, make_report
from arqonbus_conformance.report.reading import as_report, read_report
from arqonbus_conformance.selection import RunRequest, Shard
from arqonbus_conformance.target import quick_target
from arqonbus_conformance.verdict import Verdict

GATE = str(Path(sys.executable).parent / "arqonbus-gate")
MERGE_SECONDS = 60
SPAN = Span(datetime(2026, 3, 1, tzinfo=UTC), 2.0)
FORMS = ("junit", "html", "sarif", "badge")


def written_part(folder: Path, number: int, verdict: Verdict, requirement: str) -> str:
    """The file of one part of two, with one case."""
    judge = Judge(quick_target("ws://127.0.0.1:9100", None, None), seed=1)
    judge.request = RunRequest(requirements=("ROUTE-001", "ROUTE-002"), shard=Shard(number, 2))
    judge.find_left(Left())
    found = Finding(verdict, "the code", "1002", "1000")
    judge.record(CaseResult(f"unit/m::c{number}", "unit", (requirement,), verdict, 0.5, finding=found))
    path = folder / f"part-{number}.json"
    write_json(make_report(judge, SPAN), path)
    return str(path)


@pytest.fixture
def parts(tmp_path: Path) -> list[str]:
    """Two parts of a run: one where all holds, one with a violation."""
    return [
        written_part(tmp_path, 1, Verdict.HOLDS, "ROUTE-001"),
        written_part(tmp_path, 2, Verdict.VIOLATED, "ROUTE-002"),
    ]


def merge(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [GATE, "merge", *arguments], capture_output=True, text=True, check=False, timeout=MERGE_SECONDS
    )


def test_the_whole_is_written_like_a_run(tmp_path: Path, parts: list[str]) -> None:
    """Every form has the bytes that a run with this report writes."""
    asked = {form: tmp_path / f"whole.{form}" for form in FORMS}

    called = merge(
        *parts,
        *("--out", str(tmp_path / "whole.json")),
        *(word for form, path in asked.items() for word in (f"--{form}", str(path))),
    )
    like_a_run = {form: tmp_path / f"run.{form}" for form in FORMS}
    write_artefacts(as_report(read_report(tmp_path / "whole.json")), Places(**like_a_run))

    assert called.returncode == 1, called.stdout + called.stderr
    for form in FORMS:
        assert asked[form].read_bytes() == like_a_run[form].read_bytes()


def test_the_log_of_the_whole_has_the_results_of_every_part(tmp_path: Path, parts: list[str]) -> None:
    """A violation that one part found is a result of the whole, which was decided."""
    merge(*parts, "--out", str(tmp_path / "whole.json"), "--sarif", str(tmp_path / "whole.sarif"))

    [run] = json.loads((tmp_path / "whole.sarif").read_text("utf-8"))["runs"]

    assert [one["ruleId"] for one in run["results"]] == ["ROUTE-002"]
    assert run["invocations"][0]["executionSuccessful"] is True


def test_a_form_that_cannot_be_written_is_named_before_the_work(tmp_path: Path, parts: list[str]) -> None:
    """By its own option; nothing is written."""
    called = merge(*parts, "--out", str(tmp_path / "whole.json"), "--sarif", str(tmp_path))

    assert called.returncode == 64
    assert f"--sarif: {str(tmp_path)!r}" in called.stderr
    assert not (tmp_path / "whole.json").exists()


def test_a_part_is_never_written_over(parts: list[str], tmp_path: Path) -> None:
    """Not by any of the forms."""
    before = Path(parts[0]).read_bytes()

    called = merge(*parts, "--out", str(tmp_path / "whole.json"), "--sarif", parts[0])

    assert called.returncode == 64
    assert Path(parts[0]).read_bytes() == before
