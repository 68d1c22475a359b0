"""Whatever stands in a frame: `envelope.parse` against values and bytes that nobody thought of."""

import json
from typing import Any

import pytest
from arqonbus_reference.diagnosis import InvalidEnvelopeError
from arqonbus_reference.envelope import parse
from hypothesis import given
from hypothesis import strategies as st
from made_envelopes import COMMAND, MESSAGE, encoded

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def read(frame: bytes) -> tuple[str, str] | None:
    """The id and type of an envelope, None for a frame that is refused."""
    try:
        envelope = parse(frame)
    except InvalidEnvelopeError:
        return None
    return envelope.id, envelope.type


@given(payload=st.dictionaries(st.text(), json_values, min_size=1), ascii_only=st.booleans())
def test_any_payload_is_carried_as_its_bytes(payload: dict[str, Any], *, ascii_only: bool) -> None:
    """ENV-017: whatever a payload holds, its bytes come through, commas and brackets in strings included."""
    text = json.dumps(payload, ensure_ascii=ascii_only).encode("utf-8", "replace")
    frame = encoded(MESSAGE)[: -len('{"text": "hello"}}')] + text + b"}"

    envelope = parse(frame)

    assert bytes(envelope.payload) == text  # type: ignore[arg-type]


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused(frame: bytes) -> None:
    """Bytes that nobody made an envelope of are refused, without any other exception."""
    assert read(frame) is None


@given(
    document=st.sampled_from([MESSAGE, COMMAND]),
    field=st.sampled_from([*sorted(MESSAGE), "command"]),
    value=json_values,
)
def test_a_mutated_field_never_shifts_another(document: dict[str, Any], field: str, value: Any) -> None:
    """Whatever stands in one field, an accepted envelope has the other fields as sent."""
    mutated = document | {field: value}

    assert read(encoded(mutated)) in (None, (mutated.get("id"), mutated.get("type")))


@given(
    members=st.lists(
        st.tuples(st.sampled_from(["room", "channel", "sender", "payload"]), json_values), max_size=4
    )
)
def test_a_repeated_key_is_always_refused(members: list[tuple[str, Any]]) -> None:
    """ENV-003: no value, however many commas it holds, hides that a key stands twice."""
    head = encoded(MESSAGE)[:-1]
    repeated = b"".join(b', "%b": %b' % (name.encode(), encoded(value)) for name, value in members)

    with pytest.raises(InvalidEnvelopeError):
        parse(head + repeated + b', "id": "arq_1_2_abcdef"}')
