"""Values of the configuration: what is not allowed refuses to start and says why; what is at the bound is taken.

A start reports all of its problems at once, so the faulty values are tried in rounds: one value of each variable a
round, one start and one preflight a round, and each case judges the line of its own variable.
"""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

import pytest
import pytest_asyncio

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Deployment, Finished, Launch
from arqonbus_conformance.plugin import needs, requirement
from arqonbus_conformance.suites.conditions import Record, listening, report_of, staging
from arqonbus_conformance.suites.sharing import Shared

FAULTY: dict[str, tuple[list[str], list[str]]] = {
    # variable: (values that are not allowed, what the refusal must say is allowed)
    "ARQONBUS_SERVER_PORT": (["0", "65536", "91OO"], ["1", "65535"]),
    "ARQONBUS_TELEMETRY_PORT": (["-1", "8081.5", "port"], ["1", "65535"]),
    "ARQONBUS_HTTP_PORT": (["99999", "http", "0x1F90"], ["1", "65535"]),
    "ARQONBUS_STORAGE_MODE": (["lenient", "strict,degraded", "none"], ["strict", "degraded"]),
    "ARQONBUS_STORAGE_BACKEND": (["postgres", "redis-streams", "disk"], ["memory", "redis_streams"]),
    "ARQONBUS_REDIS_URL": (["http://127.0.0.1:6379", "127.0.0.1:6379", "memcached://x"], ["redis://"]),
    "ARQONBUS_STORAGE_TIMEOUT_SECONDS": (["0.04", "60.5", "nan"], ["0.05", "60"]),
    "ARQONBUS_MAX_HISTORY_SIZE": (["0", "10000001", "many"], ["1", "10000000"]),
    "ARQONBUS_ENABLE_AUTH": (["maybe", "2", "enabled"], ["true", "false"]),
    "ARQONBUS_AUTH_JWT_ALGORITHM": (["none", "RS256", "HS512"], ["HS256"]),
    "ARQONBUS_ALLOWED_ORIGINS": (["*", "https://a.example/path", "https://a.example,*"], ["https://"]),
    "ARQONBUS_MAX_MESSAGE_SIZE": (["1023", "67108865", "1MiB"], ["1024", "67108864"]),
    "ARQONBUS_OUTBOX_BYTES": (["65535", "1073741825", "8e6"], ["65536", "1073741824"]),
    "ARQONBUS_MAX_CONNECTIONS": (["0", "1000001", "unlimited"], ["1", "1000000"]),
    "ARQONBUS_RATE_LIMIT_PER_SECOND": (["-1", "1000001", "fast"], ["0", "1000000"]),
    "ARQONBUS_TELEMETRY_RATE_PER_SECOND": (["0", "100001", "some"], ["1", "100000"]),
    "ARQONBUS_PING_INTERVAL_SECONDS": (["0.04", "3601", "inf"], ["0.05", "3600"]),
    "ARQONBUS_PING_TIMEOUT_SECONDS": (["0", "3600.5", "nan"], ["0.05", "3600"]),
    "ARQONBUS_HANDSHAKE_SECONDS": (["0.09", "61", "soon"], ["0.1", "60"]),
    "ARQONBUS_DRAIN_SECONDS": (["0", "301", "ten"], ["0.1", "300"]),
    "ARQONBUS_GROUP_MIN_IDLE_MS": (["9", "86400001", "1s"], ["10", "86400000"]),
    "ARQONBUS_LOG_LEVEL": (["trace", "verbose", "7"], ["debug", "error"]),
    "ARQONBUS_LOG_FORMAT": (["xml", "text", "jsonl"], ["json", "console"]),
    "ARQONBUS_SYNTHESIS_ENABLED": (["perhaps", "-1", "y e s"], ["true", "false"]),
    "ARQON_SCHEMA_STRICT": (["loose", "2", "strict"], ["true", "false"]),
}
ROUNDS = range(3)
FAULTY_VALUES = [
    pytest.param(variable, number, id=f"{variable}={values[number]}")
    for variable, (values, _) in FAULTY.items()
    for number in ROUNDS
]

