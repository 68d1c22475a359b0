"""Runs that are interrupted, in processes of their own: what they leave behind, and how soon."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from arqonbus_conformance.__main__ import main
from arqonbus_conformance.report.reading import read_report

RUN_SECONDS = 90.0
AT_ONCE_SECONDS = 8.0
"""Far less than the 15 s that what runs is given after the first interruption."""

SCRIPT = """
import os, sys
from pathlib import Path
from arqonbus_conformance.interruption import Interruption
from arqonbus_conformance.judge import Judge
from arqonbus_conformance.report.json_report import write_json
from arqonbus_conformance.report.live import Live, console_for
from arqonbus_conformance.runner import run
from arqonbus_conformance.selection import RunRequest
from arqonbus_conformance.target import quick_target

if __name__ == "__main__":
    folder, url, jobs = sys.argv[1:]
    with Interruption() as interruption:
        live = Live(console_for(sys.stdout, os.environ))
        judge = Judge(quick_target(url, None, None), folders={"unit": Path(folder)}, listener=live)
        report = run(judge, RunRequest(), jobs=int(jobs), interruption=interruption)
        live.stop()
        write_json(report, Path(folder) / "gate.json")
    sys.exit(report.exit_code)
"""

CASES = '''
import asyncio
import os
from arqonbus_conformance.plugin import requirement
from arqonbus_conformance.deployment import Bus

@requirement("ROUTE-001")
async def test_a(bus: Bus) -> None:
    """It holds."""
    await bus.connect("ann")

@requirement("ROUTE-002")
async def test_b(bus: Bus) -> None:
    """It waits, and says so through a pipe that somebody reads."""
    with open("reached", "w") as reached:
        reached.write(str(os.getpid()))
    await asyncio.Event().wait()

@requirement("ROUTE-003")
async def test_c(bus: Bus) -> None:
    """It comes too late."""
    await bus.connect("bob")
'''

STUBBORN = CASES.replace(
    "    await asyncio.Event().wait()\n",
    "    while True:\n"
    "        try:\n"
    "            await asyncio.Event().wait()\n"
    "        except asyncio.CancelledError:\n"
    "            continue\n",
)
"""The waiting case does not end when it is told to."""


@contextmanager
def reached(folder: Path, cases: str, url: str, jobs: int) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A run that stands in its second case, and the process that case runs in."""
    (folder / "test_made.py").write_text(cases, "utf-8")
    (folder / "script.py").write_text(SCRIPT, "utf-8")
    os.mkfifo(folder / "reached")
    command = [sys.executable, str(folder / "script.py"), str(folder), url, str(jobs)]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield process, int((folder / "reached").read_text("utf-8"))
        finally:
            process.kill()


def verdicts(report: dict[str, Any]) -> dict[str, str]:
    return {case["id"]: case["verdict"] for case in report["cases"]}


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_a_report_that_is_whole_and_signs_nothing(
    tmp_path: Path, bus_beside: Callable[..., str], jobs: int, number: signal.Signals
) -> None:
    """With what was judged so far, marked incomplete; no sign-off is made of it."""
    with reached(tmp_path, CASES, bus_beside(), jobs) as (process, _):
        process.send_signal(number)
        said, _ = process.communicate(timeout=RUN_SECONDS)

    report = read_report(tmp_path / "gate.json")
    assert process.returncode == 2
    assert (report["exit_code"], report["interrupted"], report["selection"]["complete"]) == (2, True, False)
    assert verdicts(report)["unit/test_made::test_a"] == "holds"
    assert "unit/test_made::test_b" not in verdicts(report)
    assert report["faults"] == []
    assert "interrupted: no more cases are taken" in said
    assert "Traceback" not in said


def test_a_second_interruption_waits_for_nothing(tmp_path: Path, bus_beside: Callable[..., str]) -> None:
    """A case that does not end is killed with its process, and the report is there all the same."""
    with reached(tmp_path, STUBBORN, bus_beside(), jobs=1) as (process, member):
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        said = iter(process.stdout.readline, "")
        next(line for line in said if "interrupt again" in line)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.wait(RUN_SECONDS)
        took = time.monotonic() - began

    report = read_report(tmp_path / "gate.json")
    assert process.returncode == 2
    assert took < AT_ONCE_SECONDS
    assert report["interrupted"]
    assert verdicts(report) == {"unit/test_made::test_a": "holds"}
    with pytest.raises(ProcessLookupError):
        os.kill(member, 0)


def test_what_does_not_end_when_told_is_ended_within_a_bound(
    tmp_path: Path, bus_beside: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One interruption is enough."""
    brief = SCRIPT.replace("import os, sys\n", "import os, sys\nfrom arqonbus_conformance import crew\n")
    monkeypatch.setitem(
        globals(), "SCRIPT", brief.replace("    with Int", "    crew.FAREWELL_SECONDS = 1.0\n    with Int")
    )

    with reached(tmp_path, STUBBORN, bus_beside(), jobs=1) as (process, member):
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=RUN_SECONDS)

    assert process.returncode == 2
    assert "within 1 s" in said
    assert read_report(tmp_path / "gate.json")["interrupted"]
    with pytest.raises(ProcessLookupError):
        os.kill(member, 0)


def test_no_sign_off_is_made_of_an_interrupted_run(
    tmp_path: Path, bus_beside: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Not even of one that is allowed to have failed."""
    with reached(tmp_path, CASES, bus_beside(), jobs=1) as (process, _):
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=RUN_SECONDS)
    key, out = tmp_path / "key", tmp_path / "attestation.json"
    with pytest.raises(SystemExit) as made:
        main(["keygen", "--out", str(key)])

    with pytest.raises(SystemExit) as signed:
        main(["sign", str(tmp_path / "gate.json"), "--key", str(key), "--out", str(out), "--allow-failed"])

    assert made.value.code == 0
    assert signed.value.code == 17
    assert "the run was interrupted" in capsys.readouterr().err
    assert not out.exists()
