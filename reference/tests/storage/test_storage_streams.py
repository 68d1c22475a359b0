import asyncio
import time

import pytest
from arqonbus_reference.storage import batches, keys
from arqonbus_reference.storage.interface import (
    Entry,
    HistoryQuery,
    StorageUnavailableError,
    StreamKey,
)
from arqonbus_reference.storage.lane import Lane, script
from arqonbus_reference.storage.streams import SequenceConflictError, StreamsStorage

KEY = StreamKey("acme", "lobby", "talk")
OTHER = StreamKey("acme", "lobby", None)


async def test_an_appended_entry_is_durable_and_can_be_read(streams, entries, sequences):
    """What append returned for is in history, with the sequence it was given."""
    assert await streams.append(entries(1, 3)) == "durable"

    assert await sequences(streams) == [1, 2, 3]
    assert await streams.last_sequences([KEY, OTHER]) == [3, 0]
    assert await streams.stats() == (1, 3)


@pytest.mark.parametrize("first", [1, 3, 5])
async def test_a_sequence_that_does_not_follow_refuses_the_whole_batch(
    streams, entries, sequences, heard, first
):
    """A repeated or a leaping sequence writes nothing, to no stream, and the service goes on."""
    await streams.append(entries(1, 3))

    with pytest.raises(SequenceConflictError):
        await streams.append([*entries(1, 1, OTHER), *entries(first, first)])

    assert await streams.last_sequences([KEY, OTHER]) == [3, 0]
    assert await streams.append(entries(4, 4)) == "durable"
    assert heard == []


async def test_only_the_newest_entries_are_kept_and_the_sequence_goes_on(streams, entries, sequences):
    """A stream holds `max_history` entries exactly, and its last sequence survives trimming and deletion."""
    streams.max_history = 5
    await streams.append(entries(1, 12))
    await streams._watcher.call("XDEL", keys.stream(KEY), "12-0")

    assert await sequences(streams) == [8, 9, 10, 11]
    assert await streams.last_sequences([KEY]) == [12]


async def test_a_lowered_bound_holds_before_the_next_append(streams, entries, sequences):
    """History never shows more than the bound, also of entries written under a larger one."""
    await streams.append(entries(1, 300))

    streams.max_history = 7

    assert await sequences(streams) == [294, 295, 296, 297, 298, 299, 300]
    assert len((await streams.history(HistoryQuery(*KEY, limit=100))).entries) == 7


async def test_a_giant_batch_is_written_in_bounded_parts(streams, entries, sequences, monkeypatch):
    """A batch beyond the bounds of one script becomes several, in order."""
    monkeypatch.setattr(batches, "BATCH_ENTRIES", 7)
    monkeypatch.setattr(batches, "BATCH_BYTES", 100)

    await streams.append(entries(1, 50))

    assert await sequences(streams) == list(range(1, 51))


async def test_time_within_a_stream_never_decreases(valkey, streams):
    """Entries stamped by a clock that was set back are stored at the time of what came before, across restarts too."""
    await streams.append([Entry(KEY, 1, 5000, b"{}")])
    reborn = StreamsStorage(valkey.url, timeout_seconds=1, max_history=10)
    await reborn.start()

    await reborn.last_sequences([KEY])
    await reborn.append([Entry(KEY, 2, 4000, b"{}")])

    page = await reborn.history(HistoryQuery(*KEY, limit=10))
    await reborn.close()
    assert [entry.stored_at for entry in page.entries] == [5000, 5000]


async def test_acknowledged_entries_survive_a_killed_server(  # noqa: PLR0917 - fixtures
    valkey, streams, entries, sequences, heard, until
):
    """After kill -9 the service fails at once, comes back by itself, and holds what it acknowledged once."""
    await streams.append(entries(1, 50))
    await valkey.kill()

    with pytest.raises(StorageUnavailableError):
        await streams.append(entries(51, 60))
    with pytest.raises(StorageUnavailableError):
        await sequences(streams)
    status = streams.status()
    await valkey.start()
    await until(lambda: streams.status().status == "ok")

    assert (status.status, status.durable, bool(status.reason)) == ("unavailable", False, True)
    assert await sequences(streams) == list(range(1, 51))
    assert await streams.append(entries(51, 51)) == "durable"
    assert [event.event_type for event in heard] == ["storage.unavailable", "storage.recovered"]


async def test_a_killed_server_is_noticed_without_traffic(valkey, streams, heard, until):
    """The watch finds a dead server by itself."""
    await valkey.kill()

    await until(lambda: bool(heard))

    assert heard[0].event_type == "storage.unavailable"
    assert streams.status().status == "unavailable"


