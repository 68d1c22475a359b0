"""`arqonbus-gate package` as it is called: what it finds, what it says, and how it ends."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from arqonbus_conformance.packaging.inspection import Inspection
from arqonbus_conformance.packaging.installer import uv_program
from arqonbus_conformance.packaging.report import PackageReport, package_schema
from arqonbus_conformance.packaging.shipped_secrets import secrets_in
from made_packages import BACKEND, contents, digest, made_tree, made_wheel, written

GATE = str(Path(sys.executable).parent / "arqonbus-gate")
CALL_SECONDS = 120
GOOD = {"good_bus/__init__.py": "import json\n\n\ndef main():\n    print('usage: good')\n"}
GOOD_SCRIPT = {"good": "good_bus:main"}


def package(
    subject: Path, *arguments: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Call the command."""
    return subprocess.run(
        [GATE, "package", str(subject), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=CALL_SECONDS,
        env=env,
    )


def looked_at(subject: Path, *modules: str, uv: str | None = None) -> PackageReport:
    """Look at a package from here."""
    return Inspection(subject, modules, Path(sys.executable), uv or uv_program()).report()


def found(report: PackageReport) -> set[tuple[str, str]]:
    """Kind and place of each finding."""
    return {(one.id, one.where) for one in report.findings}


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


def test_a_stand_in_for_a_dependency_is_found_in_wheel_and_tree(tmp_path: Path) -> None:
    """A name that a dependency installs, in the wheel; and one in the tree, from where a program may be started."""
    bearer = made_wheel(tmp_path, "bearer", {"wire/__init__.py": "", "store/__init__.py": ""})
    tree = made_tree(
        tmp_path,
        "bad-bus",
        {"bad_bus/__init__.py": "import wire, store\n", "wire/__init__.py": ""},
        metadata=[f"Requires-Dist: bearer @ {bearer.as_uri()}"],
    )
    (tree / "store").mkdir()
    (tree / "store" / "__init__.py").write_text("", "utf-8")

    report = looked_at(tree)

    assert found(report) == {("shadows-dependency", "wire/__init__.py"), ("shadows-dependency", "store")}


def test_an_import_that_another_brings_along_is_undeclared(tmp_path: Path) -> None:
    """It works until the other drops it."""
    inner = made_wheel(tmp_path, "inner", {"inner/__init__.py": ""})
    outer = made_wheel(
        tmp_path, "outer", {"outer/__init__.py": ""}, metadata=[f"Requires-Dist: inner @ {inner.as_uri()}"]
    )
    wheel = made_wheel(
        tmp_path,
        "bus",
        {"bus/__init__.py": "import inner\nimport outer\n"},
        metadata=[f"Requires-Dist: outer @ {outer.as_uri()}"],
    )

    assert found(looked_at(wheel)) == {("undeclared-transitive-import", "bus/__init__.py:1")}


def test_conflicting_requirements_are_found(tmp_path: Path) -> None:
    """What cannot be fulfilled together is not installed, and the finding says what it is."""
    inner = made_wheel(tmp_path, "inner", {"inner/__init__.py": ""})
    wheel = made_wheel(
        tmp_path,
        "bus",
        {"bus/__init__.py": ""},
        metadata=[f"Requires-Dist: inner @ {inner.as_uri()}", "Requires-Dist: inner >= 2"],
    )

    report = looked_at(wheel)

    assert [one.id for one in report.findings] == ["install-fails"]
    # uv names the requirement, pip says that there is a conflict
    assert re.search(r"inner|conflicting dependencies", report.findings[0].what)


def test_a_build_that_fails_is_a_finding(tmp_path: Path) -> None:
    """With the last line that the backend wrote."""
    tree = made_tree(tmp_path, "bus", {}, backend="raise RuntimeError('no compiler here')\n")

    report = looked_at(tree)

    assert (report.exit_code, [one.id for one in report.findings]) == (1, ["build-fails"])
    assert "no compiler here" in report.findings[0].what


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"bus/__init__.py": "tampered = True\n"}, "its SHA-256 is not that in RECORD"),
        ({"bus/added.py": ""}, "RECORD does not list it"),
    ],
)
def test_a_wheel_that_was_changed_is_found(tmp_path: Path, change: dict[str, str], told: str) -> None:
    """RECORD says of each file what it was when the wheel was built."""
    name, everything = contents("bus", {"bus/__init__.py": ""})
    wheel = written(tmp_path / name, {**everything, **change})

    report = looked_at(wheel)

    assert [(one.id, told in one.what) for one in report.findings if one.id == "record-disagrees"] == [
        ("record-disagrees", True)
    ]


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


def test_a_secret_is_found_and_never_shown(tmp_path: Path) -> None:
    """The place is told, the value is not, in text and in JSON."""
    token = "ghp_" + "Ab3" * 12
    wheel = made_wheel(tmp_path, "bus", {"bus/__init__.py": f"\nTOKEN = '{token}'\n", "bus/.env": "A=1\n"})

    called = package(wheel, "--json", str(tmp_path / "found.json"))

    shown = called.stdout + (tmp_path / "found.json").read_text("utf-8")
    assert called.returncode == 1
    assert "bus/__init__.py:2" in shown
    assert "bus/.env" in shown
    assert token not in shown


@pytest.mark.parametrize(
    ("line", "places"),
    [
        ('os.environ.get("JWT_SECRET", "changeme")', ["a.py:1"]),
        ('jwt_secret: str = "super-secret"', ["a.py:1"]),
        ('{"api_key": "change-me"}', ["a.py:1"]),
        ('Variable("JWT_SECRET", "jwt_secret")', []),
        ('jwt_secret: str = ""', []),
        ("names = ('password', 'secret')", []),
    ],
)
def test_a_default_secret_is_told_from_a_name(line: str, places: list[str]) -> None:
    """A value that is its own name once more says which field is meant, and is no secret."""
    assert [one.where for one in secrets_in("a.py", line)] == places


def test_tests_are_the_product_of_a_test_tool(tmp_path: Path) -> None:
    """The classifier says so, and the report tells; without it they are findings."""
    files = {"busprobe/__init__.py": "", "busprobe/cases/test_it.py": "", "busprobe/fake_bus.py": ""}
    (tmp_path / "t").mkdir()
    tool = made_wheel(tmp_path / "t", "busprobe", files, metadata=["Classifier: Framework :: Pytest"])
    plain = made_wheel(tmp_path, "busprobe", files)

    assert looked_at(tool).exit_code == 0
    assert "Framework :: Pytest" in looked_at(tool).notes[0]
    assert {kind for kind, _ in found(looked_at(plain))} == {"tests-shipped", "double-shipped"}


def test_the_hash_of_a_test_wheel_is_that_of_its_files() -> None:
    """So that a disagreement is one that a test made."""
    assert digest("") == "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
