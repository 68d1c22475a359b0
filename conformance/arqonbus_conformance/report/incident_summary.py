"""An incident as Markdown for an issue tracker, and the index of all of a run. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from arqonbus_conformance.launched import ProcessLine
from arqonbus_conformance.report.incident import Incident
from arqonbus_conformance.report.readable import readable

__all__ = ["index", "summary"]

SHOWN_FRAMES: Final = 40
"""How many of the last lines of the transcript a summary shows; the rest lies beside it."""
SHOWN_OUTPUT_CHARACTERS: Final = 3000
"""How much of the end of a program's output a summary shows; incident.json has more."""
# Characters that change how a line of Markdown reads.
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~!])")


def summary(incident: Incident) -> str:
    """The incident, from its title to the versions, as one page of Markdown."""
    return "\n".join(_lines(incident)).rstrip() + "\n"


def index(incidents: Sequence[Incident], left_out: int) -> str:
    """A page that leads to the summary of each incident, and says how many there are no folders of."""
    first = incidents[0]
    head = (
        f"{len(incidents) + left_out} incidents of {_plain(first.target.name)}, {first.started_at}, seed "
        f"{first.seed}. Each folder holds SUMMARY.md (for an issue tracker), incident.json and transcript.txt; "
        "`arqonbus-gate replay FOLDER` runs its case again."
    )
    rows = [
        (
            one.severity,
            one.kind,
            ", ".join(one.failure.requirements),
            f"[{_plain(one.failure.case)}]({one.slug}/SUMMARY.md)",
        )
        for one in incidents
    ]
    more = [f"{left_out} more, all of them in the report."] if left_out else []
    return (
        "\n\n".join(["# Incidents", head, _table(("severity", "class", "requirements", "case"), rows), *more])
        + "\n"
    )


def _lines(one: Incident) -> Iterator[str]:
    failure, target = one.failure, one.target
    yield f"# {_plain(one.title)}\n"
    area = [f"`area: {line.area}`" for line in one.requirements[:1]]
    security = ["`security`"] if any(line.security for line in one.requirements) else []
    yield (
        " ".join(("Labels:", f"`severity: {one.severity}`", f"`class: {one.kind}`", *area, *security)) + "\n"
    )
    facts = {
        "case": failure.case,
        "verdict": failure.verdict + (" (waived)" if failure.waived else ""),
        "target": target.name,
        "endpoints": ", ".join(filter(None, (target.bus, target.http, target.telemetry))),
        "version of the target": target.fingerprint.version,
        "commit of the target": target.fingerprint.commit,
        "launch command": target.launch,
        "level and scope": f"{one.level}, {one.scope}",
        "seed": str(one.seed),
        "started": one.started_at,
    }
    yield _table(("", ""), [(name, _plain(value or "not known")) for name, value in facts.items()]) + "\n"
    yield "## Requirement\n"
    for line in one.requirements:
        yield f"- **{line.id}** ({line.level}, phase {line.phase}): {_plain(line.sentence)} Source: {_plain(line.source)}"
    yield f"\nThe case says: {_plain(failure.sentence)}\n"
    for title, text in (
        ("Found", failure.reason),
        ("Expected", failure.expected),
        ("Actual", failure.actual),
    ):
        yield f"## {title}\n\n{_block(text or '(not said)')}\n"
    replay = "\n".join((f"arqonbus-gate replay {one.slug}", failure.replay))
    yield f"## Replay\n\n{_block(replay, 'sh')}\n"
    yield from _evidence(one)


def _evidence(one: Incident) -> Iterator[str]:
    if one.failure.traceback:
        yield f"## Traceback\n\n{_block(one.failure.traceback)}\n"
    if one.command:
        yield f"## Command of the run\n\n{_block(one.command, 'sh')}\n"
    for process in one.failure.processes:
        yield from _program(process)
    entries = one.failure.transcript
    hidden = one.failure.dropped + max(0, len(entries) - SHOWN_FRAMES)
    yield f"## Wire transcript\n\nThe last {min(len(entries), SHOWN_FRAMES)} entries; {hidden} before them are not shown here.\n"
    yield _block("\n".join(entry.line() for entry in entries[-SHOWN_FRAMES:]) or "(nothing was said)") + "\n"
    yield f"## Environment\n\n{_pairs(one.environment)}\n"
    yield (
        f"## Versions\n\narqonbus-conformance {one.suite_version}, requirement set {one.requirement_set.revision} "
        f"(sha256 {one.requirement_set.digest[:12]})\n\n{_pairs(one.versions)}\n"
    )


def _program(process: ProcessLine) -> Iterator[str]:
    ended = "was running" if process.exit_code is None else f"had ended with {process.exit_code}"
    yield f"## Program\n\nIt {ended} when the case failed.\n\n{_block(process.command, 'sh')}\n"
    if process.environment:
        yield f"{_pairs(process.environment)}\n"
    shown = process.output[-SHOWN_OUTPUT_CHARACTERS:]
    yield f"The end of its output:\n\n{_block(shown or '(nothing)')}\n"


def _pairs(values: Mapping[str, str]) -> str:
    return _table(("name", "value"), [(name, _plain(value)) for name, value in values.items()])


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _plain(text: str) -> str:
    """Text on one line that Markdown shows as it is."""
    return _MARKUP.sub(r"\\\1", " ".join(readable(text).split()))


def _block(text: str, language: str = "") -> str:
    """A block of code that its content cannot end."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{readable(text)}\n{fence}"
