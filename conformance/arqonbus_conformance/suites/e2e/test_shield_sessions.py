"""A client behind Shield beside a direct one: the same bus, in text and in protobuf."""

import json
from typing import Any

import pytest

from arqonbus_conformance import expect, protobuf_view
from arqonbus_conformance.deployment import Bus, Client
from arqonbus_conformance.edge import Shield
from arqonbus_conformance.envelopes import envelope
from arqonbus_conformance.frames import Opcode
from arqonbus_conformance.plugin import depth, needs, requirement
from arqonbus_conformance.suites.conditions import eventually, texts_of

HARD_PAYLOADS: list[dict[str, Any]] = [
    {"n": 2**63},
    {"n": -(2**70)},
    {"n": 10**40},
    {"n": 9007199254740993},
    {"text": "zażółć 🦀 \u2028"},
    {"text": "\x00\x1f\x7f"},
    {"deep": {"a": [{"b": [None, True, 1.5]}]}},
    {"text": '"\\/'},
    {"": ""},
]


async def binary(client: Client, message: dict[str, Any]) -> dict[str, Any]:
    """The reply to a message sent as protobuf."""
    await client.send_frame(Opcode.BINARY, protobuf_view.from_json(message))
    return await client.reply(message["id"])


@depth("smoke")
@requirement("SHLD-009")
@needs("auth")
async def test_a_client_behind_shield_and_a_direct_one_hear_each_other(shield: Shield, bus: Bus) -> None:
    """Messages go both ways in one sequence, and presence tells of both."""
    edge, direct = await shield.connect("edge"), await bus.connect("direct")
    await edge.join(bus.room, "c")
    await direct.join(bus.room, "c")

    first = expect.succeeded(await edge.publish(bus.room, "c", text="from the edge"))
    second = expect.succeeded(await direct.publish(bus.room, "c", text="from inside"))

    assert await direct.texts_until("from the edge") == ["from the edge"]
    assert await edge.texts_until("from inside") == ["from inside"]
    assert [first["metadata"]["sequence"], second["metadata"]["sequence"]] == [1, 2]
    info = await direct.succeed("channel_info", room=bus.room, channel="c")
    assert info["member_count"] == 2


@requirement("SHLD-009")
@needs("auth")
async def test_every_command_is_answered_behind_shield(shield: Shield, bus: Bus) -> None:
    """The commands that help names are the same, and those without an argument are answered the same way."""
    edge, direct = await shield.connect("edge"), await bus.connect("direct")

    helps = [await client.succeed("help") for client in (edge, direct)]
    listed = [[command["name"] for command in found["commands"]] for found in helps]
    await edge.succeed("create_channel", room=bus.room, channel="made")
    seen = await direct.succeed("list_channels", room=bus.room)
    failed = [await client.command("no.such.command") for client in (edge, direct)]

    assert listed[0] == listed[1]
    assert [channel["channel"] for channel in seen["channels"]] == ["made"]
    for reply in failed:
        expect.failed(reply, "COMMAND_NOT_FOUND")


@requirement("SHLD-009")
@needs("auth")
async def test_history_and_direct_messages_pass_through_shield(shield: Shield, bus: Bus) -> None:
    """What was published at the edge is read inside and at the edge; a direct message finds its one client."""
    edge, direct = await shield.connect("edge"), await bus.connect("direct")
    await edge.join(bus.room, "c")
    for number in range(20):
        expect.succeeded(await edge.publish(bus.room, "c", text=str(number)))

    pages = [
        await client.succeed("op.history.get", room=bus.room, channel="c", limit=5)
        for client in (edge, direct)
    ]
    expect.succeeded(await direct.publish(to=edge.id, text="for you"))
    expect.succeeded(await edge.publish(to=direct.id, text="for you too"))

    assert [texts_of(page["entries"]) for page in pages] == [["15", "16", "17", "18", "19"]] * 2
    assert await edge.texts_until("for you") == ["for you"]
    assert await direct.texts_until("for you too") == ["for you too"]


@requirement("SHLD-009")
@needs("auth")
async def test_who_leaves_shield_has_left_the_channel(shield: Shield, bus: Bus) -> None:
    """A client that closes, and one that vanishes, at the edge is a member no more."""
    direct = await bus.connect("direct")
    await direct.join(bus.room, "c")
    closing, vanishing = await shield.clients("closing", "vanishing")
    for client in (closing, vanishing):
        await client.join(bus.room, "c")

    await closing.close()
    vanishing.abort()

    async def alone() -> bool:
        return bool((await direct.succeed("channel_info", room=bus.room, channel="c"))["member_count"] == 1)

    await eventually("those who left being members no more", alone, bool)


@requirement("SHLD-009")
@needs("auth")
async def test_whom_a_token_names_is_the_same_behind_shield(shield: Shield, bus: Bus) -> None:
    """An administrator at the edge reads its whole tenant and a user does not; inside, a creator is known by its subject."""
    name = shield.name("creator")
    root, ann = (
        await shield.connect("root", admin=True),
        await shield.connect("ann", token=shield.token(sub=name)),
    )
    again, other = await bus.connect("again", token=bus.token(sub=name)), await bus.connect("other")
    await ann.succeed("create_channel", room=bus.room, channel="made")

    await root.succeed("op.history.get", limit=1)
    expect.failed(await ann.command("op.history.get", limit=1), "AUTHORIZATION_DENIED")
    refusal = await other.command("delete_channel", room=bus.room, channel="made")
    deleted = await again.succeed("delete_channel", room=bus.room, channel="made")

    expect.failed(refusal, "AUTHORIZATION_DENIED")
    assert deleted["deleted"] is True


