"""What a reader should do next: one sentence for the whole run, one command for each failure."""

import re
import shlex
from collections.abc import Sequence
from typing import Final, Protocol

from arqonbus_conformance.judge import Judge
from arqonbus_conformance.offers import NO_LAUNCH
from arqonbus_conformance.requirements import Level, Scope
from arqonbus_conformance.verdict import ExitCode, Verdict
from arqonbus_conformance.waivers import FAULTS, Status, WaiverLine

__all__ = ["closing_sentence", "named", "replay_command"]

NAMED: Final = 8
"""How many requirements a sentence names before it counts the rest."""
UNDECIDED: Final = frozenset({Verdict.UNKNOWN, Verdict.UNVERIFIED})
"""The verdicts that decide nothing."""
# What pytest's -k takes for one name.
_KEYWORD = re.compile(r"[\w:+.\[\]/\\-]+")


class Line(Protocol):
    """What a sentence needs of a requirement in a report."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def level(self) -> str:
        """MUST or SHOULD."""

    @property
    def verdict(self) -> str:
        """What it amounts to."""

    @property
    def waived(self) -> bool:
        """Whether a waiver covers its violation."""


def replay_command(case: str, options: Sequence[str], seed: int) -> str:
    """The command that runs this case again (all parameters of it, where this one cannot be written)."""
    keyword = case if _KEYWORD.fullmatch(case) else case.partition("[")[0]
    said = " ".join(map(shlex.quote, ("arqonbus-gate", "run", *options, "--seed", str(seed))))
    return f"{said} -k '{keyword}'"


def named(ids: Sequence[str]) -> str:
    """The first ``NAMED`` of them, and how many more there are."""
    more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
    return ", ".join(ids[:NAMED]) + more


def _undecided(judge: Judge, musts: Sequence[Line]) -> str:
    left = [line.id for line in musts if line.verdict in UNDECIDED]
    said = f"{len(left)} MUST requirements were not decided ({named(left)})"
    reasons = [
        result.finding.reason
        for result in judge.results
        if result.finding is not None and result.verdict in UNDECIDED
    ]
    if NO_LAUNCH in reasons:
        return (
            f"{said}: {reasons.count(NO_LAUNCH)} cases need a launch command, which the target does not give; "
            "judge only what can be seen from outside with --scope endpoint, or give a profile that says how to "
            "launch deployments (--target)"
        )
    why = f", the first being: {reasons[0]}" if reasons else ": no case judges them"
    return f"{said}; the reasons are in the report{why}"


def closing_sentence(
    judge: Judge,
    lines: Sequence[Line],
    code: ExitCode,
    *,
    waivers: Sequence[WaiverLine] = (),
    selection_complete: bool,
) -> str:
    """Why the run ends with this exit code, and what to do next."""
    musts = [line for line in lines if line.level == Level.MUST]
    if code is ExitCode.UNREACHABLE:
        why = f"the target cannot be reached: {judge.unreachable}"
    elif code is ExitCode.VIOLATED:
        violated = [line.id for line in musts if line.verdict == Verdict.VIOLATED and not line.waived]
        why = f"{len(violated)} MUST requirements are violated ({named(violated)}); replay the failures above"
    elif code is ExitCode.SUITE_FAULT:
        why = _suite_fault(judge)
    elif code is ExitCode.INCOMPLETE:
        why = _incomplete(judge, musts)
    elif code is ExitCode.WAIVER_FAULT:
        why = _waiver_fault(waivers)
    else:
        whole = "" if selection_complete else " of the selected cases"
        seen = " that can be seen at the endpoints" if judge.scope is Scope.ENDPOINT else ""
        why = (
            f"every MUST requirement{whole}{seen} holds, as far as the deployment claims it{_except(waivers)}"
        )
    return f"exit {code:d}: {why}"


def _suite_fault(judge: Judge) -> str:
    broken = sum(result.verdict is Verdict.BROKEN for result in judge.results) + len(judge.faults)
    left = judge.leftovers.found if judge.leftovers is not None else ()
    if not broken:
        return (
            f"the run left {len(left)} things behind, the first being: {left[0]}; remove them and report them"
        )
    return f"{broken} faults of the suite itself: its verdict on the target cannot be relied on; report them"


def _waiver_fault(waivers: Sequence[WaiverLine]) -> str:
    wrong = [line for line in waivers if line.status in FAULTS]
    first = wrong[0]
    return (
        f"{len(wrong)} waivers are not what a waiver may be, the first being that of {first.requirement} "
        f"({first.status}): {first.problem}"
    )


def _except(waivers: Sequence[WaiverLine]) -> str:
    applied = list(dict.fromkeys(line.requirement for line in waivers if line.status == Status.APPLIED))
    return f", except {len(applied)} that waivers cover ({named(applied)})" if applied else ""


def _incomplete(judge: Judge, musts: Sequence[Line]) -> str:
    if judge.interrupted:
        return "the run was interrupted and decides nothing; run it again"
    if not judge.results:
        return "no case ran, so nothing was decided; see what there is with arqonbus-gate list"
    if any(line.verdict in UNDECIDED for line in musts):
        return _undecided(judge, musts)
    if judge.leftovers is not None and judge.leftovers.problem is not None:
        return f"nobody knows what the run left behind: {judge.leftovers.problem}"
    return "no case could be judged; the reasons are in the report"
