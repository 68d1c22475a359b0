"""What a WebSocket transport and the application behind it know of each other."""

from typing import Any, NamedTuple, Protocol

from arqonbus_reference.access import Principal


class Endpoint(Protocol):
    """A connection, as the application sees it."""

    session: Any
    """Whatever the application keeps for this connection."""

    protobuf: bool
    """Whether its upgrade offered the subprotocol `arqon.v1.protobuf`."""

    def send(self, frames: list[bytes]) -> None:
        """Send whole frames, or drop them where the client is gone."""
        ...

    def close(self, code: int, reason: str) -> None:
        """Send a close frame."""
        ...

    def finish(self) -> None:
        """Everything the client sent before its close frame is answered."""
        ...


class Limits(NamedTuple):
    """The bounds of each connection."""

    max_message_bytes: int
    outbox_bytes: int
    max_connections: int
    handshake_seconds: float
    ping_interval_seconds: float
    ping_timeout_seconds: float


class Application(Protocol):
    """What stands behind the transport; called in the event loop, must not block."""

    def opened(self, connection: Endpoint, principal: Principal) -> None:
        """A client is connected; frames may be sent to it."""
        ...

    def text(self, connection: Endpoint, payload: bytes) -> None:
        """A text message came, valid UTF-8."""
        ...

    def binary(self, connection: Endpoint, payload: bytes) -> None:
        """A binary message came."""
        ...

    def closed(self, connection: Endpoint, code: int, reason: str) -> None:
        """The client sends no more; called once per opened connection.

        The application calls `connection.finish()` when it has sent every answer it still owes.
        """
        ...

    def refused(self, details: str) -> None:
        """A token was refused: missing, malformed or rejected."""
        ...

    def slow(self, connection: Endpoint, unsent_bytes: int) -> None:
        """A client did not read and is being closed with 1013."""
        ...

    def failed(self, site: str, error: Exception) -> None:
        """An exception escaped from what handled a client's data; that client is being closed with 1011."""
        ...
