"""Stamping: who sent a message, spliced into the client's own bytes."""

import msgspec
from msgspec import UNSET, Raw

from arqonbus_reference.envelope import Envelope
from arqonbus_reference.session import Session

_WHITE_SPACE = b" \t\r\n"
_STAMPED = ("sender", "from_client", "metadata")
_members = msgspec.json.Decoder(dict[str, Raw])


def stamped(frame: bytes, envelope: Envelope, session: Session) -> tuple[bytes, bytes]:
    """The message up to its metadata, sender stamped in and the closing brace left off; and the client's metadata members.

    The second part is empty or ends with a comma; it never holds `sequence` (ENV-019, ENV-027). The client's bytes are kept wherever
    nothing is overwritten (ENV-017).
    """
    if envelope.sender is UNSET and envelope.from_client is UNSET and envelope.metadata is UNSET:
        return frame.rstrip(_WHITE_SPACE)[:-1] + session.stamp, b""
    kept = [_member(name, value) for name, value in _members.decode(frame).items() if name not in _STAMPED]
    head = b"{" + b",".join(kept) + session.stamp
    if envelope.metadata is UNSET:
        return head, b""
    metadata = _members.decode(envelope.metadata)
    return head, b"".join(
        _member(name, value) + b"," for name, value in metadata.items() if name != "sequence"
    )


def _member(name: str, value: Raw) -> bytes:
    return b"%b:%b" % (msgspec.json.encode(name), bytes(value))
