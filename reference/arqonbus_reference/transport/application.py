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

    def abort(self) -> None:
        """Cut the connection off."""
        ...

    def pause(self) -> None:
        """Read no more from the client."""
        ...

    def resume(self) -> None:
        """Read from the client again."""
        ...

    def finish(self) -> None:
        """Everything the client sent before its close frame is answered."""
        ...


class Listener(Protocol):
    """Where clients come in."""

    rejected: int
    """Those that were not let in."""

    def state(self) -> dict[str, Any]:
        """What it adds to /health and to the status command, by name."""
        ...


class Limits(NamedTuple):
    """The bounds of each connection."""

    max_message_bytes: int
    outbox_bytes: int
    max_connections: int
    handshake_seconds: float
    ping_interval_seconds: float
    ping_timeout_seconds: float


class Configured(Protocol):
    """The settings that bound connections."""

    @property
    def max_message_size(self) -> int:
        """Bytes."""
        ...

    @property
    def outbox_bytes(self) -> int:
        """Unsent ones of a connection."""
        ...

    @property
    def max_connections(self) -> int:
        """Connections at once."""
        ...

    @property
    def handshake_seconds(self) -> float:
        """The longest an upgrade may take."""
        ...

    @property
    def ping_interval_seconds(self) -> float:
        """The longest silence that is not asked about."""
        ...

    @property
    def ping_timeout_seconds(self) -> float:
        """The longest the answer may take."""
        ...


def limits_of(settings: Configured) -> Limits:
    """The bounds of each connection that were configured."""
    return Limits(
        max_message_bytes=settings.max_message_size,
        outbox_bytes=settings.outbox_bytes,
        max_connections=settings.max_connections,
        handshake_seconds=settings.handshake_seconds,
        ping_interval_seconds=settings.ping_interval_seconds,
        ping_timeout_seconds=settings.ping_timeout_seconds,
    )


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
