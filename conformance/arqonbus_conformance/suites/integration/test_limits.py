"""Limits: what one client may cost, and that it costs nobody else anything."""

import asyncio
import json
import re
from collections.abc import Callable

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus, Client, Http, Interfaces, Launch, Refusal
from arqonbus_conformance.findings import Violation
from arqonbus_conformance.plugin import blast, depth, needs, requirement
from arqonbus_conformance.suites.conditions import Record, eventually

LETTER = "x" * 8_192  # eight of them are more than the outbox of `narrow`


def compact(envelope: Record) -> str:
    """The JSON text of an envelope, no byte more than it needs."""
    return json.dumps(envelope, separators=(",", ":"))


async def stalled(bus: Bus) -> Client:
    """A member of the case's channel that reads nothing, with little room in its own kernel."""
    slow = await bus.connect("slow", receive_buffer_bytes=16_384)
    await slow.join(bus.room, "c")
    slow.stop_reading()
    return slow


async def drown(publisher: Client, slow: Client, room: str, *, letters: int = 4_000) -> int:
    """Publish until the slow member is a member no more; return how many messages that took.

    The kernel's buffers hold some more beyond the outbox, so the number is bounded and not known.
    """
    place: Record = {"room": room, "channel": "c"}
    for number in range(letters):
        payload = {"text": str(number), "letter": LETTER}
        expect.succeeded(await publisher.publish(room, "c", payload=payload))
        if number % 25 == 0:
            # Without its last member a channel that was only joined is gone, and its data empty.
            info = (await publisher.command("channel_info", **place))["payload"]["data"]
            if slow.id not in {member["client_id"] for member in info.get("members", [])}:
                return number + 1
    raise Violation(
        f"{slow.name} read nothing of {letters} messages of {len(LETTER)} bytes and is a member still"
    )


async def slow_consumers_closed(http: Http) -> int:
    """How many were closed so far."""
    return int((await http.get("/metrics")).json()["slow_consumers_closed"])


@requirement("LIM-001", "LIM-002", "LIM-003")
@needs("launch", "telemetry")
@blast("resource-exhausting")
async def test_a_client_that_does_not_read_is_cut_off_alone(narrow: Interfaces) -> None:
    """Beyond its outbox the slow client alone is closed, counted and announced; a bystander misses nothing."""
    room, before = narrow.bus.room, await slow_consumers_closed(narrow.http)
    reader = await narrow.telemetry.connect()
    bystander, publisher = await narrow.bus.clients("bystander", "publisher")
    await bystander.join(room, "c")
    slow = await stalled(narrow.bus)

    published = await drown(publisher, slow, room)
    event = await reader.event("slow_consumer.closed", client_id=slow.id)
    expect.succeeded(await publisher.publish(room, "c", text="last"))

    assert await bystander.texts_until("last") == [*map(str, range(published)), "last"]
    assert event["unsent_bytes"] > 0
    assert await slow_consumers_closed(narrow.http) == before + 1
    exposition = (await narrow.http.get("/metrics/prometheus")).text.splitlines()
    counted = next(line for line in exposition if line.startswith("arqonbus_slow_consumers_closed_total "))
    assert float(counted.split()[1]) == before + 1
    slow.resume_reading()
    assert (await slow.closed()).code in {1006, 1013}


@depth("smoke")
@requirement("LIM-001")
@needs("launch", "telemetry")
@blast("resource-exhausting")
async def test_a_client_that_reads_late_but_reads_is_kept(narrow: Interfaces) -> None:
    """The twin: a client that pauses while less than its outbox is unsent keeps its place and gets everything."""
    room, before = narrow.bus.room, await slow_consumers_closed(narrow.http)
    late, publisher = await narrow.bus.clients("late", "publisher")
    await late.join(room, "c")
    late.stop_reading()
    for number in range(6):
        expect.succeeded(await publisher.publish(room, "c", payload={"text": str(number), "letter": LETTER}))

    late.resume_reading()

    assert await late.texts_until("5") == [str(number) for number in range(6)]
    assert await slow_consumers_closed(narrow.http) == before


@requirement("LIM-002")
@needs("launch")
@blast("resource-exhausting")
async def test_a_client_that_does_not_read_delays_nobody(narrow: Interfaces) -> None:
    """With a stalled member of the channel, the others are answered and served while it is being cut off."""
    other, publisher = await narrow.bus.clients("other", "publisher")
    slow = await stalled(narrow.bus)
    drowning = asyncio.ensure_future(drown(publisher, slow, narrow.bus.room))

    answered = 0
    while not drowning.done():
        await other.succeed("ping", within=2.0)
        answered += 1

    assert await drowning > 0
    assert answered > 10


