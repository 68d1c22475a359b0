"""The commands on channels, and what the broker forgets of channels nobody needs."""

from typing import Any

import pytest
from arqonbus_reference import channels, membership
from arqonbus_reference.access import Principal
from arqonbus_reference.commands import COMMANDS, described, read_args
from arqonbus_reference.errors import CommandError
from arqonbus_reference.session import Session
from broker_bench import Bench, replies

ANN = Principal("default", "ann", admin=False, expires_at=None)


def reply(bench: Bench, session: Session, name: str, **args: Any) -> dict[str, Any]:
    (answered,) = replies(bench.command(session, name, **args).outbound, session)
    return answered


def data(bench: Bench, session: Session, name: str, **args: Any) -> dict[str, Any]:
    answered = reply(bench, session, name, **args)
    assert answered["status"] == "success"
    found: dict[str, Any] = answered["payload"]["data"]
    return found


PLACE = {"room": "r", "channel": "c"}


def test_creating_twice_says_so(bench: Bench) -> None:
    """CMD-007: and so does creating what a join made."""
    ann, bob = bench.client(), bench.client()
    data(bench, bob, "join_channel", room="r", channel="joined")

    created = [data(bench, ann, "create_channel", **PLACE)["created"] for _ in range(2)]
    joined = data(bench, ann, "create_channel", room="r", channel="joined")["created"]

    assert created == [True, False]
    assert joined is False


def test_a_created_channel_stays_and_a_joined_one_goes(bench: Bench) -> None:
    """CMD-019."""
    ann = bench.client()
    data(bench, ann, "create_channel", **PLACE, description="for ever")
    data(bench, ann, "join_channel", **PLACE)
    data(bench, ann, "join_channel", room="r", channel="d")

    before = data(bench, ann, "list_channels", room="r")
    data(bench, ann, "leave_channel", **PLACE)
    data(bench, ann, "leave_channel", room="r", channel="d")
    after = data(bench, ann, "list_channels")

    assert [found["channel"] for found in before["channels"]] == ["c", "d"]
    assert [(found["channel"], found["description"]) for found in after["channels"]] == [("c", "for ever")]


def test_the_creator_is_a_subject_where_there_are_tokens(bench: Bench) -> None:
    """CMD-009: the same person may delete from another connection."""
    first, second = bench.client(ANN), bench.client(ANN)
    data(bench, first, "create_channel", **PLACE)

    deleted = [data(bench, second, "delete_channel", **PLACE)["deleted"] for _ in range(2)]

    assert deleted == [True, False]


def test_leaving_what_one_is_no_member_of_is_not_found(bench: Bench) -> None:
    """CMD-011: unknown channel or not a member, alike."""
    ann, bob = bench.client(), bench.client()
    data(bench, bob, "join_channel", **PLACE)

    codes = [
        reply(bench, ann, "leave_channel", room="r", channel=channel)["error_code"] for channel in ("c", "x")
    ]

    assert codes == ["TARGET_NOT_FOUND"] * 2


def test_joining_twice_says_so(bench: Bench) -> None:
    """CMD-010."""
    ann = bench.client()

    answers = [data(bench, ann, "join_channel", **PLACE) for _ in range(2)]

    assert [(answer["joined"], answer["member_count"]) for answer in answers] == [(True, 1), (False, 1)]


def test_a_channel_is_described_with_its_members(bench: Bench) -> None:
    """CMD-013."""
    ann = bench.client(ANN)
    data(bench, ann, "join_channel", **PLACE)

    info = data(bench, ann, "channel_info", **PLACE)
    unknown = reply(bench, ann, "channel_info", room="r", channel="x")

    assert info["created_by"] == "ann"
    assert [member["client_id"] for member in info["members"]] == [ann.client_id]
    assert unknown["error_code"] == "TARGET_NOT_FOUND"


