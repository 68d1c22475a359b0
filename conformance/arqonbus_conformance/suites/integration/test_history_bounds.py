"""History at its bounds: trimmed, with holes, and seen over both interfaces."""

import asyncio

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus, Client, Http, Interfaces, Launch, Valkey
from arqonbus_conformance.plugin import depth, needs, requirement
from arqonbus_conformance.suites.conditions import Record, only, texts_of, whole_history

KEPT = 5  # the history size these deployments are given
ALWAYS: Record = {"from_ts": "2000-01-01T00:00:00Z", "to_ts": "2100-01-01T00:00:00Z"}


async def publish_numbers(client: Client, place: Record, last: int) -> None:
    """Publish the texts 1 to `last`, which are their sequences in a fresh channel."""
    for number in range(1, last + 1):
        expect.succeeded(await client.publish(**place, text=str(number)))


@requirement("HIST-016")
@needs("launch")
async def test_memory_keeps_the_newest(trimmed: Interfaces) -> None:
    """In memory a channel shows at most the configured number of entries, the newest, whatever is asked."""
    ann = await trimmed.bus.connect("ann")
    place: Record = {"room": trimmed.bus.name("r"), "channel": "c"}
    await publish_numbers(ann, place, 12)

    shown = await whole_history(ann, **place, page=2)
    replayed = await ann.succeed("op.history.replay", **place, **ALWAYS)
    over_http = (await trimmed.http.get("/storage/history", params={**place, "limit": 1000})).json()

    assert texts_of(shown) == ["8", "9", "10", "11", "12"]
    assert texts_of(replayed["entries"]) == texts_of(over_http["entries"]) == texts_of(shown)


@requirement("HIST-016")
@needs("control:valkey")
async def test_streams_keep_the_newest(launch: Launch, valkey: Valkey) -> None:
    """On streams the bound is as exact, for each channel of its own, and holds across a restart."""
    deployment = await launch(env={**launch.strict, "ARQONBUS_MAX_HISTORY_SIZE": str(KEPT)}, valkey=valkey)
    ann = await deployment.bus.connect("ann")
    busy: Record = {"room": "r", "channel": "busy"}
    quiet: Record = {"room": "r", "channel": "quiet"}
    await publish_numbers(ann, busy, 12)
    await publish_numbers(ann, quiet, 3)

    await deployment.restart()
    bob = await deployment.bus.connect("bob")

    assert texts_of(await whole_history(bob, **busy)) == ["8", "9", "10", "11", "12"]
    assert texts_of(await whole_history(bob, **quiet)) == ["1", "2", "3"]
    assert expect.succeeded(await bob.publish(**busy, text="13"))["metadata"]["sequence"] == 13


@requirement("HIST-016")
@needs("control:valkey")
@pytest.mark.parametrize("command", ["op.history.get", "op.history.replay"])
async def test_a_lowered_bound_holds_for_the_first_reading(
    launch: Launch, valkey: Valkey, command: str
) -> None:
    """Started again with a smaller history, a channel shows no more than that, whichever command asks first."""
    kept: Record = {**launch.strict, "ARQONBUS_MAX_HISTORY_SIZE": "8"}
    place: Record = {"room": "r", "channel": "c"}
    first = await launch(env=kept, valkey=valkey)
    await publish_numbers(await first.bus.connect("ann"), place, 8)
    await first.terminate()
    await first.wait()

    second = await launch(env={**kept, "ARQONBUS_MAX_HISTORY_SIZE": str(KEPT)}, valkey=valkey)
    bob = await second.bus.connect("bob")
    shown = await bob.succeed(command, **place, **(ALWAYS if command == "op.history.replay" else {}))

    assert texts_of(shown["entries"]) == ["4", "5", "6", "7", "8"]


@requirement("HIST-001", "HIST-003", "HIST-004", "HIST-010")
@needs("control:valkey")
@pytest.mark.parametrize("backend", ["redis_streams", "memory"])
async def test_the_largest_page_is_full(launch: Launch, valkey: Valkey, backend: str) -> None:
    """With 1003 entries a limit of 1000 gives 1000 of them, one of 999 gives 999, and the cursor gives the rest."""
    mode = "strict" if backend == "redis_streams" else "degraded"
    chosen: Record = {"ARQONBUS_STORAGE_MODE": mode, "ARQONBUS_STORAGE_BACKEND": backend}
    env = {**launch.strict, **chosen, "ARQONBUS_RATE_LIMIT_PER_SECOND": "0"}
    deployment = await launch(env=env, valkey=valkey)
    ann = await deployment.bus.connect("ann")
    place: Record = {"room": "r", "channel": "c"}
    messages = [ann.message_to("r", "c", text=str(number)) for number in range(1003)]
    for message in messages:
        await ann.send(message)
    for message in messages:
        expect.succeeded(await ann.reply(message["id"]))
    told = [str(number) for number in range(1003)]

    newest = await ann.succeed("op.history.get", **place, limit=1000)
    older = await ann.succeed("op.history.get", **place, limit=1000, cursor=newest["cursor"])
    nearly = await ann.succeed("op.history.get", **place, limit=999)
    replayed = await ann.succeed("op.history.replay", **place, **ALWAYS)

    expect.equal(texts_of(newest["entries"]), told[3:], "texts of the newest page")
    expect.equal(texts_of(older["entries"]), told[:3], "texts of the page just older")
    expect.equal(older["cursor"], None, "cursor of the oldest page")
    expect.equal(texts_of(nearly["entries"]), told[4:], "texts of a page one smaller")
    expect.equal(texts_of(replayed["entries"]), told[:1000], "texts of the replay")
    assert replayed["complete"] is False


