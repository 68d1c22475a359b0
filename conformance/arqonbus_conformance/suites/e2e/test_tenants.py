"""Two tenants that use the same names: neither can hear, see, count or reach the other."""

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus, Client, Http, Telemetry
from arqonbus_conformance.plugin import depth, needs, requirement
from arqonbus_conformance.suites.conditions import Record, texts_of


async def settled(bus: Bus) -> tuple[Client, Client, Client]:
    """A member of tenant a with a private channel, and two of tenant b: a plain one and an administrator."""
    ann = await bus.connect("ann", tenant="a")
    await ann.succeed("create_channel", room=bus.room, channel="c", description="of tenant a")
    await ann.join(bus.room, "c")
    expect.succeeded(await ann.publish(room=bus.room, channel="c", text="private"))
    return ann, await bus.connect("bob", tenant="b"), await bus.connect("boss", tenant="b", admin=True)


@depth("smoke")
@requirement("AUTH-009")
@needs("auth")
@pytest.mark.parametrize("channel", ["c", None], ids=["channel", "room-wide"])
async def test_the_same_room_is_two_rooms(bus: Bus, channel: str | None) -> None:
    """Members of a room of the same name hear their own tenant only, each with a sequence of its own."""
    ann = await bus.connect("ann", tenant="a")
    bob = await bus.connect("bob", tenant="b")
    listeners = {"a": await bus.connect("of-a", tenant="a"), "b": await bus.connect("of-b", tenant="b")}
    for listener in listeners.values():
        await listener.join(bus.room, "c")
    target: Record = {"room": bus.room} | ({"channel": channel} if channel else {})

    replies = [
        expect.succeeded(await speaker.publish(**target, text=text))
        for speaker, text in ((ann, "a1"), (bob, "b1"), (ann, "a2"), (bob, "b2"))
    ]

    assert await listeners["a"].texts_until("a2") == ["a1", "a2"]
    assert await listeners["b"].texts_until("b2") == ["b1", "b2"]
    assert [reply["metadata"]["sequence"] for reply in replies] == [1, 1, 2, 2]


@requirement("AUTH-010")
@needs("auth")
async def test_another_tenants_client_cannot_be_addressed(bus: Bus) -> None:
    """A direct message across tenants is TARGET_NOT_FOUND, exactly as to a client that never was."""
    ann, bob, boss = await settled(bus)

    across = [await stranger.publish(to=ann.id, text="psst") for stranger in (bob, boss)]
    never = await bob.publish(to="c-never-was", text="psst")
    expect.succeeded(await ann.publish(to=ann.id, text="sentinel"))

    texts = [
        expect.rejected(reply, code="TARGET_NOT_FOUND").replace(ann.id, "ID").replace("c-never-was", "ID")
        for reply in (*across, never)
    ]
    assert len(set(texts)) == 1
    assert await ann.texts_until("sentinel") == ["sentinel"]


@requirement("AUTH-010")
@needs("auth")
async def test_another_tenants_channels_are_not_listed(bus: Bus) -> None:
    """Neither a client nor an administrator of another tenant lists or inspects the channel; its own tenant does."""
    ann, bob, boss = await settled(bus)

    listed = [await client.succeed("list_channels", room=bus.room) for client in (ann, bob, boss)]
    everything = await boss.succeed("list_channels")
    inspected = [
        await stranger.command("channel_info", room=bus.room, channel="c") for stranger in (bob, boss)
    ]

    assert [data["count"] for data in listed] == [1, 0, 0]
    assert bus.room not in {channel["room"] for channel in everything["channels"]}
    for reply in inspected:
        expect.failed(reply, "TARGET_NOT_FOUND")
    assert (await ann.succeed("channel_info", room=bus.room, channel="c"))["member_count"] == 1


