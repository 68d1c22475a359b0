import io
import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from arqonbus_conformance.__main__ import main
from arqonbus_conformance.report.difference import Difference, SlownessBound, difference_of
from arqonbus_conformance.report.difference_forms import (
    SHOWN_CHANGES,
    conclusion,
    difference_page,
    difference_schema,
    show,
)
from arqonbus_conformance.report.json_report import write_json
from arqonbus_conformance.report.model import LeftOut, RequirementSetLine, Selection, TargetLine
from made_reports import HOSTILE, made_document, made_report
from rich.console import Console


def another_target(version: str | None) -> TargetLine:
    """The target of the made reports, as another deployment under the same name."""
    target = made_report().target
    changed = msgspec.structs.replace(target.fingerprint, version=version)
    return msgspec.structs.replace(target, fingerprint=changed)


def case_in(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in document["cases"] if name in one["requirements"])
    return found


def printed(difference: Difference) -> str:
    stream = io.StringIO()
    show(difference, Console(file=stream, width=120))
    return stream.getvalue()


def test_the_same_report_twice_is_no_change() -> None:
    """Whatever it says."""
    document = made_document(failing=True)

    difference = difference_of(document, document)

    assert not difference.regression
    assert conclusion(difference) == "no regression: nothing changed"


def test_what_broke_is_newly_violated_and_what_was_repaired_is_fixed() -> None:
    """Requirement and case each; the same two reports the other way round."""
    good, bad = made_document(), made_document(failing=True)

    worse, better = difference_of(good, bad), difference_of(bad, good)

    names = [(one.subject, one.id, one.old, one.new) for one in worse.newly_violated]
    assert names[0] == ("requirement", "AUTH-003", "holds", "violated")
    assert ("case", "unit/test_route::test_route_007", "holds", "violated") in names
    assert len(names) == 6
    assert {one.new for one in worse.changed} == {"broken", "unknown", "unverified"}
    assert worse.regression
    assert not better.regression
    assert [(one.subject, one.id) for one in better.fixed] == [name[:2] for name in names]


def test_a_case_that_is_gone_has_vanished() -> None:
    """Unless the new report says that it was left out, and then its requirement with it."""
    old, new = made_document(), made_document()
    gone = case_in(new, "ROUTE-007")
    new["cases"].remove(gone)
    new["requirements"] = [line for line in new["requirements"] if line["id"] != "ROUTE-007"]

    silent = difference_of(old, new)
    new["selection"]["left_out"].append({"case": gone["id"], "reason": "budget"})
    said = difference_of(old, new)

    assert [one.id for one in silent.vanished] == ["ROUTE-007", gone["id"]]
    assert silent.regression
    assert said.vanished == ()
    assert [one.id for one in said.left_out] == ["ROUTE-007", gone["id"]]
    assert not said.regression


def test_a_new_case_is_new_and_a_new_violation_a_regression() -> None:
    """A case that was never there cannot have been violated before."""
    old, new = made_document(), made_document()
    old["cases"].remove(case_in(old, "ROUTE-007"))
    holds = difference_of(old, new)

    case_in(new, "ROUTE-007")["verdict"] = "violated"
    violated = difference_of(old, new)

    assert [(one.old, one.new) for one in holds.added] == [("absent", "holds")]
    assert not holds.regression
    assert [(one.old, one.new) for one in violated.newly_violated] == [("absent", "violated")]
    assert violated.regression


def test_a_waived_violation_is_no_regression_until_its_waiver_is_gone() -> None:
    """What is waived is a state of its own."""
    good, waived, bare = made_document(), made_document(failing=True), made_document(failing=True)
    for line in (*waived["cases"], *waived["requirements"]):
        line["waived"] = line["verdict"] == "violated"
    bare["waivers"] = []

    into, out_of = difference_of(good, waived), difference_of(waived, bare)

    assert into.newly_violated == ()
    assert {(one.old, one.new) for one in into.changed} >= {("holds", "waived")}
    assert not into.regression
    assert {(one.old, one.new) for one in out_of.newly_violated} == {("waived", "violated")}
    assert [(one.requirement, one.new) for one in out_of.waivers] == [("GRP-001", "")]
    assert out_of.waivers[0].old.startswith("applied until 2026-12-24, ann@example.org")


