import msgspec
import pytest
from arqonbus_reference import groups as group_commands
from arqonbus_reference.access import Principal
from arqonbus_reference.caller import Caller
from arqonbus_reference.errors import CommandError
from arqonbus_reference.groups import Groups
from arqonbus_reference.push_consumers import PushConsumers
from arqonbus_reference.storage.interface import StreamKey
from arqonbus_reference.storage.memory import MemoryStorage

ANN = Caller("ann", Principal("acme", "ann", admin=False, expires_at=None))
BOB = Caller("bob", Principal("acme", "bob", admin=False, expires_at=None))
RIVAL = Caller("eve", Principal("rival", "eve", admin=True, expires_at=None))
KEY = StreamKey("acme", "lobby", "talk")


def args(kind: str, **given):
    where = {"room": "lobby", "channel": "talk", "group": "g"}
    return msgspec.convert(where | given, getattr(group_commands, kind))


@pytest.fixture
async def push(streams):
    consumers = PushConsumers(streams, min_idle_ms=60_000)
    yield consumers
    await consumers.close()


@pytest.fixture
def groups(streams, push) -> Groups:
    return Groups(streams, push)


async def test_a_group_is_worked_through_by_its_commands(groups, streams, entries):
    """Create, read, pending, claim, ack: each answers what the specification says."""
    await streams.append(entries(1, 3))

    _, created = await groups.create(ANN, args("GroupCreateArgs", start="beginning"))
    _, again = await groups.create(BOB, args("GroupCreateArgs"))
    _, read = await groups.read(ANN, args("GroupReadArgs", count=2))
    _, pending = await groups.pending(BOB, args("GroupPendingArgs"))
    _, claimed = await groups.claim(BOB, args("GroupClaimArgs", min_idle_ms=0, count=1))
    _, acked = await groups.ack(BOB, args("GroupAckArgs", entry_ids=["1-0", "2-0", "3-0"]))

    assert (created, again) == ({"group": "g", "created": True}, {"group": "g", "created": False})
    shown = msgspec.json.decode(msgspec.json.encode(read))
    assert shown["count"] == 2
    assert shown["entries"][0] == {
        "entry_id": "1-0",
        "sequence": 1,
        "stored_at": "1970-01-01T00:16:40.001Z",
        "message": {"n": 1, "text": ""},
        "delivery_count": 1,
    }
    assert (pending["count"], set(pending["entries"][0])) == (
        2,
        {"entry_id", "consumer", "idle_ms", "delivery_count"},
    )
    assert [(record.entry_id, record.delivery_count) for record in claimed["entries"]] == [("1-0", 2)]
    assert acked == {"acknowledged": 2}


async def test_an_acknowledgement_frees_the_credit_of_the_push_consumer(
    groups, push, streams, entries, until
):
    """Whoever acknowledges, the consumer that held the entry gets another."""
    pushed: list[bytes] = []
    await push.join("ann", pushed.append, KEY, "g", 1)
    await streams.append(entries(1, 2))
    push.wake(KEY)
    await until(lambda: len(pushed) == 1)

    await groups.ack(BOB, args("GroupAckArgs", entry_ids=["1-0"]))

    await until(lambda: len(pushed) == 2)


async def test_a_group_of_another_tenant_is_unknown(groups):
    """Groups stand on a tenant's own stream."""
    await groups.create(ANN, args("GroupCreateArgs"))

    for asked in (
        groups.read(RIVAL, args("GroupReadArgs")),
        groups.ack(RIVAL, args("GroupAckArgs", entry_ids=["1-0"])),
        groups.claim(RIVAL, args("GroupClaimArgs", min_idle_ms=0)),
        groups.pending(RIVAL, args("GroupPendingArgs")),
    ):
        with pytest.raises(CommandError) as refusal:
            await asked
        assert refusal.value.code == "TARGET_NOT_FOUND"


async def test_without_durable_storage_every_command_is_unavailable():
    """CAPABILITY_UNAVAILABLE, whatever is asked."""
    storage = MemoryStorage(max_history=10)
    groups = Groups(storage, PushConsumers(storage, min_idle_ms=1000))

    for asked in (
        groups.create(ANN, args("GroupCreateArgs")),
        groups.read(ANN, args("GroupReadArgs")),
        groups.ack(ANN, args("GroupAckArgs", entry_ids=["1-0"])),
        groups.claim(ANN, args("GroupClaimArgs", min_idle_ms=0)),
        groups.pending(ANN, args("GroupPendingArgs")),
    ):
        with pytest.raises(CommandError) as refusal:
            await asked
        assert refusal.value.code == "CAPABILITY_UNAVAILABLE"


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("GroupCreateArgs", {"group": "g\n"}),
        ("GroupCreateArgs", {"start": "middle"}),
        ("GroupReadArgs", {"count": 0}),
        ("GroupReadArgs", {"count": 257}),
        ("GroupAckArgs", {}),
        ("GroupAckArgs", {"entry_ids": []}),
        ("GroupAckArgs", {"entry_ids": ["1-0"] * 257}),
        ("GroupAckArgs", {"entry_ids": [1]}),
        ("GroupClaimArgs", {}),
        ("GroupClaimArgs", {"min_idle_ms": -1}),
        ("GroupClaimArgs", {"min_idle_ms": 86_400_001}),
        ("GroupPendingArgs", {"count": 1}),
        ("JoinArgs", {"prefetch": 0}),
        ("JoinArgs", {"prefetch": 257}),
        ("JoinArgs", {"start": "new"}),
    ],
)
def test_arguments_outside_their_bounds_do_not_convert(kind, given):
    """The bounds stand in the types: nothing else reaches the handler."""
    with pytest.raises(msgspec.ValidationError):
        args(kind, **given)
