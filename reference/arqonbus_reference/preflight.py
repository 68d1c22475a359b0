"""What the deployment refuses to start with, found before anything listens (CONF-009 to CONF-017, CONF-026)."""

import asyncio
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Final

import msgspec

from arqonbus_reference import dependencies
from arqonbus_reference.problem import Problem
from arqonbus_reference.secret import Url, hidden_url
from arqonbus_reference.settings import Environment, Reading, Settings
from arqonbus_reference.storage.interface import StorageUnavailableError

EXPLICIT: Final = (
    "ARQONBUS_SERVER_HOST",
    "ARQONBUS_SERVER_PORT",
    "ARQONBUS_TELEMETRY_HOST",
    "ARQONBUS_TELEMETRY_PORT",
    "ARQONBUS_STORAGE_MODE",
)
"""Variables that staging and prod take no default for."""
NATS_SECONDS: Final = 2.0
"""The longest NATS may take to answer."""

WILDCARDS: Final = frozenset({"0.0.0.0", "::", "0", "[::]"})  # noqa: S104 - to find them, not to bind them
_SAME_HOST: Final = {"localhost": "127.0.0.1", "::1": "127.0.0.1"}


class Report(msgspec.Struct, frozen=True):
    """What `preflight --json` prints."""

    ok: bool
    environment: str
    problems: list[dict[str, str]]


def report(environment: Environment, problems: list[Problem]) -> bytes:
    """The problems as one JSON object."""
    described = [problem._asdict() for problem in problems]
    return msgspec.json.encode(Report(not problems, environment, described))


def examine(reading: Reading) -> list[Problem]:
    """All problems of a configuration, those of reading it included; answers within the timeouts of storage and model."""
    settings = reading.settings
    known = {problem.variable for problem in reading.problems}
    found = [problem for problem in contradictions(settings) if problem.variable not in known]
    if not known & {"ARQONBUS_REDIS_URL", "ARQONBUS_VALKEY_URL", "OLLAMA_URL"}:
        found += _unanswered(settings)
    return [*reading.problems, *found, *dependencies.shadowed()]


def contradictions(settings: Settings) -> list[Problem]:
    """What can be seen in the settings alone."""
    return [problem for check in _CHECKS for problem in check(settings)]


def _not_explicit(settings: Settings) -> Iterator[Problem]:
    if settings.environment != "dev":
        for name in EXPLICIT:
            if name not in settings.explicit:
                yield Problem(name, "not set", f"an explicit value in {settings.environment}")


def _shared_addresses(settings: Settings) -> Iterator[Problem]:
    interfaces = [
        ("ARQONBUS_SERVER_PORT", settings.server_host, settings.server_port),
        ("ARQONBUS_TELEMETRY_PORT", settings.telemetry_host, settings.telemetry_port),
        ("ARQONBUS_HTTP_PORT", settings.http_host, settings.http_port),
    ]
    for index, (name, host, port) in enumerate(interfaces):
        for other, other_host, other_port in interfaces[:index]:
            if port == other_port != 0 and _same_host(host, other_host):
                yield Problem(name, f"{host} {port} is the address of {other} too", "an address of its own")


def _same_host(one: str, other: str) -> bool:
    one, other = (_SAME_HOST.get(host.lower(), host.lower()) for host in (one, other))
    return one == other or not WILDCARDS.isdisjoint({one, other})


def _implicit_wildcards(settings: Settings) -> Iterator[Problem]:
    hosts = {
        "ARQONBUS_SERVER_HOST": settings.server_host,
        "ARQONBUS_TELEMETRY_HOST": settings.telemetry_host,
        "ARQONBUS_HTTP_HOST": settings.http_host,
    }
    for name, host in hosts.items():
        if settings.environment != "dev" and host in WILDCARDS and name not in settings.explicit:
            yield Problem(name, f"{host!r} is every interface", "an explicit value")


def _storage(settings: Settings) -> Iterator[Problem]:
    if settings.storage_mode == "strict" and settings.storage_backend == "memory":
        allowed = "redis_streams with ARQONBUS_STORAGE_MODE strict"
        yield Problem("ARQONBUS_STORAGE_BACKEND", "'memory' cannot be strict: it keeps nothing", allowed)


def _authentication(settings: Settings) -> Iterator[Problem]:
    deployed = settings.environment != "dev"
    if deployed and not settings.enable_auth:
        yield Problem("ARQONBUS_ENABLE_AUTH", "authentication is off", f"true in {settings.environment}")
    if settings.enable_auth and settings.auth_jwt_secret is None:
        allowed = "at least 32 bytes, not a well-known default"
        yield Problem("ARQONBUS_AUTH_JWT_SECRET", "not set", allowed)
    if deployed and settings.jwt_skip_validation:
        yield Problem("JWT_SKIP_VALIDATION", "is set", f"not set in {settings.environment}")


