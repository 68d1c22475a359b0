"""Drain: what a deployment still owes when it is told to stop, and that it pays before it goes."""

from collections.abc import Awaitable, Callable

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Deployment, Launch, Refusal, Valkey
from arqonbus_conformance.findings import Unreachable, Violation
from arqonbus_conformance.plugin import needs, requirement
from arqonbus_conformance.suites.conditions import Record, listening, texts_of, whole_history

PLACE: Record = {"room": "r", "channel": "c"}
DRAIN_SECONDS = 3.0
Stop = Callable[[Deployment], Awaitable[None]]


async def by_term(deployment: Deployment) -> None:
    """Stop it as a process manager does."""
    await deployment.terminate()


async def by_interrupt(deployment: Deployment) -> None:
    """Stop it as a person at a terminal does."""
    await deployment.interrupt()


@requirement("CONF-021")
@needs("launch")
@pytest.mark.parametrize("stop", [by_term, by_interrupt], ids=["SIGTERM", "SIGINT"])
async def test_a_drain_closes_each_client_and_exits_0(launch: Launch, stop: Stop) -> None:
    """Members, idle clients and newcomers all see 1001; the exit code is 0, within the drain time."""
    deployment = await launch(env={"ARQONBUS_DRAIN_SECONDS": str(DRAIN_SECONDS)})
    clients = await deployment.bus.clients("ann", "bob", "cid", "dan")
    await clients[0].join(**PLACE)
    expect.succeeded(await clients[1].publish(**PLACE, text="before"))

    await stop(deployment)
    code = await deployment.wait(within=DRAIN_SECONDS + 1)

    assert code == 0
    assert [(await client.closed()).code for client in clients] == [1001] * 4
    assert await clients[0].texts_until("before") == ["before"]
    assert [port for port in deployment.ports if await listening(port)] == []


@requirement("CONF-021")
@needs("launch")
async def test_a_client_that_does_not_close_cannot_hold_the_drain(launch: Launch) -> None:
    """A client that never answers the close frame costs at most the drain time."""
    deployment = await launch(env={"ARQONBUS_DRAIN_SECONDS": "0.5"})
    stubborn, frozen = await deployment.bus.clients("stubborn", "frozen")
    stubborn.connection.answer_close = False
    frozen.stop_reading()

    await deployment.terminate()

    assert await deployment.wait(within=0.5 + 2) == 0
    assert (await stubborn.closed()).code == 1001


async def newcomer(deployment: Deployment) -> str:
    """What becomes of somebody who knocks now: turned away, refused, or a client."""
    try:
        answer = await deployment.bus.upgrade(name="late")
    except (Unreachable, Violation):
        return "turned away"
    return "refused" if isinstance(answer, Refusal) else "a client"


@requirement("CONF-021")
@needs("launch")
async def test_a_draining_deployment_takes_nobody_new(launch: Launch, valkey: Valkey) -> None:
    """While a drain waits for its storage no new client gets in, and the waiting one is answered."""
    env = {**launch.degraded, "ARQONBUS_STORAGE_MODE": "strict", "ARQONBUS_STORAGE_TIMEOUT_SECONDS": "10"}
    deployment = await launch(env=env, valkey=valkey)
    reader = await deployment.telemetry.connect()
    ann = await deployment.bus.connect("ann")
    await valkey.pause()
    waiting = ann.message_to(**PLACE, text="waiting")
    await ann.send(waiting)
    await ann.barrier()

    await deployment.terminate()
    await reader.event("server.draining")
    late = await newcomer(deployment)
    await valkey.resume()

    expect.succeeded(await ann.reply(waiting["id"]))
    assert await deployment.wait() == 0
    assert late != "a client"


@requirement("CONF-022")
@needs("control:valkey", "telemetry")
async def test_what_was_received_is_acknowledged_before_the_close(launch: Launch, valkey: Valkey) -> None:
    """Publishes that wait for the storage when SIGTERM comes are acknowledged, stored once, and then 1001 comes."""
    env = {**launch.degraded, "ARQONBUS_STORAGE_MODE": "strict", "ARQONBUS_STORAGE_TIMEOUT_SECONDS": "10"}
    deployment = await launch(env=env, valkey=valkey)
    reader = await deployment.telemetry.connect()
    ann, bob = await deployment.bus.clients("ann", "bob")
    await bob.join(**PLACE)
    await valkey.pause()
    burst = [ann.message_to(**PLACE, text=str(number)) for number in range(20)]
    for envelope in burst:
        await ann.send(envelope)
    # A pong behind them on the same connection: the deployment has read them all.
    await ann.barrier()

    await deployment.terminate()
    await reader.event("server.draining")
    await valkey.resume()
    ends = [await ann.closed(within=15), await bob.closed(within=15)]
    code = await deployment.wait()

    replies = [ann.replies_to(envelope["id"]) for envelope in burst]
    assert [[reply["status"] for reply in of_one] for of_one in replies] == [["success"]] * 20
    assert await bob.texts_until("19") == [str(number) for number in range(20)]
    assert [end.code for end in ends] == [1001, 1001]
    assert code == 0
    await deployment.restart()
    reborn = await deployment.bus.connect("reborn")
    assert texts_of(await whole_history(reborn, **PLACE)) == [str(number) for number in range(20)]


@requirement("CONF-022")
@needs("launch")
async def test_a_burst_before_the_stop_is_answered_in_memory(launch: Launch) -> None:
    """The same without a storage: each publish that was read is acknowledged before the close."""
    deployment = await launch()
    ann = await deployment.bus.connect("ann")
    burst = [ann.message_to(**PLACE, text=str(number)) for number in range(200)]
    for envelope in burst:
        await ann.send(envelope)
    # The answer to what came behind them: the deployment has read them all, answered or not.
    await ann.barrier()

    await deployment.terminate()
    end = await ann.closed()

    assert end.code == 1001
    assert [len(ann.replies_to(envelope["id"])) for envelope in burst] == [1] * 200
    assert await deployment.wait() == 0
