"""What every command has in common: its response, its faults, its arguments."""

from __future__ import annotations

from typing import Any

import pytest
from arqonbus_fixtures.golden import vectors

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus
from arqonbus_conformance.plugin import depth, requirement

HERE: dict[str, Any] = {"room": "ROOM", "channel": "c"}
WINDOW: dict[str, Any] = {"from_ts": "2026-01-01T00:00:00Z", "to_ts": "2036-01-01T00:00:00Z"}

COMMANDS: list[tuple[str, dict[str, Any]]] = [
    ("ping", {}),
    ("status", {}),
    ("help", {}),
    ("create_channel", HERE),
    ("delete_channel", HERE),
    ("join_channel", HERE),
    ("list_channels", {"room": "ROOM"}),
    ("op.history.get", HERE),
    ("op.history.replay", HERE | WINDOW),
]

UNKNOWN_COMMANDS = [
    "no.such.command",
    "PING",
    "Ping",
    "ping ",
    " ping",
    "ping\n",
    "op.history",
    "op.",
    "join",
    "join-channel",
    "__class__",
    "execute",
    "\u0440ing",
    "x" * 128,
]

FAULTY_ARGS: list[tuple[str, dict[str, Any], str]] = [
    ("ping", {"extra": 1}, "extra"),
    ("status", {"room": "ROOM"}, "room"),
    ("help", {"command": "ping"}, "command"),
    ("create_channel", {"room": "ROOM"}, "channel"),
    ("create_channel", {"channel": "c"}, "room"),
    ("create_channel", HERE | {"description": 5}, "description"),
    ("create_channel", HERE | {"description": None}, "description"),
    ("create_channel", HERE | {"description": "x" * 1025}, "description"),
    ("create_channel", HERE | {"topic": "x"}, "topic"),
    ("delete_channel", {"room": "ROOM"}, "channel"),
    ("delete_channel", HERE | {"force": True}, "force"),
    ("join_channel", {"room": "ROOM"}, "channel"),
    ("join_channel", {"room": 5, "channel": "c"}, "room"),
    ("join_channel", {"room": "ROOM", "channel": None}, "channel"),
    ("join_channel", HERE | {"Channel": "c"}, "Channel"),
    ("leave_channel", {"channel": "c"}, "room"),
    ("leave_channel", {"room": "ROOM", "channel": ["c"]}, "channel"),
    ("list_channels", {"room": 5}, "room"),
    ("list_channels", {"room": None}, "room"),
    ("list_channels", {"channel": "c"}, "channel"),
    ("channel_info", {"room": "ROOM"}, "channel"),
    ("channel_info", {"room": {}, "channel": "c"}, "room"),
    ("op.history.get", {"room": "ROOM", "limit": "10"}, "limit"),
    ("op.history.get", {"room": "ROOM", "limit": 1.5}, "limit"),
    ("op.history.get", {"room": "ROOM", "limit": True}, "limit"),
    ("op.history.get", {"room": "ROOM", "offset": 0}, "offset"),
    ("op.history.replay", HERE, "from_ts"),
    ("op.history.replay", HERE | {"from_ts": "2026-01-01T00:00:00Z"}, "to_ts"),
    ("op.history.replay", HERE | WINDOW | {"strict_sequence": 1}, "strict_sequence"),
    ("op.history.replay", {"room": "ROOM"} | WINDOW, "channel"),
    ("op.history.replay", HERE | WINDOW | {"limit": 0}, "limit"),
]

NAMED_BY_ROOM = ["create_channel", "delete_channel", "join_channel", "leave_channel", "channel_info"]


def placed(args: dict[str, Any], bus: Bus) -> dict[str, Any]:
    """The args with the room of this case in the place of ROOM."""
    return {name: bus.room if value == "ROOM" else value for name, value in args.items()}


@requirement("CMD-001")
@pytest.mark.parametrize(
    ("name", "args"), COMMANDS, ids=lambda value: value if isinstance(value, str) else ""
)
async def test_a_command_gets_exactly_one_response(bus: Bus, name: str, args: dict[str, Any]) -> None:
    """One response with the command's id, a status, a message and data; nothing else."""
    ann = await bus.connect("ann")
    envelope = ann.envelope("command", command=name, args=placed(args, bus))

    response = await ann.request(envelope)
    await ann.barrier()

    expect.envelope_shape(response)
    expect.equal(response["type"], "response", "type")
    expect.equal(response["request_id"], envelope["id"], "request_id")
    expect.equal(response["status"], "success", "status")
    assert isinstance(response["payload"]["message"], str)
    assert isinstance(response["payload"]["data"], dict)
    assert "error" not in response
    assert "error_code" not in response
    expect.equal(len(ann.replies_to(envelope["id"])), 1, "number of responses")


@depth("smoke")
@requirement("CMD-001")
async def test_a_failed_command_gets_exactly_one_response(bus: Bus) -> None:
    """A failure has the same shape, with its code, its text and empty data."""
    ann = await bus.connect("ann")
    envelope = ann.envelope("command", command="join_channel", args={"room": bus.room})

    response = await ann.request(envelope)
    await ann.barrier()

    expect.failed(response, "COMMAND_VALIDATION_ERROR", names="channel")
    expect.equal(response["request_id"], envelope["id"], "request_id")
    assert isinstance(response["payload"]["message"], str)
    expect.equal(response["payload"]["data"], {}, "data")
    expect.equal(len(ann.replies_to(envelope["id"])), 1, "number of responses")


