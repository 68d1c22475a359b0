import pytest
from arqonbus_reference.storage import stream_groups
from arqonbus_reference.storage.interface import (
    CapabilityUnavailableError,
    StorageUnavailableError,
    StreamKey,
    UnknownGroupError,
)
from arqonbus_reference.storage.streams import StreamsStorage

KEY = StreamKey("acme", "lobby", "talk")


def given_out(entries) -> list[tuple[int, int]]:
    return [(given.entry.sequence, given.delivery_count) for given in entries]


async def consumers(streams: StreamsStorage) -> set[str]:
    rows = await streams._watcher.call("XINFO", "CONSUMERS", "arqonbus:1:stream:acme:lobby:talk", "g")
    return {row[1].decode() for row in rows}


async def test_a_group_is_created_once(streams):
    """Creating a group that exists says so and changes nothing."""
    assert await streams.group_create(KEY, "g", from_beginning=False)
    assert not await streams.group_create(KEY, "g", from_beginning=True)


async def test_a_group_before_the_first_message_leaves_the_sequence_alone(streams, entries):
    """A group on a channel that never had a message: its sequence begins at 1, and the group gets it."""
    await streams.group_create(KEY, "g", from_beginning=False)

    assert await streams.last_sequences([KEY]) == [0]
    await streams.append(entries(1, 1))
    assert given_out(await streams.group_read(KEY, "g", "ann", 10)) == [(1, 1)]


async def test_beginning_gives_earlier_entries_and_new_only_later_ones(streams, entries):
    """Two groups each get every entry behind their start."""
    await streams.append(entries(1, 2))
    await streams.group_create(KEY, "all", from_beginning=True)
    await streams.group_create(KEY, "late", from_beginning=False)
    await streams.append(entries(3, 3))

    assert given_out(await streams.group_read(KEY, "all", "ann", 10)) == [(1, 1), (2, 1), (3, 1)]
    assert given_out(await streams.group_read(KEY, "late", "ann", 10)) == [(3, 1)]


async def test_each_entry_goes_to_one_consumer_until_it_is_acknowledged_once(streams, entries):
    """Reading moves on through the group; acknowledging counts what was pending."""
    await streams.append(entries(1, 30))
    await streams.group_create(KEY, "g", from_beginning=True)

    ann = await streams.group_read(KEY, "g", "ann", 20)
    bob = await streams.group_read(KEY, "g", "bob", 20)

    assert given_out(ann) == [(sequence, 1) for sequence in range(1, 21)]
    assert given_out(bob) == [(sequence, 1) for sequence in range(21, 31)]
    assert await streams.group_read(KEY, "g", "ann", 20) == []
    assert await streams.group_ack(KEY, "g", ["1-0", "1-0", "2-0", "99-0", "nonsense", "1-0\n", ""]) == 2
    assert await streams.group_ack(KEY, "g", ["1-0", "2-0"]) == 0
    count, pending = await streams.group_pending(KEY, "g", 3)
    assert count == 28
    assert [(entry.entry_id, entry.consumer, entry.delivery_count) for entry in pending] == [
        ("3-0", "ann", 1),
        ("4-0", "ann", 1),
        ("5-0", "ann", 1),
    ]


async def test_a_claim_takes_what_is_idle_long_enough(streams, entries):
    """Claiming grows the delivery count, leaves what was delivered lately, and the own entries where asked."""
    await streams.append(entries(1, 4))
    await streams.group_create(KEY, "g", from_beginning=True)
    await streams.group_read(KEY, "g", "ann", 2)
    await streams.group_read(KEY, "g", "bob", 2)

    assert await streams.group_claim(KEY, "g", "eve", 60_000, 10) == []
    assert given_out(await streams.group_claim(KEY, "g", "eve", 0, 10, owner="ann")) == [(1, 2), (2, 2)]
    assert given_out(await streams.group_claim(KEY, "g", "eve", 0, 10, take_own=False)) == [(3, 2), (4, 2)]
    assert given_out(await streams.group_claim(KEY, "g", "eve", 0, 1)) == [(1, 3)]
    assert await consumers(streams) == {"eve"}


