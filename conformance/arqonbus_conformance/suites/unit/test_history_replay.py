"""op.history.replay: a window of time, oldest first, the same every time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus
from arqonbus_conformance.plugin import depth, requirement
from arqonbus_conformance.suites.unit.telling import instant, only, tell, tell_over_time, texts

REPLAY = "op.history.replay"
ALWAYS: dict[str, Any] = {"from_ts": "2026-01-01T00:00:00Z", "to_ts": "2036-01-01T00:00:00Z"}


@requirement("HIST-010")
async def test_a_window_gives_its_entries_oldest_first(bus: Bus) -> None:
    """Both ends of the window belong to it; nothing outside does."""
    ann = await bus.connect("ann")
    entries = await tell_over_time(ann, bus.room, "c", 5)
    moments = sorted({instant(entry) for entry in entries})
    low, high = moments[1], moments[-2]

    data = await ann.succeed(
        REPLAY, room=bus.room, channel="c", from_ts=low.isoformat(), to_ts=high.isoformat()
    )

    expected = [entry for entry in entries if low <= instant(entry) <= high]
    expect.equal(list(data["entries"]), expected, "entries")
    expect.equal((data["count"], data["complete"]), (len(expected), True), "count and complete")


@requirement("HIST-010")
@pytest.mark.parametrize(("limit", "complete"), [(4, False), (9, False), (10, True), (11, True)])
async def test_a_limit_cuts_the_newest_away_and_says_so(bus: Bus, limit: int, *, complete: bool) -> None:
    """Of ten entries a smaller limit keeps the oldest and is not complete."""
    ann = await bus.connect("ann")
    told = await tell(ann, bus.room, "c", 10)

    data = await ann.succeed(REPLAY, room=bus.room, channel="c", limit=limit, **ALWAYS)

    expect.equal(texts(data), told[:limit], "texts")
    expect.equal(data["complete"], complete, "complete")


@requirement("HIST-010")
@pytest.mark.parametrize("strict", [{}, {"strict_sequence": False}, {"strict_sequence": True}], ids=repr)
async def test_a_whole_channel_is_replayed(bus: Bus, strict: dict[str, Any]) -> None:
    """A window around everything gives every entry, and no sequence is missing."""
    ann = await bus.connect("ann")
    told = await tell(ann, bus.room, "c", 30)

    data = await ann.succeed(REPLAY, room=bus.room, channel="c", **ALWAYS, **strict)

    expect.equal(texts(data), told, "texts")
    expect.equal([entry["sequence"] for entry in data["entries"]], list(range(1, 31)), "sequences")
    assert data["complete"] is True


@requirement("HIST-010", "HIST-007")
async def test_a_replay_is_of_one_channel(bus: Bus) -> None:
    """Neither a neighbour's nor room-wide messages are replayed."""
    ann = await bus.connect("ann")
    for channel, text in (("c", "mine"), ("d", "neighbour's"), (None, "everyone's"), ("c", "mine too")):
        await ann.publish(bus.room, channel, text=text)

    data = await ann.succeed(REPLAY, room=bus.room, channel="c", **ALWAYS)

    expect.equal(texts(data), ["mine", "mine too"], "texts")


@depth("smoke")
@requirement("HIST-010", "HIST-012")
async def test_an_empty_window_is_complete(bus: Bus) -> None:
    """A window before everything, and one of an unknown channel, are empty and complete."""
    ann = await bus.connect("ann")
    entries = await tell_over_time(ann, bus.room, "c", 1)
    before = (instant(entries[0]) - timedelta(hours=1)).isoformat()

    empty = [
        await ann.succeed(REPLAY, room=bus.room, channel=channel, from_ts=before, to_ts=to)
        for channel, to in (("c", before), ("unknown", ALWAYS["to_ts"]))
    ]

    expect.equal(empty, [{"entries": [], "count": 0, "complete": True}] * 2, "data")


@requirement("HIST-013")
async def test_the_same_window_gives_the_same_entries(bus: Bus) -> None:
    """Read twice, by two clients, with new messages in between, a past window is the same to the letter."""
    ann, bob = await bus.clients("ann", "bob")
    entries = await tell_over_time(ann, bus.room, "c", 3)
    window = {"from_ts": entries[0]["stored_at"], "to_ts": sorted({e["stored_at"] for e in entries})[-2]}

    first = await ann.succeed(REPLAY, room=bus.room, channel="c", **window)
    await tell(ann, bus.room, "c", 10)
    second = await bob.succeed(REPLAY, room=bus.room, channel="c", **window)

    assert first["count"] > 0
    expect.equal(second, first, "the second replay")


@depth("smoke")
@requirement("HIST-013", "HIST-017")
async def test_replay_and_get_agree(bus: Bus) -> None:
    """Both commands give the same entries, field by field."""
    ann = await bus.connect("ann")
    await tell(ann, bus.room, "c", 40)

    replayed = await ann.succeed(REPLAY, room=bus.room, channel="c", **ALWAYS)
    got = await ann.succeed("op.history.get", room=bus.room, channel="c")

    expect.equal(replayed["entries"], got["entries"], "entries of the replay")


@requirement("HIST-010")
async def test_a_window_that_ends_before_it_begins_is_refused(bus: Bus) -> None:
    """from_ts after to_ts is a fault, equal ones are a window of one moment."""
    ann = await bus.connect("ann")
    entry = only(await tell_over_time(ann, bus.room, "c", 1))
    moment = instant(entry)
    later = (moment + timedelta(seconds=1)).isoformat()

    one_moment = await ann.succeed(
        REPLAY, room=bus.room, channel="c", from_ts=moment.isoformat(), to_ts=moment.isoformat()
    )
    response = await ann.command(REPLAY, room=bus.room, channel="c", from_ts=later, to_ts=moment.isoformat())

    expect.equal(texts(one_moment), ["0"], "texts of one moment")
    expect.failed(response, "COMMAND_VALIDATION_ERROR")
