"""Every finding of the assessment has a case that names it, and a module without a story is noticed."""

from pathlib import Path

import pytest
from arqonbus_conformance import assessment
from arqonbus_conformance.assessment import FINDINGS, MET_SINCE, regression_page, stories
from arqonbus_conformance.catalogue import registered_cases

CASES = registered_cases()
MODULES = {name.partition("::")[0] for of_one in CASES.values() for name, _ in of_one}


@pytest.mark.parametrize(
    ("finding", "name"),
    [
        ("Critical 1", "package shadowing"),
        ("Critical 2", "auth fail-open"),
        ("Critical 3", "dependency contract"),
        ("High 1", "silent durability downgrade"),
        ("High 1", "consumer-group errors"),
        ("High 2", "prototype operator reachable"),
        ("High 3", "swallowed exceptions"),
        ("Medium 1", "hard-coded bind"),
    ],
)
def test_a_registered_case_names_the_finding(finding: str, name: str) -> None:
    """By its number and by its name, in the story of its module."""
    naming = {story.module for story in stories() if (story.finding, story.name) == (finding, name)}

    assert naming & MODULES != set()


def test_each_story_is_of_a_known_finding_and_has_cases() -> None:
    """No misspelt number, no name of another finding, no story that nothing watches."""
    told = stories()

    assert {story.finding for story in told} == {*FINDINGS, MET_SINCE}
    assert [one for one in told if one.name not in ("", *FINDINGS.get(one.finding, "").split(" and "))] == []
    assert {story.module for story in told} == {one for one in MODULES if one.startswith("regression/")}


def test_a_module_without_a_story_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the module and what it may begin with."""
    (tmp_path / "test_nameless.py").write_text('"""Some cases."""\n', "utf-8")
    monkeypatch.setattr(assessment, "suite_folders", lambda: {"regression": tmp_path})

    with pytest.raises(ValueError, match=r"test_nameless\.py.*'Some cases\.'.*'Met since: …'"):
        stories()


def test_the_page_lists_every_finding_with_its_cases() -> None:
    """A heading for each, in the order of their weight, and below it every function once."""
    page = regression_page(CASES)

    headings = [line.removeprefix("## ") for line in page.splitlines() if line.startswith("## ")]
    assert headings == [*(f"{finding}: {name}" for finding, name in FINDINGS.items()), MET_SINCE]
    functions = {
        name.partition("[")[0]
        for of_one in CASES.values()
        for name, _ in of_one
        if name.startswith("regression/")
    }
    assert {name: page.count(f"- `{name}`") for name in functions} == dict.fromkeys(functions, 1)
