"""status tells the truth, help tells everything."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus
from arqonbus_conformance.plugin import depth, requirement
from arqonbus_conformance.suites.unit.stage import Stage

PLACE = {"room", "channel"}
GROUP = PLACE | {"group"}

ARGUMENTS: dict[str, tuple[set[str], set[str]]] = {
    "ping": (set(), set()),
    "status": (set(), set()),
    "help": (set(), set()),
    "create_channel": (PLACE, {"description"}),
    "delete_channel": (PLACE, set()),
    "join_channel": (PLACE, set()),
    "leave_channel": (PLACE, set()),
    "list_channels": (set(), {"room"}),
    "channel_info": (PLACE, set()),
    "op.history.get": (set(), PLACE | {"limit", "since", "until", "cursor"}),
    "op.history.replay": (PLACE | {"from_ts", "to_ts"}, {"strict_sequence", "limit"}),
    "op.group.create": (GROUP, {"start"}),
    "op.group.read": (GROUP, {"count"}),
    "op.group.ack": (GROUP | {"entry_ids"}, set()),
    "op.group.claim": (GROUP | {"min_idle_ms"}, {"count"}),
    "op.group.pending": (GROUP, set()),
    "op.synthesis.run": ({"prompt"}, set()),
}
"""The arguments of each command, required and optional."""

ALIASES = {"history", "history.get", "history.replay"}


async def listed(bus: Bus) -> dict[str, dict[str, Any]]:
    """The commands that help lists, by name."""
    ann = await bus.connect("ann")
    told = await ann.succeed("help")
    expect.that(isinstance(told["commands"], list), "help lists no commands", actual=told)
    data = json.loads(ann.raw[-1])["payload"]["data"]  # plain JSON, for the schema validator
    return {command["name"]: command for command in data["commands"]}


@requirement("CMD-005")
async def test_status_has_every_part(bus: Bus) -> None:
    """server, connections, messages, storage and capabilities, each with its fields."""
    ann = await bus.connect("ann")

    data = await ann.succeed("status")

    assert data["server"]["status"] in {"ok", "degraded", "unavailable", "draining"}
    assert isinstance(data["server"]["version"], str)
    assert data["server"]["uptime_seconds"] >= 0
    assert data["connections"]["current"] >= 1
    expect.equal(set(data["messages"]), {"accepted", "delivered", "rejected"}, "counters of messages")
    assert {"mode", "backend", "durable", "status", "reason", "persistence"} <= set(data["storage"])
    assert data["storage"]["mode"] in {"strict", "degraded"}
    assert data["storage"]["persistence"] in {"verified", "weaker", "off", "not_visible", "none"}


@requirement("CMD-005")
async def test_status_counts_what_happened(bus: Bus) -> None:
    """One accepted and delivered message and one rejected one move their counters."""
    stage = await Stage.of(bus)
    before = (await stage.speaker.succeed("status"))["messages"]

    await stage.say("counted")
    await stage.heard("counted")
    await stage.speaker.send(stage.message(payload={}), malformed=True)
    await stage.speaker.rejection()

    after = (await stage.speaker.succeed("status"))["messages"]
    grown = {name: after[name] - before[name] for name in after}
    assert all(grown[name] >= 1 for name in ("accepted", "delivered", "rejected")), grown


@requirement("CMD-005")
async def test_status_counts_connections(bus: Bus) -> None:
    """The caller's tenant has at least the connections that this case holds."""
    clients = await bus.clients(*(f"client{number}" for number in range(7)))

    data = await clients[0].succeed("status")

    assert data["connections"]["current"] >= 7, data["connections"]


@requirement("CMD-005")
async def test_status_says_of_storage_what_acknowledgements_say(bus: Bus) -> None:
    """Durable in status, in the capabilities and in an acknowledgement are one truth."""
    ann = await bus.connect("ann")
    reply = await ann.publish(bus.room, "c", text="sure?")

    data = await ann.succeed("status")

    durable = reply["metadata"]["durability"] == "durable"
    expect.equal(data["storage"]["durable"], durable, "storage.durable")
    expect.equal(data["capabilities"]["durable"], durable, "capabilities.durable")


@depth("smoke")
@requirement("CMD-006")
async def test_help_lists_every_command_and_no_other(bus: Bus) -> None:
    """Every command of the specification is listed once; nothing unspecified is."""
    ann = await bus.connect("ann")

    data = await ann.succeed("help")

    names = [command["name"] for command in data["commands"]]
    expect.equal(len(set(names)), len(names), "number of different names")
    expect.equal(set(names) - ALIASES, set(ARGUMENTS), "commands listed")


@requirement("CMD-006")
@pytest.mark.parametrize("name", ARGUMENTS)
async def test_help_describes_each_command(bus: Bus, name: str) -> None:
    """A command has a description and a JSON schema of its args that agrees with the specification."""
    commands = await listed(bus)

    expect.that(name in commands, f"help does not list {name}", actual=sorted(commands))
    command = commands[name]
    schema = command["args"]

    required, optional = ARGUMENTS[name]
    assert command["description"].strip()
    jsonschema_rs.validator_for(schema)
    expect.equal(schema["type"], "object", "type of args")
    expect.equal(set(schema.get("properties", {})), required | optional, "arguments")
    expect.equal(set(schema.get("required", [])), required, "required arguments")


@requirement("CMD-006", "CMD-003")
@pytest.mark.parametrize("name", ["ping", "join_channel", "op.history.get", "op.group.read"])
async def test_a_schema_in_help_refuses_what_the_bus_refuses(bus: Bus, name: str) -> None:
    """An unknown argument is a fault by the schema as it is on the wire."""
    commands = await listed(bus)
    args = dict.fromkeys(ARGUMENTS[name][0], "x") | {"no_such_argument": 1}

    expect.that(name in commands, f"help does not list {name}", actual=sorted(commands))
    valid = jsonschema_rs.validator_for(commands[name]["args"]).is_valid(args)

    assert valid is False


@requirement("CMD-015")
async def test_synthesis_that_is_off_says_so(bus: Bus) -> None:
    """Where the welcome does not claim synthesis the operator is FEATURE_DISABLED, whatever the prompt."""
    ann = await bus.connect("ann")
    claimed = ann.welcome["payload"]["protocol"]["capabilities"]["synthesis"]

    responses = [
        await ann.command("op.synthesis.run", prompt=prompt) for prompt in ("count messages", "x" * 8192)
    ]

    codes = {response.get("error_code") for response in responses}
    expect.equal("FEATURE_DISABLED" in codes, not claimed, "whether the operator is disabled")
    expect.equal(len(codes), 1, "number of different answers")
    await ann.succeed("ping")
