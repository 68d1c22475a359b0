"""Canaries planted wherever a tenant can leave something, searched in everything that another tenant receives.

And frames that try to choose their own subject.
"""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from arqonbus_conformance import expect, protobuf_view
from arqonbus_conformance.deployment import Bus, Client
from arqonbus_conformance.edge import Shield, Tap
from arqonbus_conformance.envelopes import envelope, message_id
from arqonbus_conformance.frames import Opcode
from arqonbus_conformance.plugin import exclusive, needs, requirement

INJECTIONS: Final = [
    "*",
    ">",
    "a.*",
    "in.t.*.raw",
    "in.t.>",
    "../b",
    "a.b",
    "a\r\nPUB in.t.b.raw 2\r\nhi",
    "a\x00b",
    "a b",
    "a\tb",
    "\u2024b",
    "\uff0e",
    "\u202ea",
    "%2E",
    "%",
    "$SYS.REQ",
    "_INBOX.x",
    "{b}",
    "#",
    "+",
]
"""Values that mean something to NATS, to Redis keys or to a careless join of names."""
FIELDS: Final = ["room", "channel", "to_client", "id", "sender", "version"]
"""The fields of an envelope in which they are planted."""


async def planted(ann: Client, room: str) -> list[str]:
    """Thirty-odd canaries of a tenant: rooms, channels, descriptions, messages, groups, ids, arguments, telemetry."""
    canaries = [f"canary{number:02}x{room[-12:]}" for number in range(36)]
    names = iter(canaries)
    for _ in range(6):
        await ann.succeed("create_channel", room=next(names), channel="c", description="x")
    for _ in range(6):
        await ann.join(room, next(names))
    for _ in range(4):
        await ann.succeed(
            "create_channel", room=room, channel=f"d{len(ann.received)}", description=next(names)
        )
    for _ in range(6):
        expect.succeeded(await ann.publish(room, "c", text=next(names)))
    for _ in range(4):
        expect.succeeded(await ann.publish(room, None, payload={next(names): {"deep": [1]}}))
    for _ in range(4):
        expect.succeeded(await ann.publish(room, "c", text="x", metadata={"note": next(names)}))
    for _ in range(3):
        await ann.command(next(names))
    for name in names:
        await ann.request(envelope("telemetry", payload={"event": name}))
    return canaries


async def looked_around(bob: Client, room: str) -> None:
    """Everything a curious client asks."""
    for command in ("status", "help", "list_channels"):
        await bob.command(command)
    await bob.join(room, "c")
    await bob.command("list_channels", room=room)
    await bob.command("channel_info", room=room, channel="c")
    await bob.command("op.history.get", room=room)
    await bob.command("op.history.get", room=room, channel="c", limit=1000)
    await bob.command("op.history.get")
    await bob.command(
        "op.history.replay",
        room=room,
        channel="c",
        from_ts="2000-01-01T00:00:00Z",
        to_ts="2100-01-01T00:00:00Z",
    )
    await bob.command("no.such.command")
    await bob.barrier()


@requirement("ISO-005", "ISO-001", "ISO-002")
@exclusive
@needs("auth")
async def test_no_canary_crosses(shield: Shield, bus: Bus) -> None:
    """Of 36 canaries none stands in anything that clients of another tenant receive, at the edge or inside, or in metrics."""
    ann = await shield.connect("ann", tenant="a")
    strangers = [
        await shield.connect("bob", tenant="b"),
        await shield.connect("boss", tenant="b", admin=True),
        await shield.connect_binary("bin", tenant="b"),
        await bus.connect("inside", tenant="b"),
    ]
    for stranger in strangers:
        await stranger.join(shield.room, "c")

    canaries = await planted(ann, shield.room)
    for stranger in strangers:
        await looked_around(stranger, shield.room)
    metrics = (await shield.http.get("/metrics", tenant="b")).text
    health = (await shield.http.get("/health", token=None)).text

    everything = [text for stranger in strangers for text in stranger.raw] + [metrics, health]
    crossed = [canary for canary in canaries if any(canary in text for text in everything)]
    expect.that(len(canaries) >= 30, "canaries planted", actual=len(canaries))
    expect.equal(crossed, [], "canaries that another tenant received")
    own = await ann.succeed("op.history.get", room=shield.room, channel="c")
    expect.that(
        any(canary in json.dumps(own) for canary in canaries),
        "the canaries are not even found by their tenant",
    )


@requirement("ISO-003")
@pytest.mark.parametrize("field", FIELDS)
async def test_no_field_chooses_the_subject(shield: Shield, tap: Tap, field: str) -> None:
    """Whatever a field holds, in text and in protobuf, the frame passes under its tenant's subject or not at all."""
    client = await shield.connect("client")
    twin = await client.publish(shield.room, "c", text="before")
    own = {one.subject for one in tap.seen if one.subject.startswith("in.")}
    canary = shield.name("canary")

    for value in INJECTIONS:
        message: dict[str, Any] = client.message_to(shield.room, "c", text=canary) | {field: value}
        await client.send(message, malformed=True)
        await client.send_frame(
            Opcode.BINARY, protobuf_view.from_json(message | {"id": message.get("id", "")})
        )
    await client.barrier()
    last = shield.name("last")
    expect.succeeded(await client.publish(shield.room, "c", text=last))
    await tap.passed(last)

    expect.succeeded(twin)
    strays = {one.subject for one in tap.holding(canary) if one.subject.startswith(("in.", "shadow."))} - own
    expect.equal(strays, set(), "subjects that a frame chose")


@requirement("ISO-003")
@pytest.mark.parametrize("name", ["tenant_id", "twist_id", "headers"])
async def test_no_part_of_a_protobuf_frame_chooses_the_subject(shield: Shield, tap: Tap, name: str) -> None:
    """tenant_id, twist_id and headers with the names of subjects and of other tenants change nothing."""
    client = await shield.connect("client")
    expect.succeeded(await client.publish(shield.room, "c", text="before"))
    own = {one.subject for one in tap.seen if one.subject.startswith("in.") and one.subject.endswith(".raw")}
    canary = shield.name("canary")

    for value in INJECTIONS:
        frame = protobuf_view.message()
        frame.ParseFromString(
            protobuf_view.from_json(
                envelope("message", id=message_id(), room=shield.room, channel="c", payload={"text": canary})
            )
        )
        if name == "headers":
            frame.headers["Arqon-Session"] = value
            frame.headers["Nats-Expected-Stream"] = value
        else:
            setattr(frame, name, value)
        await client.send_frame(Opcode.BINARY, frame.SerializeToString())
    await client.barrier()
    last = shield.name("last")
    expect.succeeded(await client.publish(shield.room, "c", text=last))
    await tap.passed(last)

    seen = {one.subject for one in tap.holding(canary) if one.subject.startswith(("in.", "shadow."))}
    expect.that(seen <= own, "subjects that a frame chose", expected=own, actual=seen)
