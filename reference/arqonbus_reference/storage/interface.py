"""What the bus asks of its storage, whatever stands behind it."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, Protocol

Durability = Literal["durable", "memory"]
Persistence = Literal["verified", "weaker", "off", "not_visible", "none"]


class StreamKey(NamedTuple):
    """One stream: the messages of a channel, or with `channel` None the room-wide messages of a room."""

    tenant: str
    room: str
    channel: str | None


class Entry(NamedTuple):
    """One stored message; `message` is the JSON object as delivered, `stored_at` milliseconds since the epoch."""

    key: StreamKey
    sequence: int
    stored_at: int
    message: bytes

    @property
    def entry_id(self) -> str:
        """The name of this entry in replies and in consumer groups."""
        return f"{self.sequence}-0"


class GroupEntry(NamedTuple):
    """An entry given to a consumer, for the `delivery_count`-th time (1 is the first)."""

    entry: Entry
    delivery_count: int


class PendingEntry(NamedTuple):
    """An entry given to `consumer` and not acknowledged, `idle_ms` after its last delivery."""

    entry_id: str
    consumer: str
    idle_ms: int
    delivery_count: int


class HistoryQuery(NamedTuple):
    """Newest `limit` entries of a channel, a room (`channel` None) or a tenant (`room` None too), within bounds.

    `since` and `until` are inclusive bounds on `stored_at` in milliseconds since the epoch; `cursor` is what an earlier page gave.
    """

    tenant: str
    room: str | None
    channel: str | None
    limit: int
    since: int | None = None
    until: int | None = None
    cursor: str | None = None


class Page(NamedTuple):
    """Entries in ascending order, and the cursor of the next older page, None when there is none."""

    entries: list[Entry]
    cursor: str | None


class StorageStatus(NamedTuple):
    """What the storage says of itself now; `reason` is None exactly when `status` is ok and persistence is not weaker."""

    mode: Literal["strict", "degraded"]
    backend: Literal["memory", "redis_streams"]
    durable: bool
    status: Literal["ok", "degraded", "unavailable"]
    reason: str | None
    persistence: Persistence


class StorageEvent(NamedTuple):
    """A change worth announcing: storage.degraded, storage.unavailable or storage.recovered."""

    event_type: str
    reason: str
    written_back: int = 0
    lost: int = 0


class StorageUnavailableError(Exception):
    """The storage did not answer, refused the write, or ran out of time."""


class CapabilityUnavailableError(Exception):
    """The storage in use cannot do this (consumer groups in memory)."""


class UnknownGroupError(Exception):
    """No consumer group of that name on that stream."""


class InvalidCursorError(Exception):
    """The cursor is not one that this storage gave."""


class MissingSequenceError(Exception):
    """Sequences `first` to `last` are not in the window that was to be complete."""

    def __init__(self, first: int, last: int) -> None:
        super().__init__(f"sequence {first} to {last} missing")
        self.first = first
        self.last = last


class Storage(Protocol):
    """Every method raises StorageUnavailableError when the storage cannot answer within its timeout."""

    on_event: Callable[[StorageEvent], None]
    """Called for each change of state; set by the owner before `start`."""

    @property
    def immediate(self) -> bool:
        """True while `append_now` may be called: appending needs no I/O."""
        ...

    def status(self) -> StorageStatus:
        """What is true now, without I/O."""
        ...

    async def start(self) -> None:
        """Connect, look at the server's persistence, begin watching it."""
        ...

    async def close(self) -> None:
        """Stop watching and disconnect."""
        ...

    async def last_sequences(self, keys: Sequence[StreamKey]) -> list[int]:
        """The sequence last used in each stream, 0 for a new one."""
        ...

    def append_now(self, entries: Sequence[Entry]) -> Durability:
        """Append without I/O; only while `immediate`."""
        ...

    async def append(self, entries: Sequence[Entry]) -> Durability:
        """Append all entries or none; sequences are given by the caller and follow the last one of their stream."""
        ...

    async def history(self, query: HistoryQuery) -> Page:
        """A page of history. Raises: InvalidCursorError."""
        ...

    async def replay(
        self, key: StreamKey, from_ms: int, to_ms: int, limit: int, *, strict_sequence: bool
    ) -> tuple[list[Entry], bool]:
        """Entries of the window, oldest first, and whether they are all. Raises: MissingSequenceError."""
        ...

    async def stats(self) -> tuple[int, int]:
        """How many streams and how many entries are held."""
        ...

    async def group_create(self, key: StreamKey, group: str, *, from_beginning: bool) -> bool:
        """Create the group; False when it existed. Raises: CapabilityUnavailableError, as all group methods."""
        ...

    async def group_read(self, key: StreamKey, group: str, consumer: str, count: int) -> list[GroupEntry]:
        """Entries not yet given to any consumer. Raises: UnknownGroupError, as the methods below."""
        ...

    async def group_ack(self, key: StreamKey, group: str, entry_ids: Sequence[str]) -> int:
        """How many of the entries were pending; they are no more."""
        ...

    async def group_claim(
        self,
        key: StreamKey,
        group: str,
        consumer: str,
        min_idle_ms: int,
        count: int,
        *,
        owner: str | None = None,
        take_own: bool = True,
    ) -> list[GroupEntry]:
        """Take over entries idle at least `min_idle_ms` (of `owner` only, when given; not the own ones without `take_own`)."""
        ...

    async def group_leave(self, key: StreamKey, group: str, consumer: str) -> int:
        """Forget the consumer when nothing is pending to it; how many entries are."""
        ...

    async def group_pending(self, key: StreamKey, group: str, count: int) -> tuple[int, list[PendingEntry]]:
        """How many entries are pending, and the oldest `count` of them."""
        ...
