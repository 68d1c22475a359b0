"""A message sent again under its id: answered alike, delivered and stored once."""

from __future__ import annotations

from typing import Any

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus
from arqonbus_conformance.plugin import depth, requirement
from arqonbus_conformance.suites.unit.stage import Stage

REMEMBERED = 1024  # message ids per connection, at the least


def content(reply: dict[str, Any]) -> dict[str, Any]:
    """What a reply says, without what every frame has of its own."""
    return {field: value for field, value in reply.items() if field not in ("id", "timestamp")}


@requirement("ROUTE-016")
@pytest.mark.parametrize("times", [2, 5])
async def test_a_repeated_message_is_delivered_and_stored_once(bus: Bus, times: int) -> None:
    """Each copy is answered with the same content; members and history have one."""
    stage = await Stage.of(bus)
    envelope = stage.message("once")

    replies = [await stage.speaker.request(envelope) for _ in range(times)]
    following = await stage.say("next")

    expect.equal(
        [content(reply) for reply in replies], [content(replies[0])] * times, "content of the replies"
    )
    expect.succeeded(replies[0])
    assert await stage.heard("next") == ["once", "next"]
    assert await stage.stored() == ["once", "next"]
    expect.equal(following["metadata"]["sequence"], replies[0]["metadata"]["sequence"] + 1, "next sequence")


@depth("smoke")
@requirement("ROUTE-016")
async def test_a_message_repeated_before_its_reply_is_delivered_once(bus: Bus) -> None:
    """Copies sent without waiting for the first reply are still one message."""
    stage = await Stage.of(bus)
    envelope = stage.message("hasty")

    for _ in range(10):
        await stage.speaker.send(envelope)
    replies = [await stage.speaker.reply(envelope["id"]) for _ in range(10)]
    await stage.say("next")

    expect.equal([content(reply) for reply in replies], [content(replies[0])] * 10, "content of the replies")
    assert await stage.heard("next") == ["hasty", "next"]
    assert await stage.stored() == ["hasty", "next"]


@requirement("ROUTE-016")
@pytest.mark.parametrize("target", ["room", "client"])
async def test_room_wide_and_direct_messages_are_idempotent_too(bus: Bus, target: str) -> None:
    """An id counts once whatever the message's target."""
    stage = await Stage.of(bus)
    addresses: dict[str, dict[str, Any]] = {
        "room": {"channel": ...},
        "client": {"room": ..., "channel": ..., "to_client": stage.listener.id},
    }
    envelope = stage.message("once", **addresses[target])

    replies = [await stage.speaker.request(envelope) for _ in range(2)]
    await stage.say("next")

    expect.equal(content(replies[1]), content(replies[0]), "content of the second reply")
    assert await stage.heard("next") == ["once", "next"]


@requirement("ROUTE-016")
async def test_an_id_is_remembered_over_other_messages(bus: Bus) -> None:
    """The oldest of the last 1024 message ids is still known."""
    stage = await Stage.of(bus)
    first = stage.message("first")
    others = [stage.speaker.message_to(to=stage.speaker.id, text=f"{n}") for n in range(REMEMBERED - 1)]
    reply = await stage.speaker.request(first)

    for envelope in others:
        await stage.speaker.send(envelope)
    await stage.speaker.barrier()
    again = await stage.speaker.request(first)
    await stage.say("next")

    expect.equal(content(again), content(reply), "content of the reply after 1023 others")
    assert await stage.heard("next") == ["first", "next"]


@requirement("ROUTE-016")
async def test_the_same_id_on_another_connection_is_another_message(bus: Bus) -> None:
    """The accepted twin: ids are remembered per connection."""
    stage = await Stage.of(bus)
    other = await bus.connect("other")
    envelope = stage.message("from each")

    replies = [await client.request(envelope) for client in (stage.speaker, other)]

    expect.equal([reply["metadata"]["sequence"] for reply in replies], [1, 2], "sequences")
    first = await stage.listener.message()
    second = await stage.listener.message()
    expect.equal([first["sender"], second["sender"]], [stage.speaker.id, other.id], "senders")


@requirement("ROUTE-016")
async def test_a_repeated_id_with_another_content_changes_nothing(bus: Bus) -> None:
    """What was accepted under an id stays; a second content under it is neither delivered nor stored."""
    stage = await Stage.of(bus)
    envelope = stage.message("original")
    reply = await stage.speaker.request(envelope)

    again = await stage.speaker.request(envelope | {"payload": {"text": "changed"}})
    await stage.say("next")

    expect.equal(content(again), content(reply), "content of the second reply")
    assert await stage.heard("next") == ["original", "next"]
    assert await stage.stored() == ["original", "next"]


@depth("smoke")
@requirement("ROUTE-022")
@pytest.mark.parametrize(
    "fault",
    [
        {"room": "a/b"},
        {"payload": {}},
        {"version": "2.0"},
        {"channel": ..., "room": ..., "to_client": "nobody"},
    ],
    ids=["bad-room", "empty-payload", "bad-version", "unknown-client"],
)
async def test_a_refused_message_may_be_sent_again_under_its_id(bus: Bus, fault: dict[str, Any]) -> None:
    """A refusal is not remembered: the mended message is accepted, delivered and stored."""
    stage = await Stage.of(bus)
    mended = stage.message("mended")
    faulty = {name: value for name, value in (mended | fault).items() if value is not ...}

    refusal = await stage.speaker.request(faulty, malformed=True)
    reply = await stage.speaker.request(mended)

    expect.equal((refusal["type"], refusal["request_id"]), ("error", mended["id"]), "the refusal")
    expect.succeeded(reply)
    assert await stage.heard("mended") == ["mended"]
    assert await stage.stored() == ["mended"]