@requirement("LIM-004")
@needs("launch")
@blast("resource-exhausting")
async def test_over_the_connection_limit_an_upgrade_is_refused(launch: Launch) -> None:
    """The third of two connections gets 503 with Retry-After; when one leaves, its place is given again."""
    deployment = await launch(env={**launch.dev, "ARQONBUS_MAX_CONNECTIONS": "2"})
    ann, bob = await deployment.bus.clients("ann", "bob")

    refusal = await deployment.bus.upgrade()
    await ann.close()
    carl = await eventually(
        "an upgrade granted after a place was freed",
        deployment.bus.upgrade,
        lambda answer: isinstance(answer, Client),
    )

    assert isinstance(refusal, Refusal)
    assert refusal.status == 503
    assert re.fullmatch("[1-9][0-9]*", refusal.headers["Retry-After"]), refusal.headers
    assert isinstance(carl, Client)
    expect.succeeded(await bob.publish(to=carl.id, text="welcome"))
    assert await carl.texts_until("welcome") == ["welcome"]
    assert (await deployment.http.get("/metrics")).json()["connections"]["rejected"] >= 1


@requirement("LIM-005")
@needs("launch")
@pytest.mark.parametrize("kind", ["message", "command"])
async def test_over_the_rate_limit_a_request_is_refused(hasty: Interfaces, kind: str) -> None:
    """A burst is answered RATE_LIMIT_EXCEEDED with retry_after above zero; later requests are accepted again."""
    ann, bob = await hasty.bus.clients(f"ann-{kind}", f"bob-{kind}")
    make: Callable[[], Record] = {
        "message": lambda: ann.message_to("r", kind, text="burst"),
        "command": lambda: ann.envelope("command", command="ping"),
    }[kind]
    burst = [make() for _ in range(60)]

    replies = await asyncio.gather(*(ann.request(envelope) for envelope in burst))
    again = await eventually(
        "a request accepted after the burst",
        lambda: ann.request(make()),
        lambda reply: bool(reply["status"] == "success"),
    )

    refused = [reply for reply in replies if reply["status"] == "error"]
    assert 0 < len(refused) < len(replies)
    assert {reply["error_code"] for reply in refused} == {"RATE_LIMIT_EXCEEDED"}
    assert {reply["type"] for reply in refused} == {{"message": "error", "command": "response"}[kind]}
    assert all(reply["payload"]["retry_after"] > 0 for reply in refused)
    assert all(len(ann.replies_to(envelope["id"])) == 1 for envelope in burst)
    expect.succeeded(again)
    assert (await bob.succeed("ping"))["pong"] is True


@requirement("LIM-005")
@needs("launch")
async def test_a_message_over_the_rate_limit_is_not_delivered(hasty: Interfaces) -> None:
    """What was refused for its rate reaches nobody; what was accepted reaches the member."""
    ann, bob = await hasty.bus.clients("ann", "bob")
    await bob.join("r", "delivery")
    burst = [ann.message_to("r", "delivery", text=str(number)) for number in range(60)]

    replies = await asyncio.gather(*(ann.request(envelope) for envelope in burst))
    await eventually(
        "a direct message accepted",
        lambda: ann.publish(to=bob.id, text="sentinel"),
        lambda reply: bool(reply["status"] == "success"),
    )

    accepted = [str(number) for number, reply in enumerate(replies) if reply["status"] == "success"]
    assert len(accepted) < len(burst)
    assert await bob.texts_until("sentinel") == [*accepted, "sentinel"]


@requirement("LIM-005")
@needs("launch")
async def test_the_welcome_says_the_rate_limit(hasty: Interfaces) -> None:
    """limits.rate_limit_per_second in the welcome is the configured one."""
    ann = await hasty.bus.connect("ann")

    assert ann.welcome["payload"]["protocol"]["limits"]["rate_limit_per_second"] == 20


