"""Strict mode with its storage dead, hanging, refusing and back again: refused loudly, never lost, never half done."""

import asyncio

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Http, Launch, Valkey
from arqonbus_conformance.plugin import needs, requirement
from arqonbus_conformance.suites.conditions import (
    Record,
    eventually,
    health,
    healthy,
    listening,
    texts_of,
    whole_history,
)

STORAGE_SECONDS = 0.3  # the storage timeout that these deployments are given
IMPATIENT = {"ARQONBUS_STORAGE_TIMEOUT_SECONDS": str(STORAGE_SECONDS)}
HISTORY: Record = {"room": "r", "channel": "c"}
GROUP: Record = {"room": "r", "channel": "c", "group": "g"}


async def errors_counted(http: Http) -> dict[str, int]:
    """The errors counted so far, by site."""
    counted: dict[str, int] = (await http.get("/metrics")).json()["errors"]
    return counted


@requirement("STORE-001", "CONF-008")
@needs("launch")
async def test_strict_does_not_start_without_its_storage(launch: Launch, valkey: Valkey) -> None:
    """With nobody at the storage's address the start is refused and nothing listens; with the storage back it may."""
    await valkey.kill()

    deployment = await launch(env=launch.strict, valkey=valkey, wait="exit")

    assert deployment.exit_code == 78
    assert "ARQONBUS_REDIS_URL" in deployment.output or "ARQONBUS_STORAGE_MODE" in deployment.output
    assert [port for port in deployment.ports if await listening(port)] == []
    await valkey.start()
    assert (await launch.preflight(env=launch.strict, valkey=valkey)).exit_code == 0


@requirement("STORE-001")
@needs("control:valkey")
async def test_strict_in_dev_does_not_start_without_its_storage(launch: Launch, valkey: Valkey) -> None:
    """Dev is no excuse: strict means strict; with the storage back the same start succeeds."""
    env = {"ARQONBUS_STORAGE_MODE": "strict", "ARQONBUS_STORAGE_BACKEND": "redis_streams"}
    await valkey.kill()

    refused = await launch(env=env, valkey=valkey, wait="exit")
    await valkey.start()
    accepted = await launch(env=env, valkey=valkey)

    assert refused.exit_code == 78
    assert (await health(accepted.http))["storage"]["mode"] == "strict"


@requirement("STORE-002", "STORE-003", "STORE-005", "STORE-006")
@needs("control:valkey")
async def test_the_storage_dies_and_returns(launch: Launch, valkey: Valkey) -> None:
    """While it is dead everything that needs it is refused, the rest goes on; afterwards all of it works."""
    deployment = await launch(env={**launch.strict, **IMPATIENT}, valkey=valkey)
    ann, bob = await deployment.bus.clients("ann", "bob")
    await bob.join(**HISTORY)
    expect.succeeded(await ann.publish(**HISTORY, text="before"))
    await valkey.kill()

    refusal = await ann.publish(**HISTORY, text="refused")
    dead = {
        name: await ann.command(name, **args)
        for name, args in {
            "op.history.get": HISTORY,
            "op.history.replay": HISTORY
            | {"from_ts": "2026-01-01T00:00:00Z", "to_ts": "2099-01-01T00:00:00Z"},
            "op.group.create": GROUP,
        }.items()
    }
    direct = await ann.publish(to=bob.id, text="direct")
    pong = await ann.succeed("ping")

    assert refusal["type"] == "error"
    expect.rejected(refusal, code="STORAGE_UNAVAILABLE")
    assert {name: reply.get("error_code") for name, reply in dead.items()} == dict.fromkeys(
        dead, "STORAGE_UNAVAILABLE"
    )
    expect.succeeded(direct)
    assert pong["pong"] is True
    await valkey.start()
    await healthy(deployment.http)
    expect.succeeded(await ann.publish(**HISTORY, text="after"))
    assert await bob.texts_until("after") == ["before", "direct", "after"]
    assert texts_of(await whole_history(ann, **HISTORY)) == ["before", "after"]


