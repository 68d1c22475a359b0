"""What comes of showing every case every liar: exit codes, negative cases that believed one, cases without teeth. Pure."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from arqonbus_conformance.document_schema import document_schema
from arqonbus_conformance.requirements import Level, RequirementSet
from arqonbus_conformance.transcript import END, Entry
from arqonbus_conformance.verdict import ExitCode, Verdict, exit_code, roll_up

__all__ = ["HONEST", "Answer", "Heard", "LiarLine", "Trial", "refused", "trial_schema", "tried"]

TRIAL_SCHEMA_VERSION: Final = "1.0"
"""The version of the shape of a trial as JSON."""
HONEST: Final = ""
"""What stands for the deployment that tells the truth, where the name of a liar stands."""
ORDERLY: Final = frozenset({"1000", "1001", "1005"})
"""The codes with which a connection ends that nothing was wrong with."""
EXPECTED: Final = frozenset({ExitCode.VIOLATED, ExitCode.INCOMPLETE, ExitCode.UNREACHABLE})
"""How a run on a liar may end."""
FINE: Final = frozenset({Verdict.HOLDS, Verdict.NOT_APPLICABLE})
"""What a case may amount to on the honest deployment."""
_ERROR: Final = re.compile(r'"type":\s*"error"|"status":\s*"error"')


class Heard(msgspec.Struct, frozen=True):
    """One case on one deployment: its verdict, and whether it was refused anything."""

    case: str
    requirements: tuple[str, ...]
    verdict: Verdict
    refused: bool
    reason: str = ""


class Answer(msgspec.Struct, frozen=True):
    """What some cases heard from one deployment; ``liar`` is ``HONEST`` for the one that tells the truth.

    Attributes:
        unreachable: why no case ran, "" where cases did.
        faults: what is wrong with the suite itself.
        seconds: how long it took.
    """

    liar: str
    heard: tuple[Heard, ...]
    unreachable: str = ""
    faults: tuple[str, ...] = ()
    seconds: float = 0.0


class LiarLine(msgspec.Struct, frozen=True):
    """What became of one liar.

    Attributes:
        exit_code: how a run on it ends.
        held: how many cases found nothing wrong with it.
        believed: the negative cases among those.
        broke: the cases that it broke: a deployment that says anything must not do that.
    """

    id: str
    exit_code: int
    cases: int
    held: int
    believed: tuple[str, ...]
    broke: tuple[str, ...]
    faults: tuple[str, ...]
    seconds: float


class Trial(msgspec.Struct, frozen=True):
    """All liars of one run.

    Attributes:
        negative: how many cases the honest deployment refuses something.
        dishonoured: the cases that do not hold on the honest deployment, and what kept them from being shown it: nothing
            can be said of them.
        toothless: the cases that hold on every liar.
    """

    schema_version: str
    suite_version: str
    requirement_set_digest: str
    seconds: float
    complete: bool
    negative: int
    dishonoured: tuple[str, ...]
    toothless: tuple[str, ...]
    liars: tuple[LiarLine, ...]

    @property
    def sound(self) -> bool:
        """Whether every liar was found out, by cases that have teeth."""
        found_out = all(
            line.exit_code in EXPECTED and not (line.believed or line.broke or line.faults)
            for line in self.liars
        )
        return found_out and not self.dishonoured and not self.toothless

    def as_document(self) -> dict[str, Any]:
        """The trial as JSON values."""
        document: dict[str, Any] = msgspec.to_builtins(self)
        return document | {"sound": self.sound}


def trial_schema() -> dict[str, Any]:
    """The JSON schema of the document."""
    return document_schema("arqonbus-gate liars", Trial, sound={"type": "boolean"})


def refused(entries: Iterable[Entry], exit_codes: Iterable[int | None] = ()) -> bool:
    """Whether the deployment refused anything: a request, an upgrade, a connection, or a start."""
    spoken = any(_refuses(entry) for entry in entries if entry.direction == "<")
    return spoken or ExitCode.PROFILE in exit_codes


def _refuses(entry: Entry) -> bool:
    if entry.kind == END:
        return entry.text.partition(" ")[0] not in ORDERLY
    if entry.peer == "http":
        return entry.kind >= "400"
    return entry.kind == "refusal" or (entry.kind.startswith("text") and bool(_ERROR.search(entry.text)))


def _exit_code(answers: Sequence[Answer], requirements: RequirementSet) -> ExitCode:
    """How a run ends that heard all of this."""
    if any(answer.unreachable for answer in answers):
        return ExitCode.UNREACHABLE
    heard = [one for answer in answers for one in answer.heard]
    by_requirement: dict[str, list[Verdict]] = defaultdict(list)
    for case in heard:
        for name in case.requirements:
            by_requirement[name].append(case.verdict)
    musts = [one.id for one in requirements.of(by_requirement) if one.level is Level.MUST]
    return exit_code([roll_up(by_requirement[name]) for name in musts], [case.verdict for case in heard])


def _line(
    liar: str, answers: Sequence[Answer], negative: Collection[str], requirements: RequirementSet
) -> LiarLine:
    heard = [one for answer in answers for one in answer.heard]
    held = [one for one in heard if one.verdict is Verdict.HOLDS]
    return LiarLine(
        id=liar,
        exit_code=_exit_code(answers, requirements),
        cases=len(heard),
        held=len(held),
        believed=tuple(sorted(one.case for one in held if one.case in negative or one.refused)),
        broke=tuple(f"{one.case}: {one.reason}" for one in heard if one.verdict is Verdict.BROKEN),
        faults=tuple(fault for answer in answers for fault in answer.faults),
        seconds=round(sum(answer.seconds for answer in answers), 3),
    )


def tried(
    answers: Iterable[Answer],
    requirements: RequirementSet,
    *,
    suite_version: str,
    seconds: float,
    complete: bool,
) -> Trial:
    """What all answers amount to.

    A case is negative when the honest deployment refuses it something, and it believes a liar when it holds there.
    A case that holds on a liar that refuses it something is negative too.
    """
    by_liar: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        by_liar[answer.liar].append(answer)
    truth = by_liar.pop(HONEST, [])
    honest = [one for answer in truth for one in answer.heard]
    negative = {one.case for one in honest if one.refused}
    return Trial(
        schema_version=TRIAL_SCHEMA_VERSION,
        suite_version=suite_version,
        requirement_set_digest=requirements.digest,
        seconds=round(seconds, 3),
        complete=complete,
        negative=len(negative),
        dishonoured=(
            *(fault for answer in truth for fault in answer.faults),
            *(f"{one.case}: {one.reason}" for one in honest if one.verdict not in FINE),
        ),
        toothless=_toothless(by_liar),
        liars=tuple(_line(liar, of_it, negative, requirements) for liar, of_it in by_liar.items()),
    )


def _toothless(by_liar: Mapping[str, Sequence[Answer]]) -> tuple[str, ...]:
    """The cases that no liar made fail, of those that were shown one."""
    verdicts: dict[str, set[Verdict]] = defaultdict(set)
    for answers in by_liar.values():
        for answer in answers:
            for one in answer.heard:
                verdicts[one.case].add(one.verdict)
    return tuple(sorted(case for case, found in verdicts.items() if found == {Verdict.HOLDS}))
