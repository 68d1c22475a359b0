"""What the deployment says about the persistence of its storage server is what that server has configured."""

from typing import Any

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus, Launch, MakeValkey
from arqonbus_conformance.plugin import depth, needs, requirement
from arqonbus_conformance.suites.conditions import Record, health

STRICT_IN_DEV = {"ARQONBUS_STORAGE_MODE": "strict", "ARQONBUS_STORAGE_BACKEND": "redis_streams"}


@requirement("STORE-015")
@needs("control:valkey")
@pytest.mark.parametrize(
    ("setting", "persistence"),
    [
        ({"appendonly": True, "appendfsync": "always"}, "verified"),
        ({"appendonly": True, "appendfsync": "everysec"}, "weaker"),
        ({"appendonly": True, "appendfsync": "no"}, "weaker"),
        ({"appendonly": False, "appendfsync": "always"}, "off"),
    ],
    ids=["always", "everysec", "no-fsync", "no-appendonly"],
)
async def test_persistence_is_what_the_server_has(
    launch: Launch, make_valkey: MakeValkey, setting: Record, persistence: str
) -> None:
    """Status and /health say verified, weaker or off, as the server is configured."""
    server = await make_valkey(**setting)
    deployment = await launch(env=STRICT_IN_DEV, valkey=server)
    ann = await deployment.bus.connect("ann")

    in_health = (await health(deployment.http))["storage"]
    in_status = (await ann.succeed("status"))["storage"]

    assert (in_health["persistence"], in_status["persistence"]) == (persistence, persistence)
    # Weaker: the window in which an acknowledged message can be lost is named, in some unit of time.
    window = any(character.isdigit() for character in in_health["reason"] or "")
    expect.that(window or persistence != "weaker", "the window is not named", actual=in_health)


@requirement("STORE-015")
@needs("control:valkey")
async def test_a_server_that_hides_its_configuration_is_not_visible(
    launch: Launch, make_valkey: MakeValkey
) -> None:
    """Where CONFIG is refused nothing is claimed: not_visible, and the deployment works."""
    server = await make_valkey()
    await server.command("ACL", "SETUSER", "default", "-config")
    deployment = await launch(env=STRICT_IN_DEV, valkey=server)
    ann = await deployment.bus.connect("ann")

    assert (await health(deployment.http))["storage"]["persistence"] == "not_visible"
    expect.succeeded(await ann.publish(room="r", channel="c", text="one"))


@requirement("CONF-026")
@needs("control:valkey")
async def test_prod_refuses_a_server_that_does_not_persist(launch: Launch, make_valkey: MakeValkey) -> None:
    """Strict in prod on a server with persistence off: preflight and start refuse; staging accepts it."""
    server = await make_valkey(appendonly=False)
    prod = {**launch.strict, "ARQONBUS_ENVIRONMENT": "prod", "ARQONBUS_REDIS_URL": server.url}

    preflight = await launch.preflight(env=prod)
    refused = await launch(env=prod, valkey=server, wait="exit")
    staging = await launch.preflight(env=launch.strict, valkey=server)

    assert (preflight.exit_code, refused.exit_code, staging.exit_code) == (78, 78, 0)
    assert "persist" in preflight.stderr.lower()


@requirement("CONF-026", "CONF-018")
@needs("control:valkey")
async def test_prod_starts_on_a_server_that_persists(launch: Launch, make_valkey: MakeValkey) -> None:
    """The twin: the same start on a server that persists, if only weakly, succeeds."""
    server = await make_valkey(appendonly=True, appendfsync="everysec")

    deployment = await launch(env={**launch.strict, "ARQONBUS_ENVIRONMENT": "prod"}, valkey=server)

    ann = await deployment.bus.connect("ann")
    reply = expect.succeeded(await ann.publish(room="r", channel="c", text="one"))
    assert reply["metadata"]["durability"] == "durable"


@depth("smoke")
@requirement("STORE-009")
async def test_acknowledgements_say_what_the_welcome_says(bus: Bus) -> None:
    """Durable is said exactly where the capabilities say durable; direct messages say memory."""
    ann = await bus.connect("ann")
    promised: dict[str, Any] = ann.welcome["payload"]["protocol"]["capabilities"]

    stored = expect.succeeded(await ann.publish(room=bus.room, channel="c", text="stored"))
    direct = expect.succeeded(await ann.publish(to=ann.id, text="direct"))

    assert stored["metadata"]["durability"] == {True: "durable", False: "memory"}[promised["durable"]]
    assert direct["metadata"]["durability"] == "memory"
