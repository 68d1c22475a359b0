"""The broker: who gets what, in which order, and what is answered."""

from typing import Any

import pytest
from arqonbus_reference.access import ANONYMOUS, Principal
from arqonbus_reference.broker import MAX_TELEMETRY_BYTES
from arqonbus_reference.effects import Publication
from arqonbus_reference.envelope import parse
from arqonbus_reference.session import MIN_REMEMBERED_IDS
from broker_bench import NOW, Bench, documents, messages, replies, texts

ADMIN = Principal("default", "root", admin=True, expires_at=None)
STRANGER = Principal("elsewhere", "x", admin=False, expires_at=None)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_message_reaches_the_members_but_not_its_sender(bench: Bench) -> None:
    """ROUTE-001, ROUTE-006, ROUTE-008: members get it once, the sender and strangers do not."""
    ann, bob, eve = bench.client(), bench.client(), bench.client()
    bench.join(ann, bob)

    outbound = bench.commit(bench.on_its_way(ann, room="r", channel="c"))

    assert texts(outbound, bob) == ["x"]
    assert messages(outbound, ann) == []
    assert eve not in outbound


def test_a_message_carries_its_sender_and_sequence(bench: Bench) -> None:
    """ENV-019, ENV-027: what a client says of itself is overwritten, the rest of its metadata is kept."""
    ann, bob = bench.client(), bench.client()
    bench.join(bob)

    outbound = bench.commit(
        bench.on_its_way(
            ann,
            room="r",
            channel="c",
            sender="eve",
            from_client="eve",
            metadata={"sequence": 99, "trace": [1]},
        )
    )

    (message,) = messages(outbound, bob)
    assert message["sender"] == ann.client_id
    assert "from_client" not in message
    assert message["metadata"] == {"trace": [1], "sequence": 1}


def test_a_forged_sender_without_metadata_is_overwritten(bench: Bench) -> None:
    """ENV-019: with no metadata given, the forged sender is overwritten all the same."""
    ann, bob = bench.client(), bench.client()
    bench.join(bob)

    outbound = bench.commit(bench.on_its_way(ann, room="r", channel="c", sender="eve"))

    (message,) = messages(outbound, bob)
    assert (message["sender"], message["metadata"]) == (ann.client_id, {"sequence": 1})


def test_an_accepted_message_is_acknowledged_once(bench: Bench) -> None:
    """ROUTE-014, ROUTE-015: one message_response with sequence and durability."""
    ann = bench.client()

    outbound = bench.commit(bench.on_its_way(ann, room="r", channel="c"))

    (reply,) = replies(outbound, ann)
    assert reply["type"] == "message_response"
    assert reply["id"] == reply["request_id"] == "arq_1_1_abcdef"
    assert reply["metadata"] == {"sequence": 1, "durability": "durable"}


def test_room_wide_messages_reach_every_member_once_with_their_own_sequence(bench: Bench) -> None:
    """ROUTE-002, ROUTE-012."""
    ann, bob = bench.client(), bench.client()
    bench.join(bob, channel="c")
    bench.join(bob, channel="d")
    bench.commit(bench.on_its_way(ann, room="r", channel="c"))

    outbound = bench.commit(bench.on_its_way(ann, room="r"))

    assert [found["metadata"]["sequence"] for found in messages(outbound, bob)] == [1]


def test_a_direct_message_reaches_one_client_and_has_no_sequence(bench: Bench) -> None:
    """ROUTE-003, ROUTE-013: also when the client gave a sequence itself."""
    ann, bob = bench.client(), bench.client()

    outbound = bench.commit(
        bench.on_its_way(ann, to_client=bob.client_id, metadata={"sequence": 7, "a": 1}),
        bench.on_its_way(ann, to_client=bob.client_id),
    )

    first, second = messages(outbound, bob)
    assert first["metadata"] == {"a": 1}
    assert "metadata" not in second
    assert replies(outbound, ann)[0]["metadata"] == {"durability": "memory"}


