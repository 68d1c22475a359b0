"""`arqonbus-gate shield-rust`: what cargo finds, and what becomes of the report that it enters."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from arqonbus_conformance.external.entering import EnteredError, entered, external_exit_code
from arqonbus_conformance.report.model import ExternalLine
from arqonbus_conformance.report.reading import as_report, read_report
from arqonbus_conformance.verdict import Verdict
from made_reports import made_document

GATE = str(Path(sys.executable).parent / "arqonbus-gate")
CALL_SECONDS = 300
HOLDS = "#[test]\nfn it_adds() { assert_eq!(1 + 1, 2); }\n"
FAILS = "#[test]\nfn it_adds() { assert_eq!(1 + 1, 3); }\n"

needs_cargo = pytest.mark.skipif(shutil.which("cargo") is None, reason="no cargo on the path")


def workspace(folder: Path, source: str, name: str = "shield") -> Path:
    """A workspace with one package."""
    (folder / name / "src").mkdir(parents=True)
    (folder / "Cargo.toml").write_text(f'[workspace]\nmembers = ["{name}"]\nresolver = "2"\n', "utf-8")
    package = f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n'
    (folder / name / "Cargo.toml").write_text(package, "utf-8")
    (folder / name / "src" / "lib.rs").write_text(source, "utf-8")
    return folder


def judged(folder: Path, *arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    """Call the command."""
    return subprocess.run(
        [GATE, "shield-rust", "--workspace", str(folder), *arguments],
        env={**os.environ, "PATH": path or os.environ["PATH"], "CARGO_NET_OFFLINE": "true"},
        capture_output=True,
        text=True,
        check=False,
        timeout=CALL_SECONDS,
    )


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """A report in which all holds."""
    path = tmp_path / "gate.json"
    path.write_text(json.dumps(made_document()), "utf-8")
    return path


def test_without_cargo_nothing_is_green(tmp_path: Path, report: Path) -> None:
    """Both steps are unverified, and a report that passed is incomplete: exit code 2."""
    called = judged(workspace(tmp_path / "w", HOLDS), "--report", str(report), path=str(tmp_path))

    assert called.returncode == 2, called.stderr
    told = read_report(report)
    assert [line["verdict"] for line in told["external"]] == ["unverified", "unverified"]
    assert (told["exit_code"], told["verdict"]) == (2, "incomplete")
    assert "cargo is not on the path" in called.stdout


@needs_cargo
@pytest.mark.parametrize(
    ("made", "code", "verdicts"),
    [
        ((HOLDS, "shield"), 0, ["holds", "holds"]),
        ((FAILS, "shield"), 1, ["holds", "violated"]),
        (("fn broken( {", "shield"), 1, ["violated", "unverified"]),
        (("", "shield"), 2, ["holds", "unverified"]),
        ((HOLDS, "gateway"), 2, ["unverified", "unverified"]),
    ],
    ids=["good", "a-test-fails", "does-not-compile", "no-test", "no-such-package"],
)
def test_what_cargo_finds_enters_the_report(
    tmp_path: Path, report: Path, made: tuple[str, str], code: int, verdicts: list[str]
) -> None:
    """The report stays whole, has both steps, and passes only where both hold."""
    called = judged(workspace(tmp_path / "w", *made), "--report", str(report))

    assert called.returncode == code, called.stdout + called.stderr
    told = read_report(report)
    assert [line["verdict"] for line in told["external"]] == verdicts
    assert told["exit_code"] == code


def test_a_folder_without_a_workspace_is_a_matter_of_the_caller(tmp_path: Path) -> None:
    """Exit code 64, and the folder is named."""
    called = judged(tmp_path)

    assert called.returncode == 64
    assert str(tmp_path) in called.stderr


@pytest.mark.parametrize(("before", "after"), [(1, 1), (3, 3), (4, 4), (69, 69), (2, 2), (0, 0)])
def test_a_report_never_gets_better(before: int, after: int) -> None:
    """What holds elsewhere excuses nothing that a case showed."""
    document = {**made_document(), "exit_code": before}
    line = ExternalLine("shield_rust/check", "holds", "cargo check -p shield", 1.0, 0)

    assert entered(as_report(document), [line]).exit_code == after


def test_a_result_enters_once() -> None:
    """Else a later one could replace a violation."""
    line = ExternalLine("shield_rust/check", "violated", "cargo check -p shield", 1.0, 101)
    once = entered(as_report(made_document()), [line])

    with pytest.raises(EnteredError, match="already"):
        entered(once, [line])


def test_nothing_is_no_pass() -> None:
    """No result is undecided."""
    assert external_exit_code([]) == 2
    assert external_exit_code([ExternalLine("a", str(Verdict.UNKNOWN), "", 0.0, None)]) == 2
