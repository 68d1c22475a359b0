"""A thousand malformed frames of many kinds: each is refused, and nothing else happens."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus, Http
from arqonbus_conformance.frames import Opcode
from arqonbus_conformance.plugin import Depth, needs, requirement, time_limit
from arqonbus_conformance.suites.unit.stage import Stage

from arqonbus_adversarial.nonsense import malformed
from arqonbus_adversarial.protocol_faults import PROTOCOL_FAULTS

FRAMES = 1000
BATCH = 50
ERROR_CHARACTERS = 2000


@requirement("INT-001", "ENV-021")
@time_limit(90)
async def test_a_thousand_malformed_frames_are_a_thousand_errors(
    bus: Bus, rng: random.Random, depth: Depth
) -> None:
    """Every frame made by the seed is refused once; nothing of them is delivered or stored."""
    stage = await Stage.of(bus)
    await stage.say("before")

    frames = depth.times(FRAMES)
    for _ in range(frames // BATCH):
        sent = [malformed(rng, stage.message()) for _ in range(BATCH)]
        for frame in sent:
            await stage.speaker.send_text(frame)
        for frame in sent:
            refusal = await stage.speaker.rejection()
            expect.rejected(refusal, code="VALIDATION_ERROR")
            assert len(refusal["error"]) <= ERROR_CHARACTERS, frame[:500]
    await stage.say("after")

    assert await stage.heard("after") == ["before", "after"]
    assert await stage.stored() == ["before", "after"]
    expect.equal(len(stage.errors()), frames, "number of errors")


@requirement("INT-001", "CONN-012")
@needs("http")
@time_limit(90)
async def test_the_deployment_is_healthy_after_a_flood_of_faults(
    bus: Bus, http: Http, rng: random.Random, depth: Depth
) -> None:
    """Protocol faults, invalid text, binary and cut frames on many connections leave health and service as they were."""
    stage = await Stage.of(bus)
    before = (await http.get("/health")).json()

    for _ in range(depth.times(20)):
        attackers = await bus.clients(*(f"attacker{number}" for number in range(10)))
        for attacker in attackers:
            fault = rng.choice(PROTOCOL_FAULTS)
            hostile = rng.choice(
                [
                    fault.wire(stage.document().encode()),
                    rng.randbytes(rng.randrange(1, 300)),
                    b"\x82\x80" + rng.randbytes(4),
                    b"\x81\xfe\xff\xff" + rng.randbytes(40),
                ]
            )
            await attacker.send_bytes(hostile)
            await attacker.send_text(malformed(rng, stage.message()))
        for attacker in attackers:
            attacker.abort()
    await stage.say("served")

    after = (await http.get("/health")).json()
    assert await stage.heard("served") == ["served"]
    expect.equal((after["status"], after["reason"]), (before["status"], before["reason"]), "health")
    assert after["uptime_seconds"] >= before["uptime_seconds"], "the deployment was restarted"


@requirement("INT-001", "ENV-024", "ENV-025")
async def test_a_hundred_clients_that_must_be_closed_are_closed(bus: Bus, rng: random.Random) -> None:
    """Invalid text, binary frames and protocol faults in random order: each connection ends with its own code."""
    stage = await Stage.of(bus)
    clients = await bus.clients(*(f"client{number}" for number in range(100)))
    kinds = {
        1007: (Opcode.TEXT, b"\xff\xfe\xfd"),
        1003: (Opcode.BINARY, b"\x00" * 10),
        1002: (Opcode.CONTINUATION, b"{}"),
    }
    expected = [rng.choice(list(kinds)) for _ in clients]

    for client, code in zip(clients, expected, strict=True):
        opcode, payload = kinds[code]
        await client.send_frame(opcode, payload)
    closes = await asyncio.gather(*(client.closed() for client in clients))
    await stage.say("after")

    expect.equal([close.code for close in closes], expected, "close codes")
    assert await stage.heard("after") == ["after"]


@requirement("INT-001", "ROUTE-014")
@time_limit(60)
async def test_good_and_bad_frames_mixed_are_told_apart(bus: Bus, rng: random.Random, depth: Depth) -> None:
    """Of a random mixture every good message is delivered, in order, and answered once, and every bad one refused."""
    stage = await Stage.of(bus)
    good: dict[str, str] = {}
    bad = 0

    for number in range(depth.times(400)):
        if rng.random() < 0.5:
            await stage.speaker.send_text(malformed(rng, stage.message()))
            bad += 1
        else:
            envelope = stage.message(f"good {number}")
            await stage.speaker.send(envelope)
            good[f"good {number}"] = envelope["id"]
    await stage.speaker.barrier()
    await stage.say("last")

    assert await stage.heard("last") == [*good, "last"]
    expect.equal(len(stage.errors()), bad, "number of errors")
    answers = [[reply["status"] for reply in stage.speaker.replies_to(name)] for name in good.values()]
    expect.equal(answers, [["success"]] * len(good), "answers to the good messages")


@requirement("INT-001", "INT-002")
@pytest.mark.parametrize("kind", ["message", "command", "telemetry", "operator.join"])
async def test_random_values_in_every_field_are_answered(
    bus: Bus, rng: random.Random, depth: Depth, kind: str
) -> None:
    """Whatever values the fields of an envelope hold, one terminal reply answers, and it shows no inside."""
    stage = await Stage.of(bus)
    values: list[Any] = [
        None,
        True,
        0,
        -1,
        1e308,
        10**40,
        "",
        "x" * 300,
        "\x00",
        [],
        {},
        [[]],
        {"a": {"a": {}}},
        "a b",
    ]
    fields = ["timestamp", "version", "room", "channel", "payload", "metadata", "sender", "command", "args"]

    for _ in range(depth.times(100)):
        envelope = stage.speaker.envelope(kind) | {
            rng.choice(fields): rng.choice(values) for _ in range(rng.randrange(1, 5))
        }
        reply = await stage.speaker.request(envelope, malformed=True)
        assert reply["type"] in ("error", "response", "message_response"), envelope
        assert reply.get("error_code") != "INTERNAL_ERROR", (envelope, reply)
        expect.no_internals(str(reply.get("error", "")))
    await stage.say("after")

    assert await stage.heard("after") == ["after"]