@requirement("SHLD-010")
@needs("auth")
async def test_text_and_binary_frames_go_on_one_session(shield: Shield) -> None:
    """Whatever a session negotiated, it may send both kinds, and both are heard in the order sent."""
    texts, frames = await shield.connect("texts"), await shield.connect_binary("frames")
    listener = await shield.connect("listener")
    await listener.join(shield.room, "c")

    for speaker in (texts, frames):
        one = envelope("message", room=shield.room, channel="c", payload={"text": "as protobuf"})
        expect.succeeded(await binary(speaker, one))
        expect.succeeded(await speaker.publish(shield.room, "c", text="as text"))
    expect.succeeded(await texts.publish(shield.room, "c", text="the end"))

    assert await listener.texts_until("the end") == ["as protobuf", "as text"] * 2 + ["the end"]


@requirement("SHLD-011")
@needs("auth")
async def test_a_session_receives_the_kind_that_it_negotiated(shield: Shield) -> None:
    """Welcome, replies, refusals and deliveries: binary with the subprotocol, text without, whatever kind was sent."""
    texts, frames = await shield.connect("texts"), await shield.connect_binary("frames")
    speaker = await shield.connect("speaker")

    # A frame of the kind that was not negotiated would end its connection as a violation.
    for client in (texts, frames):
        await client.join(shield.room, "c")
        expect.succeeded(await client.publish(shield.room, "elsewhere", text="answered"))
        await client.send({"id": "x"}, malformed=True)
        expect.rejected(await client.rejection())
    await frames.send_frame(Opcode.BINARY, b"no protobuf")
    expect.rejected(await frames.rejection())
    expect.succeeded(await speaker.publish(shield.room, "c", text="to both"))

    assert await texts.texts_until("to both") == ["to both"]
    assert await frames.texts_until("to both") == ["to both"]


@requirement("SHLD-012")
@needs("auth")
@pytest.mark.parametrize("payload", HARD_PAYLOADS, ids=range(len(HARD_PAYLOADS)))
async def test_both_views_of_a_message_agree(shield: Shield, bus: Bus, payload: dict[str, Any]) -> None:
    """A payload sent as text and as protobuf is the same to a text, a protobuf and a direct listener, and in history."""
    listeners = [
        await shield.connect("texts"),
        await shield.connect_binary("frames"),
        await bus.connect("direct"),
    ]
    for listener in listeners:
        await listener.join(bus.room, "c")
    speaker = await shield.connect("speaker")

    expect.succeeded(await speaker.publish(bus.room, "c", payload=payload))
    expect.succeeded(await binary(speaker, envelope("message", room=bus.room, channel="c", payload=payload)))
    heard = [[await listener.message() for _ in range(2)] for listener in listeners]
    stored = await speaker.succeed("op.history.get", room=bus.room, channel="c")

    seen = [message["payload"] for messages in heard for message in messages]
    seen += [entry["message"]["payload"] for entry in stored["entries"]]
    for one in seen:
        expect.equal(json.dumps(one), json.dumps(payload), "payload")
    fields = [
        {name: message[name] for name in ("id", "timestamp", "sender", "metadata")}
        for message in (heard[0][0], heard[1][0], heard[2][0])
    ]
    assert fields[0] == fields[1] == fields[2]


@requirement("SHLD-022")
@needs("auth")
async def test_a_tenant_id_in_a_frame_is_not_believed(shield: Shield) -> None:
    """A protobuf frame that names another tenant goes to the tenant of its token, and nobody else hears it."""
    ann, victim = await shield.connect("ann", tenant="a"), await shield.connect("victim", tenant="b")
    friend = await shield.connect("friend", tenant="a")
    for client in (victim, friend):
        await client.join(shield.room, "c")
    frame = protobuf_view.message()
    frame.ParseFromString(
        protobuf_view.from_json(
            envelope("message", room=shield.room, channel="c", payload={"text": "forged"})
        )
    )
    frame.tenant_id = shield.claims("b")["tenant_id"]

    await ann.send_frame(Opcode.BINARY, frame.SerializeToString())
    expect.succeeded(await ann.reply(frame.trace_id))
    other = await shield.connect("other", tenant="b")
    expect.succeeded(await other.publish(shield.room, "c", text="sentinel"))

    assert await friend.texts_until("forged") == ["forged"]
    assert await victim.texts_until("sentinel") == ["sentinel"]


@depth("smoke")
@requirement("NATS-005")
@needs("auth")
async def test_the_order_of_each_publisher_is_kept_across_the_spine(shield: Shield, bus: Bus) -> None:
    """Three publishers at the edge send without waiting: listeners at the edge and inside, and the history, have each in its order."""
    listener, edge = await bus.connect("listener"), await shield.connect("edge")
    for one in (listener, edge):
        await one.join(bus.room, "c")
    publishers = await shield.clients("p0", "p1", "p2")
    count = 200
    sent: list[tuple[Client, str]] = []
    for number in range(count):
        for place, publisher in enumerate(publishers):
            message = publisher.message_to(bus.room, "c", text=f"{place} {number}")
            await publisher.send(message)
            sent.append((publisher, str(message["id"])))
    for publisher, name in sent:
        expect.succeeded(await publisher.reply(name))
    expect.succeeded(await publishers[0].publish(bus.room, "c", text="the end"))

    heard = (await listener.texts_until("the end"))[:-1]
    heard_at_the_edge = (await edge.texts_until("the end"))[:-1]
    page = await listener.succeed("op.history.get", room=bus.room, channel="c", limit=1000)

    for place in range(3):
        mine = [text for text in heard if text.startswith(f"{place} ")]
        expect.equal(
            mine, [f"{place} {number}" for number in range(count)], f"what was heard of publisher {place}"
        )
    assert heard_at_the_edge == heard
    assert texts_of(page["entries"])[:-1] == heard
