"""Clients through both ends of the spine, over a real NATS, served by a real bus."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from arqonbus_fixtures.nats import EmbeddedNats
from arqonbus_reference.shield import link
from arqonbus_reference.shield.edge_session import Session
from arqonbus_reference.shield.spine import SpineUnavailableError
from arqonbus_reference.shield.uplink import GAP
from shield.spine_bench import Edge, Member, News, RealBus, envelope, eventually, message_id
from websockets.asyncio.client import connect


@pytest.fixture
async def bus(nats_server: EmbeddedNats) -> AsyncIterator[RealBus]:
    bus = RealBus(nats_server.url)
    await bus.start()
    yield bus
    await bus.close()
    assert bus.log.errors == []


@pytest.fixture
async def edge(nats_server: EmbeddedNats, news: News, bus: RealBus) -> AsyncIterator[Edge]:
    edge = Edge(nats_server.url, news)
    await edge.start()
    yield edge
    await edge.uplink.close()
    assert edge.faults == []


async def test_a_client_is_welcomed_as_a_direct_one_is(edge: Edge, bus: RealBus) -> None:
    """With the same first frame, but for its own id and time."""
    member = await edge.member()
    async with connect(f"ws://127.0.0.1:{bus.port}/") as direct:
        welcome = json.loads(await direct.recv())

    own = member.texts[0]
    assert own["payload"]["protocol"] == welcome["payload"]["protocol"]
    assert own.keys() == welcome.keys()
    assert own["payload"]["client_id"] != welcome["payload"]["client_id"]


async def test_direct_clients_and_clients_behind_the_edge_meet(edge: Edge, bus: RealBus) -> None:
    """Each gets what the other publishes, and its acknowledgement."""
    member = await edge.member()
    await member.join()
    async with connect(f"ws://127.0.0.1:{bus.port}/") as direct:
        await direct.recv()
        await direct.send(
            envelope(
                "arq_1_1_cccccc", "command", command="join_channel", args={"room": "r", "channel": "c"}
            ).decode()
        )
        await direct.recv()

        member.publish(1)
        from_member = json.loads(await direct.recv())
        await direct.send(
            envelope("arq_1_2_cccccc", "message", room="r", channel="c", payload={"n": 2}).decode()
        )
        acknowledged = json.loads(await direct.recv())
        await edge.news.until(lambda: member.received == [2], "the delivery")

    assert from_member["payload"] == {"n": 1}
    assert from_member["sender"] == member.client_id
    assert acknowledged["request_id"] == "arq_1_2_cccccc"
    assert member.acknowledged() == [1]


async def test_the_order_of_a_publisher_is_kept(edge: Edge, bus: RealBus) -> None:
    """2000 messages, acknowledged, delivered and stored in the order sent."""
    publisher, reader = await edge.member(), await edge.member()
    await reader.join()

    for number in range(2000):
        publisher.publish(number)
    await edge.news.until(lambda: len(reader.received) == 2000, "all deliveries")
    await edge.news.until(lambda: len(publisher.acknowledged()) == 2000, "all acknowledgements")

    assert reader.received == list(range(2000))
    assert publisher.acknowledged() == list(range(2000))
    assert await bus.stored() == list(range(2000))


async def test_a_message_over_what_nats_takes_arrives_whole(edge: Edge, bus: RealBus) -> None:
    """Both ways, up to the limit of the bus; one byte more closes with 1009."""
    publisher, reader = await edge.member(), await edge.member()
    await reader.join()
    limit = bus.deployment.settings.max_message_size
    empty = envelope(message_id(1), "message", room="r", channel="c", payload={"n": 1, "x": ""})

    publisher.publish(1, x="y" * (limit - len(empty)))
    await edge.news.until(lambda: reader.received == [1], "the delivery")
    publisher.publish(2, x="y" * (limit - len(empty) + 1))
    await edge.news.until(lambda: publisher.ended is not None, "the end")

    assert publisher.acknowledged() == [1]
    assert publisher.ended == (1009, f"message over {limit} bytes")
    assert publisher.unanswered_ids == [message_id(2)]


async def test_two_tenants_never_meet(edge: Edge, bus: RealBus) -> None:
    """Names that only escaping tells apart, in one room of one name, and by the id of a client."""
    tenants = ["a.b", "a_b", "*", ">", "", "a b", "default"]
    members = [await edge.member(tenant) for tenant in tenants]
    for member in members:
        await member.join()
        member.command("status", "arq_1_2_aaaaaa")

    for number, member in enumerate(members):
        member.publish(number)
        stranger = members[number - 1].client_id
        member.session.send(
            envelope("arq_1_3_aaaaaa", "message", to_client=stranger, payload={"n": 99}),
            "arq_1_3_aaaaaa",
            command=False,
        )
        assert (await member.answered("arq_1_3_aaaaaa"))["error_code"] == "TARGET_NOT_FOUND"

    for number, (tenant, member) in enumerate(zip(tenants, members, strict=True)):
        status = await member.answered("arq_1_2_aaaaaa")
        assert status["payload"]["data"]["connections"] == {"current": 1}
        assert await bus.stored(tenant) == [number]
        assert member.received == []


async def test_a_session_is_bound_to_its_tenant(nats_server: EmbeddedNats, news: News) -> None:
    """A frame that names it under another tenant's subject is dropped and reported, and its next number is still free."""
    bus, edge = RealBus(nats_server.url), Edge(nats_server.url, news)
    await bus.start()
    await edge.start()
    member = await edge.member("acme")
    assert isinstance(member.session, Session)
    headers = {link.SESSION: member.session.session_id, link.SEQUENCE: "2"}

    edge.spine.publish("in.t.other.raw", envelope(message_id(7), "command", command="ping"), headers)
    member.publish(1)
    await news.until(lambda: member.acknowledged() == [1], "the acknowledgement")

    assert member.request_ids() == [message_id(1)]
    assert [error["site"] for error in bus.log.errors] == ["spine.message"]
    await edge.uplink.close()
    await bus.close()


