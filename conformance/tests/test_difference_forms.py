import io
import json

import jsonschema_rs
import msgspec
from arqonbus_conformance.report.difference import Difference, difference_of
from arqonbus_conformance.report.difference_forms import (
    SHOWN_CHANGES,
    difference_page,
    difference_schema,
    show,
)
from made_reports import HOSTILE, case_in, made_document
from rich.console import Console


def printed(difference: Difference) -> str:
    stream = io.StringIO()
    show(difference, Console(file=stream, width=120))
    return stream.getvalue()


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