def test_a_direct_message_to_a_client_that_left_meanwhile_is_dropped(bench: Bench) -> None:
    """Between acceptance and delivery a client may be gone; nobody else gets its message."""
    ann, bob = bench.client(), bench.client()
    publication = bench.on_its_way(ann, to_client=bob.client_id)
    bench.broker.disconnect(bob, 1000, "")

    outbound = bench.commit(publication)

    assert bob not in outbound


@pytest.mark.parametrize("principal", [ANONYMOUS, STRANGER])
def test_an_unknown_client_is_no_target(bench: Bench, principal: Principal) -> None:
    """ROUTE-004, AUTH-010: unknown, or of another tenant: TARGET_NOT_FOUND."""
    ann, other = bench.client(), bench.client(principal)
    bench.broker.disconnect(other, 1000, "")
    target = other.client_id if principal is ANONYMOUS else bench.client(STRANGER).client_id

    refusal = bench.accept(ann, bench.frame("message", to_client=target, payload={"a": 1}))

    assert isinstance(refusal, bytes)
    assert documents([refusal])[0]["error_code"] == "TARGET_NOT_FOUND"


def test_tenants_do_not_meet_in_a_room_of_the_same_name(bench: Bench) -> None:
    """AUTH-009."""
    ann, eve = bench.client(), bench.client(STRANGER)
    bench.join(ann, eve)

    outbound = bench.commit(bench.on_its_way(ann, room="r", channel="c"))

    assert eve not in outbound


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


def test_one_publishers_messages_keep_their_order_across_targets(bench: Bench) -> None:
    """ROUTE-017: channel, direct, room, channel arrive as sent, though frames of a channel are joined."""
    ann, bob, eve = bench.client(), bench.client(), bench.client()
    bench.join(bob)
    where: list[dict[str, Any]] = [
        {"room": "r", "channel": "c"},
        {"room": "r", "channel": "c"},
        {"to_client": bob.client_id},
        {"room": "r"},
        {"room": "r", "channel": "c"},
    ]

    batch = [bench.on_its_way(ann, payload={"text": str(n)}, **target) for n, target in enumerate(where)]
    batch.insert(2, bench.on_its_way(eve, payload={"text": "other"}, room="r", channel="c"))

    seen = [text for text in texts(bench.commit(*batch), bob) if text != "other"]
    assert seen == ["0", "1", "2", "3", "4"]


def test_members_that_publish_in_one_batch_get_each_others_messages(bench: Bench) -> None:
    """ROUTE-006: joined frames leave out a member's own, and only these."""
    ann, bob, eve = bench.client(), bench.client(), bench.client()
    bench.join(ann, bob, eve)

    outbound = bench.commit(
        bench.on_its_way(ann, room="r", channel="c", payload={"text": "a"}),
        bench.on_its_way(bob, room="r", channel="c", payload={"text": "b"}),
    )

    assert [texts(outbound, who) for who in (ann, bob, eve)] == [["b"], ["a"], ["a", "b"]]


def test_stored_at_never_goes_back(bench: Bench) -> None:
    """HIST-002: a clock that steps back does not reorder history."""
    ann = bench.client()
    first, second = bench.on_its_way(ann, room="r", channel="c"), bench.on_its_way(ann, room="r", channel="c")
    bench.broker.unsequenced([first])[0].sequence = 0

    (early,) = bench.broker.seal([first], NOW)
    (late,) = bench.broker.seal([second], NOW - 5000)

    assert (early.stored_at, late.stored_at, late.sequence) == (NOW, NOW, 2)


def test_a_client_that_disconnects_is_a_member_no_more(bench: Bench) -> None:
    """ROUTE-018: and the events say which channels it left."""
    ann, bob = bench.client(), bench.client()
    bench.join(bob)

    events = bench.broker.disconnect(bob, 1006, "connection lost")

    assert [event.event_type for event in events] == ["channel.left", "client.disconnected"]
    assert bob not in bench.commit(bench.on_its_way(ann, room="r", channel="c"))


