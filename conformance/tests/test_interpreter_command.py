"""`arqonbus-gate package` at the interpreter of a deployment: what it says, and how it ends."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import jsonschema_rs
import pytest
from arqonbus_conformance.packaging.report import package_schema
from made_environments import POISON, STAND_IN, Environment, write
from made_packages import made_tree
from package_runs import CALL_SECONDS, GATE


def package(*arguments: str, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Call the command with these variables alone."""
    return subprocess.run(
        [GATE, "package", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=CALL_SECONDS,
        env={"PATH": "/usr/bin:/bin", **(environ or {})},
    )


def test_a_fake_aiohttp_in_the_working_directory_is_told_from_the_installed_one(
    made: Environment, tmp_path: Path
) -> None:
    """Exit code 1, both paths named, and a document that fits the schema; nothing of either is imported."""
    fake = made.cwd / "aiohttp" / "__init__.py"
    write(made.cwd, {"aiohttp/__init__.py": POISON})

    called = package(
        *("--interpreter", str(made.python), "--launched-in", str(made.cwd)),
        *("--json", str(tmp_path / "found.json")),
    )

    assert called.returncode == 1, called.stdout + called.stderr
    told = json.loads((tmp_path / "found.json").read_text("utf-8"))
    jsonschema_rs.validate(package_schema(), told)
    assert [(one["id"], one["severity"], one["where"]) for one in told["findings"]] == [
        ("shadows-dependency", "blocker", str(fake))
    ]
    installed = made.site / "aiohttp" / "__init__.py"
    assert (
        f"'aiohttp' is imported from {fake}, and not from {installed} of the distribution aiohttp 1.0"
        in called.stdout
    )
    assert (told["interpreter"], told["import_path"][0]) == (str(made.python), str(made.cwd))


def test_without_the_fake_nothing_is_wrong(made: Environment) -> None:
    """The twin: the same environment, named by its folder, in a folder with a module of another name."""
    write(made.cwd, {"nobodys_module.py": ""})

    called = package("--interpreter", str(made.python.parents[1]), "--launched-in", str(made.cwd))

    assert called.returncode == 0, called.stdout + called.stderr
    assert "1 modules of 1 distributions" in called.stdout


def test_our_own_environment_is_what_was_installed() -> None:
    """Exit code 0 for the interpreter that runs this."""
    called = package("--interpreter", sys.executable)

    assert called.returncode == 0, called.stdout + called.stderr
    assert "nothing is wrong with it" in called.stdout


def test_the_profile_says_how_the_interpreter_is_started(made: Environment, tmp_path: Path) -> None:
    """PYTHONPATH of its launch environment is on the import path, where the option -E does not take it away."""
    write(tmp_path / "stand-ins", {"aiohttp.py": STAND_IN})
    profile = tmp_path / "bus.toml"
    text = 'name = "bus"\n[launch]\ncommand = "{0}"\n[launch.environment]\nPYTHONPATH = "{1}"\n'

    profile.write_text(text.format(f"{made.python} -m bus serve", tmp_path / "stand-ins"), "utf-8")
    shadowed = package("--target", str(profile))
    profile.write_text(text.format(f"{made.python} -E -m bus serve", tmp_path / "stand-ins"), "utf-8")
    deaf = package("--target", str(profile))

    assert (shadowed.returncode, deaf.returncode) == (1, 0), shadowed.stdout + deaf.stdout
    assert str(tmp_path / "stand-ins" / "aiohttp.py") in shadowed.stdout


def test_nothing_to_compare_is_no_success(made: Environment, tmp_path: Path) -> None:
    """Exit code 2 where no distribution says what it installed."""
    (made.site / "aiohttp-1.0.dist-info" / "RECORD").unlink()

    called = package("--interpreter", str(made.python), "--launched-in", str(made.cwd))

    assert called.returncode == 2, called.stdout
    assert "there is nothing to compare" in called.stdout


def test_a_tree_is_where_its_interpreter_is_started(made: Environment, tmp_path: Path) -> None:
    """With both, both are looked at: the tree as ever, and what it puts in front of the installed distributions."""
    tree = made_tree(tmp_path, "good-bus", {"good_bus/__init__.py": ""})
    write(tree, {"aiohttp/__init__.py": STAND_IN})

    called = package(str(tree), "--interpreter", str(made.python), "--json", str(tmp_path / "found.json"))

    told = json.loads((tmp_path / "found.json").read_text("utf-8"))
    assert called.returncode == 1, called.stdout + called.stderr
    assert [(one["id"], one["where"]) for one in told["findings"]] == [
        ("shadows-dependency", str(tree / "aiohttp" / "__init__.py"))
    ]
    assert ("build" in told["checks"], "import" in told["checks"], told["checks"][-1]) == (
        True,
        True,
        "interpreter",
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "nothing to look at"),
        (["{profile}", "--launched-in", "."], "--launched-in needs --interpreter or --target"),
        (["--interpreter", "python3", "--launched-in", "/nowhere"], "--launched-in: '/nowhere'"),
        (["--interpreter", "/bin/sh"], "is no Python"),
        (["--interpreter", "python3", "--import", "bus"], "--import and --python need PATH"),
        (["--target", "{profile}"], "starts no Python program that can be seen"),
    ],
)
def test_what_cannot_be_looked_at_is_a_matter_of_the_caller(
    tmp_path: Path, arguments: list[str], told: str
) -> None:
    """Exit code 64, and the text names what was given."""
    profile = tmp_path / "bus.toml"
    profile.write_text('name = "bus"\n[launch]\ncommand = "timeout 9 python3 -m bus serve"\n', "utf-8")

    called = package(*(word.format(profile=profile) for word in arguments))

    assert called.returncode == 64, called.stdout + called.stderr
    assert told in called.stderr
