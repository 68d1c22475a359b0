"""NATS is killed, paused and revived under a Shield: what it answers, what it says, and how it comes back."""

from __future__ import annotations

import time

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Launch
from arqonbus_conformance.edge import LaunchShield, Nats, Shield
from arqonbus_conformance.handshake import Refusal
from arqonbus_conformance.plugin import requirement, time_limit
from arqonbus_conformance.suites.conditions import eventually
from arqonbus_conformance.suites.edges import edge_of

REFUSE_SECONDS = 5.0
"""Within which a frame is answered SPINE_UNAVAILABLE."""
NOTICE_SECONDS = 15.0
"""Within which an outage that makes no sound, and the end of one, are noticed."""


async def told(shield: Shield, status: int, within: float = NOTICE_SECONDS) -> dict[str, object]:
    """The body of /health once it has that status."""

    async def look() -> tuple[int, dict[str, object]]:
        answer = await shield.http.get("/health", token=None)
        return answer.status, dict(answer.json())

    return (await eventually(f"/health {status}", look, lambda seen: seen[0] == status, within=within))[1]


@requirement("NATS-002", "NATS-003", "NATS-008")
@time_limit(60)
async def test_an_outage_of_nats_is_told_and_ends_by_itself(
    launch: Launch, launch_shield: LaunchShield, nats: Nats
) -> None:
    """Killed: frames get SPINE_UNAVAILABLE, /health 503, upgrades 503, the session stays; revived: all is served again."""
    edge = await edge_of(launch, launch_shield, nats)
    shield = edge.shield.shield
    client = await shield.connect("client")
    expect.succeeded(await client.publish(shield.room, "c", text="before"))

    await nats.kill()
    begun = time.monotonic()
    replies = [await client.publish(shield.room, "c", text="lost", within=2 * REFUSE_SECONDS)]
    waited = time.monotonic() - begun
    health = await told(shield, 503)
    replies += [await client.publish(shield.room, "c", text=f"lost {number}") for number in range(20)]
    upgrade = await shield.open(name="upgrade", headers=shield.authorization(..., tenant="a", admin=False))

    for reply in replies:
        expect.equal((reply["type"], reply.get("error_code")), ("error", "SPINE_UNAVAILABLE"), "reply")
    expect.that(waited <= REFUSE_SECONDS, "the refusal took too long", actual=f"{waited:.1f} s")
    expect.equal((health["status"], health["spine"]), ("unhealthy", {"connected": False}), "health")
    expect.that(bool(health["reason"]), "no reason", actual=health)
    assert isinstance(upgrade, Refusal), "an upgrade was granted without a spine"
    expect.equal(upgrade.status, 503, "status of the upgrade")
    expect.that("retry-after" in upgrade.headers, "no Retry-After", actual=upgrade.headers)

    await nats.start()
    await told(shield, 200)

    expect.succeeded(await client.publish(shield.room, "c", text="after"))
    late = await shield.connect("late")
    await late.join(shield.room, "c")
    expect.succeeded(await client.publish(shield.room, "c", text="heard"))
    assert await late.texts_until("heard") == ["heard"]


@requirement("NATS-002", "NATS-003")
@time_limit(60)
async def test_a_nats_that_says_nothing_is_an_outage(
    launch: Launch, launch_shield: LaunchShield, nats: Nats
) -> None:
    """Stopped without a word: frames are refused within their time, /health says so; resumed: service goes on."""
    edge = await edge_of(launch, launch_shield, nats)
    shield = edge.shield.shield
    client = await shield.connect("client")
    expect.succeeded(await client.publish(shield.room, "c", text="before"))

    await nats.pause()
    begun = time.monotonic()
    reply = await client.publish(shield.room, "c", text="lost", within=2 * REFUSE_SECONDS)
    waited = time.monotonic() - begun
    await told(shield, 503)
    await nats.resume()
    await told(shield, 200)

    expect.equal(reply.get("error_code"), "SPINE_UNAVAILABLE", "error code")
    expect.that(waited <= REFUSE_SECONDS + 0.5, "the refusal took too long", actual=f"{waited:.1f} s")
    fresh = await shield.connect("fresh")
    expect.succeeded(await fresh.publish(shield.room, "c", text="after"))


@requirement("NATS-003")
@time_limit(60)
@pytest.mark.parametrize("way", ["kill", "terminate"])
async def test_a_bus_that_is_gone_is_an_outage(
    launch: Launch, launch_shield: LaunchShield, nats: Nats, way: str
) -> None:
    """Without a bus behind the spine frames are refused and /health says so; another start of the bus ends it."""
    edge = await edge_of(launch, launch_shield, nats)
    shield = edge.shield.shield

    await getattr(edge.bus, way)()
    await told(shield, 503)
    await edge.bus.restart()
    await told(shield, 200)

    client = await shield.connect("client")
    expect.succeeded(await client.publish(shield.room, "c", text="after"))
