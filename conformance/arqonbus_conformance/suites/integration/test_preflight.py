"""Preflight: what it refuses before anything listens, each beside the smallest change that it accepts."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Finished, Launch, Valkey
from arqonbus_conformance.plugin import depth, needs, requirement
from arqonbus_conformance.suites.conditions import Record, listening, report_of, staging

EXPLICIT = [
    "ARQONBUS_SERVER_HOST",
    "ARQONBUS_SERVER_PORT",
    "ARQONBUS_TELEMETRY_HOST",
    "ARQONBUS_TELEMETRY_PORT",
    "ARQONBUS_STORAGE_MODE",
]
STRICT = {"ARQONBUS_STORAGE_MODE": "strict"}


def problems_of(finished: Finished) -> list[Record]:
    """The problems that `preflight --json` reports, whose shape is that of the specification."""
    report = report_of(finished)
    expect.equal(set(report), {"ok", "environment", "problems"}, "the keys of the preflight report")
    expect.equal(report["ok"], not report["problems"], "ok beside its problems")
    expect.equal(finished.exit_code, 78 if report["problems"] else 0, "the exit code beside the report")
    problems: list[Record] = report["problems"]
    return problems


def refuses(finished: Finished, *variables: str) -> None:
    """Preflight refused, and each of its problems is about one of these variables.

    Raises:
        Violation: it accepted, or complains about something else.
    """
    named = {problem["variable"] for problem in problems_of(finished)}
    expect.that(named, "preflight found no problem", expected=variables, actual=finished.stdout)
    expect.equal(named - set(variables), set(), f"problems beyond {variables}")


@requirement("CONF-009", "CONF-027")
@needs("launch")
@pytest.mark.parametrize("variable", EXPLICIT)
async def test_what_must_be_explicit_has_no_default(launch: Launch, variable: str) -> None:
    """A preflight in staging without the variable is refused for that variable alone."""
    env = staging(launch) | {variable: None}

    finished = await launch.preflight(env=env, args=["--json"])

    assert [problem["variable"] for problem in problems_of(finished)] == [variable]


@requirement("CONF-009")
@needs("launch")
async def test_prod_wants_all_of_them(launch: Launch) -> None:
    """In prod, without any of them, each is refused."""
    env = staging(launch) | {"ARQONBUS_ENVIRONMENT": "prod"} | dict.fromkeys(EXPLICIT)

    finished = await launch.preflight(env=env, args=["--json"])

    assert sorted(problem["variable"] for problem in problems_of(finished)) == sorted(EXPLICIT)


@depth("smoke")
@requirement("CONF-009", "CONF-027", "CONF-008")
@needs("launch")
async def test_a_start_without_what_must_be_explicit_is_refused(launch: Launch) -> None:
    """The start in staging runs the preflight by itself: the same refusal, nothing listening."""
    env = staging(launch) | dict.fromkeys(["ARQONBUS_TELEMETRY_HOST", "ARQONBUS_STORAGE_MODE"])

    refused = await launch(env=env, wait="exit")

    assert refused.exit_code == 78
    lines = [line for line in refused.output.splitlines() if "ARQONBUS_" in line]
    assert [name for name in EXPLICIT if any(name in line for line in lines)] == [
        "ARQONBUS_TELEMETRY_HOST",
        "ARQONBUS_STORAGE_MODE",
    ]
    assert [port for port in refused.ports if await listening(port)] == []


@requirement("CONF-010")
@needs("launch")
@pytest.mark.parametrize(
    ("one", "other"),
    [("SERVER", "HTTP"), ("SERVER", "TELEMETRY"), ("TELEMETRY", "HTTP")],
    ids=["bus-http", "bus-telemetry", "telemetry-http"],
)
async def test_two_interfaces_on_one_address_are_refused(launch: Launch, one: str, other: str) -> None:
    """Two interfaces on one host and port are refused, in dev as well; the same port on another host is not."""
    port = str(launch.free_port())
    same: dict[str, str | None] = {
        f"ARQONBUS_{one}_PORT": port,
        f"ARQONBUS_{other}_PORT": port,
        f"ARQONBUS_{one}_HOST": "127.0.0.1",
        f"ARQONBUS_{other}_HOST": "127.0.0.1",
    }

    refused, accepted = await asyncio.gather(
        launch.preflight(env=same, args=["--json"]),
        launch.preflight(env=same | {f"ARQONBUS_{other}_HOST": "127.0.0.2"}, args=["--json"]),
    )

    refuses(refused, *same)
    assert problems_of(accepted) == []


@requirement("CONF-011")
@needs("launch")
@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
async def test_strict_on_memory_is_refused(launch: Launch, environment: str) -> None:
    """Memory cannot keep what strict promises."""
    env = (
        staging(launch) | STRICT | {"ARQONBUS_ENVIRONMENT": environment, "ARQONBUS_STORAGE_BACKEND": "memory"}
    )

    finished = await launch.preflight(env=env, args=["--json"])

    refuses(finished, "ARQONBUS_STORAGE_MODE", "ARQONBUS_STORAGE_BACKEND")


@pytest_asyncio.fixture(loop_scope="session")
async def web_port() -> AsyncIterator[int]:
    """A port where something answers that is no Redis: each line gets an HTTP refusal."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@requirement("CONF-012")
