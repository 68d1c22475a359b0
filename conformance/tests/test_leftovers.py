"""What a run leaves on a real deployment: nothing, or it is told."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from arqonbus_conformance.leftovers import MOST_FOUND, Left, together
from arqonbus_fixtures import ports
from arqonbus_fixtures.launching import Launcher, Readiness

RUN_SECONDS = 60.0
SCRIPT = """
import sys
from pathlib import Path
from arqonbus_conformance.judge import Judge
from arqonbus_conformance.report.json_report import write_json
from arqonbus_conformance.runner import run
from arqonbus_conformance.selection import RunRequest
from arqonbus_conformance.target import quick_target

if __name__ == "__main__":
    folder, url, jobs = sys.argv[1:]
    judge = Judge(quick_target(url, None, None), folders={"unit": Path(folder)})
    report = run(judge, RunRequest(), jobs=int(jobs))
    write_json(report, Path(folder) / "gate.json")
    sys.exit(report.exit_code)
"""
CASES = """
from pathlib import Path
from arqonbus_conformance.deployment import Bus
from arqonbus_conformance.plugin import requirement

@requirement("CMD-019")
async def test_makes_a_channel(bus: Bus, tmp_path: Path) -> None:
    '''The creator stays until the end of the case, so that the suite can delete what it made.'''
    ann = await bus.connect("ann")
    await ann.succeed("create_channel", room=bus.room, channel="mine")
    await ann.join(bus.room, "other")
    (tmp_path / "file").write_text("x")
"""
LEAVING = """
    await ann.close()
"""


@pytest_asyncio.fixture
async def url() -> AsyncIterator[str]:
    """The reference in dev, without authentication: only the connection of a creator may delete a channel."""
    leases = [ports.lease() for _ in range(3)]
    names = ("SERVER", "HTTP", "TELEMETRY")
    environ = {f"ARQONBUS_{name}_PORT": str(held.port) for name, held in zip(names, leases, strict=True)}
    launcher = Launcher([sys.executable, "-P", "-m", "arqonbus_reference", "serve"])
    await launcher.start(environ, Readiness(f"http://127.0.0.1:{leases[1].port}/ready"))
    yield f"ws://127.0.0.1:{leases[0].port}"
    await launcher.close()
    for held in leases:
        held.release()


def gate(folder: Path, url: str, cases: str, jobs: int) -> dict[str, Any]:
    """The report of a run over these cases."""
    (folder / "test_made.py").write_text(cases, "utf-8")
    (folder / "script.py").write_text(SCRIPT, "utf-8")
    subprocess.run(
        [sys.executable, "-P", str(folder / "script.py"), str(folder), url, str(jobs)],
        check=False,
        timeout=RUN_SECONDS,
    )
    document: dict[str, Any] = json.loads((folder / "gate.json").read_text("utf-8"))
    return document


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_leaves_nothing_behind(tmp_path: Path, url: str, jobs: int) -> None:
    """What its cases created is deleted, what they stored is removed, and the deployment is asked whether it is so."""
    report = gate(tmp_path, url, CASES, jobs)

    assert report["leftovers"] == {"checked": True, "found": []}
    assert [case["verdict"] for case in report["cases"]] == ["holds"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_channel_that_is_left_behind_is_told_and_is_no_pass(tmp_path: Path, url: str, jobs: int) -> None:
    """Though its case holds."""
    report = gate(tmp_path, url, CASES + LEAVING, jobs)

    [found] = report["leftovers"]["found"]
    assert found.startswith("channel mine of room room-")
    assert report["leftovers"]["checked"]
    assert report["exit_code"] == 4
    assert "the run left 1 things behind, the first being: channel mine" in report["sentence"]
    assert [case["verdict"] for case in report["cases"]] == ["holds"]


def test_what_several_saw_is_told_once_and_within_a_bound() -> None:
    """And one that could not look is enough not to know."""
    many = Left(tuple(str(number) for number in range(MOST_FOUND + 7)))

    whole = together([many, Left(("1",)), Left(problem="nobody answered")])

    assert len(whole.found) == MOST_FOUND + 1
    assert whole.found[-1] == "and 7 more"
    assert whole.problem == "nobody answered"
