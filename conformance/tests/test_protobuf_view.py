"""The suite's own protobuf codec."""

import json
from typing import Any

import pytest
from arqonbus_conformance import protobuf_view
from arqonbus_conformance.envelopes import envelope
from hypothesis import given
from hypothesis import strategies as st

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=5), JSON, min_size=1, max_size=4
    )
)
def test_a_message_and_its_view_agree(payload: dict[str, Any]) -> None:
    """Whatever a payload holds, integers of any size among it, stands in the JSON view of its protobuf frame."""
    made = envelope("message", room="r", channel="c", payload=payload, metadata={"sequence": 2**70})

    seen = json.loads(protobuf_view.to_json(protobuf_view.from_json(made)))

    assert seen == made


def test_a_command_and_its_view_agree() -> None:
    """A command's name and args stand in the JSON view."""
    made = envelope("command", command="ping", args={"big": 2**64})

    seen = json.loads(protobuf_view.to_json(protobuf_view.from_json(made)))

    assert seen == made


def test_known_bytes() -> None:
    """The numbers of the fields are those of the specification: a frame written by hand is read."""
    frame = b"\x0a\x02id\x1a\x01r\x20\x01" + b"\xaa\x01\x12" + b'\x0a\x07message\x12\x07{"a":1}'

    seen = json.loads(protobuf_view.to_json(frame))

    assert seen == {
        "id": "id",
        "type": "message",
        "timestamp": "1970-01-01T00:00:00.001+00:00",
        "room": "r",
        "version": "1.0",
        "payload": {"a": 1},
    }


@pytest.mark.parametrize(
    "frame", [b"\xff", b"", b"\xb2\x01\x02\x08\x01"], ids=["garbage", "nothing", "a signal"]
)
def test_what_has_no_view_is_said(frame: bytes) -> None:
    """A frame that is no envelope with a command or an event has no JSON view."""
    with pytest.raises(ValueError, match=r"arqon\.v1\.Envelope|payload"):
        protobuf_view.to_json(frame)
