import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from arqonbus_conformance.report.model import RequirementSetLine, Selection
from arqonbus_conformance.requirements import requirement_set
from signoff_runs import Ended, smoke_report, write_report


def test_a_failed_run_is_signed_only_when_allowed_and_never_verified(gate: Ended) -> None:
    """It says FAILED then, and verification ends with 17."""
    write_report(failing=True, waivers=())

    refused = gate("sign", "report.json", "--key", "k", "--out", "a.json")
    allowed = gate("sign", "report.json", "--key", "k", "--out", "a.json", "--allow-failed")
    verified = gate("verify", "a.json", "--key", "k.pub")

    assert (refused[0], allowed[0], verified[0]) == (17, 0, 17)
    assert "signed as FAILED" in allowed[1]


@pytest.mark.parametrize(
    "changes",
    [{"interrupted": True}, {"cases": (), "requirements": ()}, {"selection": Selection(complete=False)}],
)
def test_half_a_run_is_never_signed(gate: Ended, changes: dict[str, Any]) -> None:
    """Interrupted, empty or a selection: not even where failing is allowed."""
    write_report(**changes)

    code, _ = gate("sign", "report.json", "--key", "k", "--out", "a.json", "--allow-failed")

    assert code == 17
    assert not Path("a.json").exists()


def test_a_truncated_or_edited_report_is_never_signed(gate: Ended) -> None:
    """It ends with 11 and leaves no sign-off."""
    write_report()
    text = Path("report.json").read_text()
    Path("half.json").write_text(text[: len(text) // 2])
    Path("edited.json").write_text(text.replace('"level": "standard"', '"level": "full"'))

    codes = [
        gate("sign", name, "--key", "k", "--out", "a.json", "--allow-failed")[0]
        for name in ("half.json", "edited.json")
    ]

    assert codes == [11, 11]
    assert not Path("a.json").exists()


@pytest.mark.parametrize(
    "changes", [{"keyword": "HTTP-001"}, {"phase": 1}, {"budget_seconds": 9.0}, {"shard": "1/2"}]
)
def test_a_part_of_a_smoke_run_is_never_signed(gate: Ended, changes: dict[str, Any]) -> None:
    """What was left out is not known to hold."""
    write_report(**smoke_report(**changes))

    code, said = gate("sign", "report.json", "--key", "k", "--out", "a.json")

    assert code == 17
    assert "selection of cases" in said


def test_a_requirement_that_a_smoke_run_saw_violated_is_not_overlooked(gate: Ended) -> None:
    """Only those that it did not judge are left aside."""
    changes = smoke_report()
    first, *rest = changes["requirements"]
    write_report(**changes | {"requirements": (first | {"verdict": "unknown"}, *rest)})

    code, said = gate("sign", "report.json", "--key", "k", "--out", "a.json")

    assert code == 17
    assert f"1 MUST requirements are unknown: {first['id']}" in said


@pytest.mark.usefixtures("before_the_freeze")
@pytest.mark.parametrize(("options", "drafts", "code"), [((), 0, 17), (("--requirements", "1.0"), 1, 17)])
def test_only_a_report_by_a_draft_says_so(
    gate: Ended, bus_beside: Callable[[], str], *, options: tuple[str, ...], drafts: int, code: int
) -> None:
    """And it is named among the reasons against its signature."""
    run = gate("run", "--url", bus_beside(), "-k", "no_such_case", "--no-incidents", *options)
    notes = json.loads(Path("reports/gate.json").read_text("utf-8"))["notes"]
    ended, said = gate("sign", "reports/gate.json", "--key", "k", "--out", "a.json")

    assert (run[0], ended) == (2, code)
    assert sum("is a draft" in note for note in notes) == drafts
    assert said.count("a draft that may still change") == drafts


def test_what_a_draft_judged_is_never_signed(gate: Ended, before_the_freeze: str) -> None:
    """Not even where failing is allowed; it ends with 21."""
    draft = requirement_set(before_the_freeze)
    write_report(requirement_set=RequirementSetLine(draft.revision, draft.digest))

    code, said = gate("sign", "report.json", "--key", "k", "--out", "a.json", "--allow-failed")

    assert code == 21
    assert "signing refused: it is judged by requirement set 1.0, a draft" in said
    assert not Path("a.json").exists()