@requirement("LIM-006")
@needs("launch")
@pytest.mark.parametrize(
    "said",
    [b"", b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: webs", b"GET / HTTP/1.1\r\nHost: x\r\n"],
    ids=["nothing", "half-a-header", "no-end"],
)
async def test_an_unfinished_upgrade_is_closed(watchful: Interfaces, said: bytes) -> None:
    """A peer that does not finish its upgrade is closed within the handshake time and some grace."""
    reader, writer = await watchful.bus.tcp()
    writer.write(said)
    began = asyncio.get_running_loop().time()

    try:
        async with asyncio.timeout(3):
            await reader.read()
    except TimeoutError:
        raise Violation("the upgrade was still open after 3 s") from None
    took = asyncio.get_running_loop().time() - began

    writer.close()
    assert took >= 0.2
    assert isinstance(await watchful.bus.connect("twin"), Client)


@requirement("LIM-006")
@needs("launch")
async def test_a_dripping_upgrade_is_closed(watchful: Interfaces) -> None:
    """A peer that sends a byte now and then is bounded by the same time: it is the whole upgrade that counts."""
    reader, writer = await watchful.bus.tcp()
    end = asyncio.ensure_future(reader.read())
    drips = 0
    while not end.done() and drips < 60:
        writer.write(b"G" if drips == 0 else b"E")
        drips += 1
        await asyncio.wait([end], timeout=0.05)

    expect.that(end.done(), f"the upgrade was still open after {drips} bytes in {drips * 0.05:g} s")
    writer.close()


@depth("smoke")
@requirement("LIM-007")
@needs("launch")
async def test_the_size_limit_is_the_configured_one(watchful: Interfaces) -> None:
    """The welcome says it; a frame of that size is accepted and one byte more closes with 1009."""
    ann = await watchful.bus.connect("ann")
    limit = ann.welcome["payload"]["protocol"]["limits"]["max_message_size"]
    envelope = ann.message_to("r", "c", text="")
    room_left = limit - len(compact(envelope))
    envelope["payload"]["text"] = "x" * room_left

    accepted = await ann.request(compact(envelope), request_id=envelope["id"])
    # The same id: another one may be shorter by the byte that counts.
    await ann.send_text(compact(envelope | {"payload": {"text": "x" * (room_left + 1)}}))

    assert limit == 2048
    expect.succeeded(accepted)
    assert (await ann.closed()).code == 1009


@requirement("LIM-008")
@needs("launch")
async def test_dev_has_no_rate_limit(plain: Interfaces) -> None:
    """In dev, with no limit set, a burst of two thousand commands is answered in full; the welcome says 0."""
    ann = await plain.bus.connect("ann")
    burst = [ann.envelope("command", command="ping") for _ in range(2_000)]

    replies = await asyncio.gather(*(ann.request(envelope) for envelope in burst))

    assert ann.welcome["payload"]["protocol"]["limits"]["rate_limit_per_second"] == 0
    assert {reply["status"] for reply in replies} == {"success"}


@requirement("CONN-011")
@needs("launch")
async def test_a_peer_that_does_not_pong_is_closed(watchful: Interfaces) -> None:
    """Pings unanswered for the ping timeout: close 1011; a peer that answers them stays."""
    deaf, twin = await watchful.bus.clients("deaf", "twin")
    deaf.connection.answer_pings = False

    end = await deaf.closed(within=3)

    assert end.code == 1011
    assert len(deaf.connection.pings) >= 1
    assert len(twin.connection.pings) >= 1
    assert (await twin.succeed("ping"))["pong"] is True


@depth("smoke")
@requirement("CONN-005")
@needs("launch")
async def test_a_listed_origin_is_accepted(watchful: Interfaces) -> None:
    """An upgrade from a listed origin is granted; from one that differs in anything it is 403."""
    listed = await watchful.bus.connect("browser", origin="https://app.example.org")

    refusals = {
        origin: await watchful.bus.upgrade(headers={"Origin": origin})
        for origin in (
            "http://app.example.org",
            "https://app.example.org:8443",
            "https://app.example.org.evil.example",
            "https://evil.example",
            "null",
        )
    }

    assert (await listed.succeed("ping"))["pong"] is True
    assert {origin: getattr(answer, "status", 101) for origin, answer in refusals.items()} == dict.fromkeys(
        refusals, 403
    )


@depth("smoke")
@requirement("HTTP-016")
@needs("launch", "http")
@pytest.mark.parametrize("origin", ["https://app.example.org", "http://localhost:3000"])
async def test_a_listed_origin_is_echoed(watchful: Interfaces, origin: str) -> None:
    """CORS names exactly the origin that asked, and caches are told that it varies."""
    answer = await watchful.http.get("/health", headers={"Origin": origin})
    # One that merely resembles what is listed is another origin.
    foreign = ["https://evil.example", f"{origin}.evil.example", f"{origin}0", origin[:-1], f"{origin}/"]
    others = [await watchful.http.get("/health", headers={"Origin": other}) for other in foreign]

    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert "origin" in answer.headers["Vary"].lower()
    echoed = {
        other: "Access-Control-Allow-Origin" in given.headers
        for other, given in zip(foreign, others, strict=True)
    }
    assert echoed == dict.fromkeys(foreign, False)