@requirement("STORE-002", "STORE-005")
@needs("control:valkey")
async def test_group_commands_are_refused_and_resume(launch: Launch, valkey: Valkey) -> None:
    """Each group command with the storage dead is STORAGE_UNAVAILABLE; with the storage back it succeeds."""
    commands: dict[str, Record] = {
        "op.group.create": GROUP | {"group": "another"},
        "op.group.read": GROUP,
        "op.group.ack": GROUP | {"entry_ids": ["1-1"]},
        "op.group.claim": GROUP | {"min_idle_ms": 0},
        "op.group.pending": GROUP,
    }
    deployment = await launch(env={**launch.strict, **IMPATIENT}, valkey=valkey)
    ann = await deployment.bus.connect("ann")
    await ann.succeed("op.group.create", **GROUP)
    await valkey.kill()

    refused = {name: await ann.command(name, **args) for name, args in commands.items()}
    await valkey.start()
    await healthy(deployment.http)
    resumed = {name: await ann.command(name, **args) for name, args in commands.items()}

    assert {name: reply.get("error_code") for name, reply in refused.items()} == dict.fromkeys(
        commands, "STORAGE_UNAVAILABLE"
    )
    assert {name: reply["status"] for name, reply in resumed.items()} == dict.fromkeys(commands, "success")


@requirement("STORE-004", "STORE-005", "CONF-020")
@needs("control:valkey", "telemetry")
async def test_a_dead_storage_is_announced_everywhere(launch: Launch, valkey: Valkey) -> None:
    """Without any traffic /health is 503 with a reason, /ready 503, telemetry says so; the recovery is told as well."""
    deployment = await launch(env={**launch.strict, **IMPATIENT}, valkey=valkey)
    reader = await deployment.telemetry.connect()
    ann = await deployment.bus.connect("ann")
    before = await deployment.http.get("/health")
    await valkey.kill()

    announced = await reader.event("storage.unavailable")
    unhealthy = await eventually(
        "/health answering 503", lambda: deployment.http.get("/health"), lambda answer: answer.status == 503
    )
    unready = await deployment.http.get("/ready")
    status = await ann.succeed("status")

    assert (before.status, before.json()["status"], before.json()["reason"]) == (200, "healthy", None)
    assert announced["reason"]
    assert unhealthy.json()["status"] == "unhealthy"
    assert unhealthy.json()["reason"]
    assert (unready.status, unready.json()["ready"]) == (503, False)
    assert unready.json()["reason"]
    assert status["server"]["status"] == "unavailable"
    await valkey.start()
    await reader.event("storage.recovered")
    await healthy(deployment.http)
    assert (await deployment.http.get("/ready")).json() == {"ready": True, "reason": None}
    assert (await ann.succeed("status"))["server"]["status"] == "ok"


@requirement("STORE-003")
@needs("control:valkey")
async def test_nothing_refused_is_ever_delivered_or_stored(launch: Launch, valkey: Valkey) -> None:
    """Many publishes under way when the storage dies: what was refused is seen nowhere, then or later."""
    deployment = await launch(env={**launch.strict, **IMPATIENT}, valkey=valkey)
    ann, bob = await deployment.bus.clients("ann", "bob")
    await bob.join(**HISTORY)
    expect.succeeded(await ann.publish(**HISTORY, text="first"))

    stream = [asyncio.ensure_future(ann.publish(**HISTORY, text=f"{number}")) for number in range(50)]
    await valkey.kill()
    stream += [asyncio.ensure_future(ann.publish(**HISTORY, text=f"{number}")) for number in range(50, 100)]
    replies = await asyncio.gather(*stream)
    await valkey.start()
    await healthy(deployment.http)
    expect.succeeded(await ann.publish(**HISTORY, text="last"))

    accepted = [str(number) for number, reply in enumerate(replies) if reply.get("status") == "success"]
    assert {reply.get("error_code") for reply in replies} <= {None, "STORAGE_UNAVAILABLE"}
    assert len(accepted) < 100
    assert await bob.texts_until("last") == ["first", *accepted, "last"]
    assert texts_of(await whole_history(ann, **HISTORY)) == ["first", *accepted, "last"]


