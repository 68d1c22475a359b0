"""NATS is killed while clients publish through Shield and inside: what was acknowledged, heard and kept afterwards."""

from typing import Any

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Client, Launch, Valkey
from arqonbus_conformance.edge import LaunchShield, Nats
from arqonbus_conformance.plugin import requirement, time_limit
from arqonbus_conformance.suites.conditions import eventually, texts_of, whole_history
from arqonbus_conformance.suites.e2e.publishing import WINDOW, Publishing
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


@requirement("NATS-004")
@time_limit(120)
async def test_what_was_refused_in_an_outage_may_be_sent_again(
    launch: Launch, launch_shield: LaunchShield, nats: Nats, valkey: Valkey
) -> None:
    """Three kills amid messages: what was on its way and refused is sent again under its id, and is in history once.

    Some of it was stored the first time, and only the answer was lost.
    """
    edge = await edge_of(launch, launch_shield, nats, valkey=valkey)
    shield = edge.shield.shield
    place = {"room": shield.room, "channel": "c"}
    sent_again: list[str] = []

    for kill in range(3):
        publishers = await shield.clients(*(f"p{kill}{number}" for number in range(4)))
        publishing = Publishing(place, undecided=True, refusal="SPINE_UNAVAILABLE")
        publishing.begin(*publishers)
        await publishing.acknowledgements(100, within=RECOVERY_SECONDS)
        await nats.kill()
        await publishing.refusals(1, within=RECOVERY_SECONDS)
        await publishing.end()
        await nats.start()
        for publisher in publishers:
            refused = [name for name in sent_by(publisher) if is_refused(publisher, name)][:WINDOW]
            for name in refused:
                await acknowledged(publisher, publisher.message_to(shield.room, "c", text="again", id=name))
            sent_again += refused
    direct = await edge.bus.bus.connect("reader")
    stored = [entry["message"]["id"] for entry in await whole_history(direct, shield.room, "c")]

    expect.that(len(sent_again) >= 3, "messages sent again", actual=len(sent_again))
    expect.equal(len(stored), len(set(stored)), "number of different ids in history")
    expect.equal(set(sent_again) - set(stored), set(), "acknowledged messages that are not in history")


@requirement("NATS-006")
@time_limit(60)
@pytest.mark.parametrize("meanwhile", ["lives on", "restarts"])
async def test_what_is_published_inside_in_an_outage_is_not_missed_in_silence(
    launch: Launch, launch_shield: LaunchShield, nats: Nats, valkey: Valkey, meanwhile: str
) -> None:
    """A listener at the edge hears what was published during an outage once and in order, or is closed with 1012.

    A bus that restarts meanwhile knows the listener no more.
    """
    dev = {"ARQONBUS_ENVIRONMENT": "dev"}  # elsewhere a bus does not start without NATS
    edge = await edge_of(launch, launch_shield, nats, valkey=valkey, bus=dev)
    room = edge.shield.shield.room
    listener = await edge.shield.shield.connect("listener")
    await listener.join(room, "c")
    direct = await edge.bus.bus.connect("direct")
    expect.succeeded(await direct.publish(room, "c", text="before"))
    assert await listener.texts_until("before") == ["before"]

    await nats.kill()
    if meanwhile == "restarts":
        await edge.bus.kill()
        await edge.bus.restart()
    inside = await edge.bus.bus.connect("inside")
    missed = [f"missed {number}" for number in range(20)]
    for text in missed:
        expect.succeeded(await inside.publish(room, "c", text=text))
    await nats.start()
    expect.succeeded(await inside.publish(room, "c", text="after"))

    await over_the_outage(listener, "after")
    heard_whole(listener, ["before", *missed, "after"])


def sent_by(publisher: Client) -> list[str]:
    """The ids of what it published, in order: those of the replies it has had."""
    return [str(frame["request_id"]) for frame in publisher.received if "request_id" in frame]


def is_refused(publisher: Client, name: str) -> bool:
    """Whether a message that it published was answered by an error."""
    return any(reply["type"] == "error" for reply in publisher.replies_to(name))


async def acknowledged(publisher: Client, message: dict[str, Any]) -> None:
    """Send a message again under its id until it is acknowledged.

    Raises:
        Unanswered: it was not within `RECOVERY_SECONDS`.
    """

    async def again() -> str:
        return str((await publisher.request(message))["status"])

    await eventually(
        f"{message['id']} acknowledged", again, lambda status: status == "success", within=RECOVERY_SECONDS
    )


async def over_the_outage(listener: Client, last: str) -> None:
    """Return when it has heard the last message, or was closed.

    Raises:
        Unanswered: neither happened within `RECOVERY_SECONDS`.
    """

    async def look() -> bool:
        return listener.connection.end is not None or last in heard_by(listener)

    await eventually(f"{last!r} heard, or the listener closed", look, bool, within=RECOVERY_SECONDS)


def heard_by(listener: Client) -> list[str]:
    """The texts of the messages that it has received after its welcome."""
    return [frame["payload"]["text"] for frame in listener.received[1:] if frame["type"] == "message"]


def heard_whole(listener: Client, stored: list[str]) -> None:
    """What it heard is a part of the history without a gap; a listener that missed something was closed with 1012."""
    heard = heard_by(listener)
    expect.equal(heard, stored[: len(heard)], "what the listener heard")
    if len(heard) < len(stored):
        end = listener.connection.end
        expect.that(
            end is not None and end.code == 1012, "a listener with a gap was not closed with 1012", actual=end
        )