async def test_writes_under_way_when_the_server_is_killed_are_there_when_acknowledged_and_not_when_refused(
    valkey, streams, entries, sequences, until
):
    """Whenever the kill strikes: history is exactly what was acknowledged."""
    acknowledged: list[int] = []

    async def publish() -> None:
        for sequence in range(1, 100_000):
            await streams.append(entries(sequence, sequence))
            acknowledged.append(sequence)

    publisher = asyncio.create_task(publish())
    await until(lambda: len(acknowledged) > 20)
    await valkey.kill()
    with pytest.raises(StorageUnavailableError):
        await publisher
    await valkey.start()
    await until(lambda: streams.status().status == "ok")

    assert await sequences(streams) == acknowledged[-1000:]
    assert await streams.append(entries(len(acknowledged) + 1, len(acknowledged) + 1)) == "durable"


async def test_a_hanging_server_counts_as_dead_within_the_timeout(valkey, streams, entries, sequences, until):
    """With the server stopped an operation fails in time, and later ones at once."""
    await streams.append(entries(1, 1))
    await valkey.pause()

    started = time.monotonic()
    with pytest.raises(StorageUnavailableError, match="no answer within"):
        await streams.append(entries(2, 2))
    first = time.monotonic() - started
    with pytest.raises(StorageUnavailableError):
        await sequences(streams)
    second = time.monotonic() - started - first
    await valkey.resume()
    await until(lambda: streams.status().status == "ok")

    assert first < 1.0
    assert second < 0.1


async def test_what_a_hanging_server_finds_in_its_buffers_later_is_in_no_history(
    valkey, streams, entries, sequences, until
):
    """A write refused for want of an answer is not there after the server went on, and its sequence is free."""
    await streams.append(entries(1, 2))
    await valkey.pause()
    with pytest.raises(StorageUnavailableError):
        await streams.append([*entries(3, 9, text="refused"), *entries(1, 5, OTHER)])
    await valkey.resume()
    await until(lambda: streams.status().status == "ok")

    await streams.append([*entries(3, 3, text="later"), *entries(1, 1, OTHER)])

    assert await sequences(streams) == [1, 2, 3]
    assert await sequences(streams, OTHER) == [1]
    assert (await streams.history(HistoryQuery(*KEY, limit=1))).entries[
        0
    ].message == b'{"n":3,"text":"later"}'


async def test_a_stale_write_is_refused_by_the_fence(valkey, streams, entries, sequences):
    """A command of an older epoch, carried out after the recovery, writes nothing."""
    await streams.append(entries(1, 1))
    stale = next(batches.batches(entries(2, 2), {}, 0))
    epoch = streams._epoch
    await streams._recover()

    lane = Lane(valkey.url, 1)
    where = (keys.fence(streams._name), keys.REGISTRY, *stale.streams)
    reply = await lane.run(script("append"), where, epoch, 100, len(keys.STREAM_PREFIX), *stale.words)
    await lane.close()

    assert reply == -1
    assert await sequences(streams) == [1]


async def test_a_closed_writer_is_fenced_off(valkey, streams, entries):
    """After close the server accepts nothing of this writer any more, so nothing comes late."""
    writer = StreamsStorage(valkey.url, timeout_seconds=1, max_history=10)
    await writer.start()
    late = next(batches.batches(entries(1, 1), {}, 0))
    fence, epoch = keys.fence(writer._name), writer._epoch

    await writer.close()

    words = (epoch, 10, len(keys.STREAM_PREFIX), *late.words)
    assert await streams._watcher.run(script("append"), (fence, keys.REGISTRY, *late.streams), *words) == -1


async def test_a_lost_fence_is_raised_again(streams, entries, sequences, heard, until):
    """A writer the server no longer knows refuses one append, loses nothing and goes on."""
    await streams.append(entries(1, 1))
    await streams._watcher.call("DEL", keys.fence(streams._name))

    with pytest.raises(StorageUnavailableError):
        await streams.append(entries(2, 2))
    await until(lambda: streams.status().status == "ok")
    await streams.append(entries(2, 2))

    assert await sequences(streams) == [1, 2]


