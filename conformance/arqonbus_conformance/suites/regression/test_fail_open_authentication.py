"""Critical 2, auth fail-open: authentication failed open.

A deployment whose configuration was incomplete did not refuse: it let everybody in. No secret meant no check, a
development default meant a secret that everybody knows, and a variable meant for tests switched the check off.
"""

import pytest

from arqonbus_conformance.deployment import Bus, Launch, Refusal
from arqonbus_conformance.plugin import needs, requirement
from arqonbus_conformance.suites.conditions import Record, listening, staging

INCOMPLETE: dict[str, Record] = {
    "not-set": {"ARQONBUS_ENABLE_AUTH": None},
    "off": {"ARQONBUS_ENABLE_AUTH": "false"},
    "no-secret": {"ARQONBUS_AUTH_JWT_SECRET": None},
    "empty-secret": {"ARQONBUS_AUTH_JWT_SECRET": ""},
    "default-secret": {"ARQONBUS_AUTH_JWT_SECRET": "arqon-dev-secret"},
    "skipped": {"JWT_SKIP_VALIDATION": "0"},
}


@requirement("CONF-013", "CONF-014", "CONF-015", "CONF-027", "CONF-008")
@needs("launch")
@pytest.mark.parametrize("change", INCOMPLETE.values(), ids=INCOMPLETE.keys())
async def test_incomplete_authentication_does_not_start(launch: Launch, change: Record) -> None:
    """The start in staging is refused and nobody is let in, because nothing listens."""
    refused = await launch(env={**staging(launch), **change}, wait="exit")

    assert refused.exit_code == 78
    assert any(name in refused.output for name in change)
    assert [port for port in refused.ports if await listening(port)] == []
    assert (await launch.preflight(env=staging(launch))).exit_code == 0


@requirement("AUTH-001", "CONF-014")
@needs("launch")
async def test_authentication_on_in_dev_is_on(launch: Launch) -> None:
    """In dev, too, on means on: without a token 401 on every interface, with one a client."""
    deployment = await launch(env={**staging(launch), "ARQONBUS_ENVIRONMENT": "dev"})

    answers = [
        await deployment.bus.upgrade(token=None),
        await deployment.telemetry.upgrade(token=None),
        await deployment.http.get("/status", token=None),
    ]

    assert [getattr(answer, "status", 101) for answer in answers] == [401, 401, 401]
    assert (await (await deployment.bus.connect("ann")).succeed("ping"))["pong"] is True


@requirement("AUTH-001", "AUTH-002")
@needs("auth")
@pytest.mark.parametrize("token", ["", "null", "undefined", "a.b.c", "Bearer"])
async def test_nonsense_is_not_a_token(bus: Bus, token: str) -> None:
    """What a broken client sends instead of a token opens nothing; a token does."""
    answer = await bus.upgrade(authorization=f"Bearer {token}")

    assert isinstance(answer, Refusal)
    assert answer.status == 401
    assert (await (await bus.connect("twin")).succeed("ping"))["pong"] is True