@needs("launch")
async def test_strict_without_a_pong_is_refused(launch: Launch, silent_port: int, web_port: int) -> None:
    """A closed port, a server that never answers and one that is no Redis are refused within a bounded time."""
    env = {**launch.strict, "ARQONBUS_STORAGE_TIMEOUT_SECONDS": "0.3"}
    began = asyncio.get_running_loop().time()

    answers = await asyncio.gather(
        *(
            launch.preflight(env=env | {"ARQONBUS_REDIS_URL": f"redis://127.0.0.1:{port}/0"}, args=["--json"])
            for port in (launch.free_port(), silent_port, web_port)
        )
    )
    took = asyncio.get_running_loop().time() - began

    for answer in answers:
        refuses(answer, "ARQONBUS_REDIS_URL", "ARQONBUS_VALKEY_URL", "ARQONBUS_STORAGE_MODE")
    assert took < 10


@requirement("CONF-012", "CONF-018")
@needs("control:valkey")
@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
async def test_strict_with_a_pong_is_accepted(launch: Launch, valkey: Valkey, environment: str) -> None:
    """The twin: with a server that answers, preflight with everything right exits 0 and complains of nothing."""
    env = {**launch.strict, "ARQONBUS_ENVIRONMENT": environment, "ARQONBUS_REDIS_URL": valkey.url}

    finished = await launch.preflight(env=env, args=["--json"])

    assert problems_of(finished) == []
    assert report_of(finished)["environment"] == environment


@requirement("CONF-013", "CONF-027")
@needs("launch")
@pytest.mark.parametrize("given", ["false", None], ids=["off", "not-set"])
@pytest.mark.parametrize("environment", ["staging", "prod"])
async def test_authentication_off_is_refused(launch: Launch, environment: str, given: str | None) -> None:
    """Off in staging or prod is refused, said or left unsaid."""
    env = staging(launch) | {"ARQONBUS_ENVIRONMENT": environment, "ARQONBUS_ENABLE_AUTH": given}

    finished = await launch.preflight(env=env, args=["--json"])

    refuses(finished, "ARQONBUS_ENABLE_AUTH")


@depth("smoke")
@requirement("CONF-013")
@needs("launch")
async def test_authentication_off_is_accepted_in_dev(launch: Launch) -> None:
    """The twin: dev may do without, and the same environment with it on is accepted in staging and prod."""
    asked = [
        {"ARQONBUS_ENVIRONMENT": "dev", "ARQONBUS_ENABLE_AUTH": "false"},
        {"ARQONBUS_ENVIRONMENT": "staging"},
        {"ARQONBUS_ENVIRONMENT": "prod"},
    ]

    answers = await asyncio.gather(
        *(launch.preflight(env=staging(launch) | change, args=["--json"]) for change in asked)
    )

    assert [problems_of(answer) for answer in answers] == [[], [], []]


@requirement("CONF-014")
@needs("launch")
@pytest.mark.parametrize(
    "secret",
    [
        None,
        "",
        "only-31-bytes-of-this-secret-ok",
        "arqon-dev-secret",
        "changeme",
        # The example of jwt.io and the default of a widely deployed stack: long enough, known to everybody.
        "a-string-secret-at-least-256-bits-long",
        "super-secret-jwt-token-with-at-least-32-characters-long",
    ],
    ids=["absent", "empty", "31-bytes", "dev-default", "changeme", "jwt-io", "stack-default"],
)
async def test_a_secret_that_protects_nothing_is_refused(launch: Launch, secret: str | None) -> None:
    """With authentication on, an absent, short or well-known secret is refused and never printed."""
    env = staging(launch) | {"ARQONBUS_AUTH_JWT_SECRET": secret}

    finished = await launch.preflight(env=env, args=["--json"])

    refuses(finished, "ARQONBUS_AUTH_JWT_SECRET")
    assert not secret or secret not in finished.stdout + finished.stderr


