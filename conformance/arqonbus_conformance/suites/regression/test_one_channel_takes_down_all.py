"""Met since: what went wrong with one channel went wrong for all.

Somebody wrote a value of another kind over the stream of one channel. The next publish there failed in the middle of a write;
the bus could not find out what had landed, tried again for ever, and refused every other channel until a person came.
"""

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Launch, Valkey
from arqonbus_conformance.plugin import needs, requirement
from arqonbus_conformance.suites.conditions import Record, eventually

PLACE: Record = {"room": "r", "channel": "broken"}
OTHER: Record = {"room": "r", "channel": "whole"}


async def overwritten_streams(valkey: Valkey) -> int:
    """Put a string in the place of every stream; how many there were."""
    names = [
        name for name in await valkey.command("KEYS", "*") if await valkey.command("TYPE", name) == "stream"
    ]
    for name in names:
        await valkey.command("SET", name, "foreign")
    return len(names)


@requirement("STORE-018", "STORE-005")
@needs("control:valkey")
async def test_a_foreign_value_over_one_stream_stops_that_channel_only(
    launch: Launch, valkey: Valkey
) -> None:
    """The broken channel refuses, again and again; another one goes on, and the deployment is healthy."""
    deployment = await launch(env=launch.strict, valkey=valkey)
    ann = await deployment.bus.connect("ann")
    expect.succeeded(await ann.publish(**PLACE, text="before"))
    assert await overwritten_streams(valkey) > 0

    refused = [await ann.publish(**PLACE, text=str(number)) for number in range(2)]
    await eventually(
        "a publish to another channel accepted",
        lambda: ann.publish(**OTHER, text="other"),
        lambda reply: bool(reply["status"] == "success"),
    )
    health = await deployment.http.get("/health")

    for reply in refused:
        expect.rejected(reply, code="STORAGE_UNAVAILABLE")
    assert health.json()["status"] == "healthy"
