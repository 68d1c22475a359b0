"""Telemetry: what happens on the bus is announced, to those who may know it, and to nobody's cost."""

import json
from collections.abc import Awaitable, Callable
from datetime import datetime

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus, Client, Http, Interfaces, Launch, Telemetry, TelemetryReader
from arqonbus_conformance.plugin import blast, depth, needs, requirement
from arqonbus_conformance.suites.conditions import Parting, Record, close, eventually, vanish

SEVERITIES = {"debug", "info", "warning", "error", "critical"}
PAYLOAD_BYTES = 65_536
STUCK_EVENTS = 45
"""Events of the largest size that fill what lies between a deployment and a reader that does not read."""


@depth("smoke")
@requirement("TEL-002")
@needs("telemetry")
async def test_connections_are_announced(bus: Bus, telemetry: Telemetry) -> None:
    """A client's coming is announced with its id, its going with the code of its close."""
    reader = await telemetry.connect()

    ann = await bus.connect("ann")
    connected = await reader.event("client.connected", client_id=ann.id)
    await ann.close(1000, "done")
    disconnected = await reader.event("client.disconnected", client_id=ann.id)

    assert connected["severity"] in SEVERITIES
    assert disconnected["code"] == 1000
    assert type(disconnected["reason"]) is str


@requirement("TEL-002")
@needs("telemetry")
async def test_a_vanished_client_is_announced(bus: Bus, telemetry: Telemetry) -> None:
    """A client that goes without a close frame is announced as disconnected too."""
    reader = await telemetry.connect()
    ann = await bus.connect("ann")

    ann.abort()

    assert (await reader.event("client.disconnected", client_id=ann.id))["code"] == 1006


@requirement("TEL-003")
@needs("telemetry")
async def test_joins_and_leaves_are_announced(bus: Bus, telemetry: Telemetry) -> None:
    """Each join and leave is announced once with client, room and channel; a repeated join is none."""
    reader = await telemetry.connect()
    ann = await bus.connect("ann")
    place: Record = {"client_id": ann.id, "room": bus.room, "channel": "c"}

    await ann.join(bus.room, "c")
    await ann.join(bus.room, "c")
    await ann.leave(bus.room, "c")
    await reader.event("channel.left", **place)

    assert len(reader.matching("channel.joined", **place)) == 1
    assert len(reader.matching("channel.left", **place)) == 1


@depth("smoke")
@requirement("TEL-003", "ROUTE-018")
@needs("telemetry")
@pytest.mark.parametrize("part", [close, vanish])
async def test_a_departure_is_a_leave_of_each_channel(bus: Bus, telemetry: Telemetry, part: Parting) -> None:
    """A member that disconnects has left its channels, and each leave is announced once."""
    reader = await telemetry.connect()
    ann = await bus.connect("ann")
    places: list[Record] = [{"client_id": ann.id, "room": bus.room, "channel": name} for name in ("c", "d")]
    for place in places:
        await ann.join(place["room"], place["channel"])

    await part(ann)
    for place in places:
        await reader.event("channel.left", **place)

    assert [len(reader.matching("channel.left", **place)) for place in places] == [1, 1]


@requirement("TEL-004")
@needs("telemetry")
async def test_traffic_is_counted_without_payloads(bus: Bus, telemetry: Telemetry) -> None:
    """The counters of message.routed hold the traffic, beside what others send; no event shows what was said."""
    reader = await telemetry.connect()
    ann, bob, cid = await bus.clients("ann", "bob", "cid")
    await bob.join(bus.room, "c")
    await cid.join(bus.room, "c")
    for number in range(5):
        expect.succeeded(await ann.publish(room=bus.room, channel="c", text=f"secret-{number}"))
    expect.rejected(await ann.request(ann.envelope(room=bus.room, payload={}), malformed=True))

    async def totals() -> dict[str, int]:
        events = reader.matching("message.routed")
        return {name: sum(event[name] for event in events) for name in ("accepted", "delivered", "rejected")}

    await eventually(
        "message.routed having counted the traffic",
        totals,
        lambda seen: seen["accepted"] >= 5 and seen["delivered"] >= 10 and seen["rejected"] >= 1,
    )

    events = reader.matching("message.routed")
    assert all(event["interval_seconds"] > 0 for event in events)
    assert all(event["accepted"] + event["delivered"] + event["rejected"] > 0 for event in events)
    assert "secret-" not in json.dumps(reader.events)


