"""Two documents in a frame, half a document in each of two: nobody's message becomes anybody else's."""

from __future__ import annotations

import itertools
import json

import pytest
from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus
from arqonbus_conformance.plugin import depth, requirement
from arqonbus_conformance.suites.unit.stage import Stage

SEPARATORS = ["", "\n", " ", ",", "\x1e", "\r\n\r\n", "\x00", ";"]


@requirement("ENV-029")
@pytest.mark.parametrize("separator", SEPARATORS, ids=repr)
async def test_two_documents_in_a_frame_are_one_fault(bus: Bus, separator: str) -> None:
    """Neither of the two is delivered, whatever stands between them, and one error answers the frame."""
    stage = await Stage.of(bus)

    refusal = await stage.refusal_of(stage.document() + separator + stage.document())

    expect.rejected(refusal, code="VALIDATION_ERROR")


@depth("smoke")
@requirement("ENV-029")
async def test_a_document_behind_a_command_does_not_run(bus: Bus) -> None:
    """A command and a message in one frame are neither."""
    stage = await Stage.of(bus)
    twin = {"type": "command", "command": "list_channels", "args": {"room": bus.room}}
    join = stage.speaker.envelope(
        "command", command="join_channel", args={"room": bus.room, "channel": "smuggled"}
    )

    refusal = await stage.refusal_of(json.dumps(join) + stage.document(), twin)

    expect.rejected(refusal, code="VALIDATION_ERROR")
    listed = await stage.speaker.succeed("list_channels", room=bus.room)
    expect.equal([one["channel"] for one in listed["channels"]], [stage.channel], "channels of the room")


@requirement("ENV-029")
@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
async def test_halves_of_a_document_are_two_faults(bus: Bus, share: float) -> None:
    """Each half is refused by itself; they are never put together."""
    stage = await Stage.of(bus)
    document = stage.document()
    cut = int(len(document) * share)

    await stage.refusal_of(document[:cut])
    await stage.refusal_of(document[cut:])

    expect.equal(len(stage.errors()), 2, "number of errors")


@requirement("ENV-029")
async def test_halves_from_two_clients_are_not_put_together(bus: Bus) -> None:
    """Half a document of one client and then the rest from another are a fault of each."""
    stage = await Stage.of(bus)
    other = await bus.connect("other")
    document = stage.document()
    cut = len(document) // 2

    for client, half in ((stage.speaker, document[:cut]), (other, document[cut:])):
        await client.send_text(half)
        expect.rejected(await client.rejection(), code="VALIDATION_ERROR")
    await stage.say("after")

    assert await stage.heard("after") == ["after"]


@requirement("ENV-029", "ENV-019")
@pytest.mark.parametrize("fault", ["two-documents", "first-half", "second-half", "empty"])
async def test_faults_shift_no_sender(bus: Bus, fault: str) -> None:
    """While one client sends faults, every message of the others arrives under its own sender, one by one."""
    stage = await Stage.of(bus)
    ann, bob = await bus.clients("ann", "bob")
    document = stage.document()
    frames = {
        "two-documents": document + document,
        "first-half": document[: len(document) // 2],
        "second-half": document[len(document) // 2 :],
        "empty": "",
    }

    for number in range(30):
        await stage.speaker.send_text(frames[fault])
        await ann.send(ann.message_to(bus.room, stage.channel, text=f"{number} {ann.id}"))
        await bob.send(bob.message_to(bus.room, stage.channel, text=f"{number} {bob.id}"))
    for client in (ann, bob):
        await client.barrier()
    await stage.say("after")

    heard = await stage.listener.messages_until("after")
    said = {(one["payload"]["text"], one["sender"]) for one in heard[:-1]}
    expected = {
        (f"{number} {client.id}", client.id) for number, client in itertools.product(range(30), (ann, bob))
    }
    expect.equal(said, expected, "texts and their senders")
    expect.equal(len(heard), 61, "number of messages")
    expect.equal(len(stage.errors()), 30, "number of errors")