@requirement("CONF-014")
@needs("launch")
@pytest.mark.parametrize("secret", [None, "secret"], ids=["absent", "short"])
async def test_a_secret_is_wanted_in_dev_too(launch: Launch, secret: str | None) -> None:
    """Where dev has authentication on, it needs its secret like any other environment."""
    env = staging(launch) | {"ARQONBUS_ENVIRONMENT": "dev", "ARQONBUS_AUTH_JWT_SECRET": secret}

    refuses(await launch.preflight(env=env, args=["--json"]), "ARQONBUS_AUTH_JWT_SECRET")


@depth("smoke")
@requirement("CONF-014")
@needs("launch")
async def test_a_secret_of_32_bytes_is_accepted(launch: Launch) -> None:
    """The twin: 32 bytes are enough, counted as bytes and not as characters."""
    answers = [
        await launch.preflight(env=staging(launch) | {"ARQONBUS_AUTH_JWT_SECRET": secret}, args=["--json"])
        for secret in ("Zq8#vT1!mR5@xK9$wB3%nC7^jL2&hD6*", "\u00e9" * 8 + "k3Vw8Qp2Xz6Lr9Tb")
    ]

    assert [problems_of(answer) for answer in answers] == [[], []]


@requirement("CONF-015")
@needs("launch")
@pytest.mark.parametrize("value", ["", "0", "false", "true"], ids=["empty", "0", "false", "true"])
async def test_skipping_validation_is_refused(launch: Launch, value: str) -> None:
    """JWT_SKIP_VALIDATION is refused in staging whatever it says."""
    env = staging(launch) | {"JWT_SKIP_VALIDATION": value}

    refuses(await launch.preflight(env=env, args=["--json"]), "JWT_SKIP_VALIDATION")


@depth("smoke")
@requirement("CONF-015")
@needs("launch")
async def test_skipping_validation_is_refused_in_prod(launch: Launch) -> None:
    """In prod the empty value is as refused; without the variable prod is accepted (as the other cases show)."""
    env = staging(launch) | {"ARQONBUS_ENVIRONMENT": "prod", "JWT_SKIP_VALIDATION": ""}

    refuses(await launch.preflight(env=env, args=["--json"]), "JWT_SKIP_VALIDATION")


@requirement("CONF-016")
@needs("launch")
@pytest.mark.parametrize("exception", [None, "", "x" * 201], ids=["none", "empty", "201-characters"])
async def test_a_loose_schema_needs_a_named_exception(launch: Launch, exception: str | None) -> None:
    """ARQON_SCHEMA_STRICT false is refused without an exception of 1 to 200 characters."""
    env = staging(launch) | {"ARQON_SCHEMA_STRICT": "false", "ARQON_SCHEMA_STRICT_EXCEPTION": exception}

    finished = await launch.preflight(env=env, args=["--json"])

    refuses(finished, "ARQON_SCHEMA_STRICT", "ARQON_SCHEMA_STRICT_EXCEPTION")


@depth("smoke")
@requirement("CONF-016")
@needs("launch")
async def test_a_loose_schema_with_its_exception_is_accepted(launch: Launch) -> None:
    """The twin: with an approved exception named, false is accepted."""
    env = staging(launch) | {"ARQON_SCHEMA_STRICT": "false", "ARQON_SCHEMA_STRICT_EXCEPTION": "EX-2026-014"}

    assert problems_of(await launch.preflight(env=env, args=["--json"])) == []


@requirement("CONF-019")
@needs("launch")
async def test_the_report_is_one_json_object(launch: Launch) -> None:
    """--json prints one object on standard output; each problem says variable, problem and allowed as texts."""
    env = staging(launch) | {"ARQONBUS_ENABLE_AUTH": "false", "JWT_SKIP_VALIDATION": "1"}

    finished = await launch.preflight(env=env, args=["--json"])

    problems = problems_of(finished)
    assert len(problems) == 2
    assert all(set(problem) == {"variable", "problem", "allowed"} for problem in problems)
    assert all(type(text) is str and text for problem in problems for text in problem.values())
    assert report_of(finished)["environment"] == "staging"


@depth("smoke")
@requirement("CONF-018", "CONF-006")
@needs("launch")
async def test_without_json_problems_are_lines_on_standard_error(launch: Launch) -> None:
    """Without --json each problem is one line of standard error; with everything right there is none and exit 0."""
    refused, accepted = await asyncio.gather(
        launch.preflight(env=staging(launch) | {"ARQONBUS_ENABLE_AUTH": "false", "JWT_SKIP_VALIDATION": "1"}),
        launch.preflight(env=staging(launch)),
    )

    assert (refused.exit_code, accepted.exit_code) == (78, 0)
    named = [line for line in refused.stderr.splitlines() if line.strip()]
    assert len(named) == 2
    assert all(
        any(name in line for line in named) for name in ("ARQONBUS_ENABLE_AUTH", "JWT_SKIP_VALIDATION")
    )
