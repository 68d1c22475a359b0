import hashlib
from itertools import pairwise

import pytest
from arqonbus_conformance import catalogue
from arqonbus_conformance.requirements import (
    Level,
    RequirementSetError,
    Scope,
    check_frozen,
    frozen_revisions,
    parse,
    requirement_set,
    revisions,
)
from made_requirements import ONE_REQUIREMENT as GOOD


def test_the_shipped_set_is_complete() -> None:
    """Every obligation has an id of its own, a known suite, and a sentence that ends."""
    shipped = requirement_set()

    assert len(shipped.by_id) > 200
    assert {one.area for one in shipped.by_id.values()} >= {"CONF", "ENV", "ROUTE", "STORE", "TEL"}
    assert all(one.sentence.endswith(".") for one in shipped.by_id.values())


def test_a_requirement_is_parsed_into_its_types() -> None:
    """Levels and scopes are no mere texts."""
    one = parse(GOOD.encode()).by_id["ROUTE-007"]

    assert (one.level, one.scope, one.area) == (Level.MUST, Scope.ENDPOINT, "ROUTE")


def test_requirements_are_found_in_the_order_of_the_set() -> None:
    """Whatever order they are asked for in."""
    names = list(requirement_set().by_id)[:3]

    assert [one.id for one in requirement_set().of(reversed(names))] == names


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "at least one"),
        ("[[requirement", "not TOML"),
        (GOOD + GOOD.replace('revision = "1.0"', ""), "occurs twice"),
        (GOOD.replace("ROUTE-007", "route"), "AREA-NNN"),
        (GOOD.replace('"MUST"', '"MAY"'), "level: 'MAY'"),
        (GOOD.replace('"endpoint"', '"moon"'), "scope: 'moon'"),
        (GOOD.replace('"unit"', "3"), "suite: 3"),
        (GOOD + 'since = "soon"', "since: 'soon'"),
        (GOOD.replace('sentence = "It holds."', ""), "sentence: None"),
        (GOOD.replace("phase = 3", ""), "phase: None"),
        (GOOD.replace("phase = 3", "phase = 6"), "phase: 6 is not allowed; allowed: 0 to 5"),
        (GOOD + "security = 1", "security: 1"),
        (GOOD + 'criteria = ["moon"]', "criteria: .* no-stubs"),
        (GOOD + "moon = 1", "moon: there is no such field"),
    ],
)
def test_a_wrong_set_is_refused_by_name(text: str, says: str) -> None:
    """The error names the requirement, the field and what is allowed."""
    with pytest.raises(RequirementSetError, match=says):
        parse(text.encode())


def test_what_came_later_is_known_and_not_of_the_set() -> None:
    """By its id, with the revision that brought it."""
    later = GOOD.replace('revision = "1.0"', "").replace("ROUTE-007", "ROUTE-008") + 'since = "1.1"\n'

    parsed = parse((GOOD + later).encode())

    assert list(parsed.by_id) == ["ROUTE-007"]
    assert parsed.later == {"ROUTE-008": "1.1"}


def test_a_frozen_revision_never_changes() -> None:
    """Not by a single byte; what nobody froze is a draft."""
    frozen = {"1.0": hashlib.sha256(GOOD.encode()).hexdigest()}

    assert check_frozen("1.0", GOOD.encode(), frozen)
    assert not check_frozen("1.1", GOOD.encode(), frozen)
    with pytest.raises(RequirementSetError, match="a file of its own"):
        check_frozen("1.0", GOOD.encode() + b" ", frozen)


def test_the_newest_frozen_revision_is_judged_by() -> None:
    """An older one is frozen still, for who names it."""
    judged, older = requirement_set(), requirement_set("0.9")

    assert judged.revision == frozen_revisions()[-1] == "1.0"
    assert judged.frozen
    assert older.frozen


def test_a_draft_is_not_judged_by(before_the_freeze: str) -> None:
    """Unless somebody names it, however new it is."""
    judged, draft = requirement_set(), requirement_set(before_the_freeze)

    assert judged.revision == frozen_revisions()[-1] == "0.9"
    assert draft.revision == before_the_freeze == "1.0"
    assert not draft.frozen
    assert draft.by_id.keys() - judged.by_id.keys() == judged.later.keys()


def test_a_later_revision_keeps_each_requirement_as_it_was() -> None:
    """Ids are never renumbered or reused; what it adds is known as later to the one before."""
    for name, following in pairwise(revisions()):
        old, new = requirement_set(name), requirement_set(following)

        assert new.of(old.by_id) == list(old.by_id.values())
        assert old.later.keys() >= new.by_id.keys() - old.by_id.keys()


def test_a_revision_that_nobody_wrote_is_refused() -> None:
    """With those that there are."""
    with pytest.raises(RequirementSetError, match=r"'1.7' is no requirement set; there are: 0.9, 1.0"):
        requirement_set("1.7")


def test_every_requirement_of_the_frozen_sets_has_a_case() -> None:
    """What is frozen can be judged; a draft may be ahead of its cases."""
    cases = catalogue.registered_cases()

    frozen = [one for name in frozen_revisions() for one in requirement_set(name).by_id]

    assert [name for name in frozen if name not in cases] == []


def test_the_page_marks_what_is_later() -> None:
    """Under a heading of its own that names the revision."""
    page = catalogue.markdown(requirement_set("0.9"), {})

    frozen, later = page.split("## Later: revision 1.0 (frozen)")

    assert frozen.startswith("# Requirements, revision 0.9 (frozen)\n")
    assert "| SHLD-001 |" not in frozen
    assert "| SHLD-001 |" in later


@pytest.mark.usefixtures("before_the_freeze")
def test_the_page_marks_what_is_a_draft() -> None:
    """So that nobody takes it for what is judged by."""
    page = catalogue.markdown(requirement_set(), {})

    assert page.startswith("# Requirements, revision 0.9 (frozen)\n")
    assert "\n## Later: revision 1.0 (a draft)\n" in page
