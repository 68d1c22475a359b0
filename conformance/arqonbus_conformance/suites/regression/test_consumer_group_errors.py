"""High 1, consumer-group errors: consumer groups answered with exceptions.

Without Redis the group commands raised NotImplementedError; with it, a group created twice (BUSYGROUP), a channel that
nobody had written to (no such key) and an unknown group (NOGROUP) came back as internal errors that showed the
exception's own text, or did not come back at all.
"""

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus, Launch
from arqonbus_conformance.plugin import depth, needs, requirement
from arqonbus_conformance.suites.conditions import Record

COMMANDS: dict[str, Record] = {
    "op.group.create": {},
    "op.group.read": {},
    "op.group.ack": {"entry_ids": ["1-1"]},
    "op.group.claim": {"min_idle_ms": 0},
    "op.group.pending": {},
}


@requirement("GROUP-012", "INT-002")
@needs("launch")
async def test_memory_answers_with_a_code(launch: Launch) -> None:
    """Each group command without durable storage is CAPABILITY_UNAVAILABLE, in words and not an exception's."""
    deployment = await launch()
    ann = await deployment.bus.connect("ann")

    replies = {
        name: await ann.command(name, room="r", channel="c", group="g", **args)
        for name, args in COMMANDS.items()
    }

    for reply in replies.values():
        expect.no_internals(expect.failed(reply, "CAPABILITY_UNAVAILABLE"))
    assert (await ann.succeed("ping"))["pong"] is True


@depth("smoke")
@requirement("GROUP-001", "GROUP-006", "INT-002")
@needs("consumer_groups")
async def test_the_storages_own_errors_stay_inside(bus: Bus) -> None:
    """Created twice, created on an unwritten channel, read without a group: three answers, no Redis error in any."""
    ann = await bus.connect("ann")
    group: Record = {"room": bus.room, "channel": "never-written", "group": "g"}

    unknown = await ann.command("op.group.read", **group)
    first = await ann.succeed("op.group.create", **group)
    second = await ann.succeed("op.group.create", **group)

    text = expect.failed(unknown, "TARGET_NOT_FOUND")
    assert [word for word in ("NOGROUP", "BUSYGROUP", "XREADGROUP") if word in text] == []
    assert (first["created"], second["created"]) == (True, False)


@requirement("GROUP-003", "GROUP-015", "INT-002")
@needs("consumer_groups")
@pytest.mark.parametrize("entry_id", ["not-an-id", "", "-", "1-1-1", "99999999999999999999-0"])
async def test_an_entry_id_that_is_none_breaks_nothing(bus: Bus, entry_id: str) -> None:
    """An acknowledgement of nonsense is refused or counts nothing; it is no internal error, and the group goes on."""
    ann = await bus.connect("ann")
    group: Record = {"room": bus.room, "channel": "c", "group": "g"}
    await ann.succeed("op.group.create", **group)

    reply = await ann.command("op.group.ack", entry_ids=[entry_id], **group)

    expect.that(
        reply.get("error_code") == "COMMAND_VALIDATION_ERROR"
        or reply["payload"]["data"] == {"acknowledged": 0},
        "nonsense was neither refused nor counted as nothing",
        actual=reply,
    )
    assert (await ann.succeed("op.group.pending", **group))["count"] == 0
