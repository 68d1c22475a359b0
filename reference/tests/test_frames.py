"""WebSocket frames without I/O: whatever the bytes' arrival, the same messages; whatever the fault, its close code."""

import tracemalloc
from itertools import pairwise

import pytest
from arqonbus_reference.transport.frames import (
    BINARY,
    CLOSE,
    PING,
    TEXT,
    Frame,
    FrameReader,
    ProtocolFault,
    close_code,
    close_frame,
    text_frame,
)
from hypothesis import given
from hypothesis import strategies as st

MAX_BYTES = 70_000
MASK = b"\x0f\xa0\x33\xc4"


def masked(
    opcode: int, payload: bytes, *, final: bool = True, first: int | None = None, length: bytes | None = None
) -> bytes:
    """A client's frame; `first` and `length` overwrite the first byte and the length bytes."""
    head = first if first is not None else opcode | (0x80 if final else 0)
    if length is None:
        size = len(payload)
        length = bytes((0x80 | size,)) if size < 126 else b"\xfe" + (size % 65_536).to_bytes(2)
        if size >= 65_536:
            length = b"\xff" + size.to_bytes(8)
    body = bytes(byte ^ MASK[i % 4] for i, byte in enumerate(payload))
    return bytes((head,)) + length + MASK + body


def read(*chunks: bytes) -> list[Frame]:
    reader = FrameReader(MAX_BYTES)
    return [frame for chunk in chunks for frame in reader.read(chunk)]


SIZES = st.sampled_from([0, 1, 125, 126, 127, 300, 65_535, 65_536])


@given(sizes=st.lists(SIZES, min_size=1, max_size=4), cuts=st.lists(st.integers(0, 200_000), max_size=12))
def test_frames_cut_anywhere_are_the_same_messages(sizes: list[int], cuts: list[int]) -> None:
    """CONN-013: the arrival of bytes in pieces changes nothing, at any length encoding."""
    payloads = [b"a" * size for size in sizes]
    wire = b"".join(masked(TEXT, payload) for payload in payloads)
    edges = sorted({0, len(wire), *(cut % (len(wire) + 1) for cut in cuts)})
    chunks = [wire[start:end] for start, end in pairwise(edges)]

    frames = read(*chunks)

    assert [frame.payload for frame in frames] == payloads


@pytest.mark.parametrize("size", [0, 1, 5, 126, 65_536])
def test_a_frame_byte_by_byte_is_understood(size: int) -> None:
    """CONN-013: one byte at a time, at the head at least."""
    wire = masked(TEXT, b"x" * size)
    chunks = [wire[i : i + 1] for i in range(min(20, len(wire)))] + [wire[20:]]

    assert read(*chunks) == [Frame(TEXT, b"x" * size)]


@given(pieces=st.lists(st.text(max_size=20).map(str.encode), min_size=2, max_size=6))
def test_fragments_are_one_message(pieces: list[bytes]) -> None:
    """ENV-028: with control frames between the fragments, which come first."""
    wire = masked(TEXT, pieces[0], final=False)
    for piece in pieces[1:-1]:
        wire += masked(0, piece, final=False)
    wire += masked(PING, b"p") + masked(0, pieces[-1])

    assert read(wire) == [Frame(PING, b"p"), Frame(TEXT, b"".join(pieces))]


def test_binary_fragments_need_not_be_text() -> None:
    """Only text is checked for UTF-8."""
    assert read(masked(BINARY, b"\xff", final=False) + masked(0, b"\xfe")) == [Frame(BINARY, b"\xff\xfe")]


FAULTS = {
    "reserved bit 1": (masked(TEXT, b"x", first=0xC1), 1002),
    "reserved bit 2": (masked(TEXT, b"x", first=0xA1), 1002),
    "reserved bit 3": (masked(TEXT, b"x", first=0x91), 1002),
    "unmasked": (text_frame(b"x"), 1002),
    "unmasked, long": (text_frame(b"x" * 200), 1002),
    "unknown data opcode": (masked(0x3, b"x"), 1002),
    "unknown control opcode": (masked(0xB, b"x"), 1002),
    "fragmented control frame": (masked(PING, b"x", final=False), 1002),
    "oversized control frame": (masked(PING, b"x" * 126), 1002),
    "continuation of nothing": (masked(0, b"x"), 1002),
    "text inside a fragmented text": (masked(TEXT, b"x", final=False) + masked(TEXT, b"y"), 1002),
    "16-bit length for 5 bytes": (masked(TEXT, b"hello", length=b"\xfe\x00\x05"), 1002),
    "64-bit length for 5 bytes": (masked(TEXT, b"hello", length=b"\xff" + (5).to_bytes(8)), 1002),
    "64-bit length with the sign bit": (masked(TEXT, b"", length=b"\xff" + (1 << 63).to_bytes(8)), 1002),
    "over the limit": (masked(TEXT, b"", length=b"\xff" + (MAX_BYTES + 1).to_bytes(8)), 1009),
    "over the limit in fragments": (
        masked(TEXT, b"x" * MAX_BYTES, final=False) + masked(0, b"x", final=False),
        1009,
    ),
    "not UTF-8": (masked(TEXT, b"\xc3\x28"), 1007),
    "not UTF-8 in fragments": (masked(TEXT, b"\xc3", final=False) + masked(0, b"\x28", final=False), 1007),
    "UTF-8 cut short": (masked(TEXT, b"x", final=False) + masked(0, b"\xc3"), 1007),
    "a surrogate in UTF-8": (masked(TEXT, b"\xed\xa0\x80"), 1007),
}


