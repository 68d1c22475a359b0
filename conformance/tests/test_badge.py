import itertools
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from arqonbus_conformance.report.badge import GREEN, as_badge, is_whole_pass, write_badge
from arqonbus_conformance.report.model import Selection
from made_reports import made_document

OUTCOME = {0: "pass", 1: "fail", 2: "incomplete", 3: "waiver_fault", 4: "fault", 69: "incomplete"}


def test_a_badge_is_green_for_a_whole_pass_only() -> None:
    """Of all exit codes, levels, selections and interruptions, two are green: standard and full, complete."""
    green = []
    for code, level, complete, interrupted in itertools.product(
        OUTCOME, ("smoke", "standard", "full"), (True, False), (True, False)
    ):
        document = made_document(
            exit_code=code,
            verdict=OUTCOME[code],
            level=level,
            selection=Selection(complete=complete),
            interrupted=interrupted,
        )
        if GREEN in ET.tostring(as_badge(document), "unicode"):
            green.append((code, level, complete, interrupted))

    assert green == [(0, "standard", True, False), (0, "full", True, False)]


@pytest.mark.parametrize("field", ["exit_code", "verdict"])
def test_exit_code_and_verdict_must_agree_to_be_green(field: str) -> None:
    """One of them alone is not enough."""
    document = made_document(failing=True)

    document[field] = made_document()[field]

    assert not is_whole_pass(document)


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        ({}, "ArqonBus conformance: pass (standard)"),
        ({"scope": "endpoint"}, "ArqonBus conformance: pass (standard, endpoint)"),
        ({"selection": Selection(complete=False)}, "ArqonBus conformance: pass (standard, in part)"),
        ({"verdict": "waiver_fault", "exit_code": 3}, "ArqonBus conformance: waiver fault (standard)"),
    ],
)
def test_the_title_says_what_the_badge_shows(changes: dict[str, Any], title: str) -> None:
    """For those who do not see it."""
    badge = as_badge(made_document(**changes))

    assert badge.findtext("title") == badge.get("aria-label") == title
    assert badge.get("role") == "img"


def test_a_badge_is_written_as_svg(tmp_path: Path) -> None:
    """Hostile names of verdicts are text in it, and it asks for nothing."""
    document = made_document(verdict="<script>", exit_code=1)

    write_badge(document, tmp_path / "gate.svg")
    root = ET.parse(tmp_path / "gate.svg").getroot()  # noqa: S314 - written by ourselves

    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert [one.tag for one in root.iter() if "script" in one.tag or "image" in one.tag] == []
    assert "href" not in (tmp_path / "gate.svg").read_text("utf-8")
