"""The telemetry socket: its first frame, who may read it, and that readers have no say."""

from __future__ import annotations

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus, Http, Refusal, Telemetry
from arqonbus_conformance.plugin import depth, needs, requirement
from arqonbus_conformance.suites.unit.admission import DETAILS

EVENTS = {
    "client.connected",
    "client.disconnected",
    "channel.joined",
    "channel.left",
    "message.routed",
    "auth.rejected",
    "storage.degraded",
    "storage.unavailable",
    "storage.recovered",
    "slow_consumer.closed",
    "server.draining",
    "client.telemetry",
}

SAID_BY_READERS = [
    pytest.param("", id="nothing"),
    pytest.param("hello", id="no-json"),
    pytest.param('{"event_type":"client.telemetry","client_id":"x"}', id="an-event"),
    pytest.param('{"type":"command","command":"ping"}', id="a-command"),
    pytest.param("x" * 4096, id="4096-bytes"),
]


@requirement("TEL-001")
@needs("telemetry")
async def test_the_first_frame_is_hello(telemetry: Telemetry) -> None:
    """Hello says the version and every type of event there is."""
    reader = await telemetry.connect()

    hello = reader.hello

    expect.equal(hello["event_type"], "telemetry.hello", "event_type")
    expect.equal(hello["severity"], "info", "severity")
    assert expect.TIMESTAMP.fullmatch(hello["timestamp"]), hello
    assert isinstance(hello["version"], str)
    assert hello["version"]
    assert set(hello["event_types"]) >= EVENTS, EVENTS - set(hello["event_types"])


@requirement("TEL-001")
@needs("telemetry", "http")
async def test_hello_states_the_version_of_the_deployment(telemetry: Telemetry, http: Http) -> None:
    """The version in hello is the one of /health."""
    reader = await telemetry.connect()

    health = (await http.get("/health")).json()

    expect.equal(reader.hello["version"], health["version"], "version")


@requirement("TEL-008")
@needs("telemetry", "auth")
async def test_telemetry_needs_an_administrators_token(telemetry: Telemetry) -> None:
    """Without a token 401 with WWW-Authenticate, with another's 403, with an administrator's the hello."""
    without = await telemetry.upgrade(token=None)
    user = await telemetry.upgrade(token="user")  # noqa: S106 - a role, not a secret
    reader = await telemetry.connect("admin")

    assert isinstance(without, Refusal)
    assert isinstance(user, Refusal)
    expect.equal((without.status, user.status), (401, 403), "statuses")
    assert without.headers.get("www-authenticate", "").startswith("Bearer")
    expect.equal(reader.hello["event_type"], "telemetry.hello", "first frame for an administrator")


@requirement("AUTH-008", "TEL-008")
@needs("telemetry", "auth")
@pytest.mark.parametrize("fault", ["garbage", "expired", "other-secret"])
async def test_a_bad_token_reads_nothing(telemetry: Telemetry, bus: Bus, fault: str) -> None:
    """A token that the bus would refuse is refused here too."""
    claims = bus.claims(admin=True)
    token = {
        "garbage": "x.y.z",
        "expired": bus.token(admin=True, exp=claims["iat"] - 60),
        "other-secret": bus.sign(claims, secret=b"another secret of thirty-two bytes or so"),
    }[fault]

    outcome = await telemetry.upgrade(token=token)

    assert isinstance(outcome, Refusal)
    expect.equal(outcome.status, 401, "status")
    assert outcome.json()["details"] in DETAILS, outcome
    await telemetry.connect()


@requirement("TEL-008")
@needs("telemetry", "auth")
async def test_a_token_in_the_query_reads_nothing(telemetry: Telemetry, bus: Bus) -> None:
    """A token anywhere but in the Authorization header is not looked at."""
    token = bus.token(admin=True)

    outcome = await telemetry.upgrade(token=None, path=f"/?token={token}&access_token={token}")

    assert isinstance(outcome, Refusal)
    assert outcome.status in (400, 401), outcome
    await telemetry.connect(token)


@requirement("TEL-008")
@needs("telemetry", "no-auth")
async def test_telemetry_is_open_where_authentication_is_off(telemetry: Telemetry) -> None:
    """In dev without authentication a reader needs no token."""
    reader = await telemetry.connect(None)

    expect.equal(reader.hello["event_type"], "telemetry.hello", "first frame")


@depth("smoke")
@requirement("CONN-004", "TEL-008")
@needs("telemetry")
async def test_a_foreign_origin_reads_nothing(telemetry: Telemetry) -> None:
    """The Origin rule of the bus holds for telemetry."""
    outcome = await telemetry.upgrade(origin="https://evil.example")

    assert isinstance(outcome, Refusal)
    expect.equal(outcome.status, 403, "status")
    await telemetry.connect()


@requirement("TEL-011")
@needs("telemetry")
@pytest.mark.parametrize("said", SAID_BY_READERS)
async def test_what_a_reader_sends_changes_nothing(telemetry: Telemetry, bus: Bus, said: str) -> None:
    """The reader that spoke, and another one, go on reading events; nobody received what was said."""
    speaking, other = await telemetry.connect(name="speaking"), await telemetry.connect(name="other")
    ann = await bus.connect("ann")

    for _ in range(3):
        await speaking.send_text(said)
    await ann.request(ann.envelope("telemetry", payload={"mark": bus.room}))

    for reader in (speaking, other):
        event = await reader.event("client.telemetry", client_id=ann.id)
        expect.equal(event["payload"], {"mark": bus.room}, "payload of the event")
        expect.equal(reader.matching("client.telemetry", client_id="x"), [], "events of the reader's making")


@requirement("TEL-011")
@needs("telemetry")
async def test_a_reader_that_talks_costs_the_bus_nothing(telemetry: Telemetry, bus: Bus) -> None:
    """Thousands of frames from a reader delay no message of the bus."""
    speaking = await telemetry.connect()
    ann, bob = await bus.clients("ann", "bob")
    await ann.join(bus.room, "c")

    for number in range(2000):
        await speaking.send_text(f"chatter {number}")
    expect.succeeded(await bob.publish(bus.room, "c", text="undisturbed"))

    assert await ann.texts_until("undisturbed") == ["undisturbed"]


@depth("smoke")
@requirement("TEL-001", "TEL-011")
@needs("telemetry")
async def test_a_reader_is_no_client_of_the_bus(telemetry: Telemetry) -> None:
    """Nothing but events comes from the telemetry socket, whatever is asked of it."""
    reader = await telemetry.connect()

    await reader.send_text(
        '{"id":"arq_1_1_abcdef","type":"command","timestamp":"2026-01-01T00:00:00Z","version":"1.0","command":"ping"}'
    )
    await telemetry.connect(name="another")
    close = await reader.close()

    expect.equal(close.code, 1000, "close code of the answer")

    expect.equal(
        [event for event in reader.events if "event_type" not in event], [], "frames that are no events"
    )