def test_lists_are_bounded_and_say_so(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """CMD-012: ordered, cut, and truthful about it."""
    monkeypatch.setattr(membership, "MAX_LISTED_CHANNELS", 2)
    ann = bench.client()
    for name in ("b", "a", "c"):
        data(bench, ann, "create_channel", room="r", channel=name)

    listed = data(bench, ann, "list_channels", room="r")

    assert [found["channel"] for found in listed["channels"]] == ["a", "b"]
    assert (listed["count"], listed["truncated"]) == (2, True)


def test_memberships_are_bounded(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """One connection cannot be a member of everything."""
    monkeypatch.setattr(membership, "MAX_MEMBERSHIPS", 1)
    ann = bench.client()
    data(bench, ann, "join_channel", **PLACE)

    assert (
        reply(bench, ann, "join_channel", room="r", channel="d")["error_code"] == "COMMAND_VALIDATION_ERROR"
    )


def test_channels_are_bounded(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenant cannot make channels without end; what nobody uses makes room first."""
    monkeypatch.setattr(membership, "MAX_STREAMS", 2)
    ann = bench.client()
    data(bench, ann, "create_channel", **PLACE)

    refused = reply(bench, ann, "create_channel", room="r", channel="d")
    data(bench, ann, "delete_channel", **PLACE)
    accepted = reply(bench, ann, "create_channel", room="r", channel="d")

    assert refused["error_code"] == "COMMAND_VALIDATION_ERROR"
    assert accepted["status"] == "success"


def test_idle_streams_are_forgotten_and_busy_ones_kept(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Publishing to ever new channels does not fill memory; a message on its way keeps its channel."""
    monkeypatch.setattr(channels, "MAX_STREAMS", 10)
    ann = bench.client()
    busy = bench.on_its_way(ann, room="busy", channel="c")

    for number in range(50):
        bench.commit(bench.on_its_way(ann, room=f"r{number}", channel="c"))

    tenant = bench.broker.tenant("default")
    assert tenant.streams < 20
    assert tenant.stream("busy", "c") is busy.stream


WRONG_ARGS: list[tuple[str, bytes, str]] = [
    ("ping", b'{"x": 1}', "x: unknown argument; allowed: no arguments"),
    ("join_channel", b'{"room": "r"}', "channel: missing; allowed: 1-128 of"),
    ("join_channel", b'{"room": "a/b", "channel": "c"}', 'room: "a/b" is not allowed; allowed: 1-128 of'),
    ("join_channel", b'{"room": "r\\n", "channel": "c"}', 'room: "r\\n" is not allowed'),
    ("join_channel", b'{"room": null, "channel": "c"}', "room: null is not allowed"),
    (
        "join_channel",
        b'{"room": "r", "channel": "c", "\xc3\xa9": 1}',
        "'\\xe9': unknown argument; allowed: room, channel",
    ),
    ("op.history.get", b'{"limit": 0}', "limit: 0 is not allowed"),
    ("op.history.get", b'{"limit": 1e999}', "limit: 1e999 is not allowed"),
    ("op.history.get", b'{"limit": ' + b"9" * 5000 + b"}", "limit: " + "9" * 64 + "... is not allowed"),
    (
        "op.group.ack",
        b'{"room":"r","channel":"c","group":"g","entry_ids":[1]}',
        "entry_ids: [1] is not allowed",
    ),
]


@pytest.mark.parametrize(("name", "raw", "text"), WRONG_ARGS)
def test_wrong_arguments_are_named(name: str, raw: bytes, text: str) -> None:
    """CMD-003, CMD-018: the argument, its value cut, and what is allowed."""
    with pytest.raises(CommandError) as refused:
        read_args(raw, COMMANDS[name].args)

    assert refused.value.code == "COMMAND_VALIDATION_ERROR"
    assert refused.value.message.startswith(text)


def test_every_command_is_described_with_a_schema_of_its_own() -> None:
    """CMD-006: without references a reader would have to follow."""
    listed = described()

    assert {entry["name"] for entry in listed} == set(COMMANDS)
    assert all(entry["args"]["type"] == "object" and "$ref" not in str(entry["args"]) for entry in listed)


def test_a_room_knows_its_members_without_asking_its_channels(bench: Bench) -> None:
    """A room-wide message must not cost a look at each of a hundred thousand channels; every way out of one is counted."""
    ann, bob, cid = (bench.client() for _ in range(3))
    for client in (ann, bob, cid):
        for channel in ("c", "d"):
            data(bench, client, "join_channel", room="r", channel=channel)
    wide = ann.tenant.stream("r", None)

    data(bench, bob, "leave_channel", room="r", channel="c")
    after_one = list(wide.recipients())
    data(bench, bob, "leave_channel", room="r", channel="d")
    after_both = list(wide.recipients())
    data(bench, ann, "delete_channel", room="r", channel="c")
    bench.broker.disconnect(cid, 1000, "")
    after_all = list(wide.recipients())

    assert after_one == [ann, bob, cid]
    assert after_both == [ann, cid]
    assert after_all == [ann]
    assert wide.room.members == {ann: 1}
