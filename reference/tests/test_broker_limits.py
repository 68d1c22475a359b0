"""The broker's limits: on the rate of requests, and on telemetry of clients."""

import pytest
from arqonbus_reference.broker import MAX_TELEMETRY_BYTES
from arqonbus_reference.envelope import parse
from broker_bench import NOW, Bench, documents, replies

LIMITED = {
    "message": ("error", {"room": "r", "payload": {"a": 1}}),
    "command": ("response", {"command": "ping"}),
    "operator.join": ("response", {"payload": {}}),
    "telemetry": ("error", {"payload": {}}),
}


@pytest.mark.parametrize("kind", LIMITED)
def test_requests_over_the_rate_are_refused_with_a_time(kind: str) -> None:
    """LIM-005: RATE_LIMIT_EXCEEDED and a positive retry_after; a second later it goes on."""
    bench = Bench(rate=1)
    ann = bench.client()
    reply_type, fields = LIMITED[kind]
    envelope = parse(bench.frame(kind, **fields))

    first = bench.broker.limit(ann, envelope, NOW, 100.0)
    second = bench.broker.limit(ann, envelope, NOW, 100.25)
    third = bench.broker.limit(ann, envelope, NOW, 101.0)

    assert (first, third) == (None, None)
    assert isinstance(second, bytes)
    (reply,) = documents([second])
    assert (reply["type"], reply["error_code"]) == (reply_type, "RATE_LIMIT_EXCEEDED")
    assert reply["payload"]["retry_after"] == pytest.approx(0.75)


def test_telemetry_has_a_rate_of_its_own() -> None:
    """TEL-012."""
    bench = Bench(telemetry_rate=1)
    ann = bench.client()
    envelope = parse(bench.frame("telemetry", payload={}))

    answers = [bench.broker.limit(ann, envelope, NOW, 100.0) for _ in range(2)]

    assert answers[0] is None
    assert isinstance(answers[1], bytes)


def test_an_invalid_frame_counts_against_the_rate() -> None:
    """LIM-005: garbage is no way around the limit, and is answered without an id where none could be read."""
    from arqonbus_reference.diagnosis import InvalidEnvelopeError

    bench = Bench(rate=1)
    ann = bench.client()
    invalid = InvalidEnvelopeError("envelope: no", None)

    answers = [bench.broker.limit(ann, invalid, NOW, 100.0) for _ in range(2)]

    assert answers[0] is None
    assert isinstance(answers[1], bytes)
    assert "request_id" not in documents([answers[1]])[0]


def test_telemetry_is_announced_and_acknowledged(bench: Bench) -> None:
    """CMD-017."""
    ann = bench.client()

    outbound, announcements, execute = bench.request(ann, "telemetry", payload={"a": 1})

    assert [reply["type"] for reply in replies(outbound, ann)] == ["message_response"]
    assert announcements[0].event_type == "client.telemetry"
    assert execute is None


def test_oversized_telemetry_is_refused(bench: Bench) -> None:
    """TEL-012: the payload is bounded in bytes."""
    ann = bench.client()

    outbound, announcements, _ = bench.request(ann, "telemetry", payload={"a": "x" * MAX_TELEMETRY_BYTES})

    assert [reply["error_code"] for reply in replies(outbound, ann)] == ["VALIDATION_ERROR"]
    assert announcements == ()