@pytest.mark.parametrize(
    ("seconds", "slower"),
    [
        ((1.0, 2.0), True),
        ((1.0, 1.99), False),
        ((0.1, 0.3), False),
        ((0.1, 0.4), True),
        ((0.0, 0.25), True),
    ],
)
def test_slower_is_by_ratio_and_by_seconds(seconds: tuple[float, float], *, slower: bool) -> None:
    """Both must be reached: noise of milliseconds is no news."""
    old, new = made_document(), made_document()

    case_in(old, "ROUTE-007")["seconds"], case_in(new, "ROUTE-007")["seconds"] = seconds

    assert [one.case for one in difference_of(old, new).slower] == [
        "unit/test_route::test_route_007"
    ] * slower


@pytest.mark.parametrize(
    ("asked", "vanished"),
    [
        ({"areas": ("ROUTE",)}, True),
        ({"areas": ("CMD",)}, False),
        ({"requirements": ("ROUTE-007",)}, True),
        ({"requirements": ("ROUTE-008",)}, False),
        ({"suites": ("unit",)}, True),
        ({"suites": ("e2e",)}, False),
        ({"phase": 5}, True),
        ({"phase": 0}, False),
        ({"keyword": "ROUTE"}, False),
        ({"shard": "1/2"}, False),
    ],
)
def test_only_what_was_asked_for_can_vanish(asked: dict[str, Any], *, vanished: bool) -> None:
    """What the newer run was not to run is left out; a keyword or a shard may hide anything."""
    old = made_document()
    new = made_document(selection=Selection(complete=False, **asked))
    gone = case_in(new, "ROUTE-007")
    new["cases"].remove(gone)

    difference = difference_of(old, new)

    assert (gone["id"] in {one.id for one in difference.vanished}) is vanished
    assert (gone["id"] in {one.id for one in difference.left_out}) is not vanished


def test_the_same_keyword_twice_is_the_same_choice() -> None:
    """So what it found before must be there again."""
    narrow = Selection(complete=False, keyword="ROUTE")
    old, new = made_document(selection=narrow), made_document(selection=narrow)
    gone = case_in(new, "ROUTE-007")
    new["cases"].remove(gone)

    assert [one.id for one in difference_of(old, new).vanished] == [gone["id"]]


def test_a_level_that_is_lower_misses_no_case_of_a_higher_one() -> None:
    """Nor does a run that was interrupted."""
    old = made_document()
    cases = [case for case in old["cases"] if case["suite"] == "unit"]

    for changes in ({"level": "smoke"}, {"interrupted": True}):
        new = made_document(**changes)
        new["cases"] = [case for case in new["cases"] if case["suite"] != "unit"]

        assert len(difference_of(old, new).left_out) == len(cases)


def test_slower_is_about_cases_that_hold() -> None:
    """A failure takes as long as its deadline; and the bounds are the caller's."""
    old, new = made_document(), made_document(failing=True)
    for document in (old, new):
        case_in(document, "ROUTE-007")["seconds"] = 1.0 if document is old else 60.0
        case_in(document, "ROUTE-008")["seconds"] = 1.0 if document is old else 1.3

    by_default = difference_of(old, new).slower
    by_tenths = difference_of(old, new, SlownessBound(1.1, 0.1)).slower

    assert by_default == ()
    assert [one.case for one in by_tenths] == ["unit/test_route::test_route_008"]


def test_other_close_codes_are_told_whatever_their_order() -> None:
    """Connections end in any order, and in a crowd any number of them; which codes came is what counts."""
    old, new = made_document(), made_document()
    case_in(new, "CONN-001")["close_codes"] = [1008, 1000, 1008]
    case_in(new, "CONN-002")["close_codes"] = [1000, 1011]

    changes = difference_of(old, new).close_codes

    assert [(one.old, one.new) for one in changes] == [((1000, 1008), (1000, 1011))]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"requirement_set": RequirementSetLine("1.1", "0" * 64)},
            "requirement sets are different: revision 1.0, now 1.1",
        ),
        ({"requirement_set": RequirementSetLine("1.0", "0" * 64)}, "though both are revision 1.0"),
        ({"level": "smoke"}, "the level is different: standard, now smoke"),
        ({"scope": "endpoint"}, "the scope is different: deployment, now endpoint"),
        ({"suite_version": "0.2.0"}, "the suite version is different: 0.1.0, now 0.2.0"),
        (
            {"target": another_target("3.0.0")},
            "the version of the target is different: 2.4.1, now 3.0.0",
        ),
        ({"target": another_target(None)}, "the version of the target is different: 2.4.1, now not known"),
        ({"interrupted": True}, "the run of the new report was interrupted"),
        ({"selection": Selection(complete=False)}, "the new report is about a selection"),
    ],
)
def test_what_makes_two_reports_hard_to_compare_is_said(changes: dict[str, Any], says: str) -> None:
    """And only that."""
    remarks = difference_of(made_document(), made_document(**changes)).remarks

    assert len(remarks) == 1
    assert says in remarks[0]


