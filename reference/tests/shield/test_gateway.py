"""Shield between real clients and a real NATS: what passes, what is refused, and what the refused are told."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import wasmtime
from arqonbus_fixtures.nats import EmbeddedNats
from arqonbus_reference.proto import arqon_pb2
from arqonbus_reference.shield.mirror import is_chosen
from arqonbus_reference.shield.spine import Arrival
from shield.gateway_bench import (
    AnsweringBus,
    Edge,
    bearer,
    close_code,
    envelope,
    message,
    received,
    token,
)
from shield.spine_bench import News
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

POLICY = (
    '(module (memory (export "memory") 1) (func (export "policy_check") (param i32 i32) (result i32) {}))'
)
LONG_FRAMES_LOOP = "(if (i32.gt_u (local.get 1) (i32.const 400)) (then (loop br 0))) i32.const 0"
Build = Callable[..., Awaitable[Edge]]


@pytest.fixture
async def build(nats_server: EmbeddedNats, news: News) -> AsyncIterator[Build]:
    """Starts Shields on a NATS whose bus answers."""
    bus = AnsweringBus(nats_server.url, news)
    edges: list[Edge] = []

    async def built(**variables: str) -> Edge:
        if not edges:
            await bus.spine.start()
        edges.append(Edge(nats_server.url, bus, news, **variables))
        await edges[-1].start()
        return edges[-1]

    yield built
    for edge in edges:
        await edge.close()
        assert edge.gateway.metrics.errors == {}
    await bus.spine.close()


def policy(folder: Path, body: str) -> dict[str, str]:
    path = folder / "policy.wasm"
    path.write_bytes(wasmtime.wat2wasm(POLICY.format(body)))
    return {"POLICY_WASM_PATH": str(path)}


async def test_a_frame_that_passes_is_published_under_the_tenant_of_the_token(build: Build) -> None:
    """As it came, whatever tenant it names; the answer of the bus comes back to the one who asked."""
    edge = await build()
    ann, _ = await edge.client(tenant_id="a.b"), await edge.client(tenant_id="other")

    await ann.send(message(7))
    answer = await received(ann)

    opening, _, raw = edge.bus.arrived
    assert (opening.subject, raw.subject) == ("in.t.a%2Eb.open", "in.t.a%2Eb.raw")
    assert json.loads(opening.payload) == {"subject": "ann", "admin": False}
    assert raw.payload == message(7).encode()
    assert answer["request_id"] == "arq_1_7_abcdef"
    assert edge.gateway.metrics.frames == {"passed": 1}


async def test_an_administrator_stays_one_on_the_bus(build: Build) -> None:
    """The role of the token is what the bus is told."""
    edge = await build()

    await edge.client(sub="root", role="admin")

    assert json.loads(edge.bus.arrived[0].payload) == {"subject": "root", "admin": True}


@pytest.mark.parametrize(
    ("headers", "details"),
    [
        ([], "missing"),
        ([("Authorization", "Basic YTpi")], "malformed"),
        ([("Authorization", f"Bearer {token()}"), ("Authorization", f"Bearer {token()}")], "malformed"),
        ([("Authorization", f"Bearer {token(secret='x' * 32)}")], "rejected"),
        ([("Authorization", f"Bearer {token(exp=1)}")], "rejected"),
        ([("Authorization", f"Bearer {token(header={'alg': 'HS256', 'crit': ['exp']})}")], "rejected"),
    ],
)
async def test_without_one_good_token_nobody_comes_in(
    build: Build, headers: list[tuple[str, str]], details: str
) -> None:
    """401 with one word, and nothing reaches the spine; the twin comes in afterwards."""
    edge = await build()

    with pytest.raises(InvalidStatus) as refusal:
        await connect(f"{edge.url}?token={token()}", additional_headers=headers)
    unheard = list(edge.bus.arrived)
    await edge.client()

    response = refusal.value.response
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert json.loads(response.body or b"") == {"error": "unauthorized", "details": details}
    assert unheard == []
    assert edge.gateway.metrics.refused == {details: 1}


async def test_other_upgrades_are_refused(build: Build) -> None:
    """404 elsewhere, 403 from an origin that is not allowed, 503 beyond the limit; a token is asked for first."""
    edge = await build(ARQONBUS_MAX_CONNECTIONS="1", ARQONBUS_ALLOWED_ORIGINS="https://ok.example")
    good = bearer(token())
    statuses = []

    async def knock(url: str, **headers: str) -> None:
        with pytest.raises(InvalidStatus) as refusal:
            await connect(url, additional_headers=headers)
        statuses.append(refusal.value.response.status_code)

    await knock(edge.url.replace("/ws", "/"), **good)
    await knock(edge.url, Origin="https://evil.example")
    await knock(edge.url, Origin="https://evil.example", **good)
    await connect(edge.url, additional_headers=good | {"Origin": "https://ok.example"})
    await knock(edge.url, **good)

    assert statuses == [404, 401, 403, 503]


async def test_both_kinds_of_frames_pass_on_one_session(build: Build) -> None:
    """The bus sees JSON; who offered protobuf gets binary frames only, who did not gets text only."""
    edge = await build()
    ann, bob = await edge.client(protobuf=True), await edge.client()

    answers = []
    for client in (ann, bob):
        for frame in (message(1), envelope(2)):
            await client.send(frame)
            answers.append(await received(client))

    assert [json.loads(frame)["id"] for frame in edge.bus.raw()] == ["arq_1_1_abcdef", "arq_1_2_abcdef"] * 2
    assert [each.headers["request_id"] for each in answers[:2]] == ["arq_1_1_abcdef", "arq_1_2_abcdef"]
    assert {each.tenant_id for each in answers[:2]} == {"acme"}
    assert [each["request_id"] for each in answers[2:]] == ["arq_1_1_abcdef", "arq_1_2_abcdef"]


@pytest.mark.parametrize(
    ("frame", "request_id"),
    [
        ("{", None),
        ("[]", None),
        (message().replace('"room"', '"chamber"'), "arq_1_1_abcdef"),
        (message().replace('"1.0"', '"2.0"'), "arq_1_1_abcdef"),
        (b"\xff\xff", None),
        (envelope(signal=arqon_pb2.SystemSignal(type="BAN")), "arq_1_1_abcdef"),
        (envelope(headers={"admin": "true"}), "arq_1_1_abcdef"),
    ],
)
async def test_what_is_no_envelope_never_reaches_the_spine(
    build: Build, frame: str | bytes, request_id: str | None
) -> None:
    """One error reply, with the id where it can be read, and the session lives on."""
    edge = await build()
    ann = await edge.client()

    await ann.send(frame)
    refusal = await received(ann)
    await ann.send(message(2))
    after = await received(ann)

    assert (refusal["type"], refusal["error_code"]) == ("error", "VALIDATION_ERROR")
    assert refusal.get("request_id") == request_id
    assert after["request_id"] == "arq_1_2_abcdef"
    assert edge.bus.raw() == [message(2).encode()]


async def test_a_loose_schema_leaves_the_judgement_to_the_bus(build: Build) -> None:
    """One JSON object passes as it is; what is none is refused at the edge still."""
    edge = await build(ARQON_SCHEMA_STRICT="false", ARQON_SCHEMA_STRICT_EXCEPTION="RFC-12")
    ann = await edge.client()
    odd = '{"id":"odd","surprise":[]}'

    await ann.send("[1]")
    refusal = await received(ann)
    await ann.send(odd)
    await received(ann)

    assert refusal["error_code"] == "VALIDATION_ERROR"
    assert edge.bus.raw() == [odd.encode()]


async def test_a_frame_that_is_too_large_ends_the_session(build: Build) -> None:
    """1009, before anything reads it."""
    edge = await build(ARQONBUS_MAX_MESSAGE_SIZE="1024")
    ann = await edge.client()

    await ann.send(message(1, "x" * 2000))

    assert await close_code(ann) == 1009
    assert edge.bus.raw() == []


async def test_over_the_rate_frames_are_refused(build: Build) -> None:
    """RATE_LIMIT_EXCEEDED with the time to come again; nonsense counts too."""
    edge = await build(ARQONBUS_RATE_LIMIT_PER_SECOND="2")
    ann = await edge.client()

    for frame in ("nonsense", message(1), message(2)):
        await ann.send(frame)
    answers = [await received(ann) for _ in range(3)]

    by_code = {answer.get("error_code"): answer for answer in answers}
    assert set(by_code) == {"VALIDATION_ERROR", None, "RATE_LIMIT_EXCEEDED"}
    assert by_code["RATE_LIMIT_EXCEEDED"]["payload"]["retry_after"] > 0
    assert by_code["RATE_LIMIT_EXCEEDED"]["request_id"] == "arq_1_2_abcdef"
    assert edge.bus.raw() == [message(1).encode()]


async def test_a_token_that_expires_ends_the_session(build: Build) -> None:
    """4401, and the bus is told."""
    edge = await build()
    ann = await edge.client(exp=int(time.time()) + 1)

    assert await close_code(ann) == 4401
    await edge.news.until(lambda: edge.bus.arrived[-1].subject.endswith(".close"), "the bus is told")
    assert json.loads(edge.bus.arrived[-1].payload)["code"] == 4401


async def test_the_policy_decides_about_each_frame(build: Build, tmp_path: Path) -> None:
    """POLICY_DENIED with the id for whatever it does not answer 0 to, text or binary; the session lives on."""
    number_is_9 = (
        "(i32.or (i32.eq (i32.load8_u (i32.add (local.get 0) (i32.const 13))) (i32.const 57))"
        " (i32.eq (i32.load8_u (i32.add (local.get 0) (i32.const 14))) (i32.const 57)))"
    )
    edge = await build(**policy(tmp_path, number_is_9))
    ann = await edge.client()

    for frame in (message(9), envelope(9), message(1), envelope(2)):
        await ann.send(frame)
    answers = [await received(ann) for _ in range(4)]

    codes = [answer.get("error_code") for answer in answers]
    assert codes == ["POLICY_DENIED", "POLICY_DENIED", None, None]
    assert [answer["request_id"] for answer in answers[:2]] == ["arq_1_9_abcdef"] * 2
    assert [json.loads(frame)["id"] for frame in edge.bus.raw()] == ["arq_1_1_abcdef", "arq_1_2_abcdef"]


async def test_a_policy_keeps_the_order_of_a_session(build: Build, tmp_path: Path) -> None:
    """However many frames come at once, more than may wait among them."""
    edge = await build(**policy(tmp_path, "i32.const 0"))
    ann = await edge.client()

    for number in range(600):
        await ann.send(message(number))
    answers = [await received(ann) for _ in range(600)]

    expected = [f"arq_1_{number}_abcdef" for number in range(600)]
    assert [json.loads(frame)["id"] for frame in edge.bus.raw()] == expected
    assert [answer["request_id"] for answer in answers] == expected


async def test_a_policy_that_loops_delays_nobody_else(build: Build, tmp_path: Path) -> None:
    """The offender is denied, one frame after the other; meanwhile a bystander is served."""
    edge = await build(**policy(tmp_path, LONG_FRAMES_LOOP))
    offenders = [await edge.client() for _ in range(6)]
    bystander = await edge.client(tenant_id="other")

    for offender in offenders:
        for number in range(3):
            await offender.send(message(number, "x" * 400))
    for number in range(20):
        await bystander.send(message(number))
        await received(bystander)
    undecided = edge.gateway.metrics.frames["policy_denied"]
    refusals = [await received(offender) for offender in offenders for _ in range(3)]

    assert undecided < 18
    assert {refusal["error_code"] for refusal in refusals} == {"POLICY_DENIED"}
    assert edge.gateway.metrics.policy_checks["timeout"] == 18


async def test_what_was_sent_before_a_close_still_counts(build: Build, tmp_path: Path) -> None:
    """With a policy that takes its time too: the bus gets every frame, and the close is answered after the answers."""
    edge = await build(**policy(tmp_path, "i32.const 0"))
    ann = await edge.client()

    for number in range(50):
        await ann.send(message(number))
    closing = asyncio.create_task(ann.close())
    answers = [frame async for frame in ann]
    await closing

    assert len(edge.bus.raw()) == 50
    assert len(answers) == 50
    assert ann.close_code == 1000


async def test_the_bus_can_hold_a_client_back(build: Build) -> None:
    """Between pause and resume nothing is read from it."""
    edge = await build()
    ann = await edge.client()
    (client,) = edge.gateway.clients
    client.pause()

    await ann.send(message(1))
    bob = await edge.client()
    await bob.send(message(2))
    await received(bob)
    held = edge.bus.raw()
    client.resume()
    await received(ann)

    assert held == [message(2).encode()]
    assert edge.bus.raw() == [message(2).encode(), message(1).encode()]


async def test_a_client_that_does_not_read_is_closed(build: Build) -> None:
    """1013, and counted; the others are served."""
    edge = await build(ARQONBUS_OUTBOX_BYTES="65536")
    ann, bob = await edge.client(), await edge.client()
    session = edge.bus.sessions()[0]
    ann.transport.pause_reading()

    large = {"id": "arq_1_1_abcdef", "type": "message", "payload": {"text": "x" * 500_000}}
    for _ in range(6):
        for _ in range(10):
            edge.bus.frame(session, large)
        await edge.bus.spine.flush()
    await bob.send(message(1))
    await received(bob)
    await edge.news.until(lambda: edge.gateway.metrics.slow_consumers_closed == 1, "the slow one is closed")

    assert len(edge.gateway.clients) == 1


async def test_a_share_of_the_frames_is_mirrored(build: Build, nats_server: EmbeddedNats) -> None:
    """The same bytes, under shadow., with a header; the id decides, so a repetition is copied too."""
    edge = await build(SHIELD_MIRROR_SHARE="0.5")
    copies: list[Arrival] = []
    spine = AnsweringBus(nats_server.url, edge.news).spine
    spine._subscriptions.clear()
    spine.subscribe("shadow.>", copies.append)
    await spine.start()
    ann = await edge.client(tenant_id="a*")

    for number in [*range(40), *range(40)]:
        await ann.send(message(number))
        await received(ann)
    await edge.news.until(lambda: len(copies) >= edge.gateway.metrics.mirrored["copied"], "the copies come")
    await spine.close()

    chosen = [number for number in range(40) if is_chosen(f"arq_1_{number}_abcdef", 0.5)]
    assert 5 < len(chosen) < 35
    assert [copy.payload for copy in copies] == [message(number).encode() for number in chosen * 2]
    assert {copy.subject for copy in copies} == {"shadow.in.t.a%2A.raw"}
    assert {copy.headers["x-arqon-shadow"] for copy in copies} == {"1"}
    assert len(edge.bus.raw()) == 80


async def test_a_flood_of_copies_gets_no_frame_refused(build: Build) -> None:
    """Copies over their own room are dropped and counted; a frame that comes behind them passes, and goes before them."""
    edge = await build(SHIELD_MIRROR_SHARE="1")
    ann = await edge.client()
    (client,) = edge.gateway.clients
    large = message(0, "x" * 1_000_000).encode()

    for _ in range(100):
        edge.gateway._mirror.copy("acme", large, "arq_1_0_abcdef")
    client.frame(message(1).encode(), binary=False)
    answer = await received(ann)

    assert (answer["request_id"], answer.get("error_code")) == ("arq_1_1_abcdef", None)
    assert edge.gateway.metrics.mirrored == {"copied": 5, "dropped": 96}


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0), (1.0, 1000)])
def test_a_share_of_nothing_or_all_is_exact(share: float, expected: int) -> None:
    """Whatever the ids."""
    assert sum(is_chosen(f"arq_1_{number}_abcdef", share) for number in range(1000)) == expected


async def test_a_drain_answers_what_is_in_flight(build: Build) -> None:
    """Nothing new is accepted; after the answers of the bus every client gets 1001."""
    edge = await build()
    ann, bob = await edge.client(), await edge.client(protobuf=True)
    edge.bus.silent = True
    await ann.send(message(1))
    await bob.send(message(2))
    await edge.news.until(lambda: len(edge.bus.raw()) == 2, "both are on their way")

    draining = asyncio.create_task(edge.shield.drain())
    await edge.news.until(lambda: edge.bus.arrived[-1].subject.endswith(".close"), "the bus is told")
    edge.bus.answer_all()
    for session in edge.bus.sessions():
        edge.bus.let_go(session, b'{"code":1001,"reason":"server is going away"}')
    await draining

    assert (await close_code(ann), await close_code(bob)) == (1001, 1001)
    with pytest.raises(OSError, match="refused|Connect call failed"):
        await connect(edge.url)
