"""What happened to the messages of one channel, as operations in the order in which they were seen. Pure."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any, NamedTuple

__all__ = ["History", "Kind", "Operation"]


class Kind(StrEnum):
    """What can happen to a message."""

    INVOKED = "invoked"
    ACKED = "acked"
    REFUSED = "refused"
    DELIVERED = "delivered"
    READ = "read"


class Operation(NamedTuple):
    """One thing that happened: to which message, by or for whom, with which sequence where it has one."""

    kind: Kind
    message: str
    client: str = ""
    sequence: int | None = None

    def __str__(self) -> str:
        by = f" {self.client}" if self.client else ""
        at = f" sequence {self.sequence}" if self.sequence is not None else ""
        return f"{self.kind}{by} {self.message}{at}"


class History:
    """The operations on one channel.

    A publish that was invoked and neither acked nor refused may have happened or not.

    Attributes:
        members: who was a member from before the first publish to after the last delivery; each must have received
            everything that was acknowledged.
        stored: whether the ``read`` operations are everything that the history of the channel holds.
    """

    def __init__(self, members: Iterable[str] = (), *, stored: bool = False) -> None:
        self.members = frozenset(members)
        self.stored = stored
        self._operations: list[Operation] = []

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._operations)

    def __len__(self) -> int:
        return len(self._operations)

    def of(self, kind: Kind, client: str | None = None) -> list[Operation]:
        """The operations of that kind, of that client where one is named, in order."""
        return [
            one for one in self._operations if one.kind is kind and (client is None or one.client == client)
        ]

    def invoked(self, message: str, client: str) -> None:
        """A client began to publish a message."""
        self._operations.append(Operation(Kind.INVOKED, message, client))

    def acked(self, message: str, sequence: int | None) -> None:
        """The publish was acknowledged."""
        self._operations.append(Operation(Kind.ACKED, message, "", sequence))

    def refused(self, message: str) -> None:
        """The publish was answered with an error."""
        self._operations.append(Operation(Kind.REFUSED, message))

    def replied(self, reply: dict[str, Any]) -> None:
        """The publish got this reply: an acknowledgement or an error."""
        message = str(reply.get("request_id"))
        if reply.get("type") == "message_response" and reply.get("status") == "success":
            self.acked(message, (reply.get("metadata") or {}).get("sequence"))
        else:
            self.refused(message)

    def delivered(self, message: str, client: str, sequence: int | None) -> None:
        """A client received a message."""
        self._operations.append(Operation(Kind.DELIVERED, message, client, sequence))

    def read(self, message: str, sequence: int | None) -> None:
        """The history of the channel, read in its order, holds a message."""
        self._operations.append(Operation(Kind.READ, message, "", sequence))

    def read_entries(self, entries: Iterable[dict[str, Any]]) -> None:
        """The history of the channel holds these entries, which are all of it."""
        self.stored = True
        for entry in entries:
            self.read(entry["message"]["id"], entry["sequence"])
