"""What the broker decides and others carry out: values, no I/O."""

from typing import Any, NamedTuple

from arqonbus_reference.channels import Channel
from arqonbus_reference.session import Session

Outbound = dict[Session, list[bytes]]
"""Whole frames for each session, in order."""


class Publication:
    """An accepted message on its way: stored if it has a stream, then delivered and acknowledged.

    `head` is the client's document without its closing brace, the sender stamped in; `repeats` counts how often the same id
    came again meanwhile.
    """

    __slots__ = (
        "frame",
        "head",
        "message_id",
        "recipient",
        "repeats",
        "sequence",
        "session",
        "stream",
        "tail",
    )

    def __init__(
        self,
        session: Session,
        message_id: str,
        stamped: tuple[bytes, bytes],
        stream: Channel | None,
        recipient: Session | None,
    ) -> None:
        self.session = session
        self.message_id = message_id
        self.head, self.tail = stamped
        self.stream = stream
        self.recipient = recipient
        self.sequence: int | None = None
        self.frame = b""
        self.repeats = 0


class Announce(NamedTuple):
    """A telemetry event about one tenant."""

    event_type: str
    tenant: str
    fields: dict[str, Any]


class Execute(NamedTuple):
    """A command that needs I/O: run `command` with `args`, then answer `request_id`."""

    session: Session
    request_id: str
    command: str
    args: Any


class Answered(NamedTuple):
    """What a request leads to: frames for sessions, events to announce, and a command to run, if any."""

    outbound: Outbound
    announcements: tuple[Announce, ...] = ()
    execute: Execute | None = None
