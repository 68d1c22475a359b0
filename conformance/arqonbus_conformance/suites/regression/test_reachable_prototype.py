"""High 2, prototype operator reachable: a prototype operator was reachable in production.

The code-writing operator was registered whenever its module could be imported, so any client of any deployment could
call it; nothing but its absence from the documentation kept it from being used.
"""

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus, Launch
from arqonbus_conformance.plugin import needs, requirement
from arqonbus_conformance.suites.conditions import listening, staging


@requirement("CMD-015", "CONN-003")
@pytest.mark.parametrize("prompt", ["drop everything", "x" * 8192], ids=["short", "longest"])
async def test_the_operator_is_off(bus: Bus, prompt: str) -> None:
    """Where the welcome says no synthesis, the command alone is FEATURE_DISABLED and runs nothing."""
    ann = await bus.connect("ann")
    assert ann.welcome["payload"]["protocol"]["capabilities"]["synthesis"] is False

    refused = await ann.command("op.synthesis.run", prompt=prompt)

    expect.failed(refused, "FEATURE_DISABLED")
    assert refused["payload"]["data"] == {}
    await ann.succeed("ping")


@requirement("CMD-015")
@needs("auth")
async def test_an_administrator_gets_no_further(bus: Bus) -> None:
    """The gate is the deployment's, not the caller's: an administrator is refused alike."""
    boss = await bus.connect("boss", admin=True)

    expect.failed(await boss.command("op.synthesis.run", prompt="drop everything"), "FEATURE_DISABLED")
    await boss.succeed("ping")


@requirement("CMD-015")
@needs("launch")
async def test_the_operator_is_off_by_default(launch: Launch) -> None:
    """In dev, too, it takes a variable to switch it on."""
    deployment = await launch()
    ann = await deployment.bus.connect("ann")

    expect.failed(await ann.command("op.synthesis.run", prompt="drop everything"), "FEATURE_DISABLED")
    await ann.succeed("ping")


@requirement("CONF-017", "CONF-027", "CONF-008")
@needs("launch")
@pytest.mark.parametrize("environment", ["production", " PROD "])
async def test_prod_does_not_start_with_it(launch: Launch, environment: str) -> None:
    """However prod is spelled, a start with the operator enabled is refused and nothing listens."""
    env = {**staging(launch), "ARQONBUS_ENVIRONMENT": environment, "ARQONBUS_SYNTHESIS_ENABLED": "true"}

    refused = await launch(env=env, wait="exit")

    assert refused.exit_code == 78
    expect.that("ARQONBUS_SYNTHESIS_ENABLED" in refused.output, "it is not named", actual=refused.output)
    assert [port for port in refused.ports if await listening(port)] == []
    assert (await launch.preflight(env={**env, "ARQONBUS_SYNTHESIS_ENABLED": "false"})).exit_code == 0