async def test_an_administrator_is_one_behind_the_edge(edge: Edge, bus: RealBus) -> None:
    """The principal is what the token said."""
    await edge.member("acme", admin=True)

    principals = [session.principal for session in bus.deployment.broker.tenant("acme").sessions.values()]

    assert [(found.tenant, found.subject, found.admin) for found in principals] == [("acme", "ann", True)]


async def test_a_client_that_leaves_gets_its_last_answers_and_is_a_member_no_more(
    edge: Edge, bus: RealBus
) -> None:
    """Its end comes after what it is owed."""
    member, other = await edge.member(), await edge.member()
    await member.join()

    member.publish(1)
    member.session.close(1000, "bye")
    await edge.news.until(lambda: member.ended is not None, "the end")
    other.command("status", "arq_1_2_aaaaaa")
    status = await other.answered("arq_1_2_aaaaaa")

    assert member.acknowledged() == [1]
    assert member.ended == (1000, "bye")
    assert status["payload"]["data"]["connections"] == {"current": 1}
    assert len(bus.downlink.clients) == 1


async def test_what_is_not_utf_8_closes_with_1007(edge: Edge) -> None:
    """Though Shield looks at it before."""
    member = await edge.member()

    member.session.send(b"\xff", "x", command=False)
    await edge.news.until(lambda: member.ended is not None, "the end")

    assert member.ended == (1007, "text is not UTF-8")


async def test_one_client_too_many_is_turned_away_with_1013(nats_server: EmbeddedNats, news: News) -> None:
    """Before any welcome; direct clients count."""
    bus, edge = RealBus(nats_server.url, max_connections=2), Edge(nats_server.url, news)
    await bus.start()
    await edge.start()

    async with connect(f"ws://127.0.0.1:{bus.port}/"):
        first, second = await edge.member(), await edge.member()

    assert first.ended is None
    assert second.ended == (1013, "too many connections")
    await edge.uplink.close()
    await bus.close()


