"""Envelopes as protobuf frames, ``arqon.v1.Envelope`` of docs/spec/shield.md, by a codec of the suite's own.

The messages are declared here field by field from the specification and live in a pool of their own: nothing of a
deployment's generated code can make both sides agree on the same mistake.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message

__all__ = ["HEADERS", "from_json", "message", "to_json"]

HEADERS: Final = ("version", "sender", "channel", "to_client", "request_id", "status", "error", "error_code")
"""The fields of an envelope that are headers of the same name."""
LABEL: Final = descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL
REPEATED: Final = descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED

Fields = tuple[tuple[str, int, str], ...]
"""Name, number, and type: a scalar's name, or that of a message."""
PAYLOADS: Final[Fields] = (("cmd", 20, "Command"), ("event", 21, "Event"), ("signal", 22, "SystemSignal"))
MESSAGES: Final[dict[str, Fields]] = {
    "Command": (("type", 1, "string"), ("data", 2, "bytes")),
    "Event": (("type", 1, "string"), ("data", 2, "bytes")),
    # An enumeration and an int32 are the same on the wire.
    "SystemSignal": (("type", 1, "int32"), ("reason", 2, "string")),
    "Envelope": (
        ("trace_id", 1, "string"),
        ("tenant_id", 2, "string"),
        ("room_id", 3, "string"),
        ("timestamp", 4, "int64"),
        ("twist_id", 5, "string"),
        ("signature", 10, "bytes"),
    ),
}


@cache
def _envelope_class() -> type[Message]:
    file = descriptor_pb2.FileDescriptorProto(name="gate.proto", package="arqon.v1", syntax="proto3")
    for name, fields in MESSAGES.items():
        declared = file.message_type.add(name=name)
        for field in fields:
            _declare(declared, *field)
    envelope = file.message_type[-1]
    entry = envelope.nested_type.add(name="HeadersEntry")
    entry.options.map_entry = True
    _declare(entry, "key", 1, "string")
    _declare(entry, "value", 2, "string")
    _declare(envelope, "headers", 6, "Envelope.HeadersEntry", label=REPEATED)
    envelope.oneof_decl.add(name="payload")
    for payload in PAYLOADS:
        _declare(envelope, *payload)
        envelope.field[-1].oneof_index = 0
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found: type[Message] = message_factory.GetMessageClass(pool.FindMessageTypeByName("arqon.v1.Envelope"))
    return found


def _declare(
    owner: descriptor_pb2.DescriptorProto, name: str, number: int, kind: str, label: int = LABEL
) -> None:
    field = owner.field.add(name=name, number=number, label=label)
    if kind[0].isupper():
        field.type = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE
        field.type_name = f".arqon.v1.{kind}"
    else:
        field.type = descriptor_pb2.FieldDescriptorProto.Type.Value(f"TYPE_{kind.upper()}")


def message() -> Any:
    """An empty ``arqon.v1.Envelope``, to be filled field by field and serialised by ``SerializeToString``."""
    return _envelope_class()()


def from_json(envelope: Mapping[str, object]) -> bytes:
    """The protobuf frame of an envelope; fields that protobuf has no place for are left out."""
    made = message()
    made.trace_id = envelope.get("id", "")
    made.room_id = envelope.get("room", "")
    stamp = envelope.get("timestamp")
    if isinstance(stamp, str):
        made.timestamp = int(datetime.fromisoformat(stamp).timestamp() * 1000)
        made.headers["timestamp"] = stamp
    for name in HEADERS:
        if name in envelope:
            made.headers[name] = envelope[name]
    if "metadata" in envelope:
        made.headers["metadata"] = _text(envelope["metadata"])
    if envelope.get("type") == "command":
        part, inner = made.cmd, "args"
        part.type = envelope.get("command", "")
    else:
        part, inner = made.event, "payload"
        part.type = envelope.get("type", "")
    if inner in envelope:
        part.data = _text(envelope[inner]).encode()
    return bytes(made.SerializeToString())


def to_json(frame: bytes) -> str:
    """The JSON text of a protobuf frame from a deployment; ``data`` stands in it as it came.

    Raises:
        ValueError: it is no ``arqon.v1.Envelope``, or has no JSON view.
    """
    found = message()
    try:
        found.ParseFromString(frame)
    except DecodeError as fault:
        raise ValueError(f"no arqon.v1.Envelope: {fault}") from fault
    kind = found.WhichOneof("payload")
    if kind not in {"cmd", "event"}:
        raise ValueError(f"the payload is {kind}; allowed: cmd or event")
    members = ", ".join(f"{json.dumps(name)}: {text}" for name, text in _members(found, kind))
    return "{" + members + "}"


def _members(found: Any, kind: str) -> Iterator[tuple[str, str]]:
    part = found.cmd if kind == "cmd" else found.event
    yield "id", json.dumps(found.trace_id)
    yield "type", json.dumps("command" if kind == "cmd" else part.type)
    if kind == "cmd":
        yield "command", json.dumps(part.type)
    yield "timestamp", json.dumps(found.headers.get("timestamp") or _stamp(found.timestamp))
    if found.room_id:
        yield "room", json.dumps(found.room_id)
    for name in HEADERS:
        if name in found.headers or name == "version":
            yield name, json.dumps(found.headers.get(name, "1.0"))
    if part.data:
        yield "args" if kind == "cmd" else "payload", part.data.decode()
    if "metadata" in found.headers:
        yield "metadata", found.headers["metadata"]


def _stamp(milliseconds: int) -> str:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")
    except (OverflowError, OSError) as fault:
        raise ValueError(f"timestamp: {milliseconds} ms is no time") from fault


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
