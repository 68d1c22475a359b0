"""Frames that RFC 6455 forbids a client to send, each with the close codes that answer it.

Every fault is built around a good document, so that a deployment which overlooks the fault delivers the document and
is found out by whoever hears it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from arqonbus_conformance.frames import Frame, Opcode, encode

PROTOCOL_ERROR: Final = frozenset({1002})
NOT_UTF_8: Final = frozenset({1002, 1007})
"""A close reason that is not UTF-8 is a protocol error and an encoding error: either code is right."""
TOO_LARGE: Final = frozenset({1002, 1009})
"""A length that is forbidden and beyond any limit too: either code is right."""

DOCUMENT: Final = b"@document@"
"""Stands for the whole document in the payload of a frame."""
HEAD: Final = b"@head@"
"""Stands for the first bytes of the document."""
TAIL: Final = b"@tail@"
"""Stands for the rest of it."""

DATA_OPCODES_RESERVED: Final = range(0x3, 0x8)
CONTROL_OPCODES_RESERVED: Final = range(0xB, 0x10)
CODES_NOT_FOR_THE_WIRE: Final = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
NO_UTF_8: Final = {"byte": b"\xff", "cut": b"bye \xe2\x82", "surrogate": b"\xed\xa0\x80"}
CONTROLS: Final = {"ping": Opcode.PING, "pong": Opcode.PONG, "close": Opcode.CLOSE}

_HEAD_BYTES: Final = 9
_MASK: Final = b"\x11\x22\x33\x44"
_NORMAL: Final = b"\x03\xe8"  # close code 1000


class ProtocolFault(NamedTuple):
    """`frames` are what to send after the upgrade, as frames or bytes; `codes` the close codes that answer them."""

    name: str
    frames: tuple[Frame | bytes, ...]
    codes: frozenset[int] = PROTOCOL_ERROR

    def wire(self, document: bytes) -> bytes:
        """The bytes to send, built around `document`."""
        parts = {DOCUMENT: document, HEAD: document[:_HEAD_BYTES], TAIL: document[_HEAD_BYTES:]}
        return b"".join(
            one
            if isinstance(one, bytes)
            else encode(one._replace(payload=parts.get(one.payload, one.payload)), _MASK)
            for one in self.frames
        )


def masked(opcode: int, payload: bytes, *, fin: bool = True, rsv: int = 0) -> Frame:
    """A frame as a client sends it."""
    return Frame(opcode, payload, fin=fin, rsv=rsv, masked=True)


def long_form(opcode: int, payload: bytes, length_bytes: int) -> bytes:
    """A masked frame whose length is spelled in 2 or 8 bytes however short the payload is."""
    marker = 126 if length_bytes == 2 else 127
    head = bytes((0x80 | opcode, 0x80 | marker)) + len(payload).to_bytes(length_bytes, "big")
    return head + bytes(4) + payload  # a mask of zeros leaves the payload as it is


def header_alone(opcode: int, length: int) -> bytes:
    """The header of a masked frame that announces `length` bytes in 8 bytes, and nothing of its payload."""
    return bytes((0x80 | opcode, 0xFF)) + length.to_bytes(8, "big") + bytes(4)


_OPEN: Final = masked(Opcode.TEXT, HEAD, fin=False)
_WHOLE: Final = masked(Opcode.TEXT, DOCUMENT)
_REST: Final = masked(Opcode.CONTINUATION, TAIL)


def _reserved_bits() -> Iterator[ProtocolFault]:
    for rsv in range(1, 8):
        yield ProtocolFault(f"rsv-{rsv:03b}", (_WHOLE._replace(rsv=rsv),))
    yield ProtocolFault("rsv-on-ping", (masked(Opcode.PING, b"x", rsv=4), _WHOLE))
    yield ProtocolFault("rsv-on-close", (masked(Opcode.CLOSE, _NORMAL, rsv=1),))
    yield ProtocolFault("rsv-on-continuation", (_OPEN, _REST._replace(rsv=2)))


def _masking() -> Iterator[ProtocolFault]:
    yield ProtocolFault("unmasked-text", (Frame(Opcode.TEXT, DOCUMENT),))
    yield ProtocolFault("unmasked-empty-text", (Frame(Opcode.TEXT, b""),))
    yield ProtocolFault("unmasked-ping", (Frame(Opcode.PING, b"x"), _WHOLE))
    yield ProtocolFault("unmasked-close", (Frame(Opcode.CLOSE, _NORMAL),))
    yield ProtocolFault("unmasked-continuation", (_OPEN, Frame(Opcode.CONTINUATION, TAIL)))


def _opcodes() -> Iterator[ProtocolFault]:
    for opcode in (*DATA_OPCODES_RESERVED, *CONTROL_OPCODES_RESERVED):
        yield ProtocolFault(f"opcode-{opcode:x}", (masked(opcode, b"x"), _WHOLE))
        yield ProtocolFault(f"opcode-{opcode:x}-empty", (masked(opcode, b""),))


def _fragmentation() -> Iterator[ProtocolFault]:
    yield ProtocolFault("continuation-of-nothing", (masked(Opcode.CONTINUATION, DOCUMENT),))
    yield ProtocolFault("continuation-of-nothing-open", (masked(Opcode.CONTINUATION, HEAD, fin=False), _REST))
    yield ProtocolFault("continuation-after-the-end", (_OPEN, _REST._replace(payload=b""), _REST))
    yield ProtocolFault("text-within-a-message", (_OPEN, _WHOLE))
    yield ProtocolFault("binary-within-a-message", (_OPEN, masked(Opcode.BINARY, b"x"), _REST))
    yield ProtocolFault("open-text-within-a-message", (_OPEN, _OPEN, _REST))


def _control_frames() -> Iterator[ProtocolFault]:
    for name, opcode in CONTROLS.items():
        open_control = masked(opcode, b"", fin=False)
        yield ProtocolFault(f"fragmented-{name}", (open_control, masked(Opcode.CONTINUATION, b"")))
        for size in (126, 1000, 65536):
            payload = _NORMAL + b"x" * (size - len(_NORMAL))
            yield ProtocolFault(f"{name}-of-{size}", (masked(opcode, payload), _WHOLE))
    yield ProtocolFault("ping-announcing-2-to-40", (header_alone(Opcode.PING, 2**40),), TOO_LARGE)


def _closes() -> Iterator[ProtocolFault]:
    yield ProtocolFault("close-of-one-byte", (masked(Opcode.CLOSE, b"\x03"),))
    for code in CODES_NOT_FOR_THE_WIRE:
        yield ProtocolFault(f"close-{code}", (masked(Opcode.CLOSE, code.to_bytes(2, "big")),))
    for name, reason in NO_UTF_8.items():
        yield ProtocolFault(f"close-reason-{name}", (masked(Opcode.CLOSE, _NORMAL + reason),), NOT_UTF_8)


def _lengths() -> Iterator[ProtocolFault]:
    yield ProtocolFault("length-beyond-63-bits", (header_alone(Opcode.TEXT, 2**63 + 5),), TOO_LARGE)
    yield ProtocolFault("length-of-all-ones", (header_alone(Opcode.TEXT, 2**64 - 1),), TOO_LARGE)


PROTOCOL_FAULTS: Final = (
    *_reserved_bits(),
    *_masking(),
    *_opcodes(),
    *_fragmentation(),
    *_control_frames(),
    *_closes(),
    *_lengths(),
)
"""Every fault, each with a name of its own."""
