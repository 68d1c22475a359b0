"""Waivers: violations that a release is allowed to have for now, each with an owner, a reason and an end. Pure."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple

import msgspec

from arqonbus_conformance import strict_toml
from arqonbus_conformance.judging import CaseResult
from arqonbus_conformance.requirements import Level, RequirementSet
from arqonbus_conformance.signatures import SIGNATURE, case_part_names, signatures_of
from arqonbus_conformance.verdict import Verdict

__all__ = [
    "FAULTS",
    "Application",
    "Status",
    "Waiver",
    "WaiverFileError",
    "WaiverLine",
    "apply",
    "parse",
]

MOST_WAIVERS: Final = 200
"""How many waivers one file may hold; a deployment with more exceptions than that conforms to something else."""
LONGEST_TERM_DAYS: Final = 180
"""How far ahead a waiver may expire."""
TEXT_CHARACTERS: Final = 1000
"""How long a text of a waiver may be."""
_ISSUE: Final = re.compile(r"https?://\S+|[A-Z][A-Z0-9_]*-[0-9]+|([\w.-]+/[\w.-]+)?#[0-9]+")
DECIDED: Final = frozenset({Verdict.HOLDS, Verdict.VIOLATED})
"""The verdicts of cases on which a waiver can be judged."""


class WaiverFileError(Exception):
    """The file of waivers is not valid; each problem names the waiver, the field, the value and what is allowed."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


class Status(StrEnum):
    """What became of a waiver in a run."""

    APPLIED = "applied"
    EXPIRED = "expired"
    UNMATCHED = "unmatched"
    STALE = "stale"
    FORBIDDEN = "forbidden"
    NOT_JUDGED = "not_judged"


FAULTS: Final = frozenset({Status.EXPIRED, Status.UNMATCHED, Status.STALE, Status.FORBIDDEN})
"""What a waiver may not be: a run with one of these does not pass."""


class Waiver(NamedTuple):
    """One exception; valid through the day ``expires`` (UTC), for failures with this signature only."""

    requirement: str
    owner: str
    reason: str
    issue: str
    expires: date
    signature: str


class WaiverLine(msgspec.Struct, frozen=True):
    """What became of one waiver in this run; ``problem`` says what is wrong with it, "" where nothing is."""

    requirement: str
    owner: str
    reason: str
    issue: str
    expires: str
    signature: str
    status: str
    cases: tuple[str, ...] = ()
    problem: str = ""


class Application(NamedTuple):
    """What the waivers of a run amount to.

    Attributes:
        lines: what became of each, in the order of the file.
        covered: by requirement, the violated cases whose failure an applied waiver expects.
        claimed: as ``covered``, by waivers that are expired or forbidden: known, and not allowed.
    """

    lines: tuple[WaiverLine, ...] = ()
    covered: Mapping[str, frozenset[str]] = {}
    claimed: Mapping[str, frozenset[str]] = {}

    @property
    def expected(self) -> dict[str, frozenset[str]]:
        """By requirement, the violated cases that any waiver expects, allowed or not."""
        return {
            name: self.covered.get(name, frozenset()) | self.claimed.get(name, frozenset())
            for name in self.covered.keys() | self.claimed.keys()
        }

    def excuses(self, case: CaseResult, requirements: RequirementSet) -> bool:
        """Whether applied waivers cover all that this case violates and a release needs."""
        covered = {name for name in case.requirements if case.id in self.covered.get(name, ())}
        needed = {one.id for one in requirements.of(case.requirements) if one.level is Level.MUST}
        return bool(covered) and needed <= covered

    @property
    def faulty(self) -> bool:
        """Whether a waiver is what it may not be."""
        return any(line.status in FAULTS for line in self.lines)


def parse(text: str, today: date) -> tuple[Waiver, ...]:
    """The waivers in a TOML document, an array of tables ``waiver``.

    Raises:
        WaiverFileError: with every problem at once.
    """
    try:
        top = strict_toml.document(text)
    except strict_toml.NotToml as fault:
        raise WaiverFileError([str(fault)]) from fault
    problems: list[str] = []
    fields = strict_toml.Fields("", top, problems)
    entries = fields.take(
        "waiver",
        f"1 to {MOST_WAIVERS} tables [[waiver]]",
        lambda given: isinstance(given, list) and 0 < len(given) <= MOST_WAIVERS,
        required=True,
    )
    fields.done()
    read = [_waiver(place, entry, today, problems) for place, entry in enumerate(entries or (), 1)]
    waivers = tuple(one for one in read if one is not None)
    seen: set[tuple[str, str]] = set()
    for one in waivers:
        if (one.requirement, one.signature) in seen:
            problems.append(f"waiver: {one.requirement} with the signature {one.signature!r} occurs twice")
        seen.add((one.requirement, one.signature))
    if problems:
        raise WaiverFileError(problems)
    return waivers


