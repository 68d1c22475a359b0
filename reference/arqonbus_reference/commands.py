"""The table of commands: name, description, arguments; and what is wrong with arguments that do not fit."""

import re
from functools import cache
from typing import Annotated, Any, NamedTuple, TypeVar

import msgspec
from msgspec import Meta, Raw

from arqonbus_reference.errors import CommandError
from arqonbus_reference.groups import (
    GroupAckArgs,
    GroupClaimArgs,
    GroupCreateArgs,
    GroupPendingArgs,
    GroupReadArgs,
)
from arqonbus_reference.history import HistoryGetArgs, HistoryReplayArgs
from arqonbus_reference.names import Name
from arqonbus_reference.operators.synthesis import SynthesisArgs


class NoArgs(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A command without arguments."""


class ChannelArgs(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A channel by its names."""

    room: Name
    channel: Name


class CreateChannelArgs(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A channel to be made."""

    room: Name
    channel: Name
    description: Annotated[str, Meta(max_length=1024, description="0-1024 characters")] = ""


class ListChannelsArgs(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """All channels, or those of one room."""

    room: Name | msgspec.UnsetType = msgspec.UNSET


class Command(NamedTuple):
    """A command of the specification; `name` is the canonical one, also for an alias."""

    name: str
    description: str
    args: type[msgspec.Struct]


_COMMANDS = (
    Command("ping", "Answer at once.", NoArgs),
    Command("status", "Tell the state of the deployment and what it can do.", NoArgs),
    Command("help", "List the commands.", NoArgs),
    Command("create_channel", "Make a channel that stays without members.", CreateChannelArgs),
    Command("delete_channel", "Delete a channel of one's own.", ChannelArgs),
    Command("join_channel", "Become a member of a channel, making it when there is none.", ChannelArgs),
    Command("leave_channel", "End a membership.", ChannelArgs),
    Command("list_channels", "List the channels, of a room or of all.", ListChannelsArgs),
    Command("channel_info", "Describe a channel and its members.", ChannelArgs),
    Command(
        "op.history.get",
        "Read the newest entries of a channel, a room or a tenant, page by page.",
        HistoryGetArgs,
    ),
    Command(
        "op.history.replay",
        "Read the entries of a channel in a window of time, oldest first.",
        HistoryReplayArgs,
    ),
    Command("op.group.create", "Make a consumer group on a channel.", GroupCreateArgs),
    Command("op.group.read", "Take entries that no consumer of the group was given.", GroupReadArgs),
    Command("op.group.ack", "Acknowledge entries.", GroupAckArgs),
    Command("op.group.claim", "Take over entries that another consumer left idle.", GroupClaimArgs),
    Command("op.group.pending", "List the entries not acknowledged.", GroupPendingArgs),
    Command("op.synthesis.run", "Turn a prompt into an operator.", SynthesisArgs),
)
_ALIASES = {
    "history": "op.history.get",
    "history.get": "op.history.get",
    "history.replay": "op.history.replay",
}
_BY_NAME = {command.name: command for command in _COMMANDS}
COMMANDS = _BY_NAME | {alias: _BY_NAME[name] for alias, name in _ALIASES.items()}
"""Every name a command answers to."""

SHOWN_BYTES = 64
"""Bytes of a refused argument that an error text shows."""

Args = TypeVar("Args", bound=msgspec.Struct)

_AT = re.compile(r"at `\$\.([A-Za-z0-9_]+)")
_FIELD = re.compile(r"(missing required|unknown) field `([^`]{0,64})")


@cache
def args_schema(args: type[msgspec.Struct]) -> dict[str, Any]:
    """The JSON schema of a command's arguments, without references; made once for each type and not to be changed."""
    (_, *_), components = msgspec.json.schema_components([args], ref_template="{name}")
    schema: dict[str, Any] = components[args.__name__]
    return schema


def described() -> list[dict[str, Any]]:
    """Every command name with its description and the schema of its arguments."""
    return [
        {"name": name, "description": command.description, "args": args_schema(command.args)}
        for name, command in COMMANDS.items()
    ]


def read_args(raw: Raw | bytes, args: type[Args]) -> Args:
    """The arguments as their type.

    Raises:
        CommandError: COMMAND_VALIDATION_ERROR naming the argument and what is allowed.
    """
    try:
        return msgspec.json.decode(raw, type=args)
    except msgspec.ValidationError as fault:
        raise CommandError("COMMAND_VALIDATION_ERROR", _args_fault(str(fault), args, raw)) from None


def _args_fault(fault: str, args: type[msgspec.Struct], raw: Raw | bytes) -> str:
    properties: dict[str, Any] = args_schema(args).get("properties", {})
    allowed = ", ".join(properties) or "no arguments"
    field = _FIELD.search(fault)
    if field and field[1] == "unknown":
        name = field[2] if field[2].isprintable() and field[2].isascii() else ascii(field[2])
        return f"{name}: unknown argument; allowed: {allowed}"
    if field:
        return f"{field[2]}: missing; allowed: {_allowed(properties.get(field[2], {}))}"
    at = _AT.search(fault)
    name = at[1] if at else "args"
    return f"{name}: {_shown(raw, name)} is not allowed; allowed: {_allowed(properties.get(name, {}))}"


def _shown(raw: Raw | bytes, name: str) -> str:
    value = bytes(msgspec.json.decode(raw, type=dict[str, Raw]).get(name, Raw(b"this value")))
    text = value.decode().encode("ascii", "backslashreplace").decode()
    return text if len(text) <= SHOWN_BYTES else text[:SHOWN_BYTES] + "..."


def _allowed(schema: dict[str, Any]) -> str:
    if "description" in schema:
        return str(schema["description"])
    shown = {key: value for key, value in schema.items() if key not in ("default", "title", "$ref")}
    return msgspec.json.encode(shown).decode() if shown else "see help"
