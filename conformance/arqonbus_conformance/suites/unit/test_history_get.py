"""op.history.get: the newest entries, ascending, as they were delivered."""

from __future__ import annotations

from typing import Any

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus
from arqonbus_conformance.plugin import depth, requirement
from arqonbus_conformance.suites.unit.telling import instant, only, tell, texts


@depth("smoke")
@requirement("HIST-001")
@pytest.mark.parametrize(("limit", "expected"), [(1, ["9"]), (3, ["7", "8", "9"]), (10, None), (1000, None)])
async def test_the_newest_entries_come_in_ascending_order(
    bus: Bus, limit: int, expected: list[str] | None
) -> None:
    """Of ten entries the newest `limit` come, the oldest of them first."""
    ann = await bus.connect("ann")
    told = await tell(ann, bus.room, "c", 10)

    data = await ann.succeed("op.history.get", room=bus.room, channel="c", limit=limit)

    expect.equal(texts(data), expected or told, "texts")
    expect.equal(data["count"], len(expected or told), "count")
    expect.ascending(data["entries"])


@depth("smoke")
@requirement("HIST-002")
async def test_an_entry_is_the_message_as_delivered(bus: Bus) -> None:
    """entry_id, sequence, stored_at, and the very envelope that members received."""
    ann, bob = await bus.clients("ann", "bob")
    await ann.join(bus.room, "c")
    envelope = bob.message_to(bus.room, "c", text="kept", metadata={"trace": "t-1"}, sender="forged")
    reply = await bob.request(envelope)
    heard = only(await ann.messages_until("kept"))

    data = await ann.succeed("op.history.get", room=bus.room, channel="c")

    entry = only(data["entries"])
    expect.equal(set(entry), {"entry_id", "sequence", "stored_at", "message"}, "fields of an entry")
    expect.equal(entry["message"], heard, "message")
    expect.equal(entry["sequence"], reply["metadata"]["sequence"], "sequence")
    assert isinstance(entry["entry_id"], str)
    assert entry["entry_id"]
    assert expect.TIMESTAMP.fullmatch(entry["stored_at"]), entry


@requirement("HIST-002")
async def test_entry_ids_are_unique_and_stay(bus: Bus) -> None:
    """Each entry has an id of its own, the same at every reading."""
    ann, bob = await bus.clients("ann", "bob")
    await tell(ann, bus.room, "c", 20)

    readings = [
        [
            entry["entry_id"]
            for entry in (await one.succeed("op.history.get", room=bus.room, channel="c"))["entries"]
        ]
        for one in (ann, bob)
    ]

    expect.equal(readings[0], readings[1], "entry ids at the second reading")
    expect.equal(len(set(readings[0])), 20, "number of different entry ids")


@depth("smoke")
@requirement("HIST-003")
async def test_the_default_limit_is_100(bus: Bus) -> None:
    """Of 105 entries a reading without limit gives the newest 100."""
    ann = await bus.connect("ann")
    told = await tell(ann, bus.room, "c", 105)

    data = await ann.succeed("op.history.get", room=bus.room, channel="c")

    expect.equal(texts(data), told[5:], "texts")
    assert isinstance(data["cursor"], str)


@requirement("HIST-003")
@pytest.mark.parametrize("limit", [0, -1, 1001, 10**30, -(10**30)])
@pytest.mark.parametrize("name", ["op.history.get", "op.history.replay"])
async def test_a_limit_outside_1_to_1000_is_refused(bus: Bus, name: str, limit: int) -> None:
    """Limits of 1 and 1000 are accepted and the ones beyond refused by name."""
    ann = await bus.connect("ann")
    window = {"from_ts": "2026-01-01T00:00:00Z", "to_ts": "2036-01-01T00:00:00Z"}
    place: dict[str, Any] = {"room": bus.room, "channel": "c"} | (window if name.endswith("replay") else {})
    for allowed in (1, 1000):
        await ann.succeed(name, **place, limit=allowed)

    response = await ann.command(name, **place, limit=limit)

    expect.failed(response, "COMMAND_VALIDATION_ERROR", names="limit")
    await ann.succeed(name, **place, limit=1000)


