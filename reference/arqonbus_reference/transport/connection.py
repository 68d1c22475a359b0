"""One client of the bus, from its first byte to its last: strict RFC 6455, bounded both ways."""

import asyncio
from typing import TYPE_CHECKING, Any

from arqonbus_reference.transport import handshake
from arqonbus_reference.transport.frames import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    Frame,
    FrameReader,
    ProtocolFault,
    close_code,
    close_frame,
    control_frame,
)
from arqonbus_reference.transport.handshake import MAX_HEAD_BYTES, Accepted, Refused

if TYPE_CHECKING:
    from arqonbus_reference.transport.websocket_bus import WebSocketBus

CLOSE_SECONDS = 2.0
"""The longest a connection stays open after a close frame was sent, and a refused upgrade after its answer."""

CLOCK_SECONDS = 5.0
"""The longest between two looks at the wall clock, which may be set while a token lives."""

MAX_UPGRADING = 4096
"""Connections that have not finished their upgrade; one more is cut off at once."""


class Connection(asyncio.Protocol):
    """One client, from its first byte to its last."""

    __slots__ = (
        "_bus",
        "_closing",
        "_deadline",
        "_echo",
        "_expiry",
        "_head",
        "_heard_at",
        "_loop",
        "_pinged_at",
        "_reader",
        "_transport",
        "gone",
        "protobuf",
        "session",
    )

    def __init__(self, bus: "WebSocketBus") -> None:
        self._bus = bus
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._reader: FrameReader | None = None
        self._head = bytearray()
        self._closing = False
        self._echo: bytes | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._heard_at = 0.0
        self._pinged_at: float | None = None
        self.gone: asyncio.Future[None] = self._loop.create_future()
        self.protobuf = False
        self.session: Any = None

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake."""
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")  # noqa: S101  for the type checker
        self._transport = transport  # type: ignore[assignment]
        if len(self._bus.upgrading) >= MAX_UPGRADING:
            self.abort()
            return
        self._bus.upgrading.add(self)
        self._deadline = self._loop.call_later(self._bus.limits.handshake_seconds, self.abort)

    def data_received(self, data: bytes) -> None:
        """Read the handshake or frames."""
        self._heard_at = self._loop.time()
        self._pinged_at = None
        try:
            if self._reader is not None:
                self._read(data)
            elif not self._closing:
                self._upgrade(data)
        except Exception as error:  # noqa: BLE001  the boundary: one client's fault must not end the process (INT)
            self._bus.application.failed("websocket.read", error)
            self.close(1011, "internal error")

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed."""
        self._bus.upgrading.discard(self)
        self._closing = True  # a closed transport must not be written to
        for timer in (self._deadline, self._expiry):
            if timer is not None:
                timer.cancel()
        self._leave(1006, "connection lost")
        if not self.gone.done():
            self.gone.set_result(None)

    # -- sending

    def send(self, frames: list[bytes]) -> None:
        """Send whole frames; a client that left over `outbox_bytes` of earlier ones unread is closed instead (LIM-001)."""
        transport = self._transport
        if self._closing or transport is None or self._is_slow(transport):
            return
        if len(frames) == 1:
            transport.write(frames[0])
        else:
            transport.writelines(frames)

    def _is_slow(self, transport: asyncio.Transport) -> bool:
        """True when the client is now being closed for what it left unread before this tick."""
        unsent = transport.get_write_buffer_size()
        if unsent <= self._bus.limits.outbox_bytes:
            return False
        self._bus.application.slow(self, unsent)
        self.close(1013, "slow consumer")
        return True

    def close(self, code: int, reason: str) -> None:
        """Send a close frame and wait for the peer's within CLOSE_SECONDS; what was sent before is flushed first."""
        if self._closing or self._transport is None:
            return
        self._transport.write(close_frame(code, reason))
        self._end(code, reason)

    def abort(self) -> None:
        """Cut the connection off."""
        if self._transport is not None:
            self._transport.abort()

    def pause(self) -> None:
        """Read no more from this client until `resume`."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read from this client again."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def keep_alive(self, now: float) -> None:
        """Ping a silent client; close one that did not answer (CONN-011)."""
        limits = self._bus.limits
        if self._closing or self._transport is None or self._is_slow(self._transport):
            return
        if self._pinged_at is not None:
            if now - self._pinged_at > limits.ping_timeout_seconds:
                self.close(1011, "keepalive ping timeout")
        elif now - self._heard_at > limits.ping_interval_seconds:
            self._transport.write(control_frame(PING, b""))
            self._pinged_at = now

    # -- receiving

    def _upgrade(self, data: bytes) -> None:
        self._head += data
        end = self._head.find(b"\r\n\r\n")
        if end < 0 and len(self._head) <= MAX_HEAD_BYTES:
            return
        if end > MAX_HEAD_BYTES or end < 0:
            self._refuse(handshake.too_large())
            return
        bus = self._bus
        head = bytes(self._head[: end + 4])
        other = None if bus.divert is None else bus.divert(head)
        if other is not None:
            self._hand_over(other)
            return
        full = len(bus.connections) + bus.elsewhere() >= bus.limits.max_connections
        answer = handshake.answer(head, bus.doorway, full=full)
        rest = bytes(self._head[end + 4 :])
        self._head.clear()
        if isinstance(answer, Refused):
            self._refuse(answer)
            return
        self._open(answer)
        if rest:
            self._read(rest)

    def _hand_over(self, other: asyncio.Protocol) -> None:
        """Let another protocol have this connection from its first byte on."""
        assert self._transport is not None and self._deadline is not None  # noqa: S101, PT018  for the type checker
        self._deadline.cancel()
        self._bus.upgrading.discard(self)
        transport, self._transport, self._closing = self._transport, None, True
        transport.set_protocol(other)
        other.connection_made(transport)
        other.data_received(bytes(self._head))

    def _open(self, answer: Accepted) -> None:
        assert self._transport is not None and self._deadline is not None  # noqa: S101, PT018  for the type checker
        self._deadline.cancel()
        self._bus.upgrading.discard(self)
        self._bus.connections.add(self)
        self._reader = FrameReader(self._bus.limits.max_message_bytes)
        self._transport.write(answer.response)
        self.protobuf = answer.protobuf
        self._bus.application.opened(self, answer.principal)
        if answer.principal.expires_at is not None:
            self._expire(answer.principal.expires_at)

    def _expire(self, expires_at: float) -> None:
        """Close once the wall clock says so (AUTH-009)."""
        remaining = expires_at - self._bus.clock()
        if remaining <= 0:
            self.close(4401, "token expired")
        else:
            self._expiry = self._loop.call_later(min(remaining, CLOCK_SECONDS), self._expire, expires_at)

    def _refuse(self, answer: Refused) -> None:
        self._closing = True
        self._bus.rejected += 1
        if answer.details is not None:
            self._bus.application.refused(answer.details)
        if self._transport is not None:
            self._transport.write(answer.response)
            self._transport.close()

    def _read(self, data: bytes) -> None:
        assert self._reader is not None  # noqa: S101  for the type checker
        try:
            for frame in self._reader.read(data):
                if self._closing or self._echo is not None:
                    if frame.opcode == CLOSE:
                        self._peer_closed(frame.payload)
                        return
                elif frame.opcode == TEXT:
                    self._bus.application.text(self, frame.payload)
                elif self._control(frame):
                    return
        except ProtocolFault as fault:
            self.close(fault.code, fault.reason)

    def _control(self, frame: Frame) -> bool:
        """Handle what is no text; True when nothing after it counts."""
        assert self._transport is not None  # noqa: S101  for the type checker
        if frame.opcode == CLOSE:
            self._peer_closed(frame.payload)
            return True
        if frame.opcode == PING:
            self.send([control_frame(PONG, frame.payload)])
        elif frame.opcode == BINARY:
            self._bus.application.binary(self, frame.payload)
        return False

    def _peer_closed(self, payload: bytes) -> None:
        """Answer the close frame once the application has answered what came before it (CONN-009)."""
        assert self._transport is not None  # noqa: S101  for the type checker
        code = close_code(payload)
        if self._closing:
            self._transport.close()
        elif self._echo is None:
            self._echo = control_frame(CLOSE, payload[:2])
            self._deadline = self._loop.call_later(CLOSE_SECONDS, self.finish)
            self._leave(code, payload[2:].decode())

    # -- ending

    def finish(self) -> None:
        """The application has answered everything a client sent before its close frame: answer that too."""
        if self._echo is None or self._closing or self._transport is None:
            return
        self._transport.write(self._echo)
        self._transport.close()
        self._arm_abort()

    def _end(self, code: int, reason: str) -> None:
        self._arm_abort()
        self._leave(code, reason)

    def _arm_abort(self) -> None:
        self._closing = True
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self._loop.call_later(CLOSE_SECONDS, self.abort)

    def _leave(self, code: int, reason: str) -> None:
        if self in self._bus.connections:
            self._bus.connections.discard(self)
            self._bus.application.closed(self, code, reason)