async def test_a_batch_torn_in_the_middle_leaves_nothing(streams, entries, sequences, monkeypatch, until):
    """Where the second part of a batch fails, the first part is not in history either, and groups forget it."""
    await streams.append(entries(1, 4))
    await streams.group_create(KEY, "g", from_beginning=True)
    await streams.group_read(KEY, "g", "ann", 3)
    monkeypatch.setattr(batches, "BATCH_ENTRIES", 2)
    send = streams._send

    async def sent_then_lost(batch):
        await send(batch)
        if batch.entries[0].sequence == 7:
            await streams._watcher.call(
                "XREADGROUP", "GROUP", "g", "bob", "COUNT", 9, "STREAMS", keys.stream(KEY), ">"
            )
            raise StorageUnavailableError("the connection was lost")
        return 0

    monkeypatch.setattr(streams, "_send", sent_then_lost)
    with pytest.raises(StorageUnavailableError):
        await streams.append(entries(5, 10))
    await until(lambda: streams.status().status == "ok")
    monkeypatch.setattr(streams, "_send", send)

    assert await sequences(streams) == [1, 2, 3, 4]
    assert await streams.last_sequences([KEY]) == [4]
    await streams.append(entries(5, 5, text="again"))
    count, pending = await streams.group_pending(KEY, "g", 10)
    assert count == 4
    assert [(entry.entry_id, entry.consumer) for entry in pending] == [
        ("1-0", "ann"),
        ("2-0", "ann"),
        ("3-0", "ann"),
        ("4-0", "bob"),
    ]
    given = await streams.group_read(KEY, "g", "eve", 10)
    assert [(entry.sequence, entry.message) for entry, _ in given] == [(5, b'{"n":5,"text":"again"}')]


async def test_a_first_batch_that_landed_unanswered_leaves_no_stream(
    streams, entries, sequences, monkeypatch, until
):
    """After the first write to a stream was refused to its publisher, its sequence begins at 1."""
    send = streams._send

    async def landed_unanswered(batch):
        await send(batch)
        raise StorageUnavailableError("the connection was lost")

    monkeypatch.setattr(streams, "_send", landed_unanswered)
    with pytest.raises(StorageUnavailableError):
        await streams.append(entries(1, 3))
    await until(lambda: streams.status().status == "ok")
    monkeypatch.setattr(streams, "_send", send)

    assert await sequences(streams) == []
    assert await streams.last_sequences([KEY]) == [0]
    await streams.append(entries(1, 1))
    assert await sequences(streams) == [1]


async def test_another_writers_entries_are_left_alone(valkey, streams, entries, sequences, until):
    """Of the sequences in doubt only entries with our own messages are removed."""
    await streams.append(entries(1, 2, text="another writer's"))

    streams._fail("the connection was lost", in_doubt=entries(1, 2, text="ours"))
    await until(lambda: streams.status().status == "ok")

    assert await sequences(streams) == [1, 2]


async def test_a_read_fails_when_the_write_it_may_have_seen_failed(
    streams, entries, sequences, monkeypatch, until
):
    """History shows nothing whose append is refused afterwards."""
    send = streams._send
    landed, answer = asyncio.Event(), asyncio.Event()

    async def slowly_lost(batch):
        await send(batch)
        landed.set()
        await answer.wait()
        raise StorageUnavailableError("the connection was lost")

    monkeypatch.setattr(streams, "_send", slowly_lost)
    writing = asyncio.create_task(streams.append(entries(1, 1)))
    await landed.wait()
    reading = asyncio.create_task(sequences(streams))
    await asyncio.sleep(0.05)
    answer.set()

    with pytest.raises(StorageUnavailableError):
        await writing
    with pytest.raises(StorageUnavailableError):
        await reading


async def test_a_cancelled_append_is_settled_like_a_lost_one(streams, entries, sequences, monkeypatch, until):
    """Nobody was answered for a cancelled append, so nothing of it stays."""
    send = streams._send

    async def never_answered(batch):
        await send(batch)
        await asyncio.Event().wait()

    monkeypatch.setattr(streams, "_send", never_answered)
    writing = asyncio.create_task(streams.append(entries(1, 3)))
    await asyncio.sleep(0.05)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    monkeypatch.setattr(streams, "_send", send)
    await until(lambda: streams.status().status == "ok")

    assert await sequences(streams) == []


async def test_a_server_that_refuses_writes_is_unavailable_until_it_accepts_them(  # noqa: PLR0917 - fixtures
    valkey, streams, entries, sequences, heard, until
):
    """Out of memory is no success: the publish fails, the reason names it, and service resumes by itself."""
    await streams.append(entries(1, 1))
    await valkey.command("CONFIG", "SET", "maxmemory", "1")

    with pytest.raises(StorageUnavailableError, match="maxmemory"):
        await streams.append(entries(2, 2))
    assert "maxmemory" in (streams.status().reason or "")
    await valkey.command("CONFIG", "SET", "maxmemory", "0")
    await until(lambda: streams.status().status == "ok")

    assert await sequences(streams) == [1]
    assert await streams.append(entries(2, 2)) == "durable"


async def test_a_question_that_the_server_refuses_is_unavailable(valkey, streams, entries, sequences, heard):
    """A key of a foreign kind in the place of a stream fails reading and writing it, and nothing else."""
    await valkey.command("SET", keys.stream(OTHER), "foreign")

    with pytest.raises(StorageUnavailableError, match="WRONGTYPE"):
        await sequences(streams, OTHER)
    with pytest.raises(StorageUnavailableError):
        await streams.last_sequences([OTHER])

    assert await streams.append(entries(1, 1)) == "durable"
    assert heard == []


