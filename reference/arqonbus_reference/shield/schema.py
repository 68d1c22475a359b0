"""The schema at the edge: a text or protobuf frame becomes one JSON envelope, or a refusal that names what is wrong."""

import json
from typing import Any, Final, NamedTuple

import msgspec
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet
from msgspec import UNSET, Raw, UnsetType

from arqonbus_reference.diagnosis import MAX_ID_LENGTH
from arqonbus_reference.envelope import MAX_NESTING, InvalidEnvelopeError, parse
from arqonbus_reference.proto import arqon_pb2
from arqonbus_reference.timestamps import format_ms, parse_rfc3339

HEADERS: Final = ("version", "sender", "channel", "to_client", "request_id", "status", "error", "error_code")
"""Members of the JSON view that are headers of the protobuf view."""

_KNOWN_HEADERS: Final = frozenset({*HEADERS, "metadata", "timestamp"})


ANSWERED: Final = frozenset({"command", "operator.join"})
"""Types that are answered by a `response`."""


class Judged(NamedTuple):
    """A frame that passed: its JSON view, its id (empty where none can be read), and whether it is answered as a command is."""

    text: bytes
    request_id: str
    command: bool


class _Loose(msgspec.Struct):
    """What is read of a frame that the bus will judge."""

    id: Any = None
    type: Any = None


class _Sent(msgspec.Struct):
    """What the server sends."""

    id: str
    type: str
    timestamp: str
    version: str = "1.0"
    room: str = ""
    channel: str = ""
    to_client: str = ""
    sender: str = ""
    request_id: str = ""
    status: str = ""
    error: str = ""
    error_code: str = ""
    command: str = ""
    payload: Raw | UnsetType = UNSET
    metadata: Raw | UnsetType = UNSET
    args: Raw | UnsetType = UNSET


_decode_loose = msgspec.json.Decoder(_Loose).decode
_decode_sent = msgspec.json.Decoder(_Sent).decode
_decode_object = msgspec.json.Decoder(dict[str, Raw]).decode


def judge(frame: bytes, *, binary: bool, strict: bool) -> Judged:
    """The frame as the bus will read it; without `strict` only that it is one JSON object or protobuf message is judged.

    Raises:
        InvalidEnvelopeError: it does not pass.
    """
    text = json_view(frame) if binary else frame
    if strict:
        envelope = parse(text)
        return Judged(text, envelope.id, envelope.type in ANSWERED)
    try:
        found = _decode_loose(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidEnvelopeError("envelope: not a JSON object; allowed: one JSON object", None) from None
    return Judged(text, _readable(found.id), found.type in ANSWERED)


def _readable(found: object) -> str:
    """An id as the bus repeats it."""
    return found if isinstance(found, str) and len(found) <= MAX_ID_LENGTH else ""


def json_view(frame: bytes) -> bytes:
    """The JSON view of a protobuf `arqon.v1.Envelope`; `data` goes into it byte for byte.

    Raises:
        InvalidEnvelopeError: no protobuf, a field or header that has no JSON view, or data that is no JSON object.
    """
    message = arqon_pb2.Envelope()
    try:
        message.ParseFromString(frame)
    except DecodeError:
        raise InvalidEnvelopeError("envelope: not protobuf; allowed: arqon.v1.Envelope", None) from None
    request_id = message.trace_id if 0 < len(message.trace_id) <= MAX_ID_LENGTH else None
    if len(UnknownFieldSet(message)):
        raise InvalidEnvelopeError("envelope: an unknown field; allowed: those of arqon.v1", request_id)
    unknown = next((name for name in message.headers if name not in _KNOWN_HEADERS), None)
    if unknown is not None:
        allowed = " ".join(sorted(_KNOWN_HEADERS))
        raise InvalidEnvelopeError(f"headers: an unknown name; allowed: {allowed}", request_id)
    kind = message.WhichOneof("payload")
    if kind not in ("cmd", "event"):
        raise InvalidEnvelopeError("payload: no cmd or event; allowed: one of the two", request_id)
    return _json_text(message, kind, request_id)


def _json_text(message: arqon_pb2.Envelope, kind: str, request_id: str | None) -> bytes:
    members = [("id", _quoted(message.trace_id))] if message.trace_id else []
    if kind == "cmd":
        members += [("type", b'"command"'), ("command", _quoted(message.cmd.type))]
        inner, data = "args", message.cmd.data
    else:
        members.append(("type", _quoted(message.event.type)))
        inner, data = "payload", message.event.data
    timestamp = _timestamp(message, request_id)
    if timestamp:
        members.append(("timestamp", _quoted(timestamp)))
    if message.room_id:
        members.append(("room", _quoted(message.room_id)))
    if "version" not in message.headers:
        members.append(("version", b'"1.0"'))
    members += [(name, _quoted(message.headers[name])) for name in HEADERS if name in message.headers]
    if "metadata" in message.headers:
        members.append(
            ("metadata", _one_object("metadata", message.headers["metadata"].encode(), request_id))
        )
    if data:
        members.append((inner, _one_object("data", data, request_id)))
    return b"{" + b",".join(b'"%s":%s' % (name.encode(), value) for name, value in members) + b"}"


def _timestamp(message: arqon_pb2.Envelope, request_id: str | None) -> str:
    """The text in the header, where it says more than the number; both must mean one instant."""
    text: str = message.headers.get("timestamp", "")
    try:
        if text and parse_rfc3339(text) == message.timestamp:
            return text
        if not text:
            return format_ms(message.timestamp) if message.timestamp else ""
    except ValueError:
        pass  # said below
    raise InvalidEnvelopeError(
        "timestamp: the field and its header do not agree on one instant; allowed: milliseconds, and RFC 3339 for the same",
        request_id,
    )


def _one_object(where: str, data: bytes, request_id: str | None) -> bytes:
    """The bytes themselves, which are one JSON object and so cannot end the member that they become."""
    try:
        if data.count(b"{") + data.count(b"[") > MAX_NESTING:
            json.loads(
                data
            )  # bounded in depth by its own recursion limit; the envelope's limit is judged later
        _decode_object(data)
        data.decode()
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise InvalidEnvelopeError(f"{where}: not one JSON object; allowed: JSON text", request_id) from None
    return data


def protobuf_view(text: bytes, tenant: str) -> bytes:
    """The protobuf view of an envelope that the server sends to a client of `tenant`."""
    sent = _decode_sent(text)
    ms = parse_rfc3339(sent.timestamp)
    message = arqon_pb2.Envelope(trace_id=sent.id, tenant_id=tenant, room_id=sent.room, timestamp=ms)
    if _plain(ms) != sent.timestamp:
        message.headers["timestamp"] = sent.timestamp
    for name in HEADERS:
        value = getattr(sent, name)
        if value and not (name == "version" and value == "1.0"):
            message.headers[name] = value
    if sent.metadata is not UNSET:
        message.headers["metadata"] = bytes(sent.metadata).decode()
    if sent.type == "command":
        message.cmd.type = sent.command
        message.cmd.data = b"" if sent.args is UNSET else bytes(sent.args)
    else:
        message.event.type = sent.type
        message.event.data = b"" if sent.payload is UNSET else bytes(sent.payload)
    encoded: bytes = message.SerializeToString()
    return encoded


def _plain(ms: int) -> str:
    """The text that the number alone stands for; 0 is what proto3 calls absent."""
    try:
        return format_ms(ms) if ms else ""
    except ValueError:
        return ""


def _quoted(text: str) -> bytes:
    return msgspec.json.encode(text)
