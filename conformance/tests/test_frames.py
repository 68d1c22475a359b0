import pytest
from arqonbus_conformance.frames import (
    Frame,
    FrameDecoder,
    FrameFault,
    Opcode,
    close_payload,
    encode,
    read_close,
)
from hypothesis import given
from hypothesis import strategies as st

PAYLOADS = st.one_of(st.binary(max_size=300), st.integers(65530, 65540).map(bytes))


@given(st.sampled_from([Opcode.TEXT, Opcode.BINARY]), PAYLOADS)
def test_what_is_encoded_is_decoded(opcode: Opcode, payload: bytes) -> None:
    """A frame survives encoding and decoding, whatever its length."""
    frame = Frame(opcode, payload)

    assert FrameDecoder().feed(encode(frame)) == [frame]


@given(st.lists(st.binary(max_size=200), max_size=5), st.integers(1, 7))
def test_frames_are_found_however_the_bytes_arrive(payloads: list[bytes], step: int) -> None:
    """Where the stream is cut changes nothing."""
    frames = [Frame(Opcode.TEXT, payload) for payload in payloads]
    stream = b"".join(map(encode, frames))
    decoder = FrameDecoder()

    found = [frame for at in range(0, len(stream), step) for frame in decoder.feed(stream[at : at + step])]

    assert found == frames


@given(st.binary(max_size=100), st.binary(min_size=4, max_size=4))
def test_masking_twice_gives_the_payload(payload: bytes, key: bytes) -> None:
    """A masked frame carries its key and the payload combined with it."""
    data = encode(Frame(Opcode.TEXT, payload, masked=True), key)

    masked = data[-len(payload) :] if payload else b""
    assert data[1] & 0x80
    assert bytes(byte ^ key[at % 4] for at, byte in enumerate(masked)) == payload


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (encode(Frame(Opcode.TEXT, b"x", masked=True)), "masked"),
        (encode(Frame(Opcode.TEXT, b"x", rsv=4)), "reserved bits 100"),
        (encode(Frame(3, b"x")), "unknown opcode 3"),
        (encode(Frame(Opcode.PING, b"x", fin=False)), "control frame"),
        (encode(Frame(Opcode.PING, b"x" * 126)), "control frame"),
        (encode(Frame(Opcode.CONTINUATION, b"x")), "continuation of nothing"),
        (
            encode(Frame(Opcode.TEXT, b"x", fin=False)) + encode(Frame(Opcode.TEXT, b"y")),
            "within a fragmented",
        ),
        (b"\x81\x7e\x00\x05hello", "shortest"),
        (b"\x81\x7f\x00\x00\x00\x00\x00\x00\x00\x05hello", "shortest"),
        (b"\x81\x7f\x00\x00\x01\x00\x00\x00\x00\x00", "at most"),
    ],
    # Not by the bytes: the masking key is another one each time.
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_server_must_not_send_is_a_fault(data: bytes, says: str) -> None:
    """Each kind of wrong frame is refused in words of its own."""
    with pytest.raises(FrameFault, match=says):
        FrameDecoder().feed(data)


def test_fragments_are_frames_of_their_own() -> None:
    """A control frame may stand between the fragments of a message."""
    frames = [
        Frame(Opcode.TEXT, b"a", fin=False),
        Frame(Opcode.PING, b"p"),
        Frame(Opcode.CONTINUATION, b"b"),
    ]

    assert FrameDecoder().feed(b"".join(map(encode, frames))) == frames


def test_a_close_payload_is_read_as_written() -> None:
    """Code and reason survive; no payload means no status."""
    assert read_close(close_payload(4401, "token expired")) == (4401, "token expired")
    assert read_close(close_payload(None)) == (1005, "")


@pytest.mark.parametrize("payload", [b"\x03", b"\x03\xe8\xff"])
def test_a_malformed_close_is_a_fault(payload: bytes) -> None:
    """One byte, or a reason that is no UTF-8, is no close payload."""
    with pytest.raises(FrameFault):
        read_close(payload)