async def test_a_trimmed_entry_is_not_claimed(streams, entries):
    """Entries beyond the bound are gone, also for those who had them pending."""
    streams.max_history = 2
    await streams.append(entries(1, 2))
    await streams.group_create(KEY, "g", from_beginning=True)
    await streams.group_read(KEY, "g", "ann", 2)
    await streams.append(entries(3, 3))

    assert given_out(await streams.group_claim(KEY, "g", "bob", 0, 10)) == [(2, 2)]


async def test_a_consumer_that_leaves_is_forgotten_unless_it_has_entries_pending(streams, entries):
    """What is pending keeps its consumer; nothing else is kept."""
    await streams.append(entries(1, 1))
    await streams.group_create(KEY, "g", from_beginning=True)
    await streams.group_read(KEY, "g", "ann", 1)
    await streams.group_read(KEY, "g", "bob", 1)

    assert await streams.group_leave(KEY, "g", "ann") == 1
    assert await streams.group_leave(KEY, "g", "bob") == 0
    assert await consumers(streams) == {"ann"}
    await streams.group_ack(KEY, "g", ["1-0"])
    assert await streams.group_leave(KEY, "g", "ann") == 0
    assert await consumers(streams) == set()


@pytest.mark.parametrize("existing", [True, False])
async def test_an_unknown_group_is_said_to_be_unknown(streams, entries, existing):
    """Every method says so, on a stream that exists and on one that does not."""
    await streams.append(entries(1, int(existing)))

    for asked in (
        streams.group_read(KEY, "g", "c", 1),
        streams.group_ack(KEY, "g", ["1-0"]),
        streams.group_ack(KEY, "g", ["nonsense"]),
        streams.group_claim(KEY, "g", "c", 0, 1),
        streams.group_leave(KEY, "g", "c"),
        streams.group_pending(KEY, "g", 1),
    ):
        with pytest.raises(UnknownGroupError):
            await asked


async def test_the_groups_of_a_stream_are_bounded(streams, monkeypatch):
    """One group too many is refused."""
    monkeypatch.setattr(stream_groups, "MAX_GROUPS_PER_STREAM", 2)
    await streams.group_create(KEY, "1", from_beginning=True)
    await streams.group_create(KEY, "2", from_beginning=True)

    with pytest.raises(CapabilityUnavailableError, match="more than 2 groups"):
        await streams.group_create(KEY, "3", from_beginning=True)


async def test_groups_and_what_is_pending_survive_a_killed_server(valkey, streams, entries, until):
    """After kill -9 the same entries are pending to the same consumer."""
    await streams.append(entries(1, 3))
    await streams.group_create(KEY, "g", from_beginning=True)
    await streams.group_read(KEY, "g", "ann", 2)
    await valkey.kill()
    await valkey.start()
    await until(lambda: streams.status().status == "ok" and streams._failures > 0)

    count, pending = await streams.group_pending(KEY, "g", 10)

    assert (count, {entry.consumer for entry in pending}) == (2, {"ann"})
    assert given_out(await streams.group_read(KEY, "g", "bob", 9)) == [(3, 1)]


async def test_groups_of_a_dead_server_are_unavailable(valkey, streams):
    """A group method over a dead server says that the storage is unavailable, not that the group is unknown."""
    await valkey.kill()

    with pytest.raises(StorageUnavailableError):
        await streams.group_read(KEY, "g", "c", 1)


async def test_groups_need_a_server_that_persists(valkey, streams):
    """Without durable storage there are no groups."""
    await valkey.command("CONFIG", "SET", "appendonly", "no")
    await streams._recover()

    with pytest.raises(CapabilityUnavailableError):
        await streams.group_create(KEY, "g", from_beginning=True)
