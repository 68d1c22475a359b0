"""WebSocket frames (RFC 6455), both ways, without I/O."""

import codecs
from collections.abc import Iterator
from typing import NamedTuple

try:
    from websockets.speedups import apply_mask
except ImportError:  # a platform without the compiled part
    from websockets.utils import apply_mask

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
CONTINUATION = 0x0

MAX_CONTROL_BYTES = 125
_CLOSE_CODES = frozenset({1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014})


class ProtocolFault(Exception):  # noqa: N818  a fault of the peer, not of ours
    """The peer broke the protocol; the connection closes with `code`."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Frame(NamedTuple):
    """A whole message (TEXT, BINARY) or a control frame (CLOSE, PING, PONG), unmasked."""

    opcode: int
    payload: bytes


def header(opcode: int, length: int) -> bytes:
    """The header of an unmasked final frame with a payload of `length` bytes."""
    if length < 126:
        return bytes((0x80 | opcode, length))
    if length < 65536:
        return bytes((0x80 | opcode, 126)) + length.to_bytes(2)
    return bytes((0x80 | opcode, 127)) + length.to_bytes(8)


_TEXT_HEADERS = [header(TEXT, length) for length in range(2048)]
"""Most messages are short: their headers are made once."""


def text_frame(payload: bytes) -> bytes:
    """The bytes of one unfragmented, unmasked text frame."""
    length = len(payload)
    return (_TEXT_HEADERS[length] if length < 2048 else header(TEXT, length)) + payload


def control_frame(opcode: int, payload: bytes) -> bytes:
    """The bytes of a control frame; `payload` is at most MAX_CONTROL_BYTES."""
    return header(opcode, len(payload)) + payload


def close_frame(code: int, reason: str) -> bytes:
    """The bytes of a close frame; the reason is cut to fit."""
    return control_frame(CLOSE, code.to_bytes(2) + reason.encode()[: MAX_CONTROL_BYTES - 2])


def close_code(payload: bytes) -> int:
    """The code in a close frame's payload, 1005 when there is none.

    Raises:
        ProtocolFault: one byte, a code that may not be sent, or a reason that is not UTF-8 (RFC 6455 section 7.4).
    """
    if not payload:
        return 1005
    code = int.from_bytes(payload[:2])
    if len(payload) == 1 or not (code in _CLOSE_CODES or 3000 <= code <= 4999):
        raise ProtocolFault(1002, "invalid close code")
    try:
        payload[2:].decode()
    except UnicodeDecodeError:
        raise ProtocolFault(1007, "close reason is not UTF-8") from None
    return code


class FrameReader:
    """Turns a client's bytes into messages and control frames; strict, bounded by `max_message_bytes`."""

    __slots__ = ("_buffer", "_decoder", "_fragments", "_max", "_missing", "_opcode", "_skip")

    def __init__(self, max_message_bytes: int) -> None:
        self._max = max_message_bytes
        self._buffer = bytearray()
        self._missing = 0
        self._skip = 0
        self._opcode = 0
        self._fragments = bytearray()
        self._decoder: codecs.IncrementalDecoder | None = None

    def read(self, data: bytes) -> Iterator[Frame]:  # noqa: C901, PLR0912  the hot path: one loop, few calls
        """The frames that `data` completes, in order; what is incomplete is kept.

        Raises:
            ProtocolFault: after the frames before the fault have been given.
        """
        if self._skip:
            data = self._rest_of_refused(data)
        if self._buffer:
            self._buffer += data
            if len(self._buffer) < self._missing:
                return
            data = bytes(self._buffer)
            self._buffer.clear()
        position, end = 0, len(data)
        while end - position >= 2:
            first, second = data[position], data[position + 1]
            short = length = second & 0x7F
            start = position + 6
            if short >= 126:
                extra = 2 if short == 126 else 8
                start += extra
                if end < start - 4:
                    length = 0
                elif short == 126:
                    length = data[position + 2] << 8 | data[position + 3]
                else:
                    length = int.from_bytes(data[position + 2 : position + 10])
            whole_text = first == 0x81 and second >= 0x80 and not self._opcode
            if not (whole_text and short < 127 and short <= length <= self._max):
                try:
                    self._check_header(first, second, length, complete=end >= start - 4)
                except ProtocolFault as fault:
                    self._skip_refused(fault, data[position:], start + length - position)
                    raise
            if end < start + length:
                self._missing = start + length - position
                break
            payload = apply_mask(data[start : start + length], data[start - 4 : start]) if length else b""
            position = start + length
            if whole_text:
                yield Frame(TEXT, payload if payload.isascii() else _utf8(payload))
            else:
                frame = self._accept(first, payload)
                if frame:
                    yield frame
        else:
            self._missing = 2
        if position < end:
            self._buffer += data[position:] if position else data

    def _skip_refused(self, fault: ProtocolFault, data: bytes, size: int) -> None:
        """After a message that is too large its bytes are no frames; the peer's close comes behind them."""
        if fault.code == 1009:
            self._skip = size - min(size, len(data))
            self._buffer += data[size:]

    def _rest_of_refused(self, data: bytes) -> bytes:
        skipped = min(self._skip, len(data))
        self._skip -= skipped
        return data[skipped:]

    def _check_header(self, first: int, second: int, length: int, *, complete: bool) -> None:
        """Refuse a frame by its first bytes; `length` counts only when the header's length bytes are `complete`."""
        opcode = first & 0x0F
        if first & 0x70:
            raise ProtocolFault(1002, "reserved bits are set")
        if not second & 0x80:
            raise ProtocolFault(1002, "a client's frame must be masked")
        if opcode & 0x8:
            if opcode not in (CLOSE, PING, PONG):
                raise ProtocolFault(1002, "unknown opcode")
            if not first & 0x80 or second & 0x7F > MAX_CONTROL_BYTES:
                raise ProtocolFault(1002, "a control frame must be whole and at most 125 bytes")
            return
        if opcode > BINARY:
            raise ProtocolFault(1002, "unknown opcode")
        if opcode == CONTINUATION and not self._opcode:
            raise ProtocolFault(1002, "continuation of nothing")
        if opcode != CONTINUATION and self._opcode:
            raise ProtocolFault(1002, "a new message inside a fragmented one")
        if complete:
            self._check_length(second & 0x7F, length)

    def _check_length(self, short: int, length: int) -> None:
        if (short == 126 and length < 126) or (short == 127 and (length < 65536 or length >> 63)):
            raise ProtocolFault(1002, "length is not minimally encoded")
        if len(self._fragments) + length > self._max:
            raise ProtocolFault(1009, f"message over {self._max} bytes")

    def _accept(self, first: int, payload: bytes) -> Frame | None:
        """A control frame at once, a message when its last fragment is here."""
        opcode = first & 0x0F
        if opcode & 0x8:
            return Frame(opcode, payload)
        if opcode:
            self._opcode = opcode
            self._decoder = codecs.getincrementaldecoder("utf-8")() if opcode == TEXT else None
        final = bool(first & 0x80)
        if self._decoder:
            self._feed_decoder(payload, final=final)
        self._fragments += payload  # no object for each: a fragment may be one byte
        if not final:
            return None
        frame = Frame(self._opcode, bytes(self._fragments))
        self._opcode, self._decoder = 0, None
        self._fragments.clear()
        return frame

    def _feed_decoder(self, payload: bytes, *, final: bool) -> None:
        try:
            assert self._decoder is not None  # noqa: S101  for the type checker: called for text only
            self._decoder.decode(payload, final)
        except UnicodeDecodeError:
            raise ProtocolFault(1007, "text is not UTF-8") from None


def _utf8(payload: bytes) -> bytes:
    try:
        payload.decode()
    except UnicodeDecodeError:
        raise ProtocolFault(1007, "text is not UTF-8") from None
    return payload
