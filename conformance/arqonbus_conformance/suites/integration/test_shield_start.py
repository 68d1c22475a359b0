"""When Shield does not start, and that nothing listens then."""

from __future__ import annotations

from pathlib import Path

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.edge import LaunchedShield, LaunchShield, Nats
from arqonbus_conformance.plugin import requirement
from arqonbus_conformance.starting import Environment
from arqonbus_conformance.suites.conditions import listening
from arqonbus_conformance.suites.edges import starts_when_right

EX_CONFIG = 78
STAGING: Environment = {"ARQONBUS_ENVIRONMENT": "staging"}
ENVIRONMENTS = ["dev", "staging", "prod"]


async def refused(launched: LaunchedShield, names: str, launch_shield: LaunchShield, nats: Nats) -> None:
    """It ended with 78, named the variable, showed no secret, and nothing listens; with nothing wrong one starts."""
    expect.equal(launched.exit_code, EX_CONFIG, "exit code")
    expect.that(names in launched.output, f"{names} is not named", actual=launched.output)
    secret = launched.environment.get("JWT_SECRET", "")
    expect.that(
        len(secret) < 8 or secret not in launched.output, "the secret is shown", actual=launched.output
    )
    expect.that(not await listening(launched.port), "something listens", actual=launched.port)
    await starts_when_right(launch_shield, nats, launched.environment.get("ARQONBUS_ENVIRONMENT", "dev"))


@requirement("SHLD-001")
@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize(
    "secret",
    [
        None,
        "",
        "0123456789",
        "arqon-dev-secret",
        "secret",
        "x" * 31,
        # The example of jwt.io and the default of a widely deployed stack: long enough, known to everybody.
        "a-string-secret-at-least-256-bits-long",
        "super-secret-jwt-token-with-at-least-32-characters-long",
    ],
    ids=["absent", "empty", "10-bytes", "default", "well-known", "31-bytes", "jwt-io", "stack-default"],
)
async def test_shield_does_not_start_with_a_weak_secret(
    launch_shield: LaunchShield, nats: Nats, environment: str, secret: str | None
) -> None:
    """In every environment: exit code 78, JWT_SECRET named, nothing listening."""
    launched = await launch_shield(
        {"ARQONBUS_ENVIRONMENT": environment, "JWT_SECRET": secret}, nats=nats, wait="exit"
    )

    await refused(launched, "JWT_SECRET", launch_shield, nats)


@requirement("SHLD-003")
@pytest.mark.parametrize(
    "content", [None, b"", b"\0asm but no more", b"no module"], ids=["absent", "empty", "cut", "text"]
)
async def test_shield_does_not_start_with_a_policy_that_cannot_be_loaded(
    launch_shield: LaunchShield, nats: Nats, tmp_path: Path, content: bytes | None
) -> None:
    """A module that is absent or none: exit code 78 and POLICY_WASM_PATH named."""
    place = tmp_path / "policy.wasm"
    place.write_bytes(content or b"")
    place = place if content is not None else tmp_path / "absent.wasm"

    launched = await launch_shield({"POLICY_WASM_PATH": str(place)}, nats=nats, wait="exit")

    await refused(launched, "POLICY_WASM_PATH", launch_shield, nats)


@requirement("SHLD-004")
@pytest.mark.parametrize("environment", ["staging", "prod"])
@pytest.mark.parametrize("variable", ["SHIELD_HOST", "SHIELD_PORT"])
async def test_shield_is_told_where_to_listen_outside_dev(
    launch_shield: LaunchShield, nats: Nats, environment: str, variable: str
) -> None:
    """Without an explicit host or port: exit code 78 and the variable named."""
    launched = await launch_shield(
        {"ARQONBUS_ENVIRONMENT": environment, variable: None}, nats=nats, wait="exit"
    )

    expect.equal(launched.exit_code, EX_CONFIG, "exit code")
    expect.that(variable in launched.output, f"{variable} is not named", actual=launched.output)
    await starts_when_right(launch_shield, nats, environment)


