from typing import Any

import msgspec
import pytest
from arqonbus_conformance.report.difference import difference_of
from arqonbus_conformance.report.difference_forms import conclusion
from arqonbus_conformance.report.model import LeftOut, Selection
from made_reports import case_in, made_document


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


def test_left_out_requirements_need_all_their_cases_left_out() -> None:
    """One of two cases left out does not excuse a requirement that is gone."""
    old, new = made_document(), made_document(selection=Selection(complete=False))
    case_in(old, "ROUTE-008")["requirements"].append("ROUTE-007")
    new["selection"]["left_out"] = [msgspec.to_builtins(LeftOut(case_in(old, "ROUTE-007")["id"], "budget"))]
    new["requirements"] = [line for line in new["requirements"] if line["id"] != "ROUTE-007"]

    assert [one.id for one in difference_of(old, new).vanished] == ["ROUTE-007"]
