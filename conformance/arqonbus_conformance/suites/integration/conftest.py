"""Deployments that many cases of the integration suite share, each case in a namespace of its own; and a server that is none."""

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio

from arqonbus_conformance.deployment import Interfaces
from arqonbus_conformance.marks import Need
from arqonbus_conformance.namespace import Namespace
from arqonbus_conformance.recording import Case
from arqonbus_conformance.stage import Stage
from arqonbus_conformance.suites.sharing import Shared
from arqonbus_conformance.transcript import Transcript

KEPT = "5"
"""The history size of the deployment `trimmed`, in entries."""
RATE = "20"
"""The rate limit of the deployment `hasty`, in frames per second."""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared(_stage: Stage) -> AsyncIterator[Shared]:
    """What launches shared deployments; all are killed at the end of the run."""
    # Session fixtures come before the check of a single case's needs.
    _stage.check_offered({Need.LAUNCH})
    launch = _stage.launcher(Namespace(), Transcript())
    yield Shared(launch)
    await launch.close()


@pytest_asyncio.fixture(loop_scope="session")
async def plain(shared: Shared, _case: Case) -> AsyncIterator[Interfaces]:
    """Dev with nothing configured."""
    async with shared.interfaces("plain", {}, _case) as interfaces:
        yield interfaces


@pytest_asyncio.fixture(loop_scope="session")
async def trimmed(shared: Shared, _case: Case) -> AsyncIterator[Interfaces]:
    """A history of `KEPT` entries a channel."""
    async with shared.interfaces("trimmed", {"ARQONBUS_MAX_HISTORY_SIZE": KEPT}, _case) as interfaces:
        yield interfaces


@pytest_asyncio.fixture(loop_scope="session")
async def hasty(shared: Shared, _case: Case) -> AsyncIterator[Interfaces]:
    """A rate limit of `RATE` frames per second."""
    async with shared.interfaces("hasty", {"ARQONBUS_RATE_LIMIT_PER_SECOND": RATE}, _case) as interfaces:
        yield interfaces


@pytest_asyncio.fixture(loop_scope="session")
async def narrow(shared: Shared, _case: Case) -> AsyncIterator[Interfaces]:
    """The smallest outbox that the specification allows."""
    async with shared.interfaces("narrow", {"ARQONBUS_OUTBOX_BYTES": "65536"}, _case) as interfaces:
        yield interfaces


@pytest_asyncio.fixture(loop_scope="session")
async def synthetic(shared: Shared, _case: Case) -> AsyncIterator[Interfaces]:
    """The synthesis operator enabled, without a model."""
    async with shared.interfaces("synthetic", {"ARQONBUS_SYNTHESIS_ENABLED": "true"}, _case) as interfaces:
        yield interfaces


@pytest_asyncio.fixture(loop_scope="session")
async def watchful(shared: Shared, _case: Case) -> AsyncIterator[Interfaces]:
    """Short handshake and ping times, a small message size, two allowed origins."""
    env = {
        "ARQONBUS_HANDSHAKE_SECONDS": "0.4",
        "ARQONBUS_PING_INTERVAL_SECONDS": "0.2",
        "ARQONBUS_PING_TIMEOUT_SECONDS": "0.4",
        "ARQONBUS_MAX_MESSAGE_SIZE": "2048",
        "ARQONBUS_ALLOWED_ORIGINS": "https://app.example.org,http://localhost:3000",
    }
    async with shared.interfaces("watchful", env, _case) as interfaces:
        yield interfaces


@pytest_asyncio.fixture(loop_scope="session")
async def silent_port() -> AsyncIterator[int]:
    """A port where connections are accepted and nothing is ever answered."""
    streams: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: streams.append(writer), "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    for stream in streams:
        stream.close()
    server.close()
