"""The first frame: who the client is and what the deployment says it can do."""

from __future__ import annotations

import itertools
import re

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus, Client, Refusal
from arqonbus_conformance.plugin import depth, requirement

CAPABILITIES = {"auth", "history", "durable", "consumer_groups", "protobuf", "synthesis"}
LIMITS = {"max_message_size", "max_nesting", "outbox_bytes", "rate_limit_per_second", "max_history_size"}
NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}")


def capability(client: Client, name: str) -> bool:
    """What the welcome says of the capability."""
    said = client.welcome["payload"]["protocol"]["capabilities"][name]
    assert isinstance(said, bool)
    return said


@requirement("CONN-001")
@pytest.mark.parametrize("path", ["/", "/ws"])
async def test_the_first_frame_is_the_welcome(bus: Bus, path: str) -> None:
    """The welcome is a message from the bus itself, before anything is asked."""
    ann = await bus.connect("ann", path=path)

    welcome = ann.welcome

    expect.envelope_shape(welcome)
    expect.equal((welcome["type"], welcome["sender"]), ("message", "arqonbus"), "type and sender")
    assert welcome["payload"]["welcome"].startswith("ArqonBus")
    expect.equal(welcome["payload"]["client_id"], ann.id, "client_id")


@depth("smoke")
@requirement("CONN-001")
async def test_the_welcome_states_versions_capabilities_and_limits(bus: Bus) -> None:
    """Every capability is a boolean, every limit a whole number, none is missing."""
    ann = await bus.connect("ann")

    protocol = ann.welcome["payload"]["protocol"]

    expect.equal(protocol["versions"], ["1.0"], "versions")
    expect.equal(set(protocol["capabilities"]), CAPABILITIES, "capabilities")
    expect.equal({type(said) for said in protocol["capabilities"].values()}, {bool}, "types of capabilities")
    expect.equal(set(protocol["limits"]), LIMITS, "limits")
    expect.equal({type(limit) for limit in protocol["limits"].values()}, {int}, "types of limits")
    expect.equal(protocol["limits"]["max_nesting"], 64, "max_nesting")
    assert 1024 <= protocol["limits"]["max_message_size"] <= 67_108_864
    assert 65_536 <= protocol["limits"]["outbox_bytes"] <= 1_073_741_824
    assert 1 <= protocol["limits"]["max_history_size"] <= 10_000_000


@requirement("CONN-001")
async def test_nothing_follows_the_welcome_unasked(bus: Bus) -> None:
    """After the welcome the bus is silent until it is asked."""
    ann = await bus.connect("ann")

    await ann.barrier()

    expect.equal([frame["type"] for frame in ann.received], ["message", "response"], "types of the frames")


@requirement("CONN-002")
async def test_each_connection_has_a_client_id_of_its_own(bus: Bus) -> None:
    """Forty connections, one of them made again after its end, have forty-one ids."""
    clients = [await bus.connect(f"client{number}") for number in range(40)]
    await clients[0].close()
    clients.append(await bus.connect("again"))

    ids = [client.id for client in clients]

    expect.equal(len(set(ids)), 41, "number of different client ids")


@depth("smoke")
@requirement("CONN-002")
async def test_a_client_id_is_a_name(bus: Bus) -> None:
    """A client id follows the grammar of names, begins with c, and can be addressed."""
    ann, bob = await bus.clients("ann", "bob")

    # Before it is used: the suite sends no message with a name that is none.
    assert NAME.fullmatch(ann.id), ann.id
    assert ann.id.startswith("c"), ann.id
    expect.succeeded(await bob.publish(to=ann.id, text="by name"))

    assert await ann.texts_until("by name") == ["by name"]


@requirement("CONN-002")
async def test_a_client_id_cannot_be_guessed_from_the_one_before(bus: Bus) -> None:
    """Ids of connections made in a row do not count up: they differ in most of their places."""
    clients = [await bus.connect(f"client{number}") for number in range(8)]

    ids = [client.id for client in clients]
    alike = [sum(a == b for a, b in zip(one, other, strict=False)) for one, other in itertools.pairwise(ids)]

    assert min(len(one) for one in ids) >= 12, ids
    assert max(same / len(ids[0]) for same in alike) < 0.75, ids


@requirement("CONN-003")
async def test_history_is_claimed_and_kept(bus: Bus) -> None:
    """Where history is claimed a published message can be read back."""
    ann = await bus.connect("ann")
    await ann.publish(room=bus.room, channel="c", text="kept")

    data = await ann.succeed("op.history.get", room=bus.room, channel="c")

    expect.equal(data["count"] > 0, capability(ann, "history"), "history kept, as the welcome says")


@requirement("CONN-003")
async def test_durable_is_what_an_acknowledgement_says(bus: Bus) -> None:
    """The durability of an accepted message is the one the welcome claims."""
    ann = await bus.connect("ann")

    reply = await ann.publish(room=bus.room, channel="c", text="sure?")

    claimed = "durable" if capability(ann, "durable") else "memory"
    expect.equal(reply["metadata"]["durability"], claimed, "durability, as the welcome says")


@requirement("CONN-003")
async def test_groups_work_where_they_are_claimed(bus: Bus) -> None:
    """A group can be created exactly where consumer_groups is claimed."""
    ann = await bus.connect("ann")

    response = await ann.command("op.group.create", room=bus.room, channel="c", group="g")

    claimed = ("success", None) if capability(ann, "consumer_groups") else ("error", "CAPABILITY_UNAVAILABLE")
    expect.equal(
        (response["status"], response.get("error_code")), claimed, "op.group.create, as the welcome says"
    )


@depth("smoke")
@requirement("CONN-003", "AUTH-001")
async def test_auth_is_asked_for_where_it_is_claimed(bus: Bus) -> None:
    """An upgrade without a token is refused exactly where auth is claimed."""
    ann = await bus.connect("ann")

    outcome = await bus.upgrade(token=None)

    expect.equal(
        isinstance(outcome, Refusal), capability(ann, "auth"), "refused without token, as the welcome says"
    )


@depth("smoke")
@requirement("CONN-003", "CMD-015")
async def test_synthesis_runs_where_it_is_claimed(bus: Bus) -> None:
    """The operator answers FEATURE_DISABLED exactly where synthesis is not claimed."""
    ann = await bus.connect("ann")

    response = await ann.command("op.synthesis.run", prompt="count the messages of a room")

    refused = response.get("error_code") == "FEATURE_DISABLED"
    expect.equal(not refused, capability(ann, "synthesis"), "synthesis enabled, as the welcome says")
    await ann.succeed("ping")


@requirement("CONN-003", "CMD-005")
async def test_status_states_the_capabilities_of_the_welcome(bus: Bus) -> None:
    """The status command and the welcome say the same."""
    ann = await bus.connect("ann")

    data = await ann.succeed("status")

    expect.equal(
        data["capabilities"], ann.welcome["payload"]["protocol"]["capabilities"], "capabilities in status"
    )
