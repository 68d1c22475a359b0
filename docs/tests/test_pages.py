"""What the pages promise is there: commands, sessions, files, modules, requirements."""

import ast
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from arqonbus_conformance.requirements import requirement_set, revisions
from programs import options_of

ROOT = Path(__file__).parents[2]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted(path for path in (ROOT / "docs").rglob("*.md") if "tests" not in path.parts),
]
GENERATED = runpy.run_path(str(ROOT / "docs/making/generated.py"))["PAGES"]
PROGRAMS = ("arqonbus-gate", "arqonbus-reference", "nox", ".venv/bin/nox")
PACKAGES = {
    name: ROOT / folder / name
    for folder, name in [
        ("conformance", "arqonbus_conformance"),
        ("adversarial", "arqonbus_adversarial"),
        ("fixtures", "arqonbus_fixtures"),
        ("reference", "arqonbus_reference"),
    ]
}


def commands_in(text: str) -> list[str]:
    """Command lines of our programs in the code of a page, joined commands taken apart."""
    code = re.findall(r"^    (\S.*)$", text, re.MULTILINE) + re.findall(r"`([^`\n]+)`", text)
    return [part for line in code for part in line.split(" && ") if part.split(" ")[0] in PROGRAMS]


COMMANDS = sorted(
    {(page.name, command) for page in PAGES for command in commands_in(page.read_text("utf-8"))}
)
LINKS = sorted(
    {
        (str(page.relative_to(ROOT)), link)
        for page in PAGES
        for link in re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8"))
        if "://" not in link
    }
)


def sessions() -> set[str]:
    """The names of the sessions in noxfile.py."""
    tree = ast.parse((ROOT / "noxfile.py").read_text("utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {one.name for one in functions if "nox.session" in ast.unparse(one.decorator_list)}


@pytest.mark.parametrize(("page", "command"), [one for one in COMMANDS if "nox" in one[1].split(" ")[0]])
def test_each_session_that_a_page_names_exists(page: str, command: str) -> None:
    """Readers copy the line as it is."""
    named = re.findall(r"-s ((?:[a-z0-9_]+ ?)+)", command.partition(" -- ")[0])

    assert {session for group in named for session in group.split()} <= sessions(), page


@pytest.mark.parametrize(("page", "command"), [one for one in COMMANDS if "nox" not in one[1].split(" ")[0]])
def test_each_command_that_a_page_names_exists_with_its_options(page: str, command: str) -> None:
    """The program's own help knows it."""
    words = shlex.split(command.partition(" > ")[0])
    subcommand = [word for word in words[1:2] if not word.startswith("-")]

    known = options_of(words[0], *subcommand)

    assert [word for word in words if word.startswith("-") and word not in known] == [], f"{page}: {command}"


@pytest.mark.parametrize(("page", "link"), LINKS)
def test_each_link_to_a_file_leads_somewhere(page: str, link: str) -> None:
    """Relative to its page."""
    assert (ROOT / page).parent.joinpath(link).exists()


def test_continuous_integration_runs_the_readme() -> None:
    """The README's command for the tests stands there word for word, and the gate behind it."""
    lines = [line.strip() for line in (ROOT / ".ci/run").read_text("utf-8").splitlines()]
    promised = re.findall(
        r"^    (python3 -m venv .*)$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE
    )

    gate, tests = promised
    assert tests in lines
    assert gate.rpartition(" && ")[2] in lines


def test_each_module_has_its_paragraph_and_each_paragraph_its_module() -> None:
    """docs/whats-here.md is complete: cases and package files stand for themselves."""
    page = (ROOT / "docs/whats-here.md").read_text("utf-8")
    described = set(re.findall(r"^\*\*`([^`]+\.py)`\*\* \S", page, re.MULTILINE))

    modules = {
        str(path.relative_to(ROOT))
        for package in PACKAGES.values()
        for path in package.rglob("*.py")
        if path.name != "__init__.py" and not path.name.startswith("test_")
    }

    assert described == modules


@pytest.mark.parametrize("name", sorted(GENERATED))
def test_a_generated_page_is_what_the_programs_write(name: str) -> None:
    """After a change: nox -s pages, or python -P docs/making/generated.py."""
    # in a process of its own: a program that was called in this one may describe itself otherwise
    code = "import runpy, sys; sys.stdout.write(runpy.run_path(sys.argv[1])['PAGES'][sys.argv[2]]())"
    command = [sys.executable, "-P", "-c", code, str(ROOT / "docs/making/generated.py"), name]
    written = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    same = (ROOT / "docs" / name).read_text("utf-8") == written
    assert same, f"docs/{name} is not what the programs write: python -P docs/making/generated.py"


def test_each_decision_is_listed() -> None:
    """With its title."""
    listed = (ROOT / "docs/decisions/README.md").read_text("utf-8")

    pages = {path.name: path for path in (ROOT / "docs/decisions").glob("[0-9]*.md")}

    titles = dict(re.findall(r"^\| \[\d{4}\]\((.+?)\) \| (.+) \|$", listed, re.MULTILINE))
    assert {name: f"# {name[:4]} {title}" for name, title in titles.items()} == {
        name: path.read_text("utf-8").partition("\n")[0] for name, path in pages.items()
    }


def test_the_readme_says_by_what_is_judged() -> None:
    """The revision, and how many requirements it has."""
    judged = requirement_set()

    text = (ROOT / "README.md").read_text("utf-8")

    assert f"Requirement set {judged.revision}, frozen, has {len(judged.by_id)} [requirements]" in text


@pytest.mark.parametrize("revision", revisions())
def test_the_specification_says_how_many_requirements_a_set_has(revision: str) -> None:
    """With the state of each."""
    named = requirement_set(revision)

    (line,) = re.findall(
        r"^revisions of their own, each frozen: .*?\.$",
        (ROOT / "docs/spec/README.md").read_text("utf-8"),
        re.MULTILINE | re.DOTALL,
    )

    assert named.frozen
    assert revision in line
    assert f"({len(named.by_id)}" in line
