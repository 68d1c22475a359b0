"""The view of a run while it goes: on a terminal, in a file, and where a terminal must be treated as a file."""

import io
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from arqonbus_conformance.judging import CaseResult, Finding
from arqonbus_conformance.power import Power
from arqonbus_conformance.report.live import PLAIN_LINE_SECONDS, Live, console_for
from arqonbus_conformance.report.remaining import Basis, Remaining
from arqonbus_conformance.verdict import Verdict
from rich.console import Console

RUN_SECONDS = 90.0
ESCAPE = "\x1b"
COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-7][0-9;]*m")
SCRIPT = """
import os, sys
from pathlib import Path
from arqonbus_conformance.judge import Judge
from arqonbus_conformance.report.live import Live, console_for
from arqonbus_conformance.runner import run
from arqonbus_conformance.selection import RunRequest
from arqonbus_conformance.target import quick_target

if __name__ == "__main__":
    folder, url = sys.argv[1:]
    live = Live(console_for(sys.stdout, os.environ))
    judge = Judge(quick_target(url, None, None), folders={"unit": Path(folder)}, listener=live, attempts=1)
    report = run(judge, RunRequest())
    live.stop()
    print("over")
"""
CASES = '''
from arqonbus_conformance.plugin import requirement
from arqonbus_conformance.deployment import Bus

@requirement("ROUTE-001")
async def test_holds(bus: Bus) -> None:
    """It holds."""
    await bus.connect("ann")

@requirement("ROUTE-002")
async def test_violated(bus: Bus) -> None:
    """It does not hold."""
    ann = await bus.connect("ann")
    assert ann.welcome["payload"]["client_id"] == "nobody", "the bus calls us otherwise"

@requirement("ROUTE-003")
async def test_last(bus: Bus) -> None:
    """It holds, too."""
    ann = await bus.connect("ann")
    await ann.barrier()
'''


def result(verdict: Verdict, name: str = "a", reason: str = "") -> CaseResult:
    finding = Finding(verdict, reason) if reason else None
    return CaseResult(f"unit/m::{name}", "unit", ("ROUTE-001",), verdict, 0.1, finding=finding)


@pytest.fixture
def command(tmp_path: Path, bus_beside: Callable[..., str]) -> list[str]:
    """Judges a small suite, one case of which is violated."""
    (tmp_path / "test_made.py").write_text(CASES, "utf-8")
    (tmp_path / "script.py").write_text(SCRIPT, "utf-8")
    return [sys.executable, str(tmp_path / "script.py"), str(tmp_path), bus_beside()]


def environment(**more: str) -> dict[str, str]:
    """That of this process, but for what changes how output looks."""
    apart = {"NO_COLOR", "FORCE_COLOR", "CI", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS"}
    return {**{name: os.environ[name] for name in os.environ if name not in apart}, "TERM": "xterm", **more}


def under_a_terminal(command: list[str], **more: str) -> str:
    """What the command writes on a pseudo terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environment(**more)) as process:
        os.close(theirs)
        written = bytearray()
        while chunk := _read(ours):
            written += chunk
        assert process.wait(RUN_SECONDS) == 0
    os.close(ours)
    return written.decode("utf-8")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # how Linux says that nobody has the other end open any more
        return b""


def test_on_a_terminal_verdicts_are_counted_while_the_run_goes(command: list[str]) -> None:
    """With the violation above, and the view gone at the end."""
    written = under_a_terminal(command)

    assert "1 violated" in written
    assert "/3" in written
    assert "\u2717 violated" in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", written)
    assert written.rstrip().endswith("over")
    assert written.count("\x1b[?25l") == written.count("\x1b[?25h") == 1


def test_into_a_file_go_lines_without_control_characters(command: list[str]) -> None:
    """The violation is named at once."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=RUN_SECONDS, check=True, env=environment()
    )

    assert all(character.isprintable() or character == "\n" for character in done.stdout)
    first, violated, *_, last = done.stdout.splitlines()
    assert first == "judging 3 cases"
    assert violated.startswith("\u2717 violated ROUTE-002 unit/test_made::test_violated: ")
    assert last == "over"


@pytest.mark.parametrize("more", [{"TERM": "dumb"}, {"CI": "true"}])
def test_where_nothing_may_move_a_terminal_is_written_to_like_a_file(
    command: list[str], more: dict[str, str]
) -> None:
    """A dumb terminal, and continuous integration."""
    written = under_a_terminal(command, **more)

    assert ESCAPE not in written
    assert "\r" not in written.replace("\r\n", "\n")
    assert "judging 3 cases" in written


def test_no_color_is_respected(command: list[str]) -> None:
    """The view moves, and its colours are gone."""
    coloured, plain = under_a_terminal(command), under_a_terminal(command, NO_COLOR="1")

    assert COLOUR.search(coloured)
    assert not COLOUR.search(plain)
    assert "\x1b[?25l" in plain


