"""A real NATS, and a wake-up for whoever waits."""

from collections.abc import AsyncIterator

import pytest
from arqonbus_fixtures.nats import EmbeddedNats, embedded
from shield.spine_bench import News


@pytest.fixture
async def nats_server() -> AsyncIterator[EmbeddedNats]:
    server = await embedded()
    yield server
    await server.close()


@pytest.fixture
async def news() -> News:
    return News()
