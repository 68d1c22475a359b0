"""Bytes to envelope: parsed once, strict, exact.

`parse` is the only door for what clients send. It reads a frame with a typed decoder (the payload stays the client's
bytes) and falls back to `diagnosis.refusal`, which reads the frame again slowly to say what is wrong with it. The
obligations are ENV-001 to ENV-022 of docs/spec/envelope.md.
"""

import re

import msgspec
from msgspec import UNSET, Raw, UnsetType

from arqonbus_reference.diagnosis import (
    MAX_COMMAND_LENGTH,
    MAX_NESTING,
    InvalidEnvelopeError,
    has_duplicate_keys,
    nesting_exceeds,
    refusal,
)
from arqonbus_reference.grammar import is_id, is_name, is_timestamp

__all__ = ["MAX_NESTING", "Envelope", "InvalidEnvelopeError", "parse"]

_NEXT_TOKEN = re.compile(rb"[ \t\r\n]*(.)", re.DOTALL)


class Envelope(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """What a client may send; `payload`, `metadata` and `args` hold the client's own bytes."""

    id: str
    type: str
    timestamp: str
    version: str
    room: str | UnsetType = UNSET
    channel: str | UnsetType = UNSET
    to_client: str | UnsetType = UNSET
    sender: str | UnsetType = UNSET
    from_client: str | UnsetType = UNSET
    payload: Raw | UnsetType = UNSET
    metadata: Raw | UnsetType = UNSET
    command: str | UnsetType = UNSET
    args: Raw | UnsetType = UNSET

    def members(self) -> int:
        """How many fields the document has, if it has no duplicates."""
        optional = (
            self.room,
            self.channel,
            self.to_client,
            self.sender,
            self.from_client,
            self.payload,
            self.metadata,
            self.command,
            self.args,
        )
        return 13 - optional.count(UNSET)


_decode = msgspec.json.Decoder(Envelope).decode


def parse(frame: bytes) -> Envelope:
    """The envelope in a text frame (valid UTF-8).

    Raises:
        InvalidEnvelopeError: the frame breaks a rule of docs/spec/envelope.md; it names the field and holds the id
            when that could be read.
    """
    if frame.count(b"{") + frame.count(b"[") > MAX_NESTING and nesting_exceeds(frame, MAX_NESTING):
        raise refusal(frame)
    try:
        envelope = _decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise refusal(frame) from None
    if _may_have_duplicates(frame, envelope) and has_duplicate_keys(frame):
        raise refusal(frame)
    if not _is_wellformed(envelope):
        raise refusal(frame)
    return envelope


def _may_have_duplicates(frame: bytes, envelope: Envelope) -> bool:
    """False only when every comma outside the payload separates two different members of the envelope.

    A document of n different members has n - 1 separating commas; a repeated member adds one. A comma inside a string,
    `args` or `metadata` gives a harmless True, and the slow look decides.
    """
    commas = frame.count(b",")
    if envelope.payload is not UNSET:
        commas -= bytes(envelope.payload).count(b",")
    return commas != envelope.members() - 1 or envelope.args is not UNSET or envelope.metadata is not UNSET


def _is_wellformed(envelope: Envelope) -> bool:
    kind = envelope.type
    if (
        envelope.version != "1.0"
        or not is_id(envelope.id)
        or not is_timestamp(envelope.timestamp)
        or not _is_object(envelope.metadata)
    ):
        return False
    if kind == "message":
        return _is_wellformed_message(envelope)
    if envelope.room is not UNSET or envelope.channel is not UNSET or envelope.to_client is not UNSET:
        return False
    if kind == "command":
        return (
            envelope.payload is UNSET
            and envelope.command is not UNSET
            and 1 <= len(envelope.command) <= MAX_COMMAND_LENGTH
            and _is_object(envelope.args)
        )
    return (
        kind in ("telemetry", "operator.join")
        and envelope.command is UNSET
        and envelope.args is UNSET
        and envelope.payload is not UNSET
        and _is_object(envelope.payload)
    )


def _is_wellformed_message(envelope: Envelope) -> bool:
    room, channel, to_client = envelope.room, envelope.channel, envelope.to_client
    if envelope.command is not UNSET or envelope.args is not UNSET:
        return False
    if room is not UNSET:
        if not is_name(room) or to_client is not UNSET:
            return False
        if channel is not UNSET and not is_name(channel):
            return False
    elif channel is not UNSET or to_client is UNSET or not is_name(to_client):
        return False
    return _is_filled_object(envelope.payload)


def _is_object(value: Raw | UnsetType) -> bool:
    return value is UNSET or bytes(value)[:1] == b"{"


def _is_filled_object(value: Raw | UnsetType) -> bool:
    if value is UNSET:
        return False
    text = bytes(value)
    if text[:2] == b'{"':
        return True
    token = _NEXT_TOKEN.match(text, 1)
    return text[:1] == b"{" and token is not None and token[1] != b"}"