LOWEST = {
    "ARQONBUS_STORAGE_TIMEOUT_SECONDS": "0.05",
    "ARQONBUS_MAX_HISTORY_SIZE": "1",
    "ARQONBUS_MAX_MESSAGE_SIZE": "1024",
    "ARQONBUS_OUTBOX_BYTES": "65536",
    "ARQONBUS_MAX_CONNECTIONS": "1",
    "ARQONBUS_RATE_LIMIT_PER_SECOND": "0",
    "ARQONBUS_TELEMETRY_RATE_PER_SECOND": "1",
    "ARQONBUS_PING_INTERVAL_SECONDS": "0.05",
    "ARQONBUS_PING_TIMEOUT_SECONDS": "0.05",
    "ARQONBUS_HANDSHAKE_SECONDS": "0.1",
    "ARQONBUS_DRAIN_SECONDS": "0.1",
    "ARQONBUS_GROUP_MIN_IDLE_MS": "10",
    "ARQONBUS_LOG_LEVEL": "debug",
    "ARQONBUS_LOG_FORMAT": "console",
    "ARQONBUS_SYNTHESIS_ENABLED": "Off",
    "ARQONBUS_ENABLE_AUTH": "NO",
    "ARQON_SCHEMA_STRICT": "1",
}
HIGHEST = {
    "ARQONBUS_STORAGE_TIMEOUT_SECONDS": "60",
    "ARQONBUS_MAX_HISTORY_SIZE": "10000000",
    "ARQONBUS_MAX_MESSAGE_SIZE": "67108864",
    "ARQONBUS_OUTBOX_BYTES": "1073741824",
    "ARQONBUS_MAX_CONNECTIONS": "1000000",
    "ARQONBUS_RATE_LIMIT_PER_SECOND": "1000000",
    "ARQONBUS_TELEMETRY_RATE_PER_SECOND": "100000",
    "ARQONBUS_PING_INTERVAL_SECONDS": "3600",
    "ARQONBUS_PING_TIMEOUT_SECONDS": "3600",
    "ARQONBUS_HANDSHAKE_SECONDS": "60",
    "ARQONBUS_DRAIN_SECONDS": "300",
    "ARQONBUS_GROUP_MIN_IDLE_MS": "86400000",
    "ARQONBUS_LOG_LEVEL": "error",
    "ARQONBUS_LOG_FORMAT": "json",
    "ARQONBUS_SYNTHESIS_ENABLED": "Yes",
    "ARQONBUS_ENABLE_AUTH": "0",
    "ARQON_SCHEMA_STRICT": "TRUE",
    "ARQONBUS_ALLOWED_ORIGINS": "https://a.example, http://localhost:3000",
}


def faulty_round(number: int) -> dict[str, str]:
    """The faulty values of one round, one of each variable."""
    return {variable: values[number] for variable, (values, _) in FAULTY.items()}


class Refused(NamedTuple):
    """The same faulty environment, started and given to preflight."""

    start: Deployment
    preflight: Finished


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def refused_rounds(shared: Shared) -> list[Refused]:
    """Each round of faulty values: how the start ended, and what preflight --json says."""

    async def refused(env: dict[str, str]) -> Refused:
        starting = shared.launch(env, wait="exit")
        return Refused(*await asyncio.gather(starting, shared.launch.preflight(env, args=["--json"])))

    return [await refused(faulty_round(number)) for number in ROUNDS]


@requirement("CONF-005", "CONF-006")
@needs("launch")
@pytest.mark.parametrize(("variable", "number"), FAULTY_VALUES)
async def test_a_value_that_is_not_allowed_is_refused(
    refused_rounds: list[Refused], variable: str, number: int
) -> None:
    """The start ends with 78; one line names the variable, its value and what is allowed; preflight says the same."""
    values, allowed = FAULTY[variable]
    start, preflight = refused_rounds[number]

    lines = [line for line in start.output.splitlines() if variable in line]

    assert start.exit_code == preflight.exit_code == 78
    expect.equal(len(lines), 1, f"the number of lines that name {variable} in {start.output!r}")
    expect.that(values[number] in lines[0], "the refusal does not show the value", actual=lines[0])
    shown = lines[0].replace(",", "").replace("_", "")
    missing = [word for word in allowed if word.replace("_", "") not in shown]
    expect.equal(missing, [], f"what is allowed and not said in {lines[0]!r}")
    assert variable in {problem["variable"] for problem in report_of(preflight)["problems"]}