@pytest.mark.parametrize(("wire", "code"), FAULTS.values(), ids=FAULTS)
def test_a_fault_has_its_close_code(wire: bytes, code: int) -> None:
    """CONN-010, ENV-023, ENV-024: and what came whole before it is still given."""
    reader = FrameReader(MAX_BYTES)
    before = list(reader.read(masked(TEXT, b"before")))

    with pytest.raises(ProtocolFault) as fault:
        list(reader.read(wire))

    assert before == [Frame(TEXT, b"before")]
    assert fault.value.code == code


@given(st.binary(max_size=300))
def test_arbitrary_bytes_give_frames_or_a_fault(data: bytes) -> None:
    """Nothing but ProtocolFault comes out of what a stranger sends."""
    faults: list[int] = []

    try:
        read(data)
    except ProtocolFault as fault:
        faults.append(fault.code)

    assert set(faults) <= {1002, 1007, 1009}


@pytest.mark.parametrize(
    "payload", [b"\x03", b"\x03\xec", b"\x03\xe7", (5000).to_bytes(2), (1005).to_bytes(2), (2999).to_bytes(2)]
)
def test_a_close_that_may_not_be_sent_is_a_fault(payload: bytes) -> None:
    """RFC 6455 section 7.4: one byte, and codes reserved or unassigned."""
    with pytest.raises(ProtocolFault) as fault:
        close_code(payload)

    assert fault.value.code == 1002


def test_a_close_reason_must_be_text() -> None:
    """RFC 6455 section 5.5.1."""
    with pytest.raises(ProtocolFault) as fault:
        close_code(b"\x03\xe8\xff")

    assert fault.value.code == 1007


@pytest.mark.parametrize(("payload", "code"), [(b"", 1005), (b"\x03\xe8", 1000), (b"\x0f\xa0bye", 4000)])
def test_a_right_close_has_its_code(payload: bytes, code: int) -> None:
    """Registered codes and those of applications are accepted."""
    assert close_code(payload) == code


def test_a_long_reason_is_cut_to_fit() -> None:
    """A control frame never exceeds 125 bytes."""
    assert len(close_frame(1000, "x" * 500)) == 2 + 125


def test_the_opcode_of_a_close_is_kept() -> None:
    """A close frame is given as such."""
    assert read(masked(CLOSE, b"\x03\xe8")) == [Frame(CLOSE, b"\x03\xe8")]


@pytest.mark.parametrize("cut", [10, 14, 70_000, 70_020, 70_100])
def test_the_bytes_of_an_oversized_message_are_no_frames(cut: int) -> None:
    """ENV-023: after 1009 the rest of the message is passed over, and the peer's close is understood."""
    wire = masked(TEXT, b"\x88\x80" * (MAX_BYTES // 2 + 1)) + masked(CLOSE, b"\x03\xf1")
    reader = FrameReader(MAX_BYTES)

    with pytest.raises(ProtocolFault) as fault:
        list(reader.read(wire[:cut]))

    assert fault.value.code == 1009
    assert list(reader.read(wire[cut:])) == [Frame(CLOSE, b"\x03\xf1")]


def test_a_close_in_the_same_bytes_as_an_oversized_message_is_understood() -> None:
    """ENV-023: also when everything came at once."""
    reader = FrameReader(MAX_BYTES)

    with pytest.raises(ProtocolFault):
        list(reader.read(masked(TEXT, b"x" * (MAX_BYTES + 1)) + masked(CLOSE, b"")))

    assert list(reader.read(b"")) == [Frame(CLOSE, b"")]


def test_fragments_of_one_byte_cost_no_more_than_their_message() -> None:
    """A client that sends its message byte by byte must not make the bus hold an object for each."""
    reader = FrameReader(MAX_BYTES)
    list(reader.read(masked(TEXT, b"x", final=False)))
    more = masked(0, b"x", final=False) * 30_000
    tracemalloc.start()

    assert list(reader.read(more)) == []
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert held < 100_000
    assert list(reader.read(masked(0, b"y"))) == [Frame(TEXT, b"x" * 30_001 + b"y")]
