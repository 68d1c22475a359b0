"""Bytes to envelope: parsed once, strict, exact.

`parse` is the only door for what clients send. It reads a frame with a typed decoder (the payload stays the client's
bytes) and falls back to `diagnosis.refusal`, which reads the frame again slowly to say what is wrong with it. The
obligations are ENV-001 to ENV-022 of docs/spec/envelope.md.
"""

import re
from collections.abc import Sequence

import msgspec
from msgspec import UNSET, Raw, UnsetType

from arqonbus_reference.diagnosis import (
    MAX_COMMAND_LENGTH,
    MAX_NESTING,
    InvalidEnvelopeError,
    has_duplicate_keys,
    nesting_exceeds,
    refusal,
    repeats_members,
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
        return (
            4
            + (self.room is not UNSET)
            + (self.channel is not UNSET)
            + (self.to_client is not UNSET)
            + (self.sender is not UNSET)
            + (self.from_client is not UNSET)
            + (self.payload is not UNSET)
            + (self.metadata is not UNSET)
            + (self.command is not UNSET)
            + (self.args is not UNSET)
        )


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
    payload = None if envelope.payload is UNSET else bytes(envelope.payload)
    unique: Sequence[bytes] = ()
    if envelope.args is not UNSET or envelope.metadata is not UNSET:
        unique = [bytes(value) for value in (envelope.args, envelope.metadata) if value is not UNSET]
    inner = unique if payload is None else (payload, *unique)
    if _may_repeat_members(frame, envelope, inner) and repeats_members(frame):
        raise refusal(frame)
    if unique and any(map(has_duplicate_keys, unique)):
        raise refusal(frame)
    if not _is_wellformed(envelope, payload):
        raise refusal(frame)
    return envelope


def _may_repeat_members(frame: bytes, envelope: Envelope, inner: Sequence[bytes]) -> bool:
    """False only when every comma outside `inner` (payload, args, metadata) separates two different members of the envelope.

    A document of n different members has n - 1 separating commas; a repeated member adds one. A comma inside a string gives a
    harmless True, and the slow look decides.
    """
    commas = frame.count(b",")
    for value in inner:
        commas -= value.count(b",")
    return commas != envelope.members() - 1


def _is_wellformed(envelope: Envelope, payload: bytes | None) -> bool:
    kind = envelope.type
    if (
        envelope.version != "1.0"
        or not is_id(envelope.id)
        or not is_timestamp(envelope.timestamp)
        or not (envelope.metadata is UNSET or _is_object(envelope.metadata))
    ):
        return False
    if kind == "message":
        return payload is not None and _is_filled_object(payload) and _has_one_target(envelope)
    if envelope.room is not UNSET or envelope.channel is not UNSET or envelope.to_client is not UNSET:
        return False
    if kind == "command":
        return (
            payload is None
            and envelope.command is not UNSET
            and 1 <= len(envelope.command) <= MAX_COMMAND_LENGTH
            and (envelope.args is UNSET or _is_object(envelope.args))
        )
    return (
        kind in ("telemetry", "operator.join")
        and envelope.command is UNSET
        and envelope.args is UNSET
        and payload is not None
        and payload.startswith(b"{")
    )


def _has_one_target(envelope: Envelope) -> bool:
    """True for room, room and channel, or to_client alone, rightly named, in a message without a command's fields."""
    room, channel, to_client = envelope.room, envelope.channel, envelope.to_client
    if envelope.command is not UNSET or envelope.args is not UNSET:
        return False
    if room is UNSET:
        return channel is UNSET and to_client is not UNSET and is_name(to_client)
    return to_client is UNSET and is_name(room) and (channel is UNSET or is_name(channel))


def _is_object(value: Raw) -> bool:
    return bytes(value).startswith(b"{")


def _is_filled_object(text: bytes) -> bool:
    if text.startswith(b'{"'):
        return True
    token = _NEXT_TOKEN.match(text, 1)
    return text.startswith(b"{") and token is not None and token[1] != b"}"
