"""What Shield refuses to start with, found before anything listens; whatever is in doubt is a refusal."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Final

from arqonbus_reference import allowed, dependencies, preflight
from arqonbus_reference.problem import Problem
from arqonbus_reference.shield.settings import Reading, ShieldSettings

EXPLICIT: Final = ("SHIELD_HOST", "SHIELD_PORT")
"""Variables that staging and prod take no default for."""


def examine(reading: Reading) -> list[Problem]:
    """All problems of a configuration, those of reading it included; asks NATS in staging and prod."""
    known = {problem.variable for problem in reading.problems}
    found = [problem for problem in contradictions(reading.settings) if problem.variable not in known]
    if "NATS_URL" not in known:
        found += _unanswered(reading.settings)
    return [*reading.problems, *found, *dependencies.shadowed()]


def contradictions(settings: ShieldSettings) -> list[Problem]:
    """What can be seen in the settings and the files that they name."""
    return [problem for check in _CHECKS for problem in check(settings)]


def _not_explicit(settings: ShieldSettings) -> Iterator[Problem]:
    if settings.environment != "dev":
        for name in EXPLICIT:
            if name not in settings.explicit:
                yield Problem(name, "not set", f"an explicit value in {settings.environment}")


def _tokens(settings: ShieldSettings) -> Iterator[Problem]:
    if settings.jwt_secret is None:
        yield Problem("JWT_SECRET", "not set", allowed.SECRET.text)
    if "JWT_SKIP_VALIDATION" in settings.explicit:
        yield Problem("JWT_SKIP_VALIDATION", "is set", "not set, not even to nothing")


def _schema(settings: ShieldSettings) -> Iterator[Problem]:
    if not settings.schema_strict and settings.schema_strict_exception is None:
        yield preflight.unexcused_schema()


def _policy(settings: ShieldSettings) -> Iterator[Problem]:
    if settings.policy_path is None:
        return
    from arqonbus_reference.shield.policy import Policy, PolicyError  # noqa: PLC0415 - 0.1 s of CPU that only a policy should cost

    try:
        Policy.load(settings.policy_path).close()
    except PolicyError as error:
        text = f"{allowed.shortened(str(settings.policy_path))} cannot be used: {error}"
        yield Problem(
            "POLICY_WASM_PATH",
            text,
            "a WebAssembly module that exports memory and policy_check(i32, i32) -> i32",
        )


_CHECKS: Final[tuple[Callable[[ShieldSettings], Iterator[Problem]], ...]] = (
    _not_explicit,
    _tokens,
    _schema,
    _policy,
)


def _unanswered(settings: ShieldSettings) -> list[Problem]:
    """NATS where it must answer: in dev Shield starts without it and says so in /health."""
    if settings.environment == "dev":
        return []
    problem = asyncio.run(preflight.silent_spine(settings.nats_url, settings.environment))
    return [] if problem is None else [problem]
