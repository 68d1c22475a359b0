"""WebSocket frames as bytes (RFC 6455): built as told, right or wrong, and parsed strictly.

Pure: no socket, no clock. The encoder builds what no library would serialise; the decoder refuses what a server
must not send.
"""

import os
from enum import IntEnum
from typing import Final, NamedTuple

__all__ = [
    "OPCODES",
    "Frame",
    "FrameDecoder",
    "FrameFault",
    "Opcode",
    "close_payload",
    "encode",
    "read_close",
]

FRAME_BYTES: Final = 128 * 1024 * 1024
"""The largest frame accepted from a deployment, in bytes (twice the largest message limit it can configure)."""
CONTROL_BYTES: Final = 125
"""The largest payload of a control frame, in bytes (RFC 6455 section 5.5)."""
NO_STATUS: Final = 1005
"""What stands for a close frame without a code (RFC 6455 section 7.4.1)."""


class Opcode(IntEnum):
    """The opcodes of RFC 6455."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


OPCODES: Final = frozenset(int(opcode) for opcode in Opcode)
"""The numbers of the known opcodes."""


class FrameFault(Exception):  # noqa: N818 - named after what happened
    """A server sent bytes that are no WebSocket frame, or one it must not send."""


class Frame(NamedTuple):
    """One frame; ``rsv`` holds the three reserved bits as a number from 0 to 7."""

    opcode: int
    payload: bytes
    fin: bool = True
    rsv: int = 0
    masked: bool = False


def _mask(payload: bytes, key: bytes) -> bytes:
    repeated = (key * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(len(payload), "big")


def encode(frame: Frame, mask_key: bytes | None = None) -> bytes:
    """The bytes of ``frame``, right or wrong; a masked one uses ``mask_key`` (4 bytes) or a random one."""
    first = (0x80 if frame.fin else 0) | (frame.rsv << 4) | frame.opcode
    length = len(frame.payload)
    mask_bit = 0x80 if frame.masked else 0
    if length < 126:
        head = bytes((first, mask_bit | length))
    elif length < 65536:
        head = bytes((first, mask_bit | 126)) + length.to_bytes(2, "big")
    else:
        head = bytes((first, mask_bit | 127)) + length.to_bytes(8, "big")
    if not frame.masked:
        return head + frame.payload
    key = mask_key if mask_key is not None else os.urandom(4)
    return head + key + _mask(frame.payload, key)


def close_payload(code: int | None, reason: str = "") -> bytes:
    """The payload of a close frame; empty when ``code`` is None."""
    return b"" if code is None else code.to_bytes(2, "big") + reason.encode()


def read_close(payload: bytes) -> tuple[int, str]:
    """Code and reason of a close frame's payload; 1005 where there is none.

    Raises:
        FrameFault: one byte, or a reason that is not UTF-8.
    """
    if not payload:
        return NO_STATUS, ""
    if len(payload) == 1:
        raise FrameFault("a close frame with a payload of one byte")
    try:
        return int.from_bytes(payload[:2], "big"), payload[2:].decode()
    except UnicodeDecodeError:
        raise FrameFault("a close frame whose reason is not UTF-8") from None


class FrameDecoder:
    """Bytes from a server in, frames out; strict about what a server may send."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._fragmented = False

    def feed(self, data: bytes) -> list[Frame]:
        """The frames completed by ``data``, in order.

        Raises:
            FrameFault: a frame that a server must not send (masked, reserved bits, unknown opcode, fragmented
                or oversized control frame, a length not in its shortest form, wrong fragmentation).
        """
        self._buffer += data
        frames = []
        while (frame := self._next()) is not None:
            frames.append(frame)
        return frames

    def _next(self) -> Frame | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        length, start = buffer[1] & 0x7F, 2
        if length >= 126:
            start = 4 if length == 126 else 10
            if len(buffer) < start:
                return None
            shortest = 126 if length == 126 else 65536
            length = int.from_bytes(buffer[2:start], "big")
            if length < shortest:
                raise FrameFault(f"a length of {length} not in its shortest form")
        head = (buffer[0], buffer[1])
        self._check(head, length)
        if len(buffer) < start + length:
            return None
        payload = bytes(buffer[start : start + length])
        del buffer[: start + length]
        opcode, fin = head[0] & 0x0F, bool(head[0] & 0x80)
        if opcode < Opcode.CLOSE:
            self._fragmented = not fin
        return Frame(opcode, payload, fin=fin)

    def _check(self, head: tuple[int, int], length: int) -> None:
        opcode, fin, rsv = head[0] & 0x0F, head[0] & 0x80, (head[0] >> 4) & 7
        if head[1] & 0x80:
            raise FrameFault("a masked frame from a server")
        if rsv:
            raise FrameFault(f"reserved bits {rsv:03b} set without an extension")
        if opcode not in OPCODES:
            raise FrameFault(f"an unknown opcode {opcode}")
        if opcode >= Opcode.CLOSE and (not fin or length > CONTROL_BYTES):
            raise FrameFault(f"a control frame that is fragmented or over {CONTROL_BYTES} bytes")
        if opcode == Opcode.CONTINUATION and not self._fragmented:
            raise FrameFault("a continuation of nothing")
        if opcode in {Opcode.TEXT, Opcode.BINARY} and self._fragmented:
            raise FrameFault("a new message within a fragmented one")
        if length > FRAME_BYTES:
            raise FrameFault(f"a frame of {length} bytes; at most {FRAME_BYTES} are read")
