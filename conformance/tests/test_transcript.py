from itertools import count

from arqonbus_conformance.transcript import EXCERPT_BYTES, TRANSCRIPT_ENTRIES, Transcript


def test_every_entry_has_its_time_and_its_direction() -> None:
    """Seconds since the transcript began."""
    transcript = Transcript(clock=count().__next__)

    transcript.record("ann", ">", "text", b"hello")

    assert transcript.lines() == ["  1.0000 ann        > text           5 hello"]


def test_a_transcript_is_bounded() -> None:
    """The newest entries are kept, and how many were dropped is known."""
    transcript = Transcript()
    for number in range(TRANSCRIPT_ENTRIES + 3):
        transcript.record("ann", "<", "text", str(number))

    assert transcript.dropped == 3
    assert transcript.entries[0].text == "3"
    assert len(transcript.lines(last=2)) == 2


def test_a_long_frame_is_cut_and_its_size_told() -> None:
    """Bytes that are no text are shown escaped, on one line."""
    transcript = Transcript()

    transcript.record("ann", "<", "text", b"\xff\r\n" + b"x" * EXCERPT_BYTES)

    entry = transcript.entries[0]
    assert entry.size == EXCERPT_BYTES + 3
    assert entry.text.startswith("\\xff\\r\\nxxx")


def test_secrets_are_cut_out() -> None:
    """In headers and in query strings."""
    transcript = Transcript()

    transcript.record(
        "ann", ">", "upgrade", b"GET /?token=abc.def HTTP/1.1\r\nAuthorization: bearer a.b.c\r\n"
    )

    assert "abc" not in transcript.entries[0].text
    assert "a.b.c" not in transcript.entries[0].text
