"""The commands on channels: create, delete, join, leave, list, describe. No I/O."""

from collections.abc import Callable
from itertools import islice
from typing import Any, NamedTuple

from msgspec import UNSET

from arqonbus_reference import replies
from arqonbus_reference.channels import MAX_STREAMS, Channel, Tenant
from arqonbus_reference.effects import Announce
from arqonbus_reference.errors import CommandError
from arqonbus_reference.session import Session

MAX_MEMBERSHIPS = 10_000
"""Channels that one connection may be a member of."""

MAX_LISTED_CHANNELS = 1000
"""Channels that one list_channels shows."""


class Outcome(NamedTuple):
    """What a command answers, announces, and whom else it tells."""

    message: str
    data: dict[str, Any]
    announcements: tuple[Announce, ...] = ()
    told: tuple[Session, ...] = ()
    notice: bytes = b""


def announced(event_type: str, session: Session, channel: Channel) -> Announce:
    """A membership event."""
    fields = {"client_id": session.client_id, "room": channel.room.name, "channel": channel.name}
    return Announce(event_type, session.principal.tenant, fields)


def _create(tenant: Tenant, session: Session, args: Any, now: int) -> Outcome:
    channel = tenant.find(args.room, args.channel)
    if channel is not None:
        channel.lasting = True
        channel.description = channel.description or args.description
        return Outcome("channel existed already", _names(args) | {"created": False})
    _make_room_for_one_more(tenant)
    channel = tenant.stream(args.room, args.channel)
    _found(channel, session, now)
    channel.lasting = True
    channel.description = args.description
    return Outcome("channel created", _names(args) | {"created": True})


def _delete(tenant: Tenant, session: Session, args: Any, now: int) -> Outcome:
    channel = tenant.find(args.room, args.channel)
    if channel is None:
        return Outcome("no such channel", _names(args) | {"deleted": False})
    if channel.creator != _identity(session) and not session.principal.admin:
        raise CommandError(
            "AUTHORIZATION_DENIED", "only the channel's creator or an administrator may delete it"
        )
    members = tuple(channel.members)
    for member in members:
        tenant.leave(channel, member)
    channel.lasting = False
    notice = replies.from_bus(now, {"event": "channel.deleted"} | _names(args))
    announcements = tuple(announced("channel.left", member, channel) for member in members)
    return Outcome("channel deleted", _names(args) | {"deleted": True}, announcements, members, notice)


def _join(tenant: Tenant, session: Session, args: Any, now: int) -> Outcome:
    channel = tenant.find(args.room, args.channel)
    if channel is None:
        _make_room_for_one_more(tenant)
        channel = tenant.stream(args.room, args.channel)
        _found(channel, session, now)
    if session in channel.members:
        return Outcome("already a member", _counted(channel, args) | {"joined": False})
    if len(session.memberships) >= MAX_MEMBERSHIPS:
        raise CommandError(
            "COMMAND_VALIDATION_ERROR", f"channel: one more membership; allowed: {MAX_MEMBERSHIPS}"
        )
    tenant.join(channel, session, now)
    event = announced("channel.joined", session, channel)
    return Outcome("joined", _counted(channel, args) | {"joined": True}, (event,))


def _leave(tenant: Tenant, session: Session, args: Any, now: int) -> Outcome:
    channel = tenant.find(args.room, args.channel)
    if channel is None or session not in channel.members:
        raise CommandError(
            "TARGET_NOT_FOUND", "channel: not a member of it; allowed: a channel joined before"
        )
    tenant.leave(channel, session)
    return Outcome("left", _counted(channel, args), (announced("channel.left", session, channel),))


def _list(tenant: Tenant, session: Session, args: Any, now: int) -> Outcome:
    room = None if args.room is UNSET else args.room
    found = list(islice(tenant.listed(room), MAX_LISTED_CHANNELS + 1))
    channels = [_listed(channel) for channel in found[:MAX_LISTED_CHANNELS]]
    data = {"channels": channels, "count": len(channels), "truncated": len(found) > MAX_LISTED_CHANNELS}
    return Outcome("the channels", data)


def _info(tenant: Tenant, session: Session, args: Any, now: int) -> Outcome:
    channel = tenant.find(args.room, args.channel)
    if channel is None:
        raise CommandError("TARGET_NOT_FOUND", "channel: no such channel; allowed: what list_channels shows")
    members = [
        {"client_id": member.client_id, "joined_at": replies.stamp(joined_at)}
        for member, joined_at in channel.members.items()
    ]
    return Outcome("the channel", _listed(channel) | {"created_by": channel.creator, "members": members})


def _names(args: Any) -> dict[str, Any]:
    return {"room": args.room, "channel": args.channel}


def _counted(channel: Channel, args: Any) -> dict[str, Any]:
    return _names(args) | {"member_count": len(channel.members)}


def _listed(channel: Channel) -> dict[str, Any]:
    return {
        "room": channel.room.name,
        "channel": channel.name,
        "description": channel.description,
        "member_count": len(channel.members),
        "created_at": replies.stamp(channel.created_at),
    }


def _identity(session: Session) -> str:
    return session.principal.subject or session.client_id


def _found(channel: Channel, session: Session, now: int) -> None:
    channel.creator = _identity(session)
    channel.description = ""
    channel.created_at = now


def _make_room_for_one_more(tenant: Tenant) -> None:
    if tenant.streams >= MAX_STREAMS and not tenant.forget_idle_streams():
        raise CommandError("COMMAND_VALIDATION_ERROR", f"channel: one more channel; allowed: {MAX_STREAMS}")


MEMBERSHIP_COMMANDS: dict[str, Callable[[Tenant, Session, Any, int], Outcome]] = {
    "create_channel": _create,
    "delete_channel": _delete,
    "join_channel": _join,
    "leave_channel": _leave,
    "list_channels": _list,
    "channel_info": _info,
}
"""Each takes the tenant, the session that asks, its arguments and the time in milliseconds; may raise CommandError."""
