"""Every example of the pages is run or read here, or names the test that does so."""

import ast
import json
import os
import re
import shlex
import subprocess
import sys
import venv
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from arqonbus_conformance.signoff.policy import parse_policy
from arqonbus_conformance.target import parse_profile
from arqonbus_conformance.waiver_file import read_waivers
from examples import EXAMPLES, MARKER, PAGES, ROOT, SHELL, Example
from made_packages import made_tree
from made_reports import made_document
from programs import PROGRAMS

SHELL_SECONDS = 300.0
"""How long a script may take on a busy machine."""
ONE_CASE = ["--requirement", "CMD-004"]
"""What makes a run of the whole gate one of a few seconds."""
PROFILE = ROOT / "conformance/arqonbus_conformance/profiles/embedded-reference.toml"
READERS: dict[str, Callable[[str, Path], object]] = {
    "docs/profiles.md": lambda text, _: parse_profile(text, {"STAGING_JWT_SECRET": "s" * 32}),
    "docs/running.md": lambda text, _: parse_profile(text, {}),
    "docs/sign-off.md": lambda text, _: parse_policy(text),
    "docs/waivers.md": lambda text, path: read_waivers(written(path, text), date(2026, 11, 26)),
}
"""What reads the TOML of a page."""
SCRIPTS = [one for one in EXAMPLES if one.language in SHELL]
RUN = [one for one in SCRIPTS if one.covered_by is None]
COVERED = [one for one in EXAMPLES if one.covered_by is not None]
COMMANDS = sorted(
    {
        (one.name, part)
        for one in SCRIPTS
        for line in one.text.splitlines()
        for part in line.split(" && ")
        if part.split(" ")[0] in PROGRAMS
    }
)


def named(examples: list[Example]) -> list[Any]:
    """Examples as parameters."""
    return [pytest.param(one, id=one.name) for one in examples]


def written(path: Path, text: str) -> Path:
    """The file, with that in it."""
    path.write_text(text, "utf-8")
    return path


def shell(place: Path, script: str) -> subprocess.CompletedProcess[str]:
    """What became of a script in a folder, with this project's programs on the path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["/bin/sh", "-e", "-c", script],
        cwd=place,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=SHELL_SECONDS,
    )


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with one distribution in it, pip."""
    made = tmp_path_factory.mktemp("environment") / ".venv"
    venv.create(made, symlinks=True, with_pip=True)
    return made


@pytest.fixture
def place(tmp_path: Path, environment: Path) -> Path:
    """A folder with what readers of a page have: a report, an older one, a profile, a tree."""
    (tmp_path / "reports").mkdir()
    began = datetime.now(UTC).isoformat(timespec="seconds")
    for name in ("gate", "old"):
        written(tmp_path / f"reports/{name}.json", json.dumps(made_document(started_at=began)))
    profile = PROFILE.read_text("utf-8").replace('name = "embedded reference"', 'name = "staging"')
    written(tmp_path / "my-deployment.toml", profile)
    tree = made_tree(tmp_path, "my-bus", {"my_bus/__init__.py": "", "my_bus/server.py": "import asyncio\n"})
    (tree / ".venv").symlink_to(environment)
    return tmp_path


def test_each_block_of_code_has_a_language_that_somebody_runs_or_reads() -> None:
    """A new one needs its reader here; ini, the files of variables, is that of test_runbook.py."""
    others = [one.name for one in EXAMPLES if one.language not in {*SHELL, "toml", "ini", "text"}]

    assert others == []


@pytest.mark.parametrize("example", named(RUN))
def test_an_example_runs_as_it_is_written(place: Path, example: Example) -> None:
    """Each line of it ends with 0."""
    ended = shell(place, example.text)

    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("example", named([one for one in EXAMPLES if one.language == "toml"]))
def test_an_example_of_toml_is_read_by_the_gate(tmp_path: Path, example: Example) -> None:
    """By what reads such a file of a user."""
    read = READERS[example.page](example.text, tmp_path / "example.toml")

    assert read


@pytest.mark.parametrize(("where", "command"), COMMANDS)
def test_the_program_understands_each_command_of_an_example(where: str, command: str) -> None:
    """Its options with their values, run here or not."""
    program, *words = shlex.split(command.partition(" > ")[0])

    PROGRAMS[program].parse_args(words, exit_on_error=False, print_error=False)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_marker_stands_before_an_example(page: Path) -> None:
    """One that a block has lost would hide the next from nobody, and say what is not so."""
    name = str(page.relative_to(ROOT))

    text = page.read_text("utf-8")
    assert text.count("<!-- covered") == len(MARKER.findall(text))
    assert text.count("<!-- covered") == len([one for one in COVERED if one.page == name])


@pytest.mark.parametrize("example", named([one for one in COVERED if one.covered_by != ".ci/run"]))
def test_a_test_that_covers_an_example_exists(example: Example) -> None:
    """By file and name."""
    path, _, name = str(example.covered_by).partition("::")

    tree = ast.parse((ROOT / path).read_text("utf-8"))

    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, functions)}


@pytest.mark.parametrize("example", named([one for one in COVERED if one.covered_by == ".ci/run"]))
def test_continuous_integration_runs_what_is_left_to_it(example: Example) -> None:
    """Its session, at least."""
    lines = (ROOT / ".ci/run").read_text("utf-8").splitlines()
    run = {word for line in lines if ".venv/bin/nox -s" in line for word in line.split(" -s ")[1].split()}

    assert set(re.findall(r"nox -s (\w+)", example.text)) - run == set()


def test_the_chain_of_a_sign_off(place: Path) -> None:
    """Key, run, signature and verification as on the page; of a run of one case nothing is signed."""
    page = [one.text for one in EXAMPLES if one.page == "docs/sign-off.md"]
    keygen, run, sign, verify = page[0].splitlines()
    policy = written(place / "policy.toml", page[2].replace("mutation_score", "# mutation_score"))
    whole = (place / "reports/gate.json").read_text("utf-8")

    steps = [shell(place, one).returncode for one in (keygen, f"{run} {shlex.join(ONE_CASE)}", sign)]
    judged = json.loads((place / "reports/gate.json").read_text("utf-8"))
    written(place / "reports/gate.json", whole)
    signed = shell(place, f"{sign}\n{verify}\n{page[1]}")

    assert steps == [0, 0, 17], policy
    assert judged["target"]["name"] == "staging"
    assert signed.returncode == 0, signed.stderr
    assert "verified: staging, PASSED" in signed.stdout
    assert "Signature Verified Successfully" in signed.stdout
