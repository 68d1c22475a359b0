"""Reading back in pages, and within bounds of time."""

from __future__ import annotations

from datetime import UTC, timedelta, timezone
from typing import Any

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus, Client
from arqonbus_conformance.plugin import depth, requirement
from arqonbus_conformance.suites.unit.telling import instant, tell, tell_over_time, texts

GET = "op.history.get"
PAGES = 100  # no history of these cases has more pages


async def pages(client: Client, limit: int, **place: Any) -> list[list[str]]:
    """The texts of every page, newest page first, until the cursor is null."""
    read: list[list[str]] = []
    cursor: dict[str, Any] = {}
    while len(read) < PAGES:
        data = await client.succeed(GET, **place, limit=limit, **cursor)
        read.append(texts(data))
        expect.equal(data["count"], len(read[-1]), "count")
        if data["cursor"] is None:
            return read
        cursor = {"cursor": data["cursor"]}
    raise expect.Violation(f"the cursor was not null after {PAGES} pages")


@requirement("HIST-004")
@pytest.mark.parametrize(("count", "limit"), [(25, 7), (24, 8), (5, 1), (3, 10), (8, 8), (1, 1)])
async def test_pages_are_contiguous_down_to_the_oldest(bus: Bus, count: int, limit: int) -> None:
    """The pages, put together from the last to the first, are the whole history without overlap."""
    ann = await bus.connect("ann")
    told = await tell(ann, bus.room, "c", count)

    read = await pages(ann, limit, room=bus.room, channel="c")

    expect.equal([text for page in reversed(read) for text in page], told, "texts of all pages")
    expect.equal({len(page) for page in read[:-1]} | {limit}, {limit}, "sizes of all pages but the last")
    # Where nothing is older the cursor is null at once: no empty page follows a full last one.
    expect.equal(len(read), -(-count // limit), "number of pages")


@requirement("HIST-004", "HIST-007")
async def test_pages_of_a_room_are_contiguous(bus: Bus) -> None:
    """Entries of several channels and of the room itself, stored at the same moments, are paged as one."""
    ann = await bus.connect("ann")
    messages = [
        ann.message_to(bus.room, (None, "c", "d")[number % 3], text=f"{number}") for number in range(50)
    ]
    for message in messages:
        await ann.send(message)
    for message in messages:
        expect.succeeded(await ann.reply(message["id"]))

    whole = texts(await ann.succeed(GET, room=bus.room, limit=1000))
    read = await pages(ann, 7, room=bus.room)

    expect.equal(sorted(whole, key=int), [f"{number}" for number in range(50)], "the whole history, sorted")
    expect.equal([text for page in reversed(read) for text in page], whole, "texts of all pages")


@depth("smoke")
@requirement("HIST-004")
async def test_new_messages_do_not_move_the_pages(bus: Bus) -> None:
    """What is published between two pages is in neither of the older ones."""
    ann = await bus.connect("ann")
    await tell(ann, bus.room, "c", 9)
    first = await ann.succeed(GET, room=bus.room, channel="c", limit=3)

    await ann.publish(bus.room, "c", text="new")
    second = await ann.succeed(GET, room=bus.room, channel="c", limit=3, cursor=first["cursor"])
    third = await ann.succeed(GET, room=bus.room, channel="c", limit=3, cursor=second["cursor"])

    expect.equal(
        [texts(page) for page in (first, second, third)],
        [["6", "7", "8"], ["3", "4", "5"], ["0", "1", "2"]],
        "texts of the pages",
    )


@requirement("HIST-004")
async def test_a_page_may_be_asked_for_again(bus: Bus) -> None:
    """A cursor is not used up, not even by another client of the tenant."""
    ann, bob = await bus.clients("ann", "bob")
    await tell(ann, bus.room, "c", 6)
    first = await ann.succeed(GET, room=bus.room, channel="c", limit=3)

    again = [
        await client.succeed(GET, room=bus.room, channel="c", limit=3, cursor=first["cursor"])
        for client in (ann, ann, bob)
    ]

    expect.equal([texts(page) for page in again], [["0", "1", "2"]] * 3, "texts of the second page")


@requirement("HIST-005")
async def test_since_and_until_bound_the_time_inclusively(bus: Bus) -> None:
    """An entry stored at the bound itself is within it, on either side."""
    ann = await bus.connect("ann")
    entries = await tell_over_time(ann, bus.room, "c", 5)
    moments = sorted({instant(entry) for entry in entries})
    low, high = moments[1], moments[-2]
    place: dict[str, Any] = {"room": bus.room, "channel": "c", "limit": 1000}

    since = await ann.succeed(GET, **place, since=low.isoformat())
    until = await ann.succeed(GET, **place, until=high.isoformat())
    between = await ann.succeed(GET, **place, since=low.isoformat(), until=high.isoformat())
    at = await ann.succeed(GET, **place, since=low.isoformat(), until=low.isoformat())

    everything = {"entries": entries}
    when = dict(zip(texts(everything), map(instant, entries), strict=True))
    expect.equal(texts(since), [text for text, at_ in when.items() if at_ >= low], "texts since")
    expect.equal(texts(until), [text for text, at_ in when.items() if at_ <= high], "texts until")
    expect.equal(texts(between), [text for text, at_ in when.items() if low <= at_ <= high], "texts between")
    expect.equal(texts(at), [text for text, at_ in when.items() if at_ == low], "texts at one moment")


@requirement("HIST-005")
@pytest.mark.parametrize("hours", [-12, 0, 5.5, 14])
async def test_a_bound_may_be_in_any_zone(bus: Bus, hours: float) -> None:
    """The same moment in another zone gives the same entries."""
    ann = await bus.connect("ann")
    entries = await tell_over_time(ann, bus.room, "c", 3)
    moment = sorted({instant(entry) for entry in entries})[1]
    there = moment.astimezone(timezone(timedelta(hours=hours)))

    data = await ann.succeed(GET, room=bus.room, channel="c", limit=1000, since=there.isoformat())

    expected = [entry["message"]["payload"]["text"] for entry in entries if instant(entry) >= moment]
    expect.equal(texts(data), expected, "texts since that moment")


@depth("smoke")
@requirement("HIST-005")
async def test_bounds_that_hold_nothing_give_nothing(bus: Bus) -> None:
    """A time before the first entry, after the last, or an empty window is no error."""
    ann = await bus.connect("ann")
    entries = await tell_over_time(ann, bus.room, "c", 2)
    before = (instant(entries[0]) - timedelta(seconds=1)).astimezone(UTC).isoformat()
    after = (instant(entries[-1]) + timedelta(seconds=1)).astimezone(UTC).isoformat()
    place: dict[str, Any] = {"room": bus.room, "channel": "c"}

    windows: tuple[dict[str, Any], ...] = (
        {"until": before},
        {"since": after},
        {"since": after, "until": before},
    )

    nothing = [await ann.succeed(GET, **place, **window) for window in windows]

    expect.equal([data["count"] for data in nothing], [0, 0, 0], "counts")


@requirement("HIST-004", "HIST-005")
async def test_pages_keep_to_the_bounds(bus: Bus) -> None:
    """Pages within bounds of time end where the bounds do."""
    ann = await bus.connect("ann")
    entries = await tell_over_time(ann, bus.room, "c", 4)
    low = sorted({instant(entry) for entry in entries})[1]

    data = await ann.succeed(GET, room=bus.room, channel="c", limit=1, since=low.isoformat())
    read = [texts(data)]
    while data["cursor"] is not None and len(read) < len(entries) + 1:
        data = await ann.succeed(
            GET, room=bus.room, channel="c", limit=1, since=low.isoformat(), cursor=data["cursor"]
        )
        read.append(texts(data))

    expected = [entry["message"]["payload"]["text"] for entry in entries if instant(entry) >= low]
    expect.equal([text for page in reversed(read) for text in page], expected, "texts of all pages")
