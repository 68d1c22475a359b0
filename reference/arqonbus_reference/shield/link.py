"""What Shield and the bus say to each other over NATS: subjects, headers, and what a message holds.

A Shield process is a *node*; each of its clients has one *session*, which the bus serves as it serves a connection of its own.

| subject | from | headers | payload |
|---|---|---|---|
| `in.t.TOKEN.open` | node | session, node, sequence of the last question | `Opening` as JSON: number 1 of its session |
| `in.t.TOKEN.raw` | node | session, sequence | one JSON text frame of the client; with `more` the rest follows |
| `in.t.TOKEN.close` | node | session, sequence | `Ending` as JSON; what is owed to the client follows, then `node.NODE.close` |
| `node.NODE.frames` | bus | session, sequence | whole WebSocket text frames of the server; with `more` the rest follows |
| `node.NODE.close` | bus | session | `Ending` as JSON: the client is to be closed so |
| `node.NODE.pause`, `.resume` | bus | session | read no more from the client, read again |
| `beat.bus` | bus | epoch | empty, every `BEAT_SECONDS` |
| `beat.node` | node | node | empty, every `BEAT_SECONDS` |
| `sync.node` | node | node, sequence | `Known` as JSON: what the node has sent and received in each of its sessions; may have `more` |
| `node.NODE.synced` | bus | epoch, sequence of the question | `Known` as JSON: what the bus has seen and sent; may have `more`. Sessions it does not name are over |
| `node.NODE.lost` | bus | epoch | empty: the bus does not know the node, or could not send it something; ask |

Core NATS: nothing is stored on the way. Both directions of a session are numbered from 1 on, one number for each message, so that each
side can tell what got lost. A new epoch says that the bus restarted or lost its connection. A node asks with `sync.node`
when it connected, heard a new epoch, found a number missing or was told so, and sends nothing until it is answered. The bus first sends again
what the node missed; where it does not have it any more, the session is over, and the node closes its client with 1012.
"""

import re
from collections.abc import Iterator
from typing import Final, Protocol, TypeVar

import msgspec

from arqonbus_reference.shield import subjects

SESSION: Final = "Arqon-Session"
"""Header: 32 hexadecimal digits, made by the node, never reused."""

SEQUENCE: Final = "Arqon-Sequence"
"""Header: the number of this message among those of its session and direction, from 1 on."""

NODE: Final = "Arqon-Node"
"""Header: 16 hexadecimal digits, made by the Shield process when it starts."""

EPOCH: Final = "Arqon-Epoch"
"""Header: names one unbroken connection of the bus to NATS."""

MORE: Final = "Arqon-More"
"""Header, `1`: the payload goes on in the next message of its kind; NATS bounds what one may hold."""

BEAT_SECONDS: Final = 0.5
"""Between two signs of life of a node or of the bus."""

LEASE_SECONDS: Final = 4.0
"""A node or a bus silent for so long, NATS being connected, is gone; short enough to refuse within the 5 seconds of docs/spec/shield.md."""

LEASE_BEATS: Final = round(LEASE_SECONDS / BEAT_SECONDS)
"""The lease in beats of one's own, so that a process that stood still blames nobody else for it."""

INBOUND: Final = "in.t.*.*"
"""What the bus consumes."""

BUS_BEAT: Final = "beat.bus"
NODE_BEAT: Final = "beat.node"
NODE_SYNC: Final = "sync.node"

_ID: Final = re.compile(r"[0-9a-f]{16,32}")
_TEXT: Final = 0x81


class LinkError(ValueError):
    """A message of the spine that is none of ours."""


class Opening(msgspec.Struct, frozen=True):
    """Whom the token of a new session names; its tenant is in the subject."""

    subject: str
    admin: bool


class Ending(msgspec.Struct, frozen=True):
    """A close code and its reason."""

    code: int
    reason: str


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """The last sequence of each direction that one side has seen: `up` to the bus, `down` from it."""

    up: int
    down: int


