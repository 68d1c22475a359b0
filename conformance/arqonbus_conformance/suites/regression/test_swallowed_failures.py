"""High 3, swallowed exceptions: failures were swallowed.

Handlers around storage and delivery caught everything and went on: the client waited for an answer that never came,
no counter moved, no event was sent, and the first to notice was somebody who missed a message.
"""

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Launch, Valkey
from arqonbus_conformance.plugin import needs, requirement
from arqonbus_conformance.suites.conditions import Record, eventually

PLACE: Record = {"room": "r", "channel": "c"}
IMPATIENT = {"ARQONBUS_STORAGE_TIMEOUT_SECONDS": "0.3"}
REQUESTS: dict[str, Record] = {
    "publish": {"type": "message", **PLACE, "payload": {"text": "x"}},
    "history": {"type": "command", "command": "op.history.get", "args": PLACE},
    "replay": {
        "type": "command",
        "command": "op.history.replay",
        "args": PLACE | {"from_ts": "2000-01-01T00:00:00Z", "to_ts": "2100-01-01T00:00:00Z"},
    },
    "group": {"type": "command", "command": "op.group.create", "args": PLACE | {"group": "g"}},
    "join": {"type": "operator.join", "payload": PLACE | {"group": "g"}},
}


@requirement("INT-003", "STORE-002", "ROUTE-014")
@needs("control:valkey", "telemetry")
async def test_a_failed_request_is_answered_counted_and_announced(launch: Launch, valkey: Valkey) -> None:
    """With the storage dead each kind of request gets its one refusal, a counter moves and an event says where."""
    deployment = await launch(env={**launch.strict, **IMPATIENT}, valkey=valkey)
    reader = await deployment.telemetry.connect()
    ann = await deployment.bus.connect("ann")
    await valkey.kill()
    asked = {kind: ann.envelope(fields["type"], **fields) for kind, fields in REQUESTS.items()}

    replies = {kind: await ann.request(envelope) for kind, envelope in asked.items()}
    counted = await eventually(
        "an error counted",
        lambda: deployment.http.get("/metrics"),
        lambda answer: sum(answer.json()["errors"].values()) > 0,
    )
    await ann.barrier()

    assert {kind: (reply["status"], reply["error_code"]) for kind, reply in replies.items()} == dict.fromkeys(
        REQUESTS, ("error", "STORAGE_UNAVAILABLE")
    )
    for reply in replies.values():
        expect.no_internals(reply["error"])
    assert [len(ann.replies_to(envelope["id"])) for envelope in asked.values()] == [1] * len(REQUESTS)
    sites = [site for site, count in counted.json()["errors"].items() if count]
    assert (await reader.event(f"error.{sites[0]}"))["site"] == sites[0]


@requirement("INT-003", "STORE-018")
@needs("control:valkey")
async def test_a_refused_write_is_answered(launch: Launch, valkey: Valkey) -> None:
    """A storage that answers with an error, not with silence, is told to the client as well."""
    deployment = await launch(env={**launch.strict, **IMPATIENT}, valkey=valkey)
    ann = await deployment.bus.connect("ann")
    expect.succeeded(await ann.publish(**PLACE, text="before"))
    await valkey.command("CONFIG", "SET", "min-replicas-to-write", "1")

    refused = await ann.publish(**PLACE, text="refused")
    await valkey.command("CONFIG", "SET", "min-replicas-to-write", "0")
    after = await eventually(
        "a publish accepted again",
        lambda: ann.publish(**PLACE, text="after"),
        lambda reply: bool(reply["status"] == "success"),
    )

    expect.rejected(refused, code="STORAGE_UNAVAILABLE")
    assert after["metadata"]["durability"] == "durable"
