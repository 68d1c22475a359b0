"""What the variables of Shield change: schema, mirroring, rate."""

from __future__ import annotations

import asyncio

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Launch
from arqonbus_conformance.edge import LaunchShield, Nats, Tap
from arqonbus_conformance.plugin import requirement
from arqonbus_conformance.suites.edges import edge_of
from arqonbus_conformance.transcript import Transcript

FLOOD = 200
"""How many frames a client sends at once that may send one a second."""
OTHERS = 8
"""How many other clients send one frame each: more than a rate that is counted for all would let pass meanwhile."""
FRAMES = 200
"""Frames of which a share is copied."""


@requirement("SHLD-016")
async def test_a_relaxed_schema_leaves_the_judgement_to_the_bus(
    launch: Launch, launch_shield: LaunchShield, nats: Nats
) -> None:
    """What only the schema refuses reaches the spine, and the bus answers VALIDATION_ERROR; what is no object does not."""
    edge = await edge_of(
        launch,
        launch_shield,
        nats,
        shield={"ARQON_SCHEMA_STRICT": "false", "ARQON_SCHEMA_STRICT_EXCEPTION": "trial"},
    )
    shield = edge.shield.shield
    tap = Tap(nats.url, Transcript())
    await tap.open()
    client = await shield.connect("client")
    canary = shield.name("canary")

    refusal = await client.request(
        client.message_to(shield.room, "c", text="x") | {"surprise": canary}, malformed=True
    )
    await client.send_text(f'["{canary}-array"]')
    second = await client.rejection()

    expect.rejected(refusal, names="surprise")
    expect.rejected(second)
    expect.that(bool(tap.holding(canary)), "the frame did not reach the spine")
    expect.equal(tap.holding(f"{canary}-array"), [], "what is no object on the spine")
    expect.succeeded(await client.publish(shield.room, "c", text="after"))
    await tap.close()


async def mirrored(
    launch_shield: LaunchShield, launch: Launch, nats: Nats, share: str
) -> tuple[list[str], list[str]]:
    """The ids that were published, and those that were copied, with that share."""
    edge = await edge_of(launch, launch_shield, nats, shield={"SHIELD_MIRROR_SHARE": share})
    shield = edge.shield.shield
    tap = Tap(nats.url, Transcript())
    await tap.open()
    client = await shield.connect("client")
    sent = []
    for number in range(FRAMES):
        message = client.message_to(shield.room, "c", text=str(number))
        await client.send(message)
        sent.append(str(message["id"]))
    for name in sent:
        expect.succeeded(await client.reply(name))
    last = client.message_to(shield.room, "c", text="the end")
    expect.succeeded(await client.request(last))
    await tap.passed(str(last["id"]))
    copies = [one for one in tap.seen if one.subject.startswith("shadow.")]
    for copy in copies:
        headers = {name.lower(): value for name, value in copy.headers.items()}
        expect.equal(headers.get("x-arqon-shadow"), "1", "header of a copy")
    originals = {
        one.subject for one in tap.seen if one.subject.startswith("in.") and one.subject.endswith(".raw")
    }
    expect.that(
        {copy.subject.removeprefix("shadow.") for copy in copies} <= originals, "subjects of the copies"
    )
    await tap.close()
    return sent, [name for name in sent if any(copy.holds(name) for copy in copies)]


@requirement("SHLD-023")
async def test_a_share_of_1_copies_every_frame(
    launch: Launch, launch_shield: LaunchShield, nats: Nats
) -> None:
    """Every frame that passes stands under shadow.<subject> too, with the header; the original is answered as ever."""
    sent, copied = await mirrored(launch_shield, launch, nats, "1")

    expect.equal(copied, sent, "ids of the copies")


@requirement("SHLD-023")
async def test_a_share_of_0_copies_nothing(launch: Launch, launch_shield: LaunchShield, nats: Nats) -> None:
    """No copy is made."""
    _, copied = await mirrored(launch_shield, launch, nats, "0")

    expect.equal(copied, [], "ids of the copies")


@requirement("SHLD-023")
async def test_a_share_of_a_half_copies_about_that(
    launch: Launch, launch_shield: LaunchShield, nats: Nats
) -> None:
    """Between a quarter and three quarters of so many frames: beyond that by chance less than once in 10**12 runs."""
    _, copied = await mirrored(launch_shield, launch, nats, "0.5")

    expect.that(FRAMES / 4 <= len(copied) <= FRAMES * 3 / 4, "frames copied", actual=len(copied))


@requirement("SHLD-029")
async def test_a_client_of_shield_over_its_rate_is_told(
    launch: Launch, launch_shield: LaunchShield, nats: Nats
) -> None:
    """RATE_LIMIT_EXCEEDED for what is too much, with the id; the session stays, and no other client is limited by it."""
    edge = await edge_of(launch, launch_shield, nats, shield={"ARQONBUS_RATE_LIMIT_PER_SECOND": "1"})
    shield = edge.shield.shield
    fast = await shield.connect("fast")
    others = [await shield.connect(f"other-{number}") for number in range(OTHERS)]
    sent = [fast.message_to(shield.room, "c", text=str(number)) for number in range(FLOOD)]

    for message in sent:
        await fast.send(message)
    replies = [await fast.reply(str(message["id"])) for message in sent]
    told = await asyncio.gather(*(other.publish(shield.room, "c", text="not limited") for other in others))

    codes = [reply.get("error_code") for reply in replies]
    expect.equal(set(codes), {None, "RATE_LIMIT_EXCEEDED"}, "error codes")
    expect.equal(codes[0], None, "error code of the first")
    for reply in told:
        expect.succeeded(reply)
