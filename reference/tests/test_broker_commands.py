"""Commands at the broker: those that it answers itself, and those that it gives to be executed."""

import pytest
from arqonbus_reference.access import Principal
from broker_bench import Bench, messages, replies

ADMIN = Principal("default", "root", admin=True, expires_at=None)


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
