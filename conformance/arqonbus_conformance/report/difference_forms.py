"""A difference between two reports, shown: in the terminal, as a page, as JSON."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.markup import escape

from arqonbus_conformance.report.difference import ABSENT, WAIVED, Change, Difference
from arqonbus_conformance.report.html import page, write_page
from arqonbus_conformance.report.readable import readable
from arqonbus_conformance.report.style import STYLE
from arqonbus_conformance.verdict import Verdict

__all__ = ["conclusion", "difference_page", "difference_schema", "show", "write_json", "write_page_of"]

SHOWN_CHANGES: Final = 40
"""How many changes of one kind the terminal shows; the page and the JSON have them all."""
SHOWN_CHARACTERS: Final = 300
"""How much of a reason is shown."""
GROUPS: Final = (
    ("newly_violated", "Newly violated", Verdict.VIOLATED),
    ("vanished", "Vanished", Verdict.VIOLATED),
    ("changed", "Another verdict", Verdict.UNKNOWN),
    ("fixed", "Fixed", Verdict.HOLDS),
    ("added", "New", Verdict.NOT_APPLICABLE),
    ("left_out", "Left out by choice", Verdict.NOT_APPLICABLE),
)
"""The groups of changes: field, title, and the verdict whose colour it has."""


def conclusion(difference: Difference) -> str:
    """One sentence on what changed."""
    counts = (
        (len(difference.newly_violated), "newly violated"),
        (len(difference.vanished), "vanished"),
        (len(difference.fixed), "fixed"),
        (len(difference.changed), "with another verdict"),
        (len(difference.added), "new"),
        (len(difference.left_out), "left out"),
        (len(difference.slower), "slower"),
        (len(difference.close_codes), "with other close codes"),
        (len(difference.waivers), "waivers changed"),
    )
    said = ", ".join(f"{number} {words}" for number, words in counts if number)
    return f"{'regression' if difference.regression else 'no regression'}: {said or 'nothing changed'}"


def show(difference: Difference, console: Console) -> None:
    """Print what changed, the worst first."""
    for remark in difference.remarks:
        console.print(f"[yellow]note:[/] {escape(readable(remark))}", highlight=False, soft_wrap=True)
    for field, title, verdict in GROUPS:
        changes: Sequence[Change] = getattr(difference, field)
        _show_group(console, f"[{STYLE[verdict]}]{title}[/]", list(map(_change_line, changes)))
    _show_group(console, "Slower", list(_slower_lines(difference)))
    _show_group(console, "Other close codes", list(_code_lines(difference)))
    _show_group(console, "Waivers", list(_waiver_lines(difference)))
    style = "bold red" if difference.regression else "bold green"
    console.print(f"[{style}]{conclusion(difference)}[/]", highlight=False, soft_wrap=True)


def _show_group(console: Console, title: str, lines: Sequence[str]) -> None:
    if not lines:
        return
    console.print(f"{title} {len(lines)}", highlight=False)
    for line in lines[:SHOWN_CHANGES]:
        console.print(f"  {line}", highlight=False, soft_wrap=True)
    if len(lines) > SHOWN_CHANGES:
        console.print(f"  ... and {len(lines) - SHOWN_CHANGES} more; --html or --json has them all")


def _change_line(change: Change) -> str:
    reason = readable(change.reason.replace("\n", " "))[:SHOWN_CHARACTERS]
    states = f"{change.old.replace('_', ' ')} \u2192 {change.new.replace('_', ' ')}"
    return f"{change.subject} [bold]{escape(readable(change.id))}[/] {states} [dim]{escape(reason)}[/]"


def _slower_lines(difference: Difference) -> Iterator[str]:
    for one in difference.slower:
        yield f"[bold]{escape(readable(one.case))}[/] {one.old_seconds:.3f} s \u2192 {one.new_seconds:.3f} s"


def _code_lines(difference: Difference) -> Iterator[str]:
    for one in difference.close_codes:
        old, new = (" ".join(map(str, codes)) or "none" for codes in (one.old, one.new))
        yield f"[bold]{escape(readable(one.case))}[/] {old} \u2192 {new}"


def _waiver_lines(difference: Difference) -> Iterator[str]:
    for one in difference.waivers:
        old, new = (escape(readable(side or "none")) for side in (one.old, one.new))
        yield f"[bold]{escape(one.requirement)}[/] {old} \u2192 {new}"


def difference_page(difference: Difference) -> str:
    """The difference as a page that stands alone."""
    groups = [(title, str(verdict), getattr(difference, field)) for field, title, verdict in GROUPS]
    return page(
        "difference.html.j2",
        difference=difference,
        groups=groups,
        conclusion=conclusion(difference),
        states={ABSENT: str(Verdict.NOT_APPLICABLE), WAIVED: str(Verdict.UNKNOWN)},
    )


def write_page_of(difference: Difference, path: Path) -> None:
    """Write the page."""
    write_page(difference_page(difference), path)


def difference_schema() -> dict[str, Any]:
    """The JSON schema of a difference."""
    return msgspec.json.schema(Difference)


def write_json(difference: Difference, path: Path) -> None:
    """Write the difference as JSON; an older file stays as it is until the new one is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(msgspec.to_builtins(difference), indent=1, ensure_ascii=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(text + "\n", "utf-8")
    unfinished.replace(path)