def _features(settings: Settings) -> Iterator[Problem]:
    if not settings.schema_strict and settings.schema_strict_exception is None:
        yield unexcused_schema()
    if settings.synthesis_enabled and settings.environment == "prod":
        yield Problem("ARQONBUS_SYNTHESIS_ENABLED", "the synthesis operator is on", "false in prod")


def unexcused_schema() -> Problem:
    """The schema is not strict, and nobody approved that."""
    allowed = "true, or ARQON_SCHEMA_STRICT_EXCEPTION naming an approved exception"
    return Problem("ARQON_SCHEMA_STRICT", "false without an exception", allowed)


_CHECKS: Final[tuple[Callable[[Settings], Iterator[Problem]], ...]] = (
    _not_explicit,
    _shared_addresses,
    _implicit_wildcards,
    _storage,
    _authentication,
    _features,
)


def _unanswered(settings: Settings) -> list[Problem]:
    """Problems that only asking can show; asks nothing that the configuration does not use."""
    questions = []
    if settings.storage_mode == "strict" and settings.storage_backend == "redis_streams":
        questions.append(_silent_storage)
    if settings.synthesis_enabled and settings.ollama_url is not None:
        questions.append(_silent_model)
    if settings.environment != "dev" and settings.nats_url is not None:
        questions.append(_silent_spine)
    # Before anything is asked: an import in the middle would hold up the answers to the others, which are waited for.
    for question in questions:
        import_module(f"arqonbus_reference.{_CLIENTS[question]}")

    async def ask() -> list[Problem]:
        answers = await asyncio.gather(*(question(settings) for question in questions))
        return [problem for problem in answers if problem is not None]

    return asyncio.run(ask()) if questions else []


async def _silent_storage(settings: Settings) -> Problem | None:
    from arqonbus_reference.storage import persistence  # noqa: PLC0415 - 0.2 s of CPU that only strict should pay
    from arqonbus_reference.storage.lane import Lane, ResponseError  # noqa: PLC0415

    place, seconds = hidden_url(settings.redis_url), settings.storage_timeout_seconds
    lane = Lane(settings.redis_url, seconds)
    try:
        # CONF-012: no port scan, a PING: what answers must be a server that takes our commands
        await lane.call("PING")
        look = (await persistence.look(lane)).persistence if settings.environment == "prod" else None
    except (StorageUnavailableError, ResponseError, ValueError) as error:
        text = f"{place!r} did not answer PING within {seconds:g} s ({type(error).__name__})"
        return Problem(
            "ARQONBUS_REDIS_URL", text, "a Redis or Valkey that answers PING, or storage mode degraded"
        )
    finally:
        await lane.close()
    if look == "off":  # CONF-026
        text = f"{place!r} does not persist (appendonly no, no snapshots)"
        return Problem("ARQONBUS_REDIS_URL", text, "a server with appendonly yes")
    return None


async def _silent_model(settings: Settings) -> Problem | None:
    from arqonbus_reference.operators import ollama  # noqa: PLC0415 - an HTTP client only where one is configured

    if settings.ollama_url is None or await ollama.answers(settings.ollama_url):
        return None
    text = f"{hidden_url(settings.ollama_url)!r} does not answer"
    return Problem("OLLAMA_URL", text, f"an Ollama that answers within {ollama.PROBE_SECONDS:g} s")


async def _silent_spine(settings: Settings) -> Problem | None:
    return None if settings.nats_url is None else await silent_spine(settings.nats_url, settings.environment)


_CLIENTS: Final = {
    _silent_storage: "storage.lane",
    _silent_model: "operators.ollama",
    _silent_spine: "shield.spine",
}
"""The module of the client that asks; each takes its time to load, which only who asks should pay."""


async def silent_spine(url: Url, environment: str) -> Problem | None:
    """No NATS answers at `url`, though a deployment in this environment needs one."""
    from arqonbus_reference.shield import spine  # noqa: PLC0415 - a client library that a refused start needs not load

    reason = await spine.answers(url, NATS_SECONDS)
    if reason is None:
        return None
    text = f"{hidden_url(url)!r} did not answer within {NATS_SECONDS:g} s ({reason})"
    return Problem("NATS_URL", text, f"a NATS that answers, in {environment}")
