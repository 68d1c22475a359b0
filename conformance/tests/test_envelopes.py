import pytest
from arqonbus_conformance import envelopes
from arqonbus_conformance.findings import SuiteFault, Violation
from hypothesis import given
from hypothesis import strategies as st

NAMES = st.from_regex(r"\A[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}\Z")


@given(NAMES, st.dictionaries(st.text(max_size=5), st.integers(), min_size=1))
def test_what_the_suite_makes_is_well_formed(room: str, payload: dict[str, int]) -> None:
    """An envelope needs nothing but a target and a payload."""
    envelopes.check_own(envelopes.envelope(room=room, payload=payload))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"payload": {}},
        {"payload": {"text": "x"}},
        {"payload": {"text": "x"}, "channel": "c"},
        {"payload": {"text": "x"}, "room": "r", "to_client": "c"},
        {"payload": {"text": "x"}, "room": "a/b"},
        {"payload": {"text": "x"}, "room": "r", "id": "1"},
        {"payload": {"text": "x"}, "room": "r", "timestamp": ...},
        {"payload": {"text": "x"}, "room": "r", "args": {}},
        {"payload": {"text": "x"}, "room": "r", "unknown": 1},
        {"payload": {"text": "x"}, "room": "r", "metadata": None},
        {"payload": {"text": "x"}, "room": "r", "version": "2.0"},
    ],
)
def test_a_malformed_message_is_a_fault_of_the_suite(fields: dict[str, object]) -> None:
    """It is stopped before it can blame a deployment."""
    with pytest.raises(SuiteFault, match="malformed=True"):
        envelopes.check_own(envelopes.envelope(**fields))


@pytest.mark.parametrize(
    "message",
    [
        envelopes.envelope("command", command="ping"),
        envelopes.envelope("command", command="x", args={"a": 10**40}, metadata={}),
        envelopes.envelope("telemetry", payload={}),
        envelopes.envelope("operator.join", payload={"group": "g"}),
        envelopes.envelope(to_client="c", payload={"n": 10**40}),
        envelopes.envelope(id="arq_01ARZ3NDEKTSV4RRFFQ69G5FAV", room="r", payload={"a": 1}),
    ],
)
def test_every_type_has_a_form_that_passes(message: dict[str, object]) -> None:
    """Both forms of id, every type, integers of any size."""
    envelopes.check_own(message)


def test_reading_what_is_missing_blames_the_deployment() -> None:
    """A field or an item that is not there is a violation, at any depth."""
    document = envelopes.read('{"payload": {"entries": [{"a": 1}]}, "big": 123456789012345678901234567890}')

    assert document["payload"]["entries"][0]["a"] == 1
    assert document["big"] == 123456789012345678901234567890
    for reading in (
        lambda: document["x"],
        lambda: document["payload"]["entries"][1],
        lambda: envelopes.read("[]")[0],
    ):
        with pytest.raises(Violation, match="missing"):
            reading()


def test_ids_do_not_repeat() -> None:
    """A thousand ids are a thousand."""
    assert len({envelopes.message_id() for _ in range(1000)}) == 1000
