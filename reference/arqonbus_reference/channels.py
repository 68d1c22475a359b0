"""Tenants, rooms, channels and who is a member of them. Names are checked before they come here."""

from collections.abc import Iterable, Iterator

from arqonbus_reference.session import Session
from arqonbus_reference.storage.interface import StreamKey

MAX_STREAMS = 100_000
"""Channels and rooms known per tenant; beyond it those without members are forgotten, and asked from storage again."""


class Channel:
    """One stream of messages and its members; with `name` None, the room-wide messages of a room.

    `sequence` is the last one used, None while the storage has not been asked. `lasting` channels were made by
    create_channel and stay without members.
    """

    __slots__ = (
        "created_at",
        "creator",
        "description",
        "in_flight",
        "key",
        "lasting",
        "members",
        "name",
        "room",
        "sequence",
    )

    def __init__(self, room: "Room", name: str | None) -> None:
        self.room = room
        self.name = name
        self.key = StreamKey(room.tenant.name, room.name, name)
        self.members: dict[Session, int] = {}
        self.sequence: int | None = None
        self.in_flight = 0
        self.lasting = False
        self.creator = ""
        self.description = ""
        self.created_at = 0

    @property
    def listed(self) -> bool:
        """True for a channel that exists for its users: created, or joined by somebody."""
        return self.lasting or bool(self.members)

    @property
    def idle(self) -> bool:
        """True when forgetting the channel loses nothing but its place in memory."""
        return not (self.listed or self.in_flight)

    def recipients(self) -> Iterable[Session]:
        """Who gets a message of this stream, each once."""
        if self.name is not None:
            return self.members
        return self.room.members


class Room:
    """A name for a group of channels; `members` counts for each session how many of them it is in."""

    __slots__ = ("channels", "members", "name", "tenant", "wide")

    def __init__(self, tenant: "Tenant", name: str) -> None:
        self.tenant = tenant
        self.name = name
        self.channels: dict[str, Channel] = {}
        self.members: dict[Session, int] = {}
        self.wide = Channel(self, None)


class Tenant:
    """Everything that one tenant can see, and its counters since the start."""

    __slots__ = ("accepted", "delivered", "name", "rejected", "rooms", "sessions", "streams")

    def __init__(self, name: str) -> None:
        self.name = name
        self.rooms: dict[str, Room] = {}
        self.streams = 0
        self.sessions: dict[str, Session] = {}
        self.accepted = 0
        self.delivered = 0
        self.rejected = 0

    def find(self, room: str, channel: str) -> Channel | None:
        """The channel when it is listed."""
        place = self.rooms.get(room)
        found = place.channels.get(channel) if place else None
        return found if found and found.listed else None

    def stream(self, room: str, channel: str | None) -> Channel:
        """The channel of that name (with None the room-wide one), made when there is none; a new one is not listed."""
        place = self.rooms.get(room)
        if place is None:
            place = self.rooms[room] = Room(self, room)
            self._count_one_more()
        if channel is None:
            return place.wide
        found = place.channels.get(channel)
        if found is None:
            found = place.channels[channel] = Channel(place, channel)
            self._count_one_more()
        return found

    def listed(self, room: str | None) -> Iterator[Channel]:
        """The channels that exist, of one room or of all, ordered by room and channel."""
        names = [room] if room is not None else sorted(self.rooms)
        for name in names:
            place = self.rooms.get(name)
            if place:
                yield from (
                    place.channels[key] for key in sorted(place.channels) if place.channels[key].listed
                )

    def join(self, channel: Channel, session: Session, now: int) -> None:
        """Begin a membership; there must be none yet."""
        channel.members[session] = now
        session.memberships.add(channel)
        channel.room.members[session] = channel.room.members.get(session, 0) + 1

    def leave(self, channel: Channel, session: Session) -> None:
        """End a membership."""
        del channel.members[session]
        session.memberships.discard(channel)
        members = channel.room.members
        members[session] -= 1
        if not members[session]:
            del members[session]

    def forget_idle_streams(self) -> int:
        """Forget channels that nobody is a member of and nothing is on its way to; how many there were."""
        before = self.streams
        for room in tuple(self.rooms.values()):
            for channel in [channel for channel in room.channels.values() if channel.idle]:
                del room.channels[str(channel.name)]
                self.streams -= 1
            if not room.channels and room.wide.idle:
                del self.rooms[room.name]
                self.streams -= 1
        return before - self.streams

    def _count_one_more(self) -> None:
        self.streams += 1
        if self.streams % MAX_STREAMS == 0:
            self.forget_idle_streams()
