"""What a rejection says, and what it leaves as it was."""

from __future__ import annotations

import re
from typing import Any

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus
from arqonbus_conformance.plugin import depth, requirement
from arqonbus_conformance.suites.unit.stage import Stage, nested

FAULTS: list[Any] = [
    pytest.param({"room": "a/b"}, "room", r"128|A-Z|letters", id="bad-name"),
    pytest.param({"timestamp": "yesterday"}, "timestamp", r"RFC ?3339|zone", id="bad-timestamp"),
    pytest.param({"version": "9.9"}, "version", r"1\.0", id="bad-version"),
    pytest.param({"type": "shout"}, "type", r"operator\.join", id="bad-type"),
    pytest.param({"payload": 7}, "payload", r"object", id="wrong-type"),
    pytest.param({"metadata": None}, "metadata", r"object", id="null"),
    pytest.param({"id": "7"}, "id", r"arq_|ULID", id="bad-id"),
    pytest.param({"to_client": "c1"}, "to_client", r"room|channel", id="two-targets"),
]
"""A fault, the field it is in, and what an error that says what is allowed cannot leave unsaid."""

FAULTY = {"COMMAND_VALIDATION_ERROR"}
"""The code of arguments that are not what they must be."""

RAW_FAULTS = [
    pytest.param('{"a":', id="cut-off"),
    pytest.param("[]", id="no-object"),
    pytest.param('{"id":NaN}', id="nan"),
    pytest.param('{"id":"\\ud800"}', id="lone-surrogate"),
    pytest.param('{"id":"a","id":"b"}', id="duplicate"),
    pytest.param(nested(200), id="deep"),
    pytest.param("1" * 5000, id="long-integer"),
    pytest.param("\x00", id="nul"),
]


@depth("smoke")
@requirement("ENV-021", "ROUTE-011")
async def test_a_rejected_message_uses_no_sequence(bus: Bus) -> None:
    """The messages before and after a rejected one have neighbouring sequences."""
    stage = await Stage.of(bus)

    first = await stage.say("first")
    await stage.speaker.send(stage.message(payload={}), malformed=True)
    await stage.speaker.rejection()
    second = await stage.say("second")

    expect.equal(
        [first["metadata"]["sequence"], second["metadata"]["sequence"]],
        [1, 2],
        "sequences around a rejection",
    )


@requirement("ENV-021")
async def test_a_connection_outlives_many_rejections(bus: Bus) -> None:
    """A hundred faulty frames get a hundred errors, and the connection still speaks and listens."""
    stage = await Stage.of(bus)

    for number in range(100):
        await stage.speaker.send_text(f"fault {number}")
    refusals = [await stage.speaker.rejection() for _ in range(100)]
    await stage.say("after")
    await stage.listener.publish(to=stage.speaker.id, text="back")

    assert {refusal["error_code"] for refusal in refusals} == {"VALIDATION_ERROR"}
    assert await stage.heard("after") == ["after"]
    assert await stage.speaker.texts_until("back") == ["back"]


@requirement("ENV-021")
async def test_a_rejected_command_changes_nothing(bus: Bus) -> None:
    """A join whose envelope is rejected makes no member."""
    stage = await Stage.of(bus)
    twin = {"type": "command", "command": "list_channels", "args": {"room": bus.room}}
    join = {"command": "join_channel", "args": {"room": bus.room, "channel": "other"}}

    await stage.refusal_of(stage.speaker.envelope("command", **join) | {"room": bus.room}, twin)

    listed = await stage.listener.succeed("list_channels", room=bus.room)
    expect.equal([one["channel"] for one in listed["channels"]], [stage.channel], "channels of the room")


@requirement("ENV-022", "INT-002")
@pytest.mark.parametrize(("fault", "field", "allowed"), FAULTS)
async def test_an_error_names_the_field_and_says_what_is_allowed(
    bus: Bus, fault: dict[str, Any], field: str, allowed: str
) -> None:
    """The text names the field and says what is allowed, in words for a client."""
    stage = await Stage.of(bus)

    refusal = await stage.refusal_of(stage.message() | fault)

    expect.rejected(refusal, code="VALIDATION_ERROR", names=field)
    assert re.search(allowed, refusal["error"]), refusal["error"]


@requirement("ENV-022", "INT-002")
@pytest.mark.parametrize("frame", RAW_FAULTS)
async def test_no_parser_speaks_through_an_error(bus: Bus, frame: str) -> None:
    """What a parser, a recursion limit or a codec has to say stays inside."""
    stage = await Stage.of(bus)

    refusal = await stage.refusal_of(frame)

    expect.rejected(refusal, code="VALIDATION_ERROR")
    expect.no_internals(refusal["error"])


@requirement("ENV-022")
@pytest.mark.parametrize("field", ["room", "type", "version", "timestamp", "id", "sender"])
async def test_an_error_shows_at_most_64_characters_of_a_value(bus: Bus, field: str) -> None:
    """A long value is cut in the text, so that an error cannot be used to send back what was sent."""
    stage = await Stage.of(bus)
    long = "z" * 3000 if field != "sender" else ["z" * 3000]

    refusal = await stage.refusal_of(stage.message() | {field: long})

    expect.rejected(refusal, code="VALIDATION_ERROR", names=field)
    assert "z" * 65 not in refusal["error"]


@depth("smoke")
@requirement("ENV-022")
async def test_an_error_cuts_the_name_of_an_unknown_field(bus: Bus) -> None:
    """A field name of the client's making is shown in short too."""
    stage = await Stage.of(bus)

    refusal = await stage.refusal_of(stage.message() | {"z" * 3000: 1})

    text = expect.rejected(refusal, code="VALIDATION_ERROR")
    assert "zzz" in text
    assert "z" * 65 not in refusal["error"]


@requirement("INT-002")
@pytest.mark.parametrize(
    ("command", "args", "codes"),
    [
        ("no.such.command", {}, {"COMMAND_NOT_FOUND"}),
        ("op.history.get", {"limit": "many"}, FAULTY),
        ("op.history.get", {"room": "a/b"}, FAULTY),
        ("op.history.get", {"room": "r", "cursor": "../../etc/passwd"}, FAULTY),
        ("op.history.replay", {"room": "r", "channel": "c", "from_ts": "x", "to_ts": "y"}, FAULTY),
        ("join_channel", {"room": {"deep": [1]}, "channel": "c"}, FAULTY),
        ("channel_info", {"room": "nowhere-at-all", "channel": "c"}, {"TARGET_NOT_FOUND"}),
        (
            "op.group.read",
            {"room": "r", "channel": "c", "group": "nobody"},
            {"TARGET_NOT_FOUND", "CAPABILITY_UNAVAILABLE"},
        ),
        ("op.synthesis.run", {"prompt": ""}, {*FAULTY, "FEATURE_DISABLED"}),
    ],
)
async def test_no_response_shows_the_inside(
    bus: Bus, command: str, args: dict[str, Any], codes: set[str]
) -> None:
    """The error of a command is written for its caller, who goes on with another one."""
    ann = await bus.connect("ann")

    response = await ann.command(command, **args)
    await ann.succeed("ping")

    expect.equal(response["status"], "error", "status")
    assert response["error_code"] in codes, response
    expect.no_internals(response["error"])
    expect.no_internals(response["payload"]["message"])
