import msgspec
import pytest
from arqonbus_reference.access import Principal
from arqonbus_reference.caller import Caller
from arqonbus_reference.errors import CommandError
from arqonbus_reference.history import History, HistoryGetArgs, HistoryReplayArgs
from arqonbus_reference.storage.interface import Entry, StorageUnavailableError, StreamKey
from arqonbus_reference.storage.memory import MemoryStorage

CALLER = Caller("c1", Principal("acme", "ann", admin=False, expires_at=None))
ADMIN = Caller("c2", Principal("acme", "root", admin=True, expires_at=None))
MESSAGE = b'{"payload":{"n":123456789012345678901234567890}}'


@pytest.fixture
def history() -> History:
    """Ten entries a second apart from 1970-01-01T00:00:01Z, another tenant's beside them."""
    storage = MemoryStorage(max_history=100)
    for tenant in ("acme", "rival"):
        key = StreamKey(tenant, "lobby", "talk")
        storage.append_now([Entry(key, n, n * 1000, MESSAGE) for n in range(1, 11)])
    storage.append_now([Entry(StreamKey("acme", "lobby", None), 1, 2500, MESSAGE)])
    return History(storage)


def get_args(**given) -> HistoryGetArgs:
    return msgspec.convert(given, HistoryGetArgs)


def replay_args(**given) -> HistoryReplayArgs:
    names = {"room": "lobby", "channel": "talk"}
    times = {"from_ts": "1970-01-01T00:00:03Z", "to_ts": "1970-01-01T00:00:05Z"}
    return msgspec.convert(names | times | given, HistoryReplayArgs)


async def test_an_entry_is_shown_with_its_message_as_stored(history):
    """entry_id, sequence, stored_at and the message's own bytes."""
    _, page = await history.get(CALLER, get_args(room="lobby", channel="talk", limit=1))

    assert msgspec.json.encode(page.entries) == (
        b'[{"entry_id":"10-0","sequence":10,"stored_at":"1970-01-01T00:00:10.000Z","message":'
        + MESSAGE
        + b"}]"
    )
    assert (page.count, page.cursor is None) == (1, False)


async def test_the_views_of_a_room_and_a_channel_differ_by_room_wide_messages(history):
    """A channel's history is its own; a room's holds the room-wide messages too, in order of time."""
    _, channel = await history.get(CALLER, get_args(room="lobby", channel="talk"))
    _, room = await history.get(CALLER, get_args(room="lobby"))

    assert channel.count == 10
    assert [entry.stored_at[17:23] for entry in room.entries[:4]] == ["01.000", "02.000", "02.500", "03.000"]


async def test_history_without_room_is_for_administrators_and_their_tenant(history):
    """A tenant's whole history is refused to others, and never holds another tenant's."""
    with pytest.raises(CommandError) as refusal:
        await history.get(CALLER, get_args())
    _, page = await history.get(ADMIN, get_args())

    assert refusal.value.code == "AUTHORIZATION_DENIED"
    assert page.count == 11


@pytest.mark.parametrize(
    ("args", "field"),
    [
        ({"channel": "talk"}, "channel"),
        ({"room": "lobby", "since": "yesterday"}, "since"),
        ({"room": "lobby", "until": "1970-01-01T00:00:01"}, "until"),
        ({"room": "lobby", "cursor": "guess"}, "cursor"),
        ({"room": "lobby", "cursor": ""}, "cursor"),
    ],
)
async def test_a_faulty_value_is_named(history, args, field):
    """COMMAND_VALIDATION_ERROR says which argument is at fault."""
    for caller in (CALLER, ADMIN):
        with pytest.raises(CommandError, match=f"^{field}: ") as refusal:
            await history.get(caller, get_args(**args))

        assert refusal.value.code == "COMMAND_VALIDATION_ERROR"


@pytest.mark.parametrize(
    "given",
    [
        {"room": None},
        {"room": "lobby\n"},
        {"room": ".lobby"},
        {"room": "a/b"},
        {"room": ""},
        {"room": "x" * 129},
        {"room": "lobby", "limit": 0},
        {"room": "lobby", "limit": 1001},
        {"room": "lobby", "limit": True},
        {"room": "lobby", "limit": "5"},
        {"room": "lobby", "unknown": 1},
    ],
)
def test_arguments_outside_their_bounds_do_not_convert(given):
    """The bounds stand in the types: nothing else reaches the handler."""
    with pytest.raises(msgspec.ValidationError):
        get_args(**given)


async def test_since_and_until_are_inclusive(history):
    """Both bounds belong to the window."""
    bounds = {"since": "1970-01-01T00:00:03Z", "until": "1970-01-01T01:00:05+01:00"}

    _, page = await history.get(CALLER, get_args(room="lobby", channel="talk", **bounds))

    assert [entry.sequence for entry in page.entries] == [3, 4, 5]


async def test_an_unknown_channel_has_no_entries(history):
    """Absence of history is no error."""
    _, page = await history.get(CALLER, get_args(room="nowhere", channel="unknown"))

    assert (page.entries, page.count, page.cursor) == ([], 0, None)


async def test_a_replay_gives_the_window_and_whether_it_is_complete(history):
    """Oldest first; complete is false when the limit cut it."""
    _, whole = await history.replay(CALLER, replay_args())
    _, cut = await history.replay(CALLER, replay_args(limit=2))

    assert ([entry.sequence for entry in whole.entries], whole.count, whole.complete) == ([3, 4, 5], 3, True)
    assert ([entry.sequence for entry in cut.entries], cut.complete) == ([3, 4], False)


async def test_a_replay_must_not_end_before_it_begins(history):
    """from_ts after to_ts is refused, and a malformed one is named."""
    with pytest.raises(CommandError, match="from_ts"):
        await history.replay(CALLER, replay_args(to_ts="1970-01-01T00:00:02Z"))
    with pytest.raises(CommandError, match="^to_ts: "):
        await history.replay(CALLER, replay_args(to_ts="1970-01-01"))


async def test_a_strict_replay_names_what_is_missing():
    """TARGET_NOT_FOUND with the missing sequences as data."""
    storage = MemoryStorage(max_history=7)
    storage.append_now(
        [Entry(StreamKey("acme", "lobby", "talk"), n, n * 1000, MESSAGE) for n in range(1, 11)]
    )

    with pytest.raises(CommandError) as refusal:
        await History(storage).replay(CALLER, replay_args(strict_sequence=True))

    assert refusal.value.code == "TARGET_NOT_FOUND"
    assert refusal.value.data == {"missing_from": 1, "missing_to": 3}


async def test_a_dead_storage_is_told_without_its_reason(history, monkeypatch):
    """STORAGE_UNAVAILABLE, and nothing internal in its text."""

    async def dead(*_args, **_more):
        raise StorageUnavailableError("secret host 10.1.2.3 refused")

    monkeypatch.setattr(history._storage, "history", dead)
    monkeypatch.setattr(history._storage, "replay", dead)

    for asked in (history.get(CALLER, get_args(room="lobby")), history.replay(CALLER, replay_args())):
        with pytest.raises(CommandError) as refusal:
            await asked
        assert refusal.value.code == "STORAGE_UNAVAILABLE"
        assert "10.1.2.3" not in refusal.value.message
