"""What tests of several modules are given: the program in a process of its own, and benches of its parts."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from arqonbus_reference.access import ANONYMOUS
from arqonbus_reference.settings import Settings
from arqonbus_reference.transport.handshake import Doorway
from arqonbus_reference.transport.http_server import monitoring
from arqonbus_reference.transport.websocket_bus import WebSocketBus
from broker_bench import Bench
from http_bench import FakeDeployment, Served
from pipeline_bench import Scene
from websocket_bench import LIMITS, Application, House

PROGRAM = (sys.executable, "-m", "arqonbus_reference")
OURS = ("ARQON", "SHIELD", "JWT", "NATS", "POLICY_WASM")
"""Parts of the names of variables that would change what is tried."""


@pytest.fixture(scope="session")
def heard_hangups() -> None:
    """SIGHUP is not ignored by what tests start, as it would be under nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def start(tmp_path: Path, heard_hangups: None) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start the program in an empty folder with a clean environment."""
    started = []

    def start(*arguments: str, **environ: str) -> subprocess.Popen[str]:
        clean = {name: value for name, value in os.environ.items() if not any(part in name for part in OURS)}
        process = subprocess.Popen(
            [*PROGRAM, *arguments],
            cwd=tmp_path,
            env=clean | environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
async def scene() -> Scene:
    """A pipeline whose surroundings write down what they are told."""
    return Scene()


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Any]]:
    """Serves the HTTP interface of a deployment without a bus, with these settings changed."""
    async with aiohttp.ClientSession() as client:
        servers = []

        async def serve(**changes: Any) -> Served:
            deployment = FakeDeployment(msgspec.structs.replace(Settings(), **changes))
            server = monitoring(deployment)
            listener = socket.create_server(("127.0.0.1", 0))
            await server.start([listener])
            servers.append(server)
            return Served(deployment, listener.getsockname()[1], client)

        yield serve
        for server in servers:
            await server.close()


@pytest.fixture
def bench() -> Bench:
    """A broker to try things on."""
    return Bench()


@pytest.fixture
async def build() -> AsyncIterator[Callable[..., Any]]:
    """Starts a listening bus, with these limits changed."""
    houses: list[House] = []

    async def built(**limits: Any) -> House:
        application = Application()
        bus = WebSocketBus(
            application,
            LIMITS._replace(**limits),
            Doorway(lambda _: ANONYMOUS),
        )
        listener = socket.create_server(("127.0.0.1", 0))
        await bus.start([listener])
        houses.append(House(application, bus, listener.getsockname()[1]))
        return houses[-1]

    yield built
    for house in houses:
        house.bus.stop_accepting()
        for peer in house.peers:
            peer.writer.transport.abort()
        await house.bus.close(1001, "test over")
