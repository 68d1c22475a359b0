"""What holds for the whole project: pinned installs and tests that say what is true."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
FOLDERS = ("conformance", "adversarial", "fixtures", "reference", "docs")
TESTS = sorted(path for folder in FOLDERS for path in (ROOT / folder / "tests").rglob("test_*.py"))
CASES = sorted(
    path
    for package in ("conformance", "adversarial")
    for path in ROOT.glob(f"{package}/*/suites/**/test_*.py")
)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_pins_by_hash_and_names_no_address(lock: Path) -> None:
    """It installs alike from any index."""
    text = lock.read_text("utf-8")

    entries = re.split(r"\n(?=\S)", text.strip())

    assert "://" not in text
    assert not re.search(r"^--", text, re.MULTILINE)
    assert [one for one in entries if not re.match(r"[a-z0-9.-]+==\S+.*\\\n +--hash=sha256:", one)] == []


def test_there_is_a_lock_for_each_kind_of_session() -> None:
    """As noxfile.py names them."""
    assert [path.stem for path in LOCKS] == [
        "build",
        "docs",
        "imports",
        "lint",
        "protobuf",
        "run",
        "tests",
        "types",
    ]


def test_the_locks_hold_what_the_project_asks_for() -> None:
    """A dependency added to pyproject.toml is locked as well: nox -s lock."""
    asked = {re.split(r"[\[><=]", line)[0].lower() for line in PROJECT["project"]["dependencies"]}

    pinned = set(
        re.findall(r"^([a-z0-9.-]+)==", (ROOT / "requirements/run.txt").read_text("utf-8"), re.MULTILINE)
    )

    assert asked - pinned == set()


@pytest.mark.parametrize("path", [*TESTS, *CASES], ids=lambda path: str(path.relative_to(ROOT)))
def test_each_test_states_a_truth(path: Path) -> None:
    """In a docstring that ends like a sentence."""
    tree = ast.parse(path.read_text("utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]

    silent = [
        one.name
        for one in functions
        if one.name.startswith("test_") and not (ast.get_docstring(one) or "").endswith(".")
    ]

    assert silent == []