@depth("smoke")
@requirement("HIST-011")
@needs("launch")
async def test_entries_trimmed_away_are_named(trimmed: Interfaces) -> None:
    """A strict replay from before the first kept entry names what is missing; a lenient one gives what is kept."""
    ann = await trimmed.bus.connect("ann")
    place: Record = {"room": trimmed.bus.name("r"), "channel": "c"}
    await publish_numbers(ann, place, 8)

    refused = await ann.command("op.history.replay", **place, **ALWAYS, strict_sequence=True)
    lenient = await ann.succeed("op.history.replay", **place, **ALWAYS, strict_sequence=False)

    expect.failed(refused, "TARGET_NOT_FOUND")
    assert refused["payload"]["data"] == {"missing_from": 1, "missing_to": 3}
    assert texts_of(lenient["entries"]) == ["4", "5", "6", "7", "8"]
    assert lenient["complete"] is True


@requirement("HIST-011")
@needs("launch")
async def test_a_window_without_a_hole_is_replayed_strictly(trimmed: Interfaces) -> None:
    """The twin: where nothing is missing a strict replay succeeds, also one that begins after what was trimmed."""
    ann = await trimmed.bus.connect("ann")
    whole: Record = {"room": trimmed.bus.name("r"), "channel": "whole"}
    cut: Record = {"room": trimmed.bus.name("r"), "channel": "cut"}
    await publish_numbers(ann, whole, KEPT)
    await publish_numbers(ann, cut, 8)
    kept = await whole_history(ann, **cut)

    complete = await ann.succeed("op.history.replay", **whole, **ALWAYS, strict_sequence=True)
    later: Record = {"from_ts": kept[1]["stored_at"], "to_ts": ALWAYS["to_ts"]}
    inner = await ann.succeed("op.history.replay", **cut, **later, strict_sequence=True)

    assert texts_of(complete["entries"]) == ["1", "2", "3", "4", "5"]
    assert set(texts_of(inner["entries"])) >= {"5", "6", "7", "8"}


@requirement("HIST-011")
@needs("control:valkey")
async def test_a_hole_is_named(launch: Launch, valkey: Valkey) -> None:
    """An entry that somebody removed from the stream is named by a strict replay and missed by no other."""
    deployment = await launch(env=launch.strict, valkey=valkey)
    ann = await deployment.bus.connect("ann")
    place: Record = {"room": "r", "channel": "c"}
    await publish_numbers(ann, place, 7)
    await remove_from_stream(valkey, length=7, index=2)

    refused = await ann.command("op.history.replay", **place, **ALWAYS, strict_sequence=True)
    lenient = await ann.succeed("op.history.replay", **place, **ALWAYS)

    expect.failed(refused, "TARGET_NOT_FOUND")
    assert refused["payload"]["data"] == {"missing_from": 3, "missing_to": 3}
    assert texts_of(lenient["entries"]) == ["1", "2", "4", "5", "6", "7"]


async def remove_from_stream(valkey: Valkey, *, length: int, index: int) -> None:
    """Remove one entry from the one stream of that length (there is one stream per channel)."""
    keys = [key for key in await valkey.command("KEYS", "*") if await valkey.command("TYPE", key) == "stream"]
    streams = [{"key": key} for key in keys if await valkey.command("XLEN", key) == length]
    key = only(streams, f"streams of {length} entries")["key"]
    entries = await valkey.command("XRANGE", key, "-", "+")
    await valkey.command("XDEL", key, entries[index][0])


@requirement("HIST-015")
@needs("http")
@pytest.mark.parametrize("channel", ["c", None], ids=["channel", "room"])
async def test_both_interfaces_show_the_same(bus: Bus, http: Http, channel: str | None) -> None:
    """Entries, count and pages are the same over HTTP and over the bus, big integers included."""
    ann = await bus.connect("ann")
    for number in range(7):
        payload = {"text": str(number), "big": 2**63 + number, "sign": "\u00fc\U0001f600"}
        expect.succeeded(await ann.publish(room=bus.room, channel="c", payload=payload))
    expect.succeeded(await ann.publish(room=bus.room, text="room-wide"))
    place: Record = {"room": bus.room, "limit": 3} | ({"channel": channel} if channel else {})

    over_bus = await ann.succeed("op.history.get", **place)
    over_http = (await http.get("/storage/history", params=place)).json()
    older_bus = await ann.succeed("op.history.get", **place, cursor=over_bus["cursor"])
    older_http = (await http.get("/storage/history", params={**place, "cursor": over_http["cursor"]})).json()

    assert over_bus["count"] == 3
    for one, other in ((over_bus, over_http), (older_bus, older_http)):
        assert other["entries"] == one["entries"]
        assert other["count"] == one["count"]
        assert (other["cursor"] is None) == (one["cursor"] is None)


@depth("smoke")
@requirement("HIST-015")
@needs("http")
async def test_a_message_is_readable_over_http_at_once(bus: Bus, http: Http) -> None:
    """What was acknowledged on the bus is in the next answer over HTTP, under concurrent writers too."""
    writers = await bus.clients("ann", "bob", "cid")

    async def seen_of(writer: Client) -> list[bool]:
        seen = []
        for _ in range(3):  # the first writes of all may be stored before anybody reads
            reply = expect.succeeded(await writer.publish(room=bus.room, channel="c", text=writer.name))
            answer = (await http.get("/storage/history", params={"room": bus.room, "channel": "c"})).json()
            seen.append(reply["metadata"]["sequence"] in {entry["sequence"] for entry in answer["entries"]})
        return seen

    assert await asyncio.gather(*(seen_of(writer) for writer in writers)) == [[True] * 3] * 3
