"""The six exit criteria of "production ready", each from the verdicts it stands on. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from arqonbus_conformance.requirements import CRITERIA, SUITES, Level, Requirement
from arqonbus_conformance.verdict import Verdict, roll_up

__all__ = ["ALL_SUITES", "TITLES", "Criterion", "criteria_of"]

ALL_SUITES: Final = "all-suites"
"""The criterion that stands on no single requirement."""
TITLES: Final = {
    "no-stubs": "No stub or prototype is reachable",
    "no-auth-bypass": "No way around authentication",
    "fail-closed-start": "The start fails closed",
    "explicit-durability": "Durability is explicit",
    "reproducible-dependencies": "Dependencies are reproducible",
    ALL_SUITES: "All suites are gates",
}
"""What each criterion demands, as a reader sees it."""


class Criterion(NamedTuple):
    """What a run says of one criterion."""

    id: str
    title: str
    verdict: Verdict
    requirements: tuple[str, ...]
    violated: tuple[str, ...]


def criteria_of(
    requirements: Sequence[Requirement],
    verdicts: Mapping[str, Verdict],
    suites: Iterable[tuple[str, Verdict]],
) -> list[Criterion]:
    """All six, in the order of ``TITLES``.

    ``verdicts`` holds what this run decided, by requirement id; a MUST that is missing there is unverified.
    ``suites`` gives the suite and the verdict of each case that ran.
    """
    made = []
    for name in CRITERIA:
        musts = tuple(one.id for one in requirements if name in one.criteria and one.level is Level.MUST)
        verdict = roll_up(verdicts.get(one, Verdict.UNVERIFIED) for one in musts)
        violated = tuple(one for one in musts if verdicts.get(one) is Verdict.VIOLATED)
        made.append(Criterion(name, TITLES[name], verdict, musts, violated))
    by_suite: dict[str, list[Verdict]] = {suite: [] for suite in SUITES}
    for suite, verdict in suites:
        by_suite.setdefault(suite, []).append(verdict)
    ran = roll_up(_suite_verdict(cases) for cases in by_suite.values())
    red = tuple(suite for suite, cases in by_suite.items() if _suite_verdict(cases) is Verdict.VIOLATED)
    return [*made, Criterion(ALL_SUITES, TITLES[ALL_SUITES], ran, tuple(by_suite), red)]


def _suite_verdict(cases: Sequence[Verdict]) -> Verdict:
    """The worst of its cases; unverified where none was judged."""
    if not {Verdict.HOLDS, Verdict.VIOLATED}.intersection(cases):
        return Verdict.UNVERIFIED
    return roll_up(cases)