@requirement("SHLD-005")
@pytest.mark.parametrize("environment", ENVIRONMENTS)
async def test_shield_does_not_relax_its_schema_without_an_exception(
    launch_shield: LaunchShield, nats: Nats, environment: str
) -> None:
    """In every environment, ARQON_SCHEMA_STRICT false alone: exit code 78 and named."""
    launched = await launch_shield(
        {"ARQONBUS_ENVIRONMENT": environment, "ARQON_SCHEMA_STRICT": "false"}, nats=nats, wait="exit"
    )

    await refused(launched, "ARQON_SCHEMA_STRICT", launch_shield, nats)


@requirement("NATS-001")
@pytest.mark.parametrize("environment", ["staging", "prod"])
async def test_shield_does_not_start_without_nats_outside_dev(
    launch_shield: LaunchShield, nats: Nats, environment: str
) -> None:
    """Nobody answers at NATS_URL: exit code 78 and NATS_URL named."""
    nobody = f"nats://127.0.0.1:{launch_shield.free_port()}"

    launched = await launch_shield({"ARQONBUS_ENVIRONMENT": environment, "NATS_URL": nobody}, wait="exit")

    await refused(launched, "NATS_URL", launch_shield, nats)


@requirement("NATS-001")
async def test_shield_does_not_take_an_open_port_for_nats(
    launch_shield: LaunchShield, nats: Nats, silent_port: int
) -> None:
    """Somebody accepts connections at NATS_URL and says nothing: exit code 78 and NATS_URL named."""
    silent = f"nats://127.0.0.1:{silent_port}"

    launched = await launch_shield({**STAGING, "NATS_URL": silent}, wait="exit")

    await refused(launched, "NATS_URL", launch_shield, nats)


@requirement("NATS-007", "NATS-008")
async def test_shield_starts_without_nats_in_dev_and_says_so(launch_shield: LaunchShield) -> None:
    """It listens, /health is 503 with the spine not connected and a reason, and an upgrade is 503 with Retry-After."""
    nobody = f"nats://127.0.0.1:{launch_shield.free_port()}"

    launched = await launch_shield({"NATS_URL": nobody}, wait="listening")
    health = await launched.shield.http.get("/health", token=None)
    outcome = await launched.shield.open(
        name="upgrade", headers=launched.shield.authorization(..., tenant="a", admin=False)
    )

    expect.equal(health.status, 503, "status of /health")
    body = health.json()
    expect.equal((body["status"], body["spine"]), ("unhealthy", {"connected": False}), "health")
    expect.that(bool(body["reason"]), "no reason", actual=body)
    expect.equal(getattr(outcome, "status", None), 503, "status of the upgrade")
    expect.that("retry-after" in getattr(outcome, "headers", {}), "no Retry-After", actual=outcome)


@requirement("SHLD-001", "NATS-001")
async def test_shield_starts_when_all_is_right(launch_shield: LaunchShield, nats: Nats) -> None:
    """The accepted twin: in staging with a good secret, host, port and NATS it listens."""
    launched = await launch_shield(STAGING, nats=nats, wait="listening")

    expect.that(await listening(launched.port), "nothing listens")
    expect.equal(launched.exit_code, None, "exit code")


@requirement("SHLD-027")
@pytest.mark.parametrize("environment", ["staging", "prod"])
async def test_outside_dev_shield_tells_strangers_its_health_only(
    launch_shield: LaunchShield, nats: Nats, environment: str
) -> None:
    """Without a token and with a user's /metrics and /openapi.json are refused; an administrator's opens them."""
    launched = await launch_shield({"ARQONBUS_ENVIRONMENT": environment}, nats=nats, wait="listening")
    http = launched.shield.http

    for path in ("/metrics", "/openapi.json"):
        for who, status in ((None, 401), ("user", 403), ("admin", 200)):
            expect.equal((await http.get(path, token=who)).status, status, f"status of {path} for {who}")
    expect.that((await http.get("/health", token=None)).status in {200, 503}, "/health needs a token")
