"""The phases of the productionization plan: what each is about, its exit criteria, and whether they are met. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from arqonbus_conformance.requirements import Level, Requirement
from arqonbus_conformance.verdict import Verdict, roll_up

__all__ = ["PLAN", "Phase", "PhaseResult", "phase_results"]


class Phase(NamedTuple):
    """One phase: its number, its title, and what must be true before the next one begins."""

    number: int
    title: str
    exit_criteria: tuple[str, ...]


PLAN: Final = (
    Phase(
        0,
        "packaging and preflight",
        (
            "every run-time dependency is the distribution of its name, never a shadow",
            "preflight refuses each unsafe configuration with exit code 78, by name",
        ),
    ),
    Phase(
        1,
        "authentication",
        (
            "no upgrade, command, telemetry stream or admin page opens without a valid token where one is needed",
            "no secret and nothing of another tenant is ever told",
        ),
    ),
    Phase(
        2,
        "storage semantics",
        (
            "an acknowledgement says the durability it has, and what it says is kept",
            "strict refuses without its storage; degraded says so, and recovers by itself",
        ),
    ),
    Phase(
        3,
        "runtime integrity",
        (
            "each request gets one terminal reply, each member each message once and in order",
            "no failure is silent and none takes down a neighbour",
        ),
    ),
    Phase(
        4,
        "configuration and deployment",
        (
            "every address, limit and mode is what its variable says, or the start is refused",
            "health, readiness, metrics and the drain tell the truth to whoever operates it",
        ),
    ),
    Phase(
        5,
        "full matrix",
        (
            "hostile and crowded clients change nothing for the others",
            "all suites ran as gates, and every phase before is met",
        ),
    ),
)
"""All phases, in the order in which they are passed."""


class PhaseResult(NamedTuple):
    """What a run says of one phase; ``blocked_by`` is the first earlier phase that is red, None where none is."""

    phase: Phase
    verdict: Verdict
    blocked_by: int | None
    requirements: tuple[str, ...]
    violated: tuple[str, ...]


def phase_results(requirements: Sequence[Requirement], verdicts: Mapping[str, Verdict]) -> list[PhaseResult]:
    """One result per phase from the verdicts on its MUST requirements; a violated phase blocks all later ones.

    A phase none of whose requirements was judged in this run is unverified.
    """
    results: list[PhaseResult] = []
    blocked_by: int | None = None
    for phase in PLAN:
        musts = [one.id for one in requirements if one.phase == phase.number and one.level is Level.MUST]
        decided = [verdicts[name] for name in musts if name in verdicts]
        verdict = roll_up(decided)
        violated = tuple(name for name in musts if verdicts.get(name) is Verdict.VIOLATED)
        results.append(PhaseResult(phase, verdict, blocked_by, tuple(musts), violated))
        if blocked_by is None and verdict is Verdict.VIOLATED:
            blocked_by = phase.number
    return results