async def test_a_bus_that_stops_says_so(edge: Edge, bus: RealBus) -> None:
    """1001, after every answer; what was not read is refused."""
    member = await edge.member()
    member.publish(1)
    await edge.news.until(lambda: member.acknowledged() == [1], "the acknowledgement")
    bus.downlink.stop_accepting()
    late = await edge.member()
    bus.downlink.stop_reading()
    member.publish(2)

    await bus.downlink.close()
    await edge.news.until(lambda: member.ended is not None, "the end")

    assert late.ended == (1001, "server is going away")
    assert member.ended == (1001, "server is going away")
    assert member.unanswered_ids == [message_id(2)]


async def test_a_restarted_bus_knows_nobody_any_more(
    nats_server: EmbeddedNats, edge: Edge, bus: RealBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its clients are closed with 1012, and come back."""
    member = await edge.member()
    monkeypatch.setattr(link, "BEAT_SECONDS", 60.0)  # the old bus dies without a word
    await bus.spine.close()
    successor = RealBus(nats_server.url)
    await successor.start()
    await edge.news.until(lambda: member.ended is not None, "the end")
    await edge.reached()
    again = await edge.member()

    assert member.ended == (1012, GAP)
    assert again.client_id != member.client_id
    await successor.close()


async def test_a_node_that_falls_silent_loses_its_members(
    edge: Edge, bus: RealBus, news: News, nats_server: EmbeddedNats, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others stay; when it speaks again, its clients are closed with 1012."""
    silent = Edge(nats_server.url, news)
    await silent.start()
    mine, theirs = await edge.member(), await silent.member()
    await theirs.join()
    monkeypatch.setattr(link, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(silent.uplink, "_tick", lambda: None)

    await eventually(lambda: len(bus.downlink.clients) == 1, "the silent node is gone")
    monkeypatch.undo()
    await news.until(lambda: theirs.ended is not None, "the end")

    assert theirs.ended == (1012, GAP)
    assert mine.ended is None
    await silent.uplink.close()


async def test_a_frame_that_does_not_arrive_costs_no_session(edge: Edge, bus: RealBus) -> None:
    """It is refused, and so is what came behind it; afterwards the session goes on."""
    member = await edge.member()
    assert isinstance(member.session, Session)
    member.session.up += 1

    member.publish(1)
    await edge.news.until(member.is_answered, "the refusal")
    await edge.reached()
    member.publish(1)
    await edge.news.until(member.is_answered, "the acknowledgement")

    assert member.unanswered_ids == [message_id(1)]
    assert member.acknowledged() == [1]
    assert await bus.stored() == [1]
    assert member.ended is None


async def publish_all(edge: Edge, publisher: Member, numbers: list[int]) -> None:
    """Publish these in order, and again in order those that were refused, until all are acknowledged."""
    waiting = numbers
    while waiting:
        assert publisher.ended is None
        await edge.reached()
        with suppress(SpineUnavailableError):
            for number in waiting:
                publisher.publish(number)
                await asyncio.sleep(0)
        await edge.news.until(publisher.is_answered, "an answer or a refusal for each")
        done = set(publisher.acknowledged())
        waiting = [number for number in waiting if number not in done]


async def test_what_is_acknowledged_is_stored_once_when_nats_is_killed(
    edge: Edge, bus: RealBus, nats_server: EmbeddedNats
) -> None:
    """Kill -9 within a stream of messages: what was refused is published again, and nothing is lost, doubled or out of order."""
    publisher, reader = await edge.member(), await edge.member()
    await reader.join()
    publishing = asyncio.create_task(publish_all(edge, publisher, list(range(1000))))
    await edge.news.until(lambda: len(publisher.acknowledged()) > 200, "the stream flows")

    await nats_server.kill()
    await edge.cut_off()
    await nats_server.start()
    await publishing
    await edge.news.until(lambda: len(reader.received) >= 1000, "all deliveries")

    assert await bus.stored() == list(range(1000))
    assert reader.received == list(range(1000))
    assert sorted(publisher.acknowledged()) == list(range(1000))
    assert publisher.ended is None
    assert reader.ended is None