@requirement("STORE-003", "STORE-017")
@needs("control:valkey")
async def test_what_a_hanging_storage_wakes_up_with_is_not_stored(launch: Launch, valkey: Valkey) -> None:
    """A publish refused because the storage hung is not in history when the storage goes on."""
    deployment = await launch(env={**launch.strict, **IMPATIENT}, valkey=valkey)
    ann, bob = await deployment.bus.clients("ann", "bob")
    await bob.join(**HISTORY)
    expect.succeeded(await ann.publish(**HISTORY, text="before"))
    await valkey.pause()

    refused = await ann.publish(**HISTORY, text="refused", within=STORAGE_SECONDS + 3)
    await valkey.resume()
    await healthy(deployment.http)
    expect.succeeded(await ann.publish(**HISTORY, text="after"))

    expect.rejected(refused, code="STORAGE_UNAVAILABLE")
    assert await bob.texts_until("after") == ["before", "after"]
    assert texts_of(await whole_history(ann, **HISTORY)) == ["before", "after"]


@requirement("STORE-017")
@needs("control:valkey")
async def test_a_hanging_storage_is_dead_within_its_timeout(launch: Launch, valkey: Valkey) -> None:
    """A storage that accepts and never answers costs each client the timeout, not more than a second above it."""
    deployment = await launch(env={**launch.strict, **IMPATIENT}, valkey=valkey)
    ann, bob = await deployment.bus.clients("ann", "bob")
    await valkey.pause()

    replies = await asyncio.gather(
        ann.publish(**HISTORY, text="refused", within=STORAGE_SECONDS + 1),
        bob.command("op.history.get", **HISTORY, within=STORAGE_SECONDS + 1),
    )

    assert [reply["error_code"] for reply in replies] == ["STORAGE_UNAVAILABLE"] * 2
    await healthy(deployment.http, "unhealthy")
    await valkey.resume()
    await healthy(deployment.http)
    expect.succeeded(await ann.publish(**HISTORY, text="accepted"))
    await bob.succeed("op.history.get", **HISTORY)


@requirement("STORE-018")
@needs("control:valkey")
async def test_a_storage_that_refuses_writes_is_no_success(launch: Launch, valkey: Valkey) -> None:
    """A storage out of memory refuses writes: the publish is STORAGE_UNAVAILABLE and reaches nobody."""
    deployment = await launch(env={**launch.strict, **IMPATIENT}, valkey=valkey)
    ann, bob = await deployment.bus.clients("ann", "bob")
    await bob.join(**HISTORY)
    expect.succeeded(await ann.publish(**HISTORY, text="before"))
    await valkey.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
    await valkey.command("CONFIG", "SET", "maxmemory", "1")

    refused = await ann.publish(**HISTORY, text="refused")
    await valkey.command("CONFIG", "SET", "maxmemory", "0")
    await eventually(
        "a publish accepted again",
        lambda: ann.publish(**HISTORY, text="after"),
        lambda reply: bool(reply["status"] == "success"),
    )

    expect.rejected(refused, code="STORAGE_UNAVAILABLE")
    assert await bob.texts_until("after") == ["before", "after"]
    assert texts_of(await whole_history(ann, **HISTORY)) == ["before", "after"]


@requirement("INT-003")
@needs("control:valkey", "telemetry")
async def test_a_storage_failure_is_counted_and_announced(launch: Launch, valkey: Valkey) -> None:
    """A failed write moves arqonbus_errors_total at a named site, and telemetry says error.<site>."""
    deployment = await launch(env={**launch.strict, **IMPATIENT}, valkey=valkey)
    reader = await deployment.telemetry.connect()
    ann = await deployment.bus.connect("ann")
    before = await errors_counted(deployment.http)
    await valkey.kill()

    expect.rejected(await ann.publish(**HISTORY, text="refused"), code="STORAGE_UNAVAILABLE")
    after = await eventually(
        "an error counted in /metrics",
        lambda: errors_counted(deployment.http),
        lambda counted: any(count > before.get(site, 0) for site, count in counted.items()),
    )
    site = next(site for site, count in after.items() if count > before.get(site, 0))
    event = await reader.event(f"error.{site}")
    exposition = (await deployment.http.get("/metrics/prometheus")).text

    assert event["site"] == site
    assert event["error"].isidentifier()
    assert f'arqonbus_errors_total{{site="{site}"}}' in exposition
