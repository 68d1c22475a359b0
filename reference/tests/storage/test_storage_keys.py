from arqonbus_reference.storage import keys
from arqonbus_reference.storage.interface import StreamKey
from hypothesis import example, given
from hypothesis import strategies as st

TENANTS = st.text(st.characters() | st.sampled_from(":*%/\x00_. \ud800"), max_size=12)
NAMES = st.from_regex(r"\A[A-Za-z0-9_-][A-Za-z0-9_.-]{0,8}\Z")
STREAMS = st.builds(StreamKey, TENANTS, NAMES, st.none() | NAMES)


@given(STREAMS, STREAMS)
@example(StreamKey("t", "a", "b_c"), StreamKey("t", "a_b", "c"))
@example(StreamKey("", "a", None), StreamKey(":a", "a", None))
@example(StreamKey("t:a", "b", "c"), StreamKey("t", "a", "b"))
@example(StreamKey("%3A", "a", "b"), StreamKey(":", "a", "b"))
@example(StreamKey("A", "a", "b"), StreamKey("a", "a", "b"))
def test_two_streams_share_a_key_only_when_they_are_one(one: StreamKey, other: StreamKey):
    """Keys are injective over any tenant and any names."""
    assert (keys.stream(one) == keys.stream(other)) == (one == other)


@given(STREAMS)
def test_a_registered_name_says_which_stream_it_is(key: StreamKey):
    """The name of a stream leads back to it."""
    assert keys.key_of(keys.stream(key).removeprefix(keys.STREAM_PREFIX)) == key


@given(STREAMS, STREAMS)
def test_a_view_begins_the_names_of_its_own_streams_only(one: StreamKey, other: StreamKey):
    """The beginnings by which a room and a tenant are looked up match no other room's and no other tenant's streams."""
    name = keys.stream(other).removeprefix(keys.STREAM_PREFIX)

    assert name.startswith(keys.names_of_tenant(one.tenant)) == (one.tenant == other.tenant)
    assert name.startswith(keys.names_of_room(one.tenant, one.room)) == (one[:2] == other[:2])


@given(STREAMS)
def test_a_key_holds_no_character_with_a_meaning(key: StreamKey):
    """Nothing of a tenant's own spelling but harmless characters reaches the server."""
    allowed = set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~%:")

    assert set(keys.stream(key)) <= allowed
