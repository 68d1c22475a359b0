"""The policy of Shield: what it denies, what it costs when it fails, and how it is replaced."""

from __future__ import annotations

import asyncio
import hashlib
import statistics
import time
from pathlib import Path
from typing import Any

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Client, Launch
from arqonbus_conformance.edge import LaunchShield, Nats, Tap
from arqonbus_conformance.plugin import requirement, time_limit
from arqonbus_conformance.suites.conditions import eventually
from arqonbus_conformance.suites.edges import (
    ALLOW,
    DENY,
    DENY_SOME,
    FAULTY,
    LOOP_ON_SOME,
    Edge,
    edge_of,
    write_policy,
)
from arqonbus_conformance.transcript import Transcript

RELOAD_SECONDS = 5.0
"""Within which a changed policy is in force."""
OFFENDERS = 2
"""Sessions that make the policy loop: whoever waits behind them all waits twice as long as for one check."""
CALLS = 60
"""Requests of a bystander that make one sample of its latency."""
SLOWDOWN = 3.0
"""How much slower than undisturbed the slowest requests of a bystander may be."""
FLOOR_SECONDS = 0.09
"""What is never taken for slow: whoever waits behind a check that loops waits for its 0.1 s."""


async def guarded(
    launch: Launch, launch_shield: LaunchShield, nats: Nats, folder: Path, policy: str
) -> tuple[Edge, Path]:
    """A deployment with that policy, and where the module lies."""
    place = folder / "policy.wasm"
    write_policy(place, policy)
    return await edge_of(launch, launch_shield, nats, shield={"POLICY_WASM_PATH": str(place)}), place


@requirement("SHLD-017")
async def test_what_the_policy_denies_does_not_reach_the_spine(
    launch: Launch, launch_shield: LaunchShield, nats: Nats, tmp_path: Path
) -> None:
    """POLICY_DENIED with the id, nothing on the spine, and the frames before and after pass."""
    edge, _ = await guarded(launch, launch_shield, nats, tmp_path, DENY_SOME)
    shield = edge.shield.shield
    tap = Tap(nats.url, Transcript())
    await tap.open()
    client, listener = await shield.connect("client"), await shield.connect("listener")
    await listener.join(shield.room, "c")
    canary = shield.name("canary")

    before = await client.publish(shield.room, "c", text="before")
    denied = await client.publish(shield.room, "c", text=f"DENY {canary}")
    after = await client.publish(shield.room, "c", text="after")

    expect.succeeded(before)
    expect.rejected(denied, code="POLICY_DENIED")
    expect.succeeded(after)
    assert await listener.texts_until("after") == ["before", "after"]
    expect.equal(tap.holding(canary), [], "messages on the spine that hold what was denied")
    await tap.close()


@requirement("SHLD-018")
@pytest.mark.parametrize("fault", FAULTY)
async def test_a_policy_that_fails_denies_that_frame_alone(
    launch: Launch, launch_shield: LaunchShield, nats: Nats, tmp_path: Path, fault: str
) -> None:
    """A trap, an endless loop, too much memory, another answer: POLICY_DENIED, and the next frame passes."""
    edge, _ = await guarded(launch, launch_shield, nats, tmp_path, FAULTY[fault])
    shield = edge.shield.shield
    client = await shield.connect("client")

    for _ in range(3):
        denied = await client.publish(shield.room, "c", text="DENY")
        passed = await client.publish(shield.room, "c", text="pass")

        expect.rejected(denied, code="POLICY_DENIED")
        expect.succeeded(passed)


@requirement("SHLD-020")
async def test_a_changed_policy_is_in_force_without_ending_a_session(
    launch: Launch, launch_shield: LaunchShield, nats: Nats, tmp_path: Path
) -> None:
    """Allowed, then denied, then allowed again on one session; /health tells the digest of each module."""
    edge, place = await guarded(launch, launch_shield, nats, tmp_path, ALLOW)
    shield = edge.shield.shield
    client = await shield.connect("client")
    expect.succeeded(await client.publish(shield.room, "c", text="allowed"))

    for policy, code in ((DENY, "POLICY_DENIED"), (ALLOW, None)):
        write_policy(place, policy)
        digest = hashlib.sha256(place.read_bytes()).hexdigest()

        async def in_force(wanted: str = digest) -> bool:
            told = (await shield.http.get("/health", token=None)).json()["policy"]["sha256"]
            return bool(told == wanted)

        await eventually("the new policy", in_force, bool, within=RELOAD_SECONDS)
        reply = await client.publish(shield.room, "c", text="again")
        expect.equal(reply.get("error_code"), code, "error_code")


@requirement("SHLD-020")
async def test_a_broken_policy_does_not_replace_the_old_one(
    launch: Launch, launch_shield: LaunchShield, nats: Nats, tmp_path: Path
) -> None:
    """/health tells the problem and the digest of the old module, which goes on denying; the session lives."""
    edge, place = await guarded(launch, launch_shield, nats, tmp_path, DENY_SOME)
    shield = edge.shield.shield
    digest = hashlib.sha256(place.read_bytes()).hexdigest()
    client = await shield.connect("client")

    place.write_bytes(b"\0asm but no more")

    async def policy() -> dict[str, object]:
        return dict((await shield.http.get("/health", token=None)).json()["policy"])

    told = await eventually(
        "the problem in /health", policy, lambda seen: seen["problem"] is not None, within=RELOAD_SECONDS
    )
    expect.equal(told["sha256"], digest, "digest of the policy in force")
    expect.rejected(await client.publish(shield.room, "c", text="DENY"), code="POLICY_DENIED")
    expect.succeeded(await client.publish(shield.room, "c", text="pass"))


async def slowest(client: Client, room: str) -> float:
    """How long the slowest hundredth of so many requests took, in seconds."""
    taken = []
    for number in range(CALLS):
        begun = time.perf_counter()
        expect.succeeded(await client.publish(room, "c", text=str(number)))
        taken.append(time.perf_counter() - begun)
    return statistics.quantiles(taken, n=100)[98]


@requirement("SHLD-021")
@time_limit(60)
async def test_a_policy_that_loops_costs_the_offender_only(
    launch: Launch, launch_shield: LaunchShield, nats: Nats, tmp_path: Path
) -> None:
    """While some sessions make the policy loop without end, the requests of another stay as fast as before."""
    edge, _ = await guarded(launch, launch_shield, nats, tmp_path, LOOP_ON_SOME)
    shield = edge.shield.shield
    bystander, *offenders = await shield.clients("bystander", *(f"offender {n}" for n in range(OFFENDERS)))
    undisturbed = await slowest(bystander, shield.room)
    denied: list[dict[str, Any]] = []

    async def offend(offender: Client) -> None:
        while True:
            denied.append(await offender.publish(shield.room, "c", text="DENY", within=20))

    offending = [asyncio.create_task(offend(offender)) for offender in offenders]
    disturbed = await slowest(bystander, shield.room)
    for task in offending:
        task.cancel()
    await asyncio.gather(*offending, return_exceptions=True)

    expect.that(len(denied) > 0, "the policy was not made to loop")
    for reply in denied:
        expect.rejected(reply, code="POLICY_DENIED")
    allowed = max(SLOWDOWN * undisturbed, FLOOR_SECONDS)
    expect.that(
        disturbed <= allowed,
        "another session was delayed",
        expected=f"at most {allowed:.3f} s",
        actual=f"{disturbed:.3f} s, undisturbed {undisturbed:.3f} s",
    )
