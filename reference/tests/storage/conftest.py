"""Real servers and storages over them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
from arqonbus_fixtures.valkey import EmbeddedValkey, embedded
from arqonbus_reference.storage.interface import Entry, Storage, StorageEvent, StreamKey
from arqonbus_reference.storage.streams import StreamsStorage

TIMEOUT_SECONDS = 0.5
DEADLINE_SECONDS = 15.0

KEY = StreamKey("acme", "lobby", "talk")


@pytest.fixture
async def valkey() -> AsyncIterator[EmbeddedValkey]:
    server = await embedded(appendfsync="always")
    yield server
    await server.close()


@pytest.fixture(scope="module")
def shared_valkey_url() -> Iterator[str]:
    with asyncio.Runner() as runner:
        server = runner.run(embedded(appendfsync="no"))
        yield server.url
        runner.run(server.close())


@pytest.fixture
async def streams(valkey: EmbeddedValkey) -> AsyncIterator[StreamsStorage]:
    storage = StreamsStorage(valkey.url, timeout_seconds=TIMEOUT_SECONDS, max_history=1000)
    await storage.start()
    yield storage
    await storage.close()


@pytest.fixture
def heard(streams: StreamsStorage) -> list[StorageEvent]:
    """What `streams` announces."""
    events: list[StorageEvent] = []
    streams.on_event = events.append
    return events


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], Awaitable[None]]:
    async def until(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not condition():  # noqa: ASYNC110 - what changes it is another process
                await asyncio.sleep(0.005)

    return until


@pytest.fixture
def entries() -> Callable[..., list[Entry]]:
    """Consecutive entries of one stream, stored a millisecond apart."""

    def entries(first: int, last: int, key: StreamKey = KEY, text: str = "") -> list[Entry]:
        return [
            Entry(key, sequence, 1_000_000 + sequence, b'{"n":%d,"text":"%s"}' % (sequence, text.encode()))
            for sequence in range(first, last + 1)
        ]

    return entries


@pytest.fixture
def sequences() -> Callable[..., Awaitable[list[int]]]:
    """The sequences in a channel's history, which fits one page."""

    async def sequences(storage: Storage, key: StreamKey = KEY) -> list[int]:
        found, _ = await storage.replay(key, 0, 2**50, 1000, strict_sequence=False)
        return [entry.sequence for entry in found]

    return sequences