@requirement("TEL-004")
@needs("telemetry")
async def test_traffic_is_counted_at_most_once_a_second(bus: Bus, telemetry: Telemetry) -> None:
    """However much is said, message.routed comes no more than once a second."""
    reader = await telemetry.connect()
    ann = await bus.connect("ann")

    async def spoken() -> int:
        expect.succeeded(await ann.publish(room=bus.room, channel="c", text="again"))
        return len(reader.matching("message.routed"))

    await eventually("two message.routed events", spoken, lambda count: count >= 2)

    times = [datetime.fromisoformat(event["timestamp"]) for event in reader.matching("message.routed")]
    assert (times[1] - times[0]).total_seconds() >= 0.95


@depth("smoke")
@requirement("TEL-005")
@needs("telemetry")
async def test_client_telemetry_appears(bus: Bus, telemetry: Telemetry) -> None:
    """A client's telemetry reaches the reader with the client's id and the payload as sent."""
    reader = await telemetry.connect()
    ann = await bus.connect("ann")
    payload = {"cpu": 0.5, "big": 2**70, "unit": "%", "nested": {"list": [1, None, "\u00e9"]}}

    expect.succeeded(await ann.request(ann.envelope("telemetry", payload=payload)))
    event = await reader.event("client.telemetry", client_id=ann.id)

    assert event["payload"] == payload


@depth("smoke")
@requirement("TEL-006")
@needs("auth", "telemetry")
@pytest.mark.parametrize("interface", ["bus", "http", "telemetry"])
async def test_a_rejected_token_is_announced(
    bus: Bus, http: Http, telemetry: Telemetry, interface: str
) -> None:
    """A rejected token appears with its interface and no more than rejected; the token itself nowhere."""
    reader = await telemetry.connect()
    bad = bus.sign(bus.claims(), secret=b"another-secret-of-nobody-0123456789")
    known = len(reader.matching("auth.rejected", interface=interface))
    attempts: dict[str, Callable[[], Awaitable[object]]] = {
        "bus": lambda: bus.upgrade(token=bad),
        "http": lambda: http.get("/status", token=bad),
        "telemetry": lambda: telemetry.upgrade(token=bad),
    }

    answer = await attempts[interface]()
    events = await reader.events_of("auth.rejected", known + 1, interface=interface)

    assert getattr(answer, "status", 101) == 401
    assert events[-1]["details"] == "rejected"
    assert bad not in json.dumps(reader.events)
    assert bad.split(".")[2] not in json.dumps(reader.events)


@depth("smoke")
@requirement("TEL-009")
@needs("telemetry")
async def test_a_reader_that_does_not_read_brakes_nobody(bus: Bus, telemetry: Telemetry) -> None:
    """While one reader reads nothing of several megabytes, another gets every event and the bus answers at once."""
    stuck = await telemetry.connect(name="stuck", receive_buffer_bytes=4096)
    reader = await telemetry.connect()
    stuck.stop_reading()
    ann = await bus.connect("ann")

    for _ in range(STUCK_EVENTS):
        expect.succeeded(await ann.request(padded(ann, PAYLOAD_BYTES)))
    for number in range(150):
        await ann.succeed("join_channel", within=1.0, room=bus.room, channel=f"c{number}")
        await ann.succeed("leave_channel", within=1.0, room=bus.room, channel=f"c{number}")
    left = await reader.events_of("channel.left", 150, client_id=ann.id, room=bus.room)

    assert [event["channel"] for event in left] == [f"c{number}" for number in range(150)]
    assert (await ann.succeed("ping", within=1.0))["pong"] is True