def _waiver(place: int, entry: object, today: date, problems: list[str]) -> Waiver | None:
    before = len(problems)
    fields = strict_toml.Fields(f"waiver[{place}]", entry, problems)
    texts = {
        name: fields.text(name, most=TEXT_CHARACTERS, required=True)
        for name in ("requirement", "owner", "reason")
    }
    issue = fields.take("issue", "a URL, KEY-1, #1 or owner/repository#1", _matches(_ISSUE), required=True)
    last = today + timedelta(days=LONGEST_TERM_DAYS)
    expires = fields.take(
        "expires",
        f"a date (YYYY-MM-DD, without quotes) of at most {last}, {LONGEST_TERM_DAYS} days from today",
        lambda given: isinstance(given, date) and not isinstance(given, datetime) and given <= last,
        required=True,
    )
    signature = fields.take(
        "signature",
        "the signature that the report shows beside the failure (CASE: REASON)",
        _matches(SIGNATURE),
        required=True,
    )
    fields.done()
    if len(problems) > before:
        return None
    return Waiver(**texts, issue=issue, expires=expires, signature=signature)  # type: ignore[arg-type]


def _matches(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda given: (
        isinstance(given, str) and len(given) <= TEXT_CHARACTERS and pattern.fullmatch(given) is not None
    )


def apply(
    waivers: Iterable[Waiver],
    requirements: RequirementSet,
    results: Sequence[CaseResult],
    today: date,
    *,
    complete: bool,
) -> Application:
    """What becomes of each waiver in a run with these results.

    Args:
        waivers: those of the file.
        requirements: what was judged.
        results: the verdicts of all cases that ran; a waiver changes none of them.
        today: the day on which the run began, UTC.
        complete: whether every case was selected, so that one that is not there does not exist.
    """
    lines: list[WaiverLine] = []
    covered: dict[str, frozenset[str]] = {}
    claimed: dict[str, frozenset[str]] = {}
    for one in waivers:
        about = [case for case in results if one.requirement in case.requirements]
        failing = frozenset(
            case.id
            for case in about
            if case.verdict is Verdict.VIOLATED and one.signature in signatures_of(case)
        )
        status, problem = _status(one, requirements, about, failing, today, complete=complete)
        lines.append(
            WaiverLine(
                **{**one._asdict(), "expires": one.expires.isoformat()},
                status=str(status),
                cases=tuple(sorted(failing)),
                problem=problem,
            )
        )
        owner = covered if status is Status.APPLIED else claimed
        owner[one.requirement] = owner.get(one.requirement, frozenset()) | failing
    return Application(tuple(lines), covered, claimed)


def _status(
    one: Waiver,
    requirements: RequirementSet,
    about: Sequence[CaseResult],
    failing: frozenset[str],
    today: date,
    *,
    complete: bool,
) -> tuple[Status, str]:
    known = requirements.by_id.get(one.requirement)
    if known is None:
        return Status.UNMATCHED, f"requirement set {requirements.revision} has no {one.requirement}"
    if known.security and known.level is Level.MUST:
        return Status.FORBIDDEN, f"{one.requirement} is a MUST of security, which nothing can waive"
    if one.expires < today:
        return (
            Status.EXPIRED,
            f"it expired on {one.expires}; renew it with {one.owner} or repair the violation",
        )
    if failing:
        return Status.APPLIED, ""
    return _without_a_match(one, about, complete=complete)


def _without_a_match(one: Waiver, about: Sequence[CaseResult], *, complete: bool) -> tuple[Status, str]:
    """The status of a valid waiver that no failure of this run matches."""
    meant = [case for case in about if case_part_names(one.signature, case.id)]
    if not meant:
        if not complete:
            return Status.NOT_JUDGED, "its case was not selected in this run"
        return Status.UNMATCHED, f"no case of {one.requirement} is the one that its signature names"
    failed = [case for case in meant if case.verdict is Verdict.VIOLATED]
    if failed:
        return (
            Status.UNMATCHED,
            f"{failed[0].id} fails with another signature: {signatures_of(failed[0])[0]}",
        )
    undecided = [case for case in meant if case.verdict not in DECIDED]
    if undecided:
        return Status.NOT_JUDGED, f"{undecided[0].id} is {undecided[0].verdict} in this run"
    return Status.STALE, f"{meant[0].id} holds now: remove the waiver"