@requirement("CMD-001")
async def test_commands_sent_together_are_answered_each(bus: Bus) -> None:
    """A hundred commands sent without waiting get a hundred responses, each to its id."""
    ann = await bus.connect("ann")
    sent = [ann.envelope("command", command="ping") for _ in range(100)]

    for envelope in sent:
        await ann.send(envelope)
    responses = [await ann.reply(envelope["id"]) for envelope in sent]

    expect.equal({response["status"] for response in responses}, {"success"}, "statuses")
    expect.equal({len(ann.replies_to(one["id"])) for one in sent}, {1}, "numbers of responses")


@requirement("CMD-001", "ROUTE-014")
async def test_the_effects_of_commands_follow_their_order(bus: Bus) -> None:
    """Join, leave and join again, sent without waiting, leave a member."""
    ann, bob = await bus.clients("ann", "bob")
    sent = [
        ann.envelope("command", command=name, args={"room": bus.room, "channel": "c"})
        for name in ("join_channel", "leave_channel", "join_channel")
    ]

    for envelope in sent:
        await ann.send(envelope)
    responses = [await ann.reply(envelope["id"]) for envelope in sent]
    await bob.publish(bus.room, "c", text="for the member")

    counts = [response["payload"]["data"]["member_count"] for response in responses]
    expect.equal(counts, [1, 0, 1], "member counts")
    assert await ann.texts_until("for the member") == ["for the member"]


@depth("smoke")
@requirement("CMD-002")
@pytest.mark.parametrize("name", UNKNOWN_COMMANDS, ids=repr)
async def test_an_unknown_command_is_not_found(bus: Bus, name: str) -> None:
    """A name that is no command's, spelled exactly, is COMMAND_NOT_FOUND; the connection goes on."""
    ann = await bus.connect("ann")
    await ann.succeed("ping")
    envelope = ann.envelope("command", command=name)

    response = await ann.request(envelope)

    expect.failed(response, "COMMAND_NOT_FOUND")
    expect.equal(response["request_id"], envelope["id"], "request_id")
    await ann.succeed("ping")
    expect.equal(len(ann.replies_to(envelope["id"])), 1, "number of responses")


@requirement("CMD-003")
@pytest.mark.parametrize(("name", "args", "argument"), FAULTY_ARGS)
async def test_a_faulty_argument_is_named(bus: Bus, name: str, args: dict[str, Any], argument: str) -> None:
    """Unknown, missing and ill-typed args are COMMAND_VALIDATION_ERROR, and nothing happens."""
    ann, bob = await bus.clients("ann", "bob")
    await ann.succeed("ping")

    response = await ann.command(name, **placed(args, bus))

    expect.failed(response, "COMMAND_VALIDATION_ERROR", names=argument)
    await ann.succeed("ping")
    listed = await bob.succeed("list_channels", room=bus.room)
    expect.equal(listed["channels"], [], "channels made by a faulty command")


@requirement("CMD-018")
@pytest.mark.parametrize(
    "name",
    [pytest.param(one["value"], id=one["name"]) for one in vectors("names") if not one["accepted"]],
)
async def test_a_room_in_args_follows_the_grammar_of_names(bus: Bus, name: str) -> None:
    """A room outside the grammar is refused by name; one within it is joined before and after."""
    ann = await bus.connect("ann")
    await ann.join(bus.room, "c")

    response = await ann.command("join_channel", room=name, channel="c")

    expect.failed(response, "COMMAND_VALIDATION_ERROR", names="room")
    await ann.join(bus.room, "d")


@requirement("CMD-018")
@pytest.mark.parametrize("command", NAMED_BY_ROOM)
@pytest.mark.parametrize("field", ["room", "channel"])
async def test_every_command_checks_its_names(bus: Bus, field: str, command: str) -> None:
    """Each command that takes a room and a channel refuses either outside the grammar."""
    ann = await bus.connect("ann")
    args: dict[str, Any] = {"room": bus.room, "channel": "c"} | {field: "a/../b"}

    response = await ann.command(command, **args)

    expect.failed(response, "COMMAND_VALIDATION_ERROR", names=field)
    await ann.succeed("ping")


@depth("smoke")
@requirement("CMD-018")
@pytest.mark.parametrize("field", ["room", "channel"])
@pytest.mark.parametrize("command", ["op.history.get", "op.history.replay", "list_channels"])
async def test_reading_commands_check_their_names(bus: Bus, command: str, field: str) -> None:
    """Reading a place whose name cannot exist is a fault, not an empty answer."""
    ann = await bus.connect("ann")
    places = {
        "op.history.get": {"room": bus.room, "channel": "c"},
        "op.history.replay": {"room": bus.room, "channel": "c"} | WINDOW,
        "list_channels": {"room": bus.room},
    }
    await ann.succeed(command, **places[command])

    response = await ann.command(command, **places[command] | {field: "a:b"})

    expect.failed(response, "COMMAND_VALIDATION_ERROR", names=field)
    await ann.succeed(command, **places[command])


@depth("smoke")
@requirement("CMD-004")
async def test_ping_answers_pong_and_the_time(bus: Bus) -> None:
    """Pong is true and the timestamp is RFC 3339 with a zone."""
    ann = await bus.connect("ann")

    data = await ann.succeed("ping")

    assert data["pong"] is True
    assert isinstance(data["timestamp"], str)
    assert expect.TIMESTAMP.fullmatch(data["timestamp"]), data["timestamp"]
