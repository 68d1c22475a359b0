"""NATS is killed while clients publish through Shield: what was acknowledged, heard and kept afterwards."""

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Client, Launch, Valkey
from arqonbus_conformance.edge import LaunchShield, Nats
from arqonbus_conformance.plugin import requirement, time_limit
from arqonbus_conformance.suites.conditions import texts_of, whole_history
from arqonbus_conformance.suites.e2e.publishing import Publishing
from arqonbus_conformance.suites.edges import edge_of

RECOVERY_SECONDS = 30.0
"""The longest until messages are acknowledged again after NATS has returned."""


@requirement("NATS-004", "NATS-005", "NATS-006")
@time_limit(120)
async def test_what_was_acknowledged_survives_kills_of_nats(
    launch: Launch, launch_shield: LaunchShield, nats: Nats, valkey: Valkey
) -> None:
    """Three kills in a stream of messages: each acknowledged one is in history once, in its publisher's order.

    A listener at the edge has either heard everything from its join on without a gap or twice, or was closed with 1012.
    """
    edge = await edge_of(launch, launch_shield, nats, valkey=valkey)
    shield = edge.shield.shield
    place = {"room": shield.room, "channel": "c"}
    listener = await shield.connect("listener")
    await listener.join(**place)
    publishers = await shield.clients("p0", "p1")
    publishing = Publishing(place, undecided=True, refusal="SPINE_UNAVAILABLE")
    publishing.begin(*publishers)

    for _ in range(3):
        await publishing.acknowledgements(100, within=RECOVERY_SECONDS)
        await nats.kill()
        await publishing.refusals(1, within=RECOVERY_SECONDS)
        await nats.start()
    await publishing.acknowledgements(100, within=RECOVERY_SECONDS)
    await publishing.end()
    direct = await edge.bus.bus.connect("reader")
    stored = await whole_history(direct, shield.room, "c")

    expect.that(publishing.acknowledged >= 400, "messages acknowledged", actual=publishing.acknowledged)
    names = [entry["message"]["id"] for entry in stored]
    expect.equal(len(names), len(set(names)), "number of different ids in history")
    for publisher in publishers:
        acknowledged = [
            name
            for name in sent_by(publisher)
            if any(r["type"] == "message_response" for r in publisher.replies_to(name))
        ]
        kept = [name for name in names if name in set(acknowledged)]
        expect.equal(kept, acknowledged, f"the acknowledged messages of {publisher.name} in history")
    heard_whole(listener, texts_of(stored))


def sent_by(publisher: Client) -> list[str]:
    """The ids of what it published, in order: those of the replies it has had."""
    return [str(frame["request_id"]) for frame in publisher.received if "request_id" in frame]


def heard_whole(listener: Client, stored: list[str]) -> None:
    """What it heard is a part of the history without a gap; a listener that missed something was closed with 1012."""
    heard = [frame["payload"]["text"] for frame in listener.received[1:] if frame["type"] == "message"]
    expect.equal(heard, stored[: len(heard)], "what the listener heard")
    if len(heard) < len(stored):
        end = listener.connection.end
        expect.that(
            end is not None and end.code == 1012, "a listener with a gap was not closed with 1012", actual=end
        )
