"""The recipes for continuous integration call only what there is; conformance/tests/test_ci_script.py runs the script."""

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from programs import options_of

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "docs/ci"
SCRIPT = RECIPES / "gate.sh"
SECONDS = 30.0
"""How long a shell may take to read the script."""
COMMANDS = set(re.findall(r"^    (\w+)\) ", SCRIPT.read_text("utf-8"), re.MULTILINE))
YAML = sorted(RECIPES.glob("*.yml"))


def lines_of(recipe: Path) -> list[str]:
    """Every line of shell in a recipe, the expressions of its system as one word."""
    jobs = [job for job in yaml.safe_load(recipe.read_text("utf-8")).values() if isinstance(job, dict)]
    jobs += [one for job in jobs for one in job.values() if isinstance(one, dict)]
    scripts = [line for job in jobs for line in job.get("script", [])]
    scripts += [step["run"] for job in jobs for step in job.get("steps", []) if "run" in step]
    return [re.sub(r"\$\{\{.*?\}\}", "1", line) for script in scripts for line in script.splitlines()]


def test_the_script_is_posix_shell() -> None:
    """As the least of shells reads it."""
    subprocess.run(["/bin/sh", "-n", str(SCRIPT)], check=True, timeout=SECONDS)

    assert SCRIPT.read_text("utf-8").startswith("#!/bin/sh\n")
    assert {"install", "judge", "shard", "merge", "sign", "release"} == COMMANDS


@pytest.mark.parametrize("subcommand", ["run", "merge", "sign", "verify"])
def test_the_script_uses_only_options_that_there_are(subcommand: str) -> None:
    """Of each command of the gate that it calls."""
    text = SCRIPT.read_text("utf-8").replace("\\\n", " ")
    (call,) = re.findall(rf'^ +"\$GATE" {subcommand} .*$', text, re.MULTILINE)
    passed = "".join(re.findall(r"set -- .*", text)) if subcommand == "verify" else ""

    options = set(re.findall(r"(?<=\s)--[a-z][a-z-]*", call + passed))

    assert options
    assert options <= options_of("arqonbus-gate", subcommand)


@pytest.mark.parametrize("recipe", YAML, ids=lambda path: path.name)
def test_a_recipe_calls_only_what_there_is(recipe: Path) -> None:
    """Each of its lines is a command of the script, with options of the run."""
    calls = [shlex.split(line) for line in lines_of(recipe)]

    assert [call[:2] for call in calls] == [["sh", "ci/gate.sh"]] * len(calls)
    assert {call[2] for call in calls} == {"install", "shard", "merge", "sign"}
    assert {word for call in calls for word in call if word.startswith("--")} <= options_of(
        "arqonbus-gate", "run"
    )


@pytest.mark.parametrize("recipe", YAML, ids=lambda path: path.name)
def test_a_recipe_sets_only_variables_that_the_script_reads(recipe: Path) -> None:
    """One that is misspelt would be a setting that does nothing."""
    text, script = recipe.read_text("utf-8"), SCRIPT.read_text("utf-8")

    named = set(re.findall(r"\bGATE\w*", text))

    assert named <= set(re.findall(r"\bGATE\w*", script))


@pytest.mark.parametrize("recipe", YAML, ids=lambda path: path.name)
def test_a_recipe_keeps_the_reports_of_a_run_that_failed(recipe: Path) -> None:
    """JUnit and sign-off among them: the whole folder, always."""
    read: dict[Any, Any] = yaml.safe_load(recipe.read_text("utf-8"))
    jobs = read.get("jobs", read)

    judge, release = (json.dumps(jobs[name]) for name in ("judge", "release"))

    assert "reports/" in judge
    assert "reports/" in release
    assert "always" in judge
    assert "always" in release