@requirement("HIST-006")
@pytest.mark.parametrize("channel", [{"channel": "c"}, {}], ids=["channel", "room"])
async def test_an_accepted_message_can_be_read_at_once(bus: Bus, channel: dict[str, Any]) -> None:
    """After its acknowledgement a message is in history, every time."""
    ann = await bus.connect("ann")

    for number in range(20):
        expect.succeeded(await ann.publish(bus.room, **channel, text=f"{number}"))
        data = await ann.succeed("op.history.get", room=bus.room, **channel, limit=1)
        expect.equal(texts(data), [f"{number}"], "the newest entry")


@depth("smoke")
@requirement("HIST-006")
async def test_others_can_read_what_was_delivered(bus: Bus) -> None:
    """A member that has received a message finds it in history."""
    ann, bob = await bus.clients("ann", "bob")
    await ann.join(bus.room, "c")

    await bob.send(bob.message_to(bus.room, "c", text="heard"))
    await ann.texts_until("heard")

    data = await ann.succeed("op.history.get", room=bus.room, channel="c")
    expect.equal(texts(data), ["heard"], "texts")


@requirement("HIST-007")
async def test_history_of_a_room_holds_all_its_channels(bus: Bus) -> None:
    """With room alone: every channel's messages and the room-wide ones, in the order they were stored."""
    ann = await bus.connect("ann")
    told = []
    for number, channel in enumerate(["c", None, "d", "c", None, "d"]):
        await ann.publish(bus.room, channel, text=f"{number}")
        told.append(f"{number}")
    await ann.publish(bus.other_room, "c", text="elsewhere")

    data = await ann.succeed("op.history.get", room=bus.room)

    expect.equal(sorted(texts(data)), told, "texts, sorted")
    times = [instant(entry) for entry in data["entries"]]
    expect.equal(times, sorted(times), "times in their order")
    by_place = {
        place: [
            t
            for t, e in zip(texts(data), data["entries"], strict=True)
            if e["message"].get("channel") == place
        ]
        for place in ("c", None, "d")
    }
    expect.equal(by_place, {"c": ["0", "3"], None: ["1", "4"], "d": ["2", "5"]}, "order within each place")


@requirement("HIST-007")
async def test_history_of_a_channel_holds_that_channel_only(bus: Bus) -> None:
    """Neither its neighbours' messages nor the room-wide ones are in a channel's history."""
    ann = await bus.connect("ann")
    for channel, text in (("c", "mine"), ("d", "neighbour's"), (None, "everyone's"), ("c", "mine too")):
        await ann.publish(bus.room, channel, text=text)

    data = await ann.succeed("op.history.get", room=bus.room, channel="c")

    expect.equal(texts(data), ["mine", "mine too"], "texts")


@requirement("HIST-012")
@pytest.mark.parametrize("place", ["room", "channel", "channel-of-a-known-room"])
async def test_history_of_the_unknown_is_empty(bus: Bus, place: str) -> None:
    """A room or channel nobody has used has no entries: success, count 0, no cursor."""
    ann = await bus.connect("ann")
    await ann.publish(bus.room, "c", text="known")
    places: dict[str, dict[str, Any]] = {
        "room": {"room": bus.name("nowhere")},
        "channel": {"room": bus.name("nowhere"), "channel": "c"},
        "channel-of-a-known-room": {"room": bus.room, "channel": "nowhere"},
    }

    data = await ann.succeed("op.history.get", **places[place])

    expect.equal(data, {"entries": [], "count": 0, "cursor": None}, "data")


@requirement("HIST-012")
async def test_reading_history_makes_no_channel(bus: Bus) -> None:
    """Asking for the history of a channel that does not exist does not make it."""
    ann = await bus.connect("ann")

    await ann.succeed("op.history.get", room=bus.room, channel="c")

    data = await ann.succeed("list_channels", room=bus.room)
    expect.equal(data["channels"], [], "channels")


@requirement("HIST-017")
async def test_a_message_is_in_history_once_with_its_sequence(bus: Bus) -> None:
    """A burst is stored once each, in the order and under the sequences it was delivered with."""
    ann, bob = await bus.clients("ann", "bob")
    await ann.join(bus.room, "c")
    told = await tell(bob, bus.room, "c", 150)
    heard = await ann.messages_until(told[-1])

    data = await ann.succeed("op.history.get", room=bus.room, channel="c", limit=1000)

    stored = [(entry["sequence"], entry["message"]) for entry in data["entries"]]
    expect.equal(stored, [(one["metadata"]["sequence"], one) for one in heard], "history and deliveries")
