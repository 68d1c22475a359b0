from arqonbus_conformance.baseline import vanished_cases
from arqonbus_conformance.depth import Depth
from arqonbus_conformance.selection import RunRequest

LAST = ("unit/m::a", "unit/m::b[1]", "e2e/m::c")


def test_what_is_gone_is_named() -> None:
    """Whatever else was found, and whatever level was asked for."""
    found = {"unit/m::a", "e2e/m::c", "unit/m::new"}

    assert vanished_cases(LAST, found, RunRequest()) == ("unit/m::b[1]",)
    assert vanished_cases(LAST, found, RunRequest(depth=Depth.SMOKE, areas=("ENV",))) == ("unit/m::b[1]",)
    assert vanished_cases(LAST, {*LAST}, RunRequest()) == ()


def test_what_was_not_searched_is_not_missed() -> None:
    """Suites that were not asked for, and all that stands beside single cases."""
    assert vanished_cases(LAST, set(), RunRequest(suites=("e2e",))) == ("e2e/m::c",)
    assert vanished_cases(LAST, set(), RunRequest(cases=("unit/m::a",))) == ()
