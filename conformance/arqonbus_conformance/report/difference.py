"""What changed from one report to the next. Pure; two documents in, one value out."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from arqonbus_conformance.fingerprint import told_apart
from arqonbus_conformance.report.expected import Expectation
from arqonbus_conformance.verdict import Verdict

__all__ = [
    "SLOWER_RATIO",
    "SLOWER_SECONDS",
    "Change",
    "CloseCodes",
    "Difference",
    "Side",
    "Slower",
    "SlownessBound",
    "WaiverChange",
    "difference_of",
]

Document = Mapping[str, Any]
"""A report, as JSON values."""

SLOWER_RATIO: Final = 2.0
"""From how many times the old duration on a case is slower."""
SLOWER_SECONDS: Final = 0.25
"""How many seconds it must have gained as well; below that, noise would fill the list."""
WAIVED: Final = "waived"
"""The state of a case or requirement whose violation a waiver covers."""
ABSENT: Final = "absent"
"""The state of a case that one of the reports does not have."""


class SlownessBound(NamedTuple):
    """From where on a case is slower: so many times as long, and so many seconds longer."""

    ratio: float = SLOWER_RATIO
    seconds: float = SLOWER_SECONDS


class Side(msgspec.Struct, frozen=True):
    """One of the two reports, in short."""

    target: str
    started_at: str
    verdict: str
    exit_code: int
    level: str
    scope: str
    suite_version: str
    revision: str
    requirement_set_digest: str
    report_digest: str


class Change(msgspec.Struct, frozen=True):
    """A requirement or case whose state is another now: a verdict, ``waived`` or ``absent``."""

    subject: str
    id: str
    old: str
    new: str
    reason: str


class Slower(msgspec.Struct, frozen=True):
    """A case that takes longer, in seconds."""

    case: str
    old_seconds: float
    new_seconds: float


class CloseCodes(msgspec.Struct, frozen=True):
    """A case in which the deployment ended connections with other codes; each code once, in ascending order."""

    case: str
    old: tuple[int, ...]
    new: tuple[int, ...]


class WaiverChange(msgspec.Struct, frozen=True):
    """A waiver that is new, gone, or another; "" on the side where it is not there."""

    requirement: str
    old: str
    new: str


class Difference(msgspec.Struct, frozen=True):
    """All that changed; ``remarks`` say why the two may not be comparable.

    Attributes:
        regression: whether anything is newly violated or vanished.
        vanished: cases and requirements of the old report that the new run was asked for and does not have.
        left_out: those of the old report that the new run was not asked for, or says it left out.
    """

    schema_version: str
    old: Side
    new: Side
    regression: bool
    remarks: tuple[str, ...]
    newly_violated: tuple[Change, ...]
    vanished: tuple[Change, ...]
    fixed: tuple[Change, ...]
    changed: tuple[Change, ...]
    added: tuple[Change, ...]
    left_out: tuple[Change, ...]
    slower: tuple[Slower, ...]
    close_codes: tuple[CloseCodes, ...]
    waivers: tuple[WaiverChange, ...]


class _Subject(NamedTuple):
    kind: str
    old: Mapping[str, Document]
    new: Mapping[str, Document]


def difference_of(old: Document, new: Document, bound: SlownessBound | None = None) -> Difference:
    """What is different in the report ``new``; both must be whole."""
    cases = _Subject("case", _by_id(old["cases"]), _by_id(new["cases"]))
    requirements = _Subject("requirement", _by_id(old["requirements"]), _by_id(new["requirements"]))
    changes = [*_changes(requirements), *_changes(cases)]
    gone = [one for one in changes if one.new == ABSENT]
    vanished = tuple(one for one in gone if _is_missed(one, cases, Expectation(old, new)))
    violated = tuple(one for one in changes if one.new == Verdict.VIOLATED)
    fixed = tuple(
        one for one in changes if one.old in {Verdict.VIOLATED, WAIVED} and one.new == Verdict.HOLDS
    )
    added = tuple(one for one in changes if one.old == ABSENT and one.new != Verdict.VIOLATED)
    sorted_out = {id(one) for one in (*gone, *violated, *fixed, *added)}
    return Difference(
        schema_version="1.0",
        old=_side(old),
        new=_side(new),
        regression=bool(violated or vanished),
        remarks=tuple(_remarks(old, new)),
        newly_violated=violated,
        vanished=vanished,
        fixed=fixed,
        changed=tuple(one for one in changes if id(one) not in sorted_out),
        added=added,
        left_out=tuple(one for one in gone if one not in vanished),
        slower=_slower(cases, bound or SlownessBound()),
        close_codes=_close_codes(cases),
        waivers=tuple(_waivers(old, new)),
    )


def _is_missed(gone: Change, cases: _Subject, expectation: Expectation) -> bool:
    """Whether the newer run was asked for what it does not have."""
    if gone.subject == cases.kind:
        return expectation.case(cases.old[gone.id])
    judges = [line for line in cases.old.values() if gone.id in line["requirements"]]
    # One that only cases judged which were left out is left out with them.
    return expectation.requirement(gone.id) and (not judges or any(map(expectation.case, judges)))


def _by_id(lines: Iterable[Document]) -> dict[str, Document]:
    return {line["id"]: line for line in lines}


def _side(document: Document) -> Side:
    return Side(
        target=document["target"]["name"],
        started_at=document["started_at"],
        verdict=document["verdict"],
        exit_code=document["exit_code"],
        level=document["level"],
        scope=document["scope"],
        suite_version=document["suite_version"],
        revision=document["requirement_set"]["revision"],
        requirement_set_digest=document["requirement_set"]["digest"],
        report_digest=document["footer"]["digest"],
    )


def _state(line: Document | None) -> str:
    if line is None:
        return ABSENT
    return WAIVED if line["waived"] and line["verdict"] == Verdict.VIOLATED else str(line["verdict"])


def _changes(subject: _Subject) -> Iterator[Change]:
    """Every state that is another, in the order of the old report, then of the new one."""
    for name in dict.fromkeys((*subject.old, *subject.new)):
        old, new = subject.old.get(name), subject.new.get(name)
        if _state(old) != _state(new):
            line = new or old or {}
            yield Change(
                subject.kind, name, _state(old), _state(new), line.get("reason", line.get("sentence", ""))
            )


def _slower(cases: _Subject, bound: SlownessBound) -> tuple[Slower, ...]:
    """The cases that hold in both and take longer, the largest gain first."""
    found = [
        Slower(name, old["seconds"], new["seconds"])
        for name, old in cases.old.items()
        if (new := cases.new.get(name)) is not None
        and old["verdict"] == new["verdict"] == Verdict.HOLDS
        and new["seconds"] - old["seconds"] >= bound.seconds
        and new["seconds"] >= bound.ratio * old["seconds"]
    ]
    return tuple(sorted(found, key=lambda one: one.old_seconds - one.new_seconds))


def _close_codes(cases: _Subject) -> tuple[CloseCodes, ...]:
    """Which codes came, whatever their order and number: a crowd ends as it ends."""
    found = []
    for name, line in cases.old.items():
        if (now := cases.new.get(name)) is None:
            continue
        old, new = (tuple(sorted(set(one["close_codes"]))) for one in (line, now))
        if old != new:
            found.append(CloseCodes(name, old, new))
    return tuple(found)


def _waivers(old: Document, new: Document) -> Iterator[WaiverChange]:
    before, after = (
        {one["requirement"]: _waiver(one) for one in document["waivers"]} for document in (old, new)
    )
    for name in dict.fromkeys((*before, *after)):
        if before.get(name) != after.get(name):
            yield WaiverChange(name, before.get(name, ""), after.get(name, ""))


def _waiver(line: Document) -> str:
    return f"{line['status']} until {line['expires']}, {line['owner']}: {line['reason']}"


def _remarks(old: Document, new: Document) -> Iterator[str]:
    """Why a change may come from something else than the deployment."""
    before, after = old["requirement_set"], new["requirement_set"]
    if before["revision"] != after["revision"]:
        yield f"the requirement sets are different: revision {before['revision']}, now {after['revision']}"
    elif before["digest"] != after["digest"]:
        yield f"the requirement sets are different, though both are revision {after['revision']}"
    for field, words in (("suite_version", "suite version"), ("level", "level"), ("scope", "scope")):
        if old[field] != new[field]:
            yield f"the {words} is different: {old[field]}, now {new[field]}"
    if old["target"]["name"] != new["target"]["name"]:
        yield f"the targets are different: {old['target']['name']}, now {new['target']['name']}"
    for words, was, now in told_apart(old["target"]["fingerprint"], new["target"]["fingerprint"]):
        yield f"the {words} of the target is different: {was}, now {now}"
    for name, document in (("old", old), ("new", new)):
        if not document["selection"]["complete"]:
            yield f"the {name} report is about a selection of the cases only"
        if document["interrupted"]:
            yield f"the run of the {name} report was interrupted"
