"""What tests of several modules are given; first of all a small bus in this process, which is no reference of anything."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from arqonbus_conformance import __main__ as command_line
from arqonbus_conformance import requirements
from made_environments import Environment
from signoff_runs import Ended
from websockets.asyncio.server import Server, ServerConnection, serve

WELCOME = {
    "id": "arq_1_1_abcdef",
    "type": "message",
    "timestamp": "2026-01-01T00:00:00Z",
    "version": "1.0",
    "sender": "arqonbus",
    "payload": {
        "welcome": "ArqonBus 1.0",
        "client_id": "c1",
        "protocol": {
            "versions": ["1.0"],
            "capabilities": {"auth": False, "durable": False, "consumer_groups": False},
            "limits": {"max_message_size": 1048576},
        },
    },
}
"""What the small bus greets with."""

Behaviour = Callable[[ServerConnection], Awaitable[None]]


def reply(request: dict[str, object], **fields: object) -> str:
    """An envelope that answers a request."""
    answer = {
        "id": "arq_1_2_abcdef",
        "timestamp": "2026-01-01T00:00:00Z",
        "version": "1.0",
        "status": "success",
    }
    return json.dumps({**answer, "request_id": request["id"], **fields})


async def small_bus(connection: ServerConnection) -> None:
    """Greet; answer commands and messages; deliver a message to whoever sent it."""
    await connection.send(json.dumps(WELCOME))
    async for text in connection:
        request = json.loads(text)
        if request["type"] == "command":
            data = {"pong": True}
            await connection.send(reply(request, type="response", payload={"message": "ok", "data": data}))
        else:
            await connection.send(json.dumps({**request, "sender": "c1"}))
            await connection.send(reply(request, type="message_response"))


async def echo(connection: ServerConnection) -> None:
    """Send back what comes, and never greet."""
    async for text in connection:
        await connection.send(text)


@pytest.fixture
async def bus_at() -> AsyncIterator[Callable[[Behaviour], Awaitable[str]]]:
    """Starts a server that behaves so, and says its address."""
    servers: list[Server] = []

    async def start(behaviour: Behaviour = small_bus) -> str:
        server = await serve(behaviour, "127.0.0.1", 0)
        servers.append(server)
        return f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    yield start
    for server in servers:
        server.close()
        await server.wait_closed()


@pytest.fixture
def bus_beside() -> Iterator[Callable[[Behaviour], str]]:
    """As `bus_at`, on a thread of its own, for a gate in a process of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    servers: list[Server] = []

    async def open_server(behaviour: Behaviour) -> Server:
        return await serve(behaviour, "127.0.0.1", 0)

    def start(behaviour: Behaviour = small_bus) -> str:
        server = asyncio.run_coroutine_threadsafe(open_server(behaviour), loop).result(10)
        servers.append(server)
        return f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def close(server: Server) -> None:
        server.close()
        await server.wait_closed()

    yield start
    for server in servers:
        asyncio.run_coroutine_threadsafe(close(server), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def before_the_freeze() -> Iterator[str]:
    """The newest frozen requirement set is a draft again, in this process and for one test; gives its revision."""
    newest = requirements.newest_frozen()
    older = {name: digest for name, digest in requirements._digests().items() if name != newest}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requirements, "_digests", lambda: older)
        read_sets_anew()
        yield newest
    read_sets_anew()


def read_sets_anew() -> None:
    """Forget which sets are frozen, and what was read of them."""
    requirements.frozen_revisions.cache_clear()
    requirements.requirement_set.cache_clear()


@pytest.fixture
def echo_server() -> Behaviour:
    """The behaviour of a server that is no bus."""
    return echo


@pytest.fixture
def welcome() -> dict[str, object]:
    """What the small bus greets with."""
    return WELCOME


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Ended:
    """Runs a command in a folder of its own, which holds the keys k and k.pub; gives the exit code and all that was said."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ending:
            command_line.main(arguments)
        said = capfd.readouterr()
        return int(ending.value.code or 0), said.out + said.err

    assert run("keygen", "--out", "k")[0] == 0
    return run


@pytest.fixture
def made(tmp_path: Path) -> Environment:
    """A prepared environment."""
    return Environment(tmp_path / "made")