@requirement("CONF-005")
@needs("launch")
@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("ARQONBUS_DRAIN_SECONDS", "forever", "300"),
        ("ARQONBUS_MAX_CONNECTIONS", "-5", "1000000"),
        ("ARQONBUS_SYNTHESIS_ENABLED", "certainly", "true"),
        ("ARQONBUS_REDIS_URL", "ftp://127.0.0.1", "redis://"),
        ("ARQONBUS_LOG_LEVEL", "chatty", "warning"),
    ],
    ids=["number", "integer", "boolean", "url", "choice"],
)
async def test_one_faulty_value_alone_refuses(
    launch: Launch, variable: str, value: str, allowed: str
) -> None:
    """A single faulty value is enough: 78, its line, nothing listening."""
    refused = await launch(env={variable: value}, wait="exit")

    assert refused.exit_code == 78
    line = next((line for line in refused.output.splitlines() if variable in line), "")
    expect.that(
        value in line and allowed in line,
        "the refusal does not show the value and what is allowed",
        actual=line,
    )
    assert [port for port in refused.ports if await listening(port)] == []


@requirement("CONF-005")
@needs("launch")
@pytest.mark.parametrize("values", [LOWEST, HIGHEST], ids=["lowest", "highest"])
async def test_values_at_the_bounds_are_accepted(launch: Launch, values: Mapping[str, str]) -> None:
    """The twin: the lowest and the highest allowed values pass preflight, all at once."""
    finished = await launch.preflight(env=dict(values))

    expect.equal(finished.exit_code, 0, f"the exit code of preflight, which says {finished.stderr!r}")


@requirement("CONF-006", "CONF-019")
@needs("launch")
async def test_each_problem_has_one_line(refused_rounds: list[Refused]) -> None:
    """One run reports every faulty variable: as many lines as problems, none twice, none left out."""
    start, preflight = refused_rounds[0]

    report: Record = report_of(preflight)

    assert report["ok"] is False
    assert sorted(problem["variable"] for problem in report["problems"]) == sorted(FAULTY)
    named = [variable for line in start.output.splitlines() for variable in FAULTY if variable in line]
    assert sorted(named) == sorted(FAULTY)


ENVIRONMENTS = {
    "dev": "dev",
    "development": "dev",
    "DEV": "dev",
    "staging": "staging",
    " Staging ": "staging",
    "prod": "prod",
    "production": "prod",
    "Production\t": "prod",
}


@requirement("CONF-003", "CONF-018")
@needs("launch")
@pytest.mark.parametrize(
    ("given", "meant"), list(ENVIRONMENTS.items()), ids=[name.strip() for name in ENVIRONMENTS]
)
async def test_an_environment_is_accepted(launch: Launch, given: str, meant: str) -> None:
    """Each spelling passes preflight with everything else right, which says the profile it understood."""
    finished = await launch.preflight(env=staging(launch) | {"ARQONBUS_ENVIRONMENT": given}, args=["--json"])

    report = report_of(finished)
    assert finished.exit_code == 0
    assert (report["ok"], report["environment"], report["problems"]) == (True, meant, [])


@requirement("CONF-004", "CONF-008")
@needs("launch")
@pytest.mark.parametrize(
    "given", ["", "test", "prod,staging", "pro d"], ids=["empty", "test", "two", "broken"]
)
async def test_another_environment_is_refused(launch: Launch, given: str) -> None:
    """Anything else refuses to start, the empty string included, and names the variable."""
    refused = await launch(env={"ARQONBUS_ENVIRONMENT": given}, wait="exit")

    assert refused.exit_code == 78
    expect.that(
        "ARQONBUS_ENVIRONMENT" in refused.output,
        "the refusal does not name the variable",
        actual=refused.output,
    )
    assert [port for port in refused.ports if await listening(port)] == []
    twin = await launch.preflight(env={"ARQONBUS_ENVIRONMENT": "dev"})
    expect.equal(twin.exit_code, 0, "exit code of preflight in dev")