@requirement("AUTH-010")
@needs("auth")
@pytest.mark.parametrize(
    "window",
    [
        ("op.history.get", {}),
        ("op.history.replay", {"from_ts": "2000-01-01T00:00:00Z", "to_ts": "2100-01-01T00:00:00Z"}),
    ],
    ids=["get", "replay"],
)
async def test_another_tenants_history_is_not_read(bus: Bus, window: tuple[str, Record]) -> None:
    """History of the same room and channel is empty for the other tenant and kept for its own."""
    ann, bob, boss = await settled(bus)
    command, more = window

    read = [await client.succeed(command, room=bus.room, channel="c", **more) for client in (ann, bob, boss)]

    assert [texts_of(data["entries"]) for data in read] == [["private"], [], []]


@requirement("AUTH-010", "HIST-008")
@needs("auth")
async def test_an_administrator_reads_no_other_tenant(bus: Bus, http: Http) -> None:
    """History without a room is the administrator's own tenant only, over the bus and over HTTP."""
    _, bob, boss = await settled(bus)
    expect.succeeded(await bob.publish(room=bus.room, channel="c", text="of b"))

    own = await boss.succeed("op.history.get", limit=1000)
    over_http = await http.get("/storage/history", tenant="b", params={"room": bus.room, "channel": "c"})

    assert texts_of(own["entries"]) == ["of b"]
    assert texts_of(over_http.json()["entries"]) == ["of b"]


@requirement("AUTH-010")
@needs("auth")
async def test_another_tenants_channel_cannot_be_deleted(bus: Bus) -> None:
    """An administrator of another tenant deletes nothing: its own tenant has no such channel."""
    ann, _, boss = await settled(bus)

    deleted = await boss.succeed("delete_channel", room=bus.room, channel="c")

    assert deleted["deleted"] is False
    assert (await ann.succeed("channel_info", room=bus.room, channel="c"))["member_count"] == 1


@requirement("AUTH-010", "GROUP-006")
@needs("auth", "consumer_groups")
async def test_another_tenants_group_is_unknown(bus: Bus) -> None:
    """A group of the same name is unknown to the other tenant, and its own one holds its own messages."""
    ann, bob, _ = await settled(bus)
    group: Record = {"room": bus.room, "channel": "c", "group": "g"}
    await ann.succeed("op.group.create", start="beginning", **group)

    unknown = await bob.command("op.group.read", **group)
    await bob.succeed("op.group.create", start="beginning", **group)
    read = await bob.succeed("op.group.read", **group)

    expect.failed(unknown, "TARGET_NOT_FOUND")
    assert read["entries"] == []
    assert texts_of((await ann.succeed("op.group.read", **group))["entries"]) == ["private"]


@depth("smoke")
@requirement("AUTH-010", "CMD-005")
@needs("auth")
async def test_status_counts_one_tenant(bus: Bus) -> None:
    """The counts of status are those of the caller's tenant."""
    ann, bob, _ = await settled(bus)

    counts = [(await client.succeed("status"))["connections"]["current"] for client in (ann, bob)]

    assert counts == [1, 2]


@requirement("AUTH-010", "TEL-008")
@needs("auth", "telemetry")
async def test_another_tenants_events_are_not_told(bus: Bus, telemetry: Telemetry) -> None:
    """An administrator reads of its own tenant's clients, channels and telemetry, and of nobody else's."""
    readers = {tenant: await telemetry.connect(tenant=tenant, name=f"reader-{tenant}") for tenant in "ab"}
    clients = {tenant: await bus.connect(f"of-{tenant}", tenant=tenant) for tenant in "ab"}

    for client in clients.values():
        await client.join(bus.room, "c")
        await client.leave(bus.room, "c")
        expect.succeeded(await client.request(client.envelope("telemetry", payload={"mark": bus.room})))
    for client in clients.values():
        await client.close()
    for tenant, reader in readers.items():
        await reader.event("client.disconnected", client_id=clients[tenant].id)

    told = {
        tenant: {event["client_id"] for event in reader.events if event.get("client_id")}
        for tenant, reader in readers.items()
    }
    assert clients["b"].id not in told["a"]
    assert clients["a"].id not in told["b"]
