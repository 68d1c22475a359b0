"""What of a package is run: its build, and its console scripts."""

from pathlib import Path

import pytest
from made_packages import made_tree, made_wheel
from package_runs import looked_at


def test_a_build_that_fails_is_a_finding(tmp_path: Path) -> None:
    """With the last line that the backend wrote."""
    tree = made_tree(tmp_path, "bus", {}, backend="raise RuntimeError('no compiler here')\n")

    report = looked_at(tree)

    assert (report.exit_code, [one.id for one in report.findings]) == (1, ["build-fails"])
    assert "no compiler here" in report.findings[0].what


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("import os, signal\n    os.kill(os.getpid(), signal.SIGSEGV)", "was ended by SIGSEGV"),
        ("raise SystemExit(7)", "ended with exit code 7"),
        ("import dotenv", "No module named 'dotenv'"),
    ],
)
def test_how_a_console_script_died_is_named(tmp_path: Path, body: str, told: str) -> None:
    """Its exit code, its signal, the last line it wrote."""
    wheel = made_wheel(
        tmp_path, "bus", {"bus/__init__.py": f"def main():\n    {body}\n"}, scripts={"bus": "bus:main"}
    )

    report = looked_at(wheel)

    assert [told in one.what for one in report.findings if one.id == "script-fails"] == [True]


def test_a_script_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within its time, and with what it started."""
    monkeypatch.setattr("arqonbus_conformance.packaging.importing.SCRIPT_SECONDS", 1.0)
    hang = "def main():\n    import threading\n    threading.Event().wait()\n"
    wheel = made_wheel(tmp_path, "bus", {"bus/__init__.py": hang}, scripts={"bus": "bus:main"})

    report = looked_at(wheel)

    assert [one.what for one in report.findings] == ["bus --help did not end within 1 s"]
