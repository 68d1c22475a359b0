"""The names of things in the server: injective, so that no tenant, room or channel can reach another's."""

from functools import lru_cache
from urllib.parse import quote, unquote

from arqonbus_reference.storage.interface import StreamKey

PREFIX = b"arqonbus:1:"
STREAM_PREFIX = PREFIX + b"stream:"
REGISTRY = PREFIX + b"streams"
"""Sorted set of every stream's name, all with score 0: views are ranges of names."""


def fence(writer: str) -> bytes:
    """The key that holds the epoch of one writer."""
    return PREFIX + b"writer:" + writer.encode()


def workshop(writer: str) -> bytes:
    """The key under which one writer rebuilds a stream."""
    return PREFIX + b"rebuilt:" + writer.encode()


@lru_cache(maxsize=65_536)
def stream(key: StreamKey) -> bytes:
    """The key of the stream of `key`."""
    return STREAM_PREFIX + _name(key)


def key_of(name: bytes) -> StreamKey:
    """What the registry's `name` stands for."""
    tenant, room, channel = (
        unquote(part, errors="surrogatepass") for part in name.removeprefix(STREAM_PREFIX).decode().split(":")
    )
    return StreamKey(tenant, room, channel or None)


def names_of_room(tenant: str, room: str) -> bytes:
    """What the names of all streams of a room begin with, and no other."""
    return f"{_part(tenant)}:{_part(room)}:".encode()


def names_of_tenant(tenant: str) -> bytes:
    """What the names of all streams of a tenant begin with, and no other."""
    return f"{_part(tenant)}:".encode()


def _name(key: StreamKey) -> bytes:
    """Tenant, room and channel, colons between: no part holds one. A channel has a name, so the empty one is the room's own."""
    return f"{_part(key.tenant)}:{_part(key.room)}:{_part(key.channel or '')}".encode()


def _part(text: str) -> str:
    return quote(text, safe="", errors="surrogatepass")
