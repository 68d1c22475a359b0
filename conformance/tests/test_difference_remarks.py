from typing import Any

import msgspec
import pytest
from arqonbus_conformance.report.difference import SlownessBound, difference_of
from arqonbus_conformance.report.model import RequirementSetLine, Selection, TargetLine
from made_reports import case_in, made_document, made_report


def another_target(version: str | None) -> TargetLine:
    """The target of the made reports, as another deployment under the same name."""
    target = made_report().target
    changed = msgspec.structs.replace(target.fingerprint, version=version)
    return msgspec.structs.replace(target, fingerprint=changed)


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