def test_the_terminal_shows_each_group_within_bounds() -> None:
    """Markup and control characters of a deployment are text."""
    old, new = made_document(), made_document(failing=True)
    for case in new["cases"][: SHOWN_CHANGES + 10]:
        case.update(verdict="violated", reason="[red]late[/]\x1b[31m\n" + HOSTILE)

    text = printed(difference_of(old, new))

    assert "Newly violated" in text
    assert "[red]late[/]\\x1b[31m" in text
    assert "\x1b" not in text
    assert "more; --html or --json has them all" in text
    assert text.splitlines()[-1].startswith("regression: ")


def test_the_page_tells_the_same_and_stays_a_page() -> None:
    """Hostile reasons are text in it."""
    old, new = made_document(), made_document(failing=True)
    case_in(new, "ROUTE-007")["reason"] = HOSTILE

    text = difference_page(difference_of(old, new))

    assert text.count("<script>") == 1
    assert "&lt;script&gt;document.title" in text
    assert "unit/test_route::test_route_007" in text
    assert "Newly violated" in text


def test_the_json_form_fits_its_published_schema() -> None:
    """And is the same value again."""
    difference = difference_of(made_document(), made_document(failing=True, level="smoke"))

    document = msgspec.to_builtins(difference)

    jsonschema_rs.validate(difference_schema(), json.loads(json.dumps(document)))
    assert msgspec.convert(json.loads(json.dumps(document)), Difference) == difference


@pytest.fixture
def written(tmp_path: Path) -> tuple[Path, Path]:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    write_json(made_report(), good)
    write_json(made_report(failing=True), bad)
    return good, bad


def exit_of(*arguments: object) -> object:
    with pytest.raises(SystemExit) as ended:
        main(["diff", *map(str, arguments)])
    return ended.value.code


def test_the_command_ends_with_what_it_found(written: tuple[Path, Path], tmp_path: Path) -> None:
    """0 without a regression, 1 with one; page and JSON are written either way."""
    good, bad = written

    better = exit_of(bad, good, "--html", tmp_path / "a.html", "--json", tmp_path / "a.json")
    worse = exit_of(good, bad)

    assert (better, worse) == (0, 1)
    assert (tmp_path / "a.html").read_text("utf-8").startswith("<!doctype html>")
    assert json.loads((tmp_path / "a.json").read_text("utf-8"))["regression"] is False


def test_a_cut_report_is_compared_with_nothing(
    written: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """On either side: exit 64 and the reason."""
    good, bad = written
    bad.write_bytes(bad.read_bytes()[:-300])

    codes = (exit_of(good, bad), exit_of(bad, good))

    assert codes == (64, 64)
    assert capsys.readouterr().err.count("is truncated") == 2


def test_a_report_is_never_written_over(written: tuple[Path, Path]) -> None:
    """Neither side of the comparison."""
    good, bad = written

    codes = [exit_of(good, bad, option, path) for option in ("--html", "--json") for path in written]

    assert codes == [64] * 4


def test_left_out_requirements_need_all_their_cases_left_out() -> None:
    """One of two cases left out does not excuse a requirement that is gone."""
    old, new = made_document(), made_document(selection=Selection(complete=False))
    case_in(old, "ROUTE-008")["requirements"].append("ROUTE-007")
    new["selection"]["left_out"] = [msgspec.to_builtins(LeftOut(case_in(old, "ROUTE-007")["id"], "budget"))]
    new["requirements"] = [line for line in new["requirements"] if line["id"] != "ROUTE-007"]

    assert [one.id for one in difference_of(old, new).vanished] == ["ROUTE-007"]
