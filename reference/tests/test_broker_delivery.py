"""The broker: who gets what, and in which order."""

from typing import Any

import pytest
from arqonbus_reference.access import ANONYMOUS, Principal
from broker_bench import NOW, Bench, documents, messages, replies, texts

STRANGER = Principal("elsewhere", "x", admin=False, expires_at=None)


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
