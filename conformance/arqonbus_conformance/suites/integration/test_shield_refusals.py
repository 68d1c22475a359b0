"""The form in which Shield refuses: as the bus would, so that a client behind Shield needs no second way to read answers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from arqonbus_conformance import expect, protobuf_view
from arqonbus_conformance.deployment import Client, Launch
from arqonbus_conformance.edge import LaunchShield, Nats
from arqonbus_conformance.envelopes import Observed, envelope
from arqonbus_conformance.frames import Opcode
from arqonbus_conformance.plugin import requirement, time_limit
from arqonbus_conformance.suites.conditions import Record
from arqonbus_conformance.suites.edges import DENY_SOME, edge_of, write_policy

OUTAGE_SECONDS = 10.0
"""The longest wait for the answer of a Shield without NATS; it has 5 seconds."""
RATE = "1"
"""Frames per second that a client may send: few, so that a slow machine does not let the bucket fill again."""


def of_each_type(room: str, text: str) -> list[Record]:
    """A command, an operator.join and a message, in this order; each holds ``text``."""
    joined = {"group": text, "room": room, "channel": "c"}
    return [
        envelope("command", command="create_channel", args={"room": room, "channel": text}),
        envelope("operator.join", payload=joined),
        envelope("message", room=room, channel="c", payload={"text": text}),
    ]


async def sent(client: Client, frames: Iterable[Record], opcode: Opcode) -> None:
    """Send each of them as a text or binary frame."""
    for frame in frames:
        payload = protobuf_view.from_json(frame)
        await (client.send_frame(opcode, payload) if opcode is Opcode.BINARY else client.send(frame))


def refused_alike(client: Client, frames: list[Record], replies: list[Observed], code: str) -> None:
    """Each was refused once with that code: the message by an `error`, the other two by a `response`."""
    for reply in replies[:-1]:
        expect.failed(reply, code)
    expect.rejected(replies[-1], code=code)
    for frame in frames:
        expect.equal(len(client.replies_to(frame["id"])), 1, f"replies to the {frame['type']}")


@requirement("SHLD-030")
@pytest.mark.parametrize("opcode", [Opcode.TEXT, Opcode.BINARY], ids=["text", "binary"])
async def test_what_the_policy_denies_is_refused_as_the_bus_refuses(
    launch: Launch, launch_shield: LaunchShield, nats: Nats, tmp_path: Path, opcode: Opcode
) -> None:
    """POLICY_DENIED is a response to a command and an error to a message; the twins that it allows are answered."""
    write_policy(tmp_path / "policy.wasm", DENY_SOME)
    policy = {"POLICY_WASM_PATH": str(tmp_path / "policy.wasm")}
    shield = (await edge_of(launch, launch_shield, nats, shield=policy)).shield.shield
    client = await shield.connect("client")
    denied = of_each_type(shield.room, "DENY")
    command, _, message = of_each_type(shield.room, "pass")

    await sent(client, denied, opcode)
    replies = [await client.reply(frame["id"]) for frame in denied]
    await sent(client, [command, message], opcode)

    expect.succeeded(await client.reply(command["id"]))
    expect.succeeded(await client.reply(message["id"]))
    refused_alike(client, denied, replies, "POLICY_DENIED")


@requirement("SHLD-030", "SHLD-029")
async def test_what_is_over_the_rate_is_refused_as_the_bus_refuses(
    launch: Launch, launch_shield: LaunchShield, nats: Nats
) -> None:
    """RATE_LIMIT_EXCEEDED is a response to a command and an error to a message, each with the time to come again."""
    rate = {"ARQONBUS_RATE_LIMIT_PER_SECOND": RATE}
    shield = (await edge_of(launch, launch_shield, nats, shield=rate)).shield.shield
    client = await shield.connect("client")
    within = envelope("command", command="ping")
    beyond = of_each_type(shield.room, "x")

    await sent(client, [within, *beyond], Opcode.TEXT)
    replies = [await client.reply(frame["id"]) for frame in beyond]

    expect.succeeded(await client.reply(within["id"]))
    refused_alike(client, beyond, replies, "RATE_LIMIT_EXCEEDED")
    for reply in replies:
        expect.that(reply["payload"]["retry_after"] > 0, "no time to come again", actual=reply)


@requirement("SHLD-030", "NATS-002")
@time_limit(60)
async def test_what_the_spine_cannot_take_is_refused_as_the_bus_refuses(
    launch: Launch, launch_shield: LaunchShield, nats: Nats
) -> None:
    """SPINE_UNAVAILABLE is a response to a command and an error to a message, as text and as binary frames."""
    shield = (await edge_of(launch, launch_shield, nats)).shield.shield
    client = await shield.connect("client")
    await client.succeed("ping")

    await nats.kill()

    for opcode in (Opcode.TEXT, Opcode.BINARY):
        lost = of_each_type(shield.room, "lost")
        await sent(client, lost, opcode)
        replies = [await client.reply(frame["id"], OUTAGE_SECONDS) for frame in lost]
        refused_alike(client, lost, replies, "SPINE_UNAVAILABLE")