Known = dict[str, Seen]
"""Sessions and what has been seen of them."""


class EdgeClient(Protocol):
    """A client of Shield, as the spine needs it."""

    def deliver(self, frames: bytes) -> None:
        """Send whole WebSocket text frames of the server, in order; `texts` takes them apart."""
        ...

    def unanswered(self, request_id: str, *, command: bool) -> None:
        """Answer a request SPINE_UNAVAILABLE: its frame or its answer was lost (`command`: as a command is answered)."""
        ...

    def end(self, code: int, reason: str) -> None:
        """Close the connection; the bus has ended its session."""
        ...

    def pause(self) -> None:
        """Read no more."""
        ...

    def resume(self) -> None:
        """Read again."""
        ...


class EdgeSession(Protocol):
    """A client's session on the bus, as Shield uses it."""

    def send(self, text: bytes, request_id: str, *, command: bool) -> None:
        """Hand on a frame that passed every check.

        Raises:
            SpineUnavailableError: the bus cannot be reached now; the frame is dropped.
        """
        ...

    def close(self, code: int, reason: str) -> None:
        """The client is gone, or is being closed by Shield; never raises.

        What was sent before still counts: `deliver` may bring the answers to it, and then `end` is called once, by the bus
        or when it cannot be reached. A client that is gone ignores both; one that sent a close frame gets its echo then (CONN-009).
        """
        ...


def inbound(tenant: str, kind: str) -> str:
    """The subject of a tenant's frames (`raw`) or sessions (`open`, `close`)."""
    return f"in.t.{subjects.token(tenant)}.{kind}"


def tenant_and_kind(subject: str) -> tuple[str, str]:
    """Whose frame or session it is, and which of `raw`, `open` and `close`.

    Raises:
        LinkError: it is no such subject.
    """
    parts = subject.split(".")
    if len(parts) != 4 or parts[3] not in ("raw", "open", "close"):
        raise LinkError(f"subject: {subject[:64]!r}; allowed: in.t.TOKEN.raw, .open, .close")
    return subjects.tenant(parts[2]), parts[3]


def outbound(node: str, kind: str) -> str:
    """The subject that a node hears: `frames`, `close`, `pause`, `resume`, `synced`, `lost`, or `*` for all."""
    return f"node.{node}.{kind}"


def checked_id(value: str | None) -> str:
    """The id of a session or node.

    Raises:
        LinkError: it is none.
    """
    if value is None or not _ID.fullmatch(value):
        raise LinkError(f"id: {str(value)[:64]!r}; allowed: 16 to 32 hexadecimal digits")
    return value


def checked_sequence(value: str | None) -> int:
    """A message's number.

    Raises:
        LinkError: it is none.
    """
    if value is None or not value.isascii() or not value.isdigit() or len(value) > 18:
        raise LinkError(f"sequence: {str(value)[:64]!r}; allowed: 1 to 18 digits")
    return int(value)


_T = TypeVar("_T")


def decoded(payload: bytes, kind: type[_T]) -> _T:
    """An `Opening`, an `Ending` or a `Known` of a message.

    Raises:
        LinkError: it is none.
    """
    try:
        return msgspec.json.decode(payload, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise LinkError(f"payload: no {getattr(kind, '__name__', kind)} ({error})") from None


def texts(frames: bytes) -> Iterator[bytes]:
    """The texts in whole WebSocket text frames of a server.

    Raises:
        LinkError: it is no such thing.
    """
    at = 0
    while at < len(frames):
        short = frames[at + 1] if at + 1 < len(frames) else 128
        width = {126: 2, 127: 8}.get(short, 0)
        begin = at + 2 + width
        length = int.from_bytes(frames[at + 2 : begin], "big") if width else short
        if frames[at] != _TEXT or short > 127 or begin + length > len(frames):
            raise LinkError("frames: allowed: whole text frames of a server")
        yield frames[begin : begin + length]
        at = begin + length
