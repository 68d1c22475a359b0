"""`arqonbus-gate package` as it is called: what it finds, what it says, and how it ends."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from arqonbus_conformance.packaging.inspection import Inspection
from arqonbus_conformance.packaging.report import package_schema
from made_packages import BACKEND, made_tree, made_wheel
from package_runs import CALL_SECONDS, GATE, found, package

GOOD = {"good_bus/__init__.py": "import json\n\n\ndef main():\n    print('usage: good')\n"}
GOOD_SCRIPT = {"good": "good_bus:main"}


def test_the_prepared_tree_is_found_out(tmp_path: Path) -> None:
    """A fake `aiohttp`, an undeclared `dotenv` and a console script that dies are each found: exit code 1."""
    files = {
        "aiohttp/__init__.py": '__version__ = "0.0.0"\n',
        "bad_bus/__init__.py": "",
        "bad_bus/settings.py": "import os\nfrom dotenv import load_dotenv\n",
        "bad_bus/cli.py": "def main():\n    raise SystemExit('no broker')\n",
    }
    tree = made_tree(tmp_path, "bad-bus", files, scripts={"bad-bus": "bad_bus.cli:main"})

    called = package(tree, "--import", "bad_bus.settings", "--json", str(tmp_path / "found.json"))

    assert called.returncode == 1, called.stderr
    told = json.loads((tmp_path / "found.json").read_text("utf-8"))
    assert {(one["id"], one["where"]) for one in told["findings"]} == {
        ("claims-known-name", "aiohttp/__init__.py"),
        ("undeclared-import", "bad_bus/settings.py:2"),
        ("import-fails", "import bad_bus.settings"),
        ("script-fails", "bad-bus"),
    }
    assert all(one["what"] and one["expected"] and one["next_step"] for one in told["findings"])
    assert "bad-bus --help ended with exit code 1: no broker" in called.stdout
    assert "python-dotenv" in called.stdout


def test_a_good_tree_is_clean_and_stays_as_it_was(tmp_path: Path) -> None:
    """Exit code 0, a document that fits the schema, and no trace of the build in the tree."""
    tree = made_tree(tmp_path, "good-bus", GOOD, scripts=GOOD_SCRIPT)
    before = sorted(tree.rglob("*"))

    called = package(tree, "--json", str(tmp_path / "found.json"))

    assert called.returncode == 0, called.stdout + called.stderr
    told: dict[str, Any] = json.loads((tmp_path / "found.json").read_text("utf-8"))
    jsonschema_rs.validate(package_schema(), told)
    assert (told["findings"], told["scripts"], told["modules"]) == ([], ["good"], ["good_bus"])
    assert sorted(tree.rglob("*")) == before


def test_pip_finds_what_uv_finds(tmp_path: Path) -> None:
    """Where there is no uv, venv and pip make the environments."""
    wheel = made_wheel(tmp_path, "good-bus", {"good_bus/__init__.py": "import dotenv\n"})

    report = Inspection(wheel, (), Path(sys.executable), None).report()

    assert report.installer == "pip"
    assert found(report) == {
        ("undeclared-import", "good_bus/__init__.py:1"),
        ("import-fails", "import good_bus"),
    }


def test_nothing_of_the_callers_environment_reaches_the_tree(tmp_path: Path) -> None:
    """Neither the build nor an import nor a script sees a variable of the caller, and no traces are left in its home."""
    spy = "import os, pathlib\npathlib.Path({place!r}).write_text(repr(dict(os.environ)))\n"
    files = {
        "spy/__init__.py": spy.format(place=str(tmp_path / "import.txt")),
        "spy/cli.py": f"def main():\n    import os, pathlib\n    pathlib.Path({str(tmp_path / 'script.txt')!r}).write_text(repr(dict(os.environ)))\n",
    }
    backend = spy.format(place=str(tmp_path / "build.txt")) + BACKEND
    tree = made_tree(tmp_path, "spy", files, backend=backend, scripts={"spy": "spy.cli:main"})
    caller = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "DEPLOY_KEY": "hunter2-of-the-caller",
        "PIP_INDEX_URL": "http://u:hunter2-of-the-caller@127.0.0.1:9/",
    }

    called = package(tree, env=caller)

    assert called.returncode == 0, called.stdout + called.stderr
    seen = [(tmp_path / f"{name}.txt").read_text("utf-8") for name in ("build", "import", "script")]
    assert [text for text in seen if "hunter2" in text or f"'HOME': {str(tmp_path)!r}" in text] == []


def test_an_index_that_cannot_be_reached_accuses_nobody(tmp_path: Path) -> None:
    """Exit code 69, said as such."""
    wheel = made_wheel(tmp_path, "good-bus", GOOD, metadata=["Requires-Dist: nobody-has-this"])
    env = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "UV_INDEX_URL": "http://127.0.0.1:9/simple",
        "UV_CACHE_DIR": str(tmp_path / "c"),
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
    }

    called = package(wheel, env=env)

    assert called.returncode == 69, called.stdout + called.stderr
    assert "the package index cannot be reached" in called.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["/nowhere/at/all"], "is not there"),
        (["."], "holds nothing to build"),
        (["notes.txt"], "is no wheel"),
        (["bad-1.0-py3-none-any.whl"], "is no wheel"),
        ([".", "--import", "a-b"], "--import: 'a-b' is not allowed"),
        ([".", "--python", "9.9"], "'9.9' is not there"),
        ([".", "--python", "/bin/sh"], "is no Python"),
    ],
)
def test_what_cannot_be_looked_at_is_a_matter_of_the_caller(
    tmp_path: Path, arguments: list[str], told: str
) -> None:
    """Exit code 64, and the text names what was given."""
    (tmp_path / "notes.txt").write_text("x", "utf-8")
    (tmp_path / "bad-1.0-py3-none-any.whl").write_text("x", "utf-8")

    called = subprocess.run(
        [GATE, "package", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=CALL_SECONDS,
    )

    assert called.returncode == 64, called.stdout + called.stderr
    assert told in called.stderr