@depth("smoke")
@requirement("TEL-010")
@needs("telemetry")
async def test_many_events_in_a_row_arrive(bus: Bus, telemetry: Telemetry) -> None:
    """Thirty joins make thirty events, in order, each with type, timestamp and severity."""
    reader = await telemetry.connect()
    ann = await bus.connect("ann")

    for number in range(30):
        await ann.join(bus.room, f"c{number}")
    joined = await reader.events_of("channel.joined", 30, client_id=ann.id, room=bus.room)

    assert [event["channel"] for event in joined] == [f"c{number}" for number in range(30)]
    for event in reader.events:
        assert type(event["event_type"]) is str
        assert event["severity"] in SEVERITIES
        assert datetime.fromisoformat(event["timestamp"]).tzinfo is not None


@requirement("TEL-007")
@needs("launch", "telemetry")
async def test_a_drain_is_announced(launch: Launch) -> None:
    """On SIGTERM the reader hears server.draining with the number of connections before its own end."""
    deployment = await launch()
    reader = await deployment.telemetry.connect()
    await deployment.bus.clients("ann", "bob")
    await reader.events_of("client.connected", 2)

    await deployment.terminate()
    event = await reader.event("server.draining")

    assert event["connections"] == 2
    assert await deployment.wait() == 0


def padded(client: Client, size: int) -> Record:
    """A telemetry envelope whose payload has exactly so many bytes as compact JSON."""
    frame = len('{"pad":""}')
    return client.envelope("telemetry", payload={"pad": "x" * (size - frame)})


@depth("smoke")
@requirement("TEL-012")
@needs("launch", "telemetry")
async def test_client_telemetry_is_bounded_in_size(plain: Interfaces) -> None:
    """A payload of 65536 bytes is forwarded; a larger one is VALIDATION_ERROR and appears nowhere."""
    reader = await plain.telemetry.connect()
    ann = await plain.bus.connect("ann")

    refused = await ann.request(padded(ann, PAYLOAD_BYTES + 1))
    accepted = await ann.request(padded(ann, PAYLOAD_BYTES))
    event = await reader.event("client.telemetry", client_id=ann.id)

    expect.rejected(refused, code="VALIDATION_ERROR", names="payload")
    expect.succeeded(accepted)
    assert len(event["payload"]["pad"]) == PAYLOAD_BYTES - len('{"pad":""}')


@requirement("TEL-012")
@needs("launch", "telemetry")
@blast("resource-exhausting")
async def test_client_telemetry_is_bounded_in_rate(launch: Launch) -> None:
    """Over the telemetry rate the rest is RATE_LIMIT_EXCEEDED and not forwarded; messages are not touched by it."""
    deployment = await launch(env={"ARQONBUS_TELEMETRY_RATE_PER_SECOND": "5"})
    reader = await deployment.telemetry.connect()
    ann = await deployment.bus.connect("ann")
    burst = [ann.envelope("telemetry", payload={"n": number}) for number in range(40)]

    replies = [await ann.request(envelope) for envelope in burst]
    message = await ann.publish(room="r", channel="c", text="unhindered")

    refused = [reply for reply in replies if reply["status"] == "error"]
    accepted = [number for number, reply in enumerate(replies) if reply["status"] == "success"]
    assert {reply["error_code"] for reply in refused} == {"RATE_LIMIT_EXCEEDED"}
    assert all(reply["payload"]["retry_after"] > 0 for reply in refused)
    expect.succeeded(message)
    assert await forwarded(reader, ann, len(accepted)) == accepted


async def forwarded(reader: TelemetryReader, client: Client, count: int) -> list[int]:
    """The numbers that this client's telemetry carried, once its disconnection was announced behind them."""
    await client.close()
    await reader.event("client.disconnected", client_id=client.id)
    events = await reader.events_of("client.telemetry", count, client_id=client.id)
    return [event["payload"]["n"] for event in events]
