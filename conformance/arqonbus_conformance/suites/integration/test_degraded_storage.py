"""Degraded mode: the deployment goes on in memory without its storage, says so everywhere, and recovers by itself."""

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Deployment, Interfaces, Launch, Valkey
from arqonbus_conformance.plugin import depth, needs, requirement
from arqonbus_conformance.suites.conditions import Record, health, healthy, texts_of, whole_history

HISTORY: Record = {"room": "r", "channel": "c"}
GROUP: Record = {"room": "r", "channel": "c", "group": "g"}
IMPATIENT = {"ARQONBUS_STORAGE_TIMEOUT_SECONDS": "0.3"}


def durability(reply: Record) -> str:
    """What an acknowledgement promises."""
    return str(expect.succeeded(reply)["metadata"]["durability"])


async def degraded_metric(deployment: Deployment) -> str:
    """The line of the exposition that says whether the storage is degraded."""
    exposition = (await deployment.http.get("/metrics/prometheus")).text
    lines = [line for line in exposition.splitlines() if line.startswith("arqonbus_storage_degraded ")]
    expect.equal(len(lines), 1, "lines of arqonbus_storage_degraded")
    return lines[0]


@requirement("STORE-011", "CONF-020", "GROUP-012")
@needs("control:valkey")
async def test_degraded_starts_without_its_storage_and_says_so(launch: Launch, valkey: Valkey) -> None:
    """Health 200 degraded with a reason, metric 1, durability memory, capabilities false, groups unavailable."""
    await valkey.kill()
    deployment = await launch(env={**launch.degraded, **IMPATIENT}, valkey=valkey)
    ann = await deployment.bus.connect("ann")

    reply = await ann.publish(**HISTORY, text="one")
    answer = await deployment.http.get("/health")
    group = await ann.command("op.group.create", **GROUP)

    capabilities = ann.welcome["payload"]["protocol"]["capabilities"]
    assert durability(reply) == "memory"
    assert (answer.status, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["reason"]
    assert answer.json()["storage"]["durable"] is False
    assert float((await degraded_metric(deployment)).split()[1]) == 1
    assert (capabilities["durable"], capabilities["consumer_groups"]) == (False, False)
    assert (await ann.succeed("status"))["server"]["status"] == "degraded"
    assert (await deployment.http.get("/ready")).status == 200
    assert texts_of(await whole_history(ann, **HISTORY)) == ["one"]
    expect.failed(group, "CAPABILITY_UNAVAILABLE")


@requirement("STORE-012", "STORE-009")
@needs("control:valkey", "telemetry")
async def test_degraded_goes_on_when_its_storage_dies(launch: Launch, valkey: Valkey) -> None:
    """Before the death acknowledgements say durable, after it memory; the change is announced."""
    deployment = await launch(env={**launch.degraded, **IMPATIENT}, valkey=valkey)
    reader = await deployment.telemetry.connect()
    ann, bob = await deployment.bus.clients("ann", "bob")
    await bob.join(**HISTORY)
    before = await ann.publish(**HISTORY, text="before")
    await valkey.kill()

    # Nobody publishes, and it is noticed; the next case publishes into a death that nobody has noticed yet.
    event = await reader.event("storage.degraded")
    after = await ann.publish(**HISTORY, text="after")
    sight = await healthy(deployment.http, "degraded")
    capabilities = (await ann.succeed("status"))["capabilities"]

    assert (durability(before), durability(after)) == ("durable", "memory")
    assert await bob.texts_until("after") == ["before", "after"]
    assert event["reason"]
    assert sight["reason"]
    assert (capabilities["durable"], capabilities["consumer_groups"]) == (False, False)
    newcomer = await deployment.bus.connect("newcomer")
    assert newcomer.welcome["payload"]["protocol"]["capabilities"]["durable"] is False
    expect.failed(await ann.command("op.group.create", **GROUP), "CAPABILITY_UNAVAILABLE")


@requirement("STORE-013", "STORE-014")
@needs("control:valkey", "telemetry")
async def test_degraded_recovers_by_itself(launch: Launch, valkey: Valkey) -> None:
    """With the storage back, health, metric and capabilities say so; what was accepted is there or counted lost."""
    deployment = await launch(env={**launch.degraded, **IMPATIENT}, valkey=valkey)
    reader = await deployment.telemetry.connect()
    ann = await deployment.bus.connect("ann")
    durable = [await ann.publish(**HISTORY, text=f"durable {number}") for number in range(3)]
    await valkey.kill()
    memory = [await ann.publish(**HISTORY, text=f"memory {number}") for number in range(3)]
    await reader.event("storage.degraded")
    await healthy(deployment.http, "degraded")
    # What was never seen degraded could not be seen to recover.
    assert float((await degraded_metric(deployment)).split()[1]) == 1

    await valkey.start()
    recovered = await reader.event("storage.recovered", within=10)
    sight = await healthy(deployment.http)
    last = await ann.publish(**HISTORY, text="last")

    assert [durability(reply) for reply in (*durable, *memory, last)] == ["durable"] * 3 + ["memory"] * 3 + [
        "durable"
    ]
    assert sight["reason"] is None
    assert float((await degraded_metric(deployment)).split()[1]) == 0
    capabilities = (await ann.succeed("status"))["capabilities"]
    assert (capabilities["durable"], capabilities["consumer_groups"]) == (True, True)
    assert recovered["written_back"] + recovered["lost"] == 3
    entries = await whole_history(ann, **HISTORY)
    kept = texts_of(entries)
    assert kept[:3] == [f"durable {number}" for number in range(3)]
    assert kept[-1] == "last"
    assert len(kept) == 4 + recovered["written_back"]
    acknowledged = {f"memory {number}": reply["metadata"]["sequence"] for number, reply in enumerate(memory)}
    assert (
        acknowledged.items()
        >= {text: entry["sequence"] for text, entry in zip(kept[3:-1], entries[3:-1], strict=True)}.items()
    )
    sequences = [entry["sequence"] for entry in entries]
    assert sequences == sorted(set(sequences))
    await ann.succeed("op.group.create", **GROUP)


@requirement("STORE-014", "STORE-013")
@needs("control:valkey", "telemetry")
async def test_what_was_written_back_outlives_the_bus(launch: Launch, valkey: Valkey) -> None:
    """After a recovery and kill -9 of the bus, history holds what was said to be written back."""
    deployment = await launch(env={**launch.degraded, **IMPATIENT}, valkey=valkey)
    reader = await deployment.telemetry.connect()
    ann = await deployment.bus.connect("ann")
    await valkey.kill()
    expect.succeeded(await ann.publish(**HISTORY, text="meanwhile"))
    await valkey.start()
    recovered = await reader.event("storage.recovered", within=10)

    await deployment.kill()
    await deployment.restart()
    bob = await deployment.bus.connect("bob")

    assert recovered["written_back"] + recovered["lost"] == 1
    assert texts_of(await whole_history(bob, **HISTORY)) == ["meanwhile"] * recovered["written_back"]


@requirement("STORE-011", "STORE-013", "STORE-014")
@needs("control:valkey", "telemetry")
async def test_a_start_without_storage_recovers_when_it_comes(launch: Launch, valkey: Valkey) -> None:
    """Begun in memory on top of a store with messages, nothing is reused: sequences grow across the recovery."""
    first = await launch(env={**launch.degraded, **IMPATIENT}, valkey=valkey)
    old = expect.succeeded(await (await first.bus.connect("old")).publish(**HISTORY, text="old"))
    await first.terminate()
    await first.wait(within=10)
    await valkey.kill()
    deployment = await launch(env={**launch.degraded, **IMPATIENT}, valkey=valkey)
    reader = await deployment.telemetry.connect()
    ann = await deployment.bus.connect("ann")
    blind = expect.succeeded(await ann.publish(**HISTORY, text="blind"))

    await valkey.start()
    recovered = await reader.event("storage.recovered", within=10)
    after = expect.succeeded(await ann.publish(**HISTORY, text="after"))

    sequences = [reply["metadata"]["sequence"] for reply in (old, blind, after)]
    assert sequences == sorted(set(sequences))
    assert texts_of(await whole_history(ann, **HISTORY)) == [
        "old",
        *["blind"] * recovered["written_back"],
        "after",
    ]


@depth("smoke")
@requirement("STORE-010", "STORE-009", "GROUP-012")
@needs("launch")
async def test_memory_by_choice_is_healthy_and_not_durable(launch: Launch) -> None:
    """Nobody is degraded who chose memory: healthy, durable false, history kept, groups unavailable."""
    deployment = await launch(env=launch.dev)
    ann = await deployment.bus.connect("ann")

    reply = await ann.publish(**HISTORY, text="one")
    sight = await health(deployment.http)
    status = await ann.succeed("status")

    assert durability(reply) == "memory"
    assert (sight["status"], sight["reason"]) == ("healthy", None)
    assert {name: sight["storage"][name] for name in ("backend", "durable", "persistence")} == {
        "backend": "memory",
        "durable": False,
        "persistence": "none",
    }
    assert float((await degraded_metric(deployment)).split()[1]) == 0
    assert (status["capabilities"]["durable"], status["capabilities"]["consumer_groups"]) == (False, False)
    assert status["storage"]["persistence"] == "none"
    assert texts_of(await whole_history(ann, **HISTORY)) == ["one"]


@requirement("GROUP-012")
@needs("launch")
@pytest.mark.parametrize(
    ("command", "args"),
    [
        ("op.group.create", GROUP),
        ("op.group.read", GROUP),
        ("op.group.ack", GROUP | {"entry_ids": ["1-1"]}),
        ("op.group.claim", GROUP | {"min_idle_ms": 0}),
        ("op.group.pending", GROUP),
    ],
    ids=["create", "read", "ack", "claim", "pending"],
)
async def test_groups_need_durable_storage(plain: Interfaces, command: str, args: Record) -> None:
    """In memory each group command is CAPABILITY_UNAVAILABLE; the connection lives on."""
    ann = await plain.bus.connect("ann")

    refused = await ann.command(command, **args)

    expect.failed(refused, "CAPABILITY_UNAVAILABLE")
    await ann.succeed("ping")
