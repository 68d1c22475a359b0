"""Kill -9 in the middle of a publish stream: what was acknowledged is in history afterwards, once."""

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.checker import demand
from arqonbus_conformance.deployment import Client, Launch, Valkey
from arqonbus_conformance.plugin import blast, needs, repeats, requirement, time_limit
from arqonbus_conformance.suites.conditions import Record, healthy, whole_history
from arqonbus_conformance.suites.e2e.publishing import Publishing, hear

PLACE: Record = {"room": "r", "channel": "c"}
NAMES = ("ann", "bob", "cid")
IMPATIENT = {"ARQONBUS_STORAGE_TIMEOUT_SECONDS": "0.5", "ARQONBUS_RATE_LIMIT_PER_SECOND": "0"}

# What a crash hits depends on chance.
pytestmark = repeats(3)


def judge(stream: Publishing, member: Client, entries: list[Record]) -> None:
    """What publishers and a member were told, and what history holds, is what a conforming bus can produce.

    Raises:
        Violation: it is not, or what was delivered is not stored, or the sequence does not begin at 1.
    """
    heard = hear(stream.history, member)
    stream.history.read_entries(entries)
    demand(stream.history)
    expect.equal(
        heard - {entry["message"]["id"] for entry in entries}, set(), "what was delivered and not stored"
    )
    expect.equal(entries[0]["sequence"], 1, "the first sequence")
    expect.ascending(entries)


@requirement("STORE-007", "ROUTE-019", "HIST-017")
@needs("control:valkey")
@blast("disruptive")
@time_limit(60)
@pytest.mark.parametrize("acknowledged", [1, 300])
async def test_nothing_acknowledged_is_lost_with_the_bus(
    launch: Launch, valkey: Valkey, acknowledged: int
) -> None:
    """The bus is killed while three publishers publish; after its restart history is what they were told."""
    deployment = await launch(env={**launch.strict, **IMPATIENT}, valkey=valkey)
    member = await deployment.bus.connect("member")
    await member.join(**PLACE)
    stream = Publishing(PLACE)
    stream.begin(*await deployment.bus.clients(*NAMES))
    await stream.acknowledgements(acknowledged)

    await deployment.kill()
    await stream.end()
    await deployment.restart()
    reader = await deployment.bus.connect("reader")
    last = expect.succeeded(await reader.publish(**PLACE, text="reader 0"))

    entries = await whole_history(reader, **PLACE, page=500)
    assert entries[-1]["sequence"] == last["metadata"]["sequence"]
    judge(stream, member, entries[:-1])


@requirement("STORE-008", "STORE-003", "STORE-005", "HIST-017")
@needs("control:valkey")
@blast("disruptive")
@time_limit(60)
@pytest.mark.parametrize("kills", [1, 3])
async def test_nothing_acknowledged_is_lost_with_the_storage(
    launch: Launch, valkey: Valkey, kills: int
) -> None:
    """The storage is killed and comes back under the stream, once and again: no loss, no refused message kept."""
    deployment = await launch(env={**launch.strict, **IMPATIENT}, valkey=valkey)
    member = await deployment.bus.connect("member")
    await member.join(**PLACE)
    stream = Publishing(PLACE)
    stream.begin(*await deployment.bus.clients(*NAMES))

    for _ in range(kills):
        await stream.acknowledgements(150)
        await valkey.kill()
        await stream.refusals(5)
        await valkey.start()
        await healthy(deployment.http)
    await stream.acknowledgements(50)
    await stream.end()
    await member.barrier()

    entries = await whole_history(member, **PLACE, page=500)
    stream.history.members = frozenset({member.name})
    judge(stream, member, entries)
    assert len(entries) == stream.acknowledged


@requirement("STORE-008", "STORE-017", "STORE-003")
@needs("control:valkey")
@blast("disruptive")
@time_limit(60)
async def test_nothing_is_lost_with_a_storage_that_hangs(launch: Launch, valkey: Valkey) -> None:
    """The storage hangs under the stream and wakes up again: no loss, and nothing that was refused is kept."""
    deployment = await launch(env={**launch.strict, **IMPATIENT}, valkey=valkey)
    member = await deployment.bus.connect("member")
    await member.join(**PLACE)
    stream = Publishing(PLACE)
    stream.begin(*await deployment.bus.clients(*NAMES))
    await stream.acknowledgements(100)

    await valkey.pause()
    await stream.refusals(5)
    await valkey.resume()
    await healthy(deployment.http)
    await stream.acknowledgements(50)
    await stream.end()
    await member.barrier()

    entries = await whole_history(member, **PLACE, page=500)
    stream.history.members = frozenset({member.name})
    judge(stream, member, entries)
    assert len(entries) == stream.acknowledged


@requirement("STORE-007", "STORE-008")
@needs("control:valkey")
@blast("disruptive")
@time_limit(60)
async def test_nothing_is_lost_with_both(launch: Launch, valkey: Valkey) -> None:
    """The storage is killed, then the bus; both come back: every acknowledged message is there, once."""
    deployment = await launch(env={**launch.strict, **IMPATIENT}, valkey=valkey)
    member = await deployment.bus.connect("member")
    await member.join(**PLACE)
    stream = Publishing(PLACE, undecided=True)
    stream.begin(*await deployment.bus.clients(*NAMES))
    await stream.acknowledgements(150)

    await valkey.kill()
    await deployment.kill()
    await stream.end()
    await valkey.start()
    await deployment.restart()

    reader = await deployment.bus.connect("reader")
    entries = await whole_history(reader, **PLACE, page=500)
    judge(stream, member, entries)
