"""The schema at the edge: one message has two views, and neither says more than the other."""

import json
import subprocess
import sys
from pathlib import Path

import arqonbus_reference.proto
import pytest
from arqonbus_reference.envelope import InvalidEnvelopeError
from arqonbus_reference.proto import arqon_pb2
from arqonbus_reference.shield.schema import json_view, judge, protobuf_view

PROTO = Path(arqonbus_reference.proto.__file__).parent
ID = "arq_1764000000000_1_abcdef"


def envelope(**changes):
    fields = {"trace_id": ID, "timestamp": 1_764_000_000_123, "room_id": "r"} | changes
    if not {"cmd", "event", "signal"} & fields.keys():
        fields["event"] = arqon_pb2.Event(type="message", data=b'{"n":1}')
    return arqon_pb2.Envelope(**fields).SerializeToString()


def test_data_is_carried_byte_for_byte():
    """Integers of any size, unicode and the order of keys are the same in both views."""
    data = '{"z":123456789012345678901234567890,"a":"\\u00e9é😀","f":1.0e400}'.encode()
    frame = envelope(event=arqon_pb2.Event(type="message", data=data), headers={"channel": "c"})

    judged = judge(frame, binary=True, strict=True)

    assert b'"payload":' + data in judged.text
    back = arqon_pb2.Envelope.FromString(protobuf_view(judged.text, "acme"))
    assert back.event.data == data
    assert (back.trace_id, back.tenant_id, back.headers["channel"]) == (ID, "acme", "c")


@pytest.mark.parametrize(
    "text",
    [
        {"id": ID, "type": "message", "timestamp": "2026-01-01T00:00:00.000Z", "version": "1.0", "room": "r", "payload": {"a": 1}},
        {"id": ID, "type": "message", "timestamp": "2026-01-01T00:00:00.123456+01:00", "version": "1.0", "to_client": "c", "payload": {"a": 1}},
        {"id": ID, "type": "command", "timestamp": "1970-01-01T00:00:00.000Z", "version": "1.0", "command": "ping"},
        {"id": ID, "type": "command", "timestamp": "2026-01-01T00:00:00Z", "version": "1.0", "command": "x", "args": {}, "metadata": {"k": 10**30}},
        {"id": ID, "type": "response", "timestamp": "2026-01-01T00:00:00.000Z", "version": "1.0", "request_id": ID, "status": "error", "error": "é", "error_code": "X", "payload": {}},
    ],
    ids=["room", "direct", "command without args", "command", "response"],
)  # fmt: skip
def test_the_two_views_say_the_same(text):
    """From JSON to protobuf and back nothing is lost and nothing appears."""
    encoded = json.dumps(text, ensure_ascii=False).encode()

    assert json.loads(json_view(protobuf_view(encoded, "acme"))) == text


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"\xff\xff", "not protobuf"),
        (b"", "no cmd or event"),
        (envelope(signal=arqon_pb2.SystemSignal(type="BAN")), "no cmd or event"),
        (envelope(headers={"from_client": "x"}), "unknown name"),
        (envelope() + b"\x98\x06\x01", "unknown field"),
        (envelope(event=arqon_pb2.Event(type="message", data=b'{"a":1},"to_client":{"b":1}')), "one JSON object"),
        (envelope(event=arqon_pb2.Event(type="message", data=b"[1]")), "one JSON object"),
        (envelope(event=arqon_pb2.Event(type="message", data=b'{"a":"\xff"}')), "one JSON object"),
        (envelope(event=arqon_pb2.Event(type="message", data=b'{"a":' * 100_000)), "one JSON object"),
        (envelope(headers={"metadata": '{},"sender":""'}), "one JSON object"),
        (envelope(headers={"timestamp": "2026-01-01T00:00:00Z"}), "one instant"),
        (envelope(timestamp=2**62), "one instant"),
        (envelope(timestamp=0), "timestamp: missing"),
        (envelope(trace_id="no id"), "id:"),
        (envelope(event=arqon_pb2.Event(type="message")), "payload: missing"),
        (envelope(event=arqon_pb2.Event(type="message", data=b'{"a":' * 64 + b"1" + b"}" * 64)), "nested"),
    ],
)  # fmt: skip
def test_what_has_no_json_view_is_refused(frame, reason):
    """A frame that is no envelope is refused by name, and its twin passes before and after."""
    assert judge(envelope(), binary=True, strict=True).request_id == ID

    with pytest.raises(InvalidEnvelopeError, match=reason):
        judge(frame, binary=True, strict=True)

    assert judge(envelope(), binary=True, strict=True).request_id == ID


def test_without_strict_the_bus_judges():
    """Without strict only what is no object is refused at the edge."""
    assert judge(b'{"id":"x","more":1}', binary=False, strict=False).request_id == "x"

    with pytest.raises(InvalidEnvelopeError):
        judge(b"[1]", binary=False, strict=False)
    with pytest.raises(InvalidEnvelopeError):
        judge(b'{"id":"x","more":1}', binary=False, strict=True)


def test_the_generated_module_is_that_of_the_schema(tmp_path):
    """Generating the module again changes nothing."""
    pytest.importorskip("grpc_tools", reason="grpcio-tools is of the group protobuf")

    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTO}", f"--python_out={tmp_path}"]
    subprocess.run([*command, f"--pyi_out={tmp_path}", "arqon.proto"], check=True)

    for name in ("arqon_pb2.py", "arqon_pb2.pyi"):
        assert (tmp_path / name).read_text() == (PROTO / name).read_text()