def test_forced_colours_in_a_file_bring_no_bar_with_them() -> None:
    """What is forced is the colour."""
    console = console_for(io.StringIO(), {})

    assert not console.is_interactive


def frame(live: Live, columns: int) -> list[str]:
    """The view as it is drawn at that width."""
    console = Console(file=io.StringIO(), width=columns)
    with console.capture() as captured:
        console.print(live)
    return captured.get().splitlines()


@pytest.mark.parametrize("columns", [40, 60, 100, 200])
def test_the_view_fits_the_terminal(columns: int) -> None:
    """One line of progress, one of counts, and one for each case that runs, cut where it is too long."""
    live = Live(Console(file=io.StringIO(), width=columns), Power({"unit/m::a": 900.0}, {}))
    cases = [f"unit/m::a[{number}]" for number in range(2345)]
    live.started(cases)
    live.case_finished(result(Verdict.HOLDS, "a[0]"), waived=False)
    live.case_started("unit/m::a[" + "x" * 300 + "]")

    drawn = frame(live, columns)

    assert all(len(line.rstrip()) <= columns for line in drawn)
    assert "1/2345" in "".join(drawn)
    assert "1 holds, 0 violated" in drawn[-2]
    assert drawn[-1].rstrip().endswith("\u2026")


def test_only_so_many_running_cases_are_shown() -> None:
    """The others are counted."""
    live = Live(Console(file=io.StringIO(), width=100), Power({}, {}))
    live.started([f"unit/m::{number}" for number in range(9)])
    for number in range(9):
        live.case_started(f"unit/m::{number}")

    drawn = frame(live, 100)

    assert sum("unit/m::" in line for line in drawn) == 4
    assert drawn[-1].strip() == "and 5 more"


def test_a_waived_violation_is_counted_as_waived() -> None:
    """And told as such."""
    stream = io.StringIO()
    live = Live(Console(file=stream, width=100), Power({}, {}))
    live.started(["unit/m::a", "unit/m::b"])
    live.case_finished(result(Verdict.VIOLATED, "a", "known"), waived=True)
    live.case_finished(result(Verdict.VIOLATED, "b", "new"), waived=False)

    assert frame(live, 100)[1].strip() == "0 holds, 1 violated, 1 waived"
    assert "violated (waived) ROUTE-001 unit/m::a: known" in stream.getvalue()


def test_what_a_hostile_deployment_said_cannot_command_the_terminal() -> None:
    """Control characters are shown as what they are, on one line of bounded length."""
    stream = io.StringIO()
    live = Live(Console(file=stream, width=100, force_terminal=True, color_system=None), Power({}, {}))
    live.case_finished(result(Verdict.VIOLATED, "a", "\x1b]0;owned\x07" + "x" * 9000), waived=False)

    assert ESCAPE not in stream.getvalue()
    assert "\\x1b]0;owned\\x07" in stream.getvalue()
    assert len(stream.getvalue()) < 500


def test_lines_of_progress_come_at_a_bounded_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many cases end meanwhile."""
    now = [1000.0]
    monkeypatch.setattr("arqonbus_conformance.report.live.time.monotonic", lambda: now[0])
    stream = io.StringIO()
    live = Live(Console(file=stream, width=100), Power({}, {}))
    live.started([f"unit/m::{number}" for number in range(100)])
    for number in range(100):
        now[0] += PLAIN_LINE_SECONDS / 10
        live.case_finished(result(Verdict.HOLDS, str(number)), waived=False)

    lines = stream.getvalue().splitlines()
    assert len(lines) == 11
    assert lines[1] == "10/100 0:05, 0:45 left (mean): 10 holds, 0 violated"


def test_what_is_left_goes_by_measured_seconds() -> None:
    """At the pace of this run, and a case that runs counts in part."""
    remaining = Remaining(["a", "b"], Power({"a": 10.0, "b": 30.0}, {}))

    assert remaining.estimate(0.0, []) == (40.0, Basis.MEASURED)
    remaining.finished("a")
    at_twice_the_pace = remaining.estimate(2.5, [])
    assert at_twice_the_pace == (15.0, Basis.MEASURED)
    assert remaining.estimate(10.0, [("b", 10.0)]) == (pytest.approx(12.0), Basis.MEASURED)
    assert remaining.estimate(10.0, [("b", 99.0)]) == (0.0, Basis.MEASURED)


def test_what_is_left_goes_by_the_mean_where_little_was_measured() -> None:
    """And is not known before the first case is through."""
    remaining = Remaining(["a", "b", "c"], Power({"a": 10.0}, {}))

    assert remaining.estimate(3.0, []) is None
    remaining.finished("b")
    remaining.finished("b")
    assert remaining.estimate(3.0, []) == (6.0, Basis.MEAN)