async def test_it_does_not_start_without_its_server():
    """Strict storage that is absent is an error at once."""
    storage = StreamsStorage("redis://127.0.0.1:1/0", timeout_seconds=1, max_history=10)

    with pytest.raises(StorageUnavailableError, match="cannot be reached"):
        await storage.start()

    await storage.close()


async def test_a_big_page_is_bounded_in_bytes_and_its_cursor_goes_on(streams):
    """A page of big messages is shorter than asked, and the next one continues it; replay says it is not complete."""
    for n in (1, 2, 3):
        await streams.append([Entry(KEY, n, n, b"x" * 3_000_000)])

    first = await streams.history(HistoryQuery(*KEY, limit=10))
    second = await streams.history(HistoryQuery(*KEY, limit=10, cursor=first.cursor))
    replayed, complete = await streams.replay(KEY, 0, 9, 10, strict_sequence=True)

    assert [entry.sequence for entry in first.entries] == [3]
    assert [entry.sequence for entry in second.entries] == [2]
    assert ([entry.sequence for entry in replayed], complete) == ([1], False)


async def test_a_view_of_more_streams_than_one_script_takes_is_whole(streams, monkeypatch):
    """A room of many channels is one view."""
    monkeypatch.setattr("arqonbus_reference.storage.stream_history.STREAMS_PER_SCRIPT", 3)
    everything = [Entry(StreamKey("t", "r", f"c{n:02}"), 1, 1000 + n // 5, b"%d" % n) for n in range(20)]
    await streams.append(everything)

    found: list[Entry] = []
    cursor = None
    for _ in range(4):
        page = await streams.history(HistoryQuery("t", "r", None, limit=6, cursor=cursor))
        found[:0] = page.entries
        cursor = page.cursor

    assert cursor is None
    assert found == sorted(everything, key=lambda entry: (entry.stored_at, entry.key.channel))


@pytest.mark.parametrize(
    ("settings", "persistence", "window", "durability"),
    [
        ({"appendonly": "yes", "appendfsync": "always"}, "verified", None, "durable"),
        ({"appendonly": "yes", "appendfsync": "everysec"}, "weaker", "up to 2 s", "durable"),
        ({"appendonly": "yes", "appendfsync": "no"}, "weaker", "appendfsync no", "durable"),
        ({"appendonly": "no", "save": "3600 1"}, "weaker", "snapshots only", "durable"),
        ({"appendonly": "no", "save": ""}, "off", None, "memory"),
    ],
)
async def test_persistence_is_what_the_server_has_configured(  # noqa: PLR0917 - fixtures
    valkey, streams, entries, settings, persistence, window, durability
):
    """Status names what the server does to keep a write, and acknowledgements promise no more."""
    for name, value in settings.items():
        await valkey.command("CONFIG", "SET", name, value)
    await streams._recover()

    status = streams.status()

    assert status.persistence == persistence
    assert (window or "") in (status.reason or "")
    assert (status.reason is None) == (window is None)
    assert await streams.append(entries(1, 1)) == durability
    assert status.durable == (durability == "durable")


async def test_persistence_that_may_not_be_looked_at_is_not_visible(valkey):
    """Where CONFIG is refused, nothing is claimed."""
    await valkey.command("ACL", "SETUSER", "bus", "on", ">pw", "~*", "+@all", "-config")
    storage = StreamsStorage(valkey.url.replace("//", "//bus:pw@"), timeout_seconds=1, max_history=10)

    await storage.start()

    assert storage.status().persistence == "not_visible"
    await storage.close()


async def test_a_foreign_value_in_the_place_of_a_stream_stops_no_other(
    valkey, streams, entries, sequences, heard
):
    """Somebody's SET over one stream refuses its appends, without a doubt that could never be settled."""
    await streams.append([*entries(1, 1), *entries(1, 1, OTHER)])
    await valkey.command("SET", keys.stream(KEY), "foreign")

    with pytest.raises(SequenceConflictError):
        await streams.append(entries(2, 2))

    assert await streams.append(entries(2, 2, OTHER)) == "durable"
    assert heard == []


async def test_a_doubt_about_what_is_no_stream_any_more_is_settled(valkey, streams, entries, until):
    """A write is lost, and before the server is asked what landed somebody puts another value there."""
    await valkey.command("SET", keys.stream(KEY), "foreign")

    streams._fail("the connection was lost", in_doubt=entries(1, 2))

    await until(lambda: streams.status().status == "ok")
    assert await streams.append(entries(1, 1, OTHER)) == "durable"