def test_an_invalid_frame_is_answered_and_counted(bench: Bench) -> None:
    """ENV-020: one error with the id that could be read."""
    from arqonbus_reference.diagnosis import InvalidEnvelopeError

    ann = bench.client()

    refusal = bench.broker.invalid(ann, InvalidEnvelopeError("room: bad", "arq_1_1_abcdef"), NOW)

    (reply,) = documents([refusal])
    assert (reply["error_code"], reply["request_id"]) == ("VALIDATION_ERROR", "arq_1_1_abcdef")
    assert ann.tenant.rejected == 1


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


def test_commands_that_need_io_are_given_to_be_executed(bench: Bench) -> None:
    """History, groups and synthesis are not the broker's."""
    ann = bench.client()

    _, _, execute = bench.command(ann, "history", room="r")

    assert execute is not None
    assert (execute.command, execute.args.room) == ("op.history.get", "r")


def test_operator_join_is_given_to_be_executed(bench: Bench) -> None:
    """GROUP-008: with its payload as arguments."""
    ann = bench.client()

    _, _, execute = bench.request(ann, "operator.join", payload={"group": "g", "room": "r", "channel": "c"})

    assert execute is not None
    assert (execute.command, execute.args.group) == ("operator.join", "g")


def test_a_faulty_operator_join_is_a_response(bench: Bench) -> None:
    """GROUP-015: COMMAND_VALIDATION_ERROR that names the argument."""
    ann = bench.client()

    outbound, _, execute = bench.request(ann, "operator.join", payload={"group": "g", "room": "r"})

    (reply,) = replies(outbound, ann)
    assert (reply["type"], reply["error_code"]) == ("response", "COMMAND_VALIDATION_ERROR")
    assert reply["error"].startswith("channel: missing")
    assert execute is None


@pytest.mark.parametrize(("name", "key"), [("ping", "pong"), ("status", "of"), ("help", "commands")])
def test_simple_commands_are_answered_at_once(bench: Bench, name: str, key: str) -> None:
    """CMD-004, CMD-005, CMD-006: also without args."""
    ann = bench.client()

    outbound, _, _ = bench.request(ann, command=name)

    (reply,) = replies(outbound, ann)
    assert reply["status"] == "success"
    assert key in reply["payload"]["data"]


def test_an_unknown_command_is_not_found(bench: Bench) -> None:
    """CMD-002."""
    ann = bench.client()

    outbound, _, _ = bench.command(ann, "op.rm.rf")

    assert replies(outbound, ann)[0]["error_code"] == "COMMAND_NOT_FOUND"


def test_deleting_a_channel_tells_its_members(bench: Bench) -> None:
    """CMD-014: the creator's own response comes beside the notice."""
    ann, bob = bench.client(), bench.client()
    bench.join(ann, bob)

    outbound, announcements, _ = bench.command(ann, "delete_channel", room="r", channel="c")

    assert messages(outbound, bob)[0]["payload"] == {"event": "channel.deleted", "room": "r", "channel": "c"}
    assert replies(outbound, ann)[0]["payload"]["data"]["deleted"] is True
    assert len(announcements) == 2
    assert bob not in bench.commit(bench.on_its_way(ann, room="r", channel="c"))


def test_an_administrator_may_delete_any_channel(bench: Bench) -> None:
    """CMD-009: and nobody else but the creator."""
    ann, bob, root = bench.client(), bench.client(), bench.client(ADMIN)
    bench.join(ann)

    denied = replies(bench.command(bob, "delete_channel", room="r", channel="c").outbound, bob)
    granted = replies(bench.command(root, "delete_channel", room="r", channel="c").outbound, root)

    assert denied[0]["error_code"] == "AUTHORIZATION_DENIED"
    assert granted[0]["status"] == "success"
