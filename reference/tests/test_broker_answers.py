"""What the broker answers a publisher: once for each message, again for one that is repeated, and when it is refused."""

from arqonbus_reference.effects import Publication
from arqonbus_reference.session import MIN_REMEMBERED_IDS
from broker_bench import NOW, Bench, documents, replies, texts


def test_an_accepted_message_is_acknowledged_once(bench: Bench) -> None:
    """ROUTE-014, ROUTE-015: one message_response with sequence and durability."""
    ann = bench.client()

    outbound = bench.commit(bench.on_its_way(ann, room="r", channel="c"))

    (reply,) = replies(outbound, ann)
    assert reply["type"] == "message_response"
    assert reply["id"] == reply["request_id"] == "arq_1_1_abcdef"
    assert reply["metadata"] == {"sequence": 1, "durability": "durable"}


def test_a_repeated_id_is_answered_again_and_delivered_once(bench: Bench) -> None:
    """ROUTE-016: while on its way, and afterwards."""
    ann, bob = bench.client(), bench.client()
    bench.join(bob)
    frame = bench.frame("message", room="r", channel="c", payload={"text": "x"})
    first = bench.accept(ann, frame)
    assert isinstance(first, Publication)

    during = bench.accept(ann, frame)
    outbound = bench.commit(first)
    after = bench.accept(ann, frame)

    assert during is None
    assert texts(outbound, bob) == ["x"]
    assert len(replies(outbound, ann)) == 2
    assert isinstance(after, bytes)
    assert documents([after])[0]["metadata"] == replies(outbound, ann)[0]["metadata"]


def test_a_repeated_direct_message_is_answered_again(bench: Bench) -> None:
    """ROUTE-016: for what carries no sequence too."""
    ann, bob = bench.client(), bench.client()
    frame = bench.frame("message", to_client=bob.client_id, payload={"text": "x"})
    first = bench.accept(ann, frame)
    assert isinstance(first, Publication)
    bench.commit(first)

    again = bench.accept(ann, frame)

    assert isinstance(again, bytes)
    assert documents([again])[0]["metadata"] == {"durability": "memory"}


def test_only_so_many_ids_are_remembered(bench: Bench) -> None:
    """The last 1024 ids are known, and never more than twice as many: memory is bounded."""
    ann = bench.client()
    sizes = []

    for _ in range(5 * MIN_REMEMBERED_IDS):
        bench.commit(bench.on_its_way(ann, room="r", channel="c"))
        sizes.append(len(ann.remembered))

    last = [f"arq_1_{bench.count - back}_abcdef" for back in range(MIN_REMEMBERED_IDS)]
    assert all(ann.remembered.get(message_id) for message_id in last)
    assert max(sizes) <= 2 * MIN_REMEMBERED_IDS
    assert ann.remembered.get("arq_1_1_abcdef") is None


def test_a_refused_message_is_delivered_to_nobody_and_may_be_sent_again(bench: Bench) -> None:
    """ROUTE-022: a failed write frees its id and its sequence."""
    ann, bob = bench.client(), bench.client()
    bench.join(bob)
    frame = bench.frame("message", room="r", channel="c", payload={"text": "x"})
    first = bench.accept(ann, frame)
    assert isinstance(first, Publication)
    bench.accept(ann, frame)

    refusal = bench.broker.refuse([first], "STORAGE_UNAVAILABLE", "no storage", NOW)
    second = bench.accept(ann, frame)

    assert [reply["error_code"] for reply in replies(refusal, ann)] == ["STORAGE_UNAVAILABLE"] * 2
    assert bob not in refusal
    assert isinstance(second, Publication)
    assert texts(bench.commit(second), bob) == ["x"]


def test_a_refused_direct_message_has_no_stream_to_free(bench: Bench) -> None:
    """Direct messages can be refused as well."""
    ann, bob = bench.client(), bench.client()

    refusal = bench.broker.refuse(
        [bench.on_its_way(ann, to_client=bob.client_id)], "INTERNAL_ERROR", "no", NOW
    )

    assert [reply["error_code"] for reply in replies(refusal, ann)] == ["INTERNAL_ERROR"]


def test_an_invalid_frame_is_answered_and_counted(bench: Bench) -> None:
    """ENV-020: one error with the id that could be read."""
    from arqonbus_reference.diagnosis import InvalidEnvelopeError

    ann = bench.client()

    refusal = bench.broker.invalid(ann, InvalidEnvelopeError("room: bad", "arq_1_1_abcdef"), NOW)

    (reply,) = documents([refusal])
    assert (reply["error_code"], reply["request_id"]) == ("VALIDATION_ERROR", "arq_1_1_abcdef")
    assert ann.tenant.rejected == 1
