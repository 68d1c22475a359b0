"""`arqonbus-gate doctor` at Shield and at the spine: those of the reference, and servers that are neither."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from arqonbus_conformance.main_deployment import launch_main
from arqonbus_conformance.target import Endpoints, Target, embedded_reference
from doctor_runs import examined

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "EDGE_TEST_SECRET"
SHIELD_SECRET = "EDGE_TEST_SHIELD_SECRET"

Says = Callable[[bytes], Awaitable[str]]
"""Starts a server that says this line to everybody who connects, and gives its address."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def deployed() -> AsyncIterator[tuple[Target, Endpoints]]:
    """The embedded reference with its Shield and its spine."""
    target = embedded_reference()
    assert target.launch is not None
    async with AsyncExitStack() as stack:
        yield target, (await launch_main(target, target.launch, stack, with_shield=True)).endpoints


def profile_of(folder: Path, endpoints: Endpoints, **changes: str) -> Path:
    """A profile of a deployment that is there; Shield is shown the variable SHIELD_SECRET."""
    given = {name: url for name, url in (endpoints._asdict() | changes).items() if url is not None}
    lines = [f'{name} = "{url}"' for name, url in given.items()]
    path = folder / "there.toml"
    path.write_text(
        "\n".join(
            [
                *('name = "there"', "[endpoints]", *lines),
                *("[credentials]", f'jwt_secret_env = "{SECRET}"'),
                *("[credentials.shield]", f'jwt_secret_env = "{SHIELD_SECRET}"'),
            ]
        ),
        "utf-8",
    )
    return path


@pytest_asyncio.fixture(loop_scope="module")
async def saying() -> AsyncIterator[Says]:
    """What starts such servers; they end with the test."""
    async with AsyncExitStack() as stack:

        async def start(line: bytes) -> str:
            async def say(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                writer.write(line)
                await writer.drain()
                writer.close()

            server = await asyncio.start_server(say, "127.0.0.1", 0)
            await stack.enter_async_context(server)
            return f"127.0.0.1:{server.sockets[0].getsockname()[1]}"

        yield start


async def test_a_shield_and_a_spine_that_are_well_are_told(
    deployed: tuple[Target, Endpoints], tmp_path: Path
) -> None:
    """Health, clock, who is let in, and that the spine may be listened to."""
    target, endpoints = deployed

    found = await examined(
        profile_of(tmp_path, endpoints), **{SECRET: target.secret, SHIELD_SECRET: target.secret}
    )

    assert found.code == 0, found.text
    shield, spine = found.states("endpoints.shield"), found.states("endpoints.nats")
    assert {name: shield[name] for name in ("answer", "clock", "welcome")} == {
        "answer": "ok",
        "clock": "ok",
        "welcome": "ok",
    }
    assert (spine["answer"], spine["entry"]) == ("ok", "ok")
    assert found.states("credentials.shield.jwt_secret_env") == {"entry at Shield": "ok"}


async def test_a_credential_that_shield_refuses_is_named(
    deployed: tuple[Target, Endpoints], tmp_path: Path
) -> None:
    """Exit 78 for that field alone; the bus lets its own in."""
    target, endpoints = deployed

    found = await examined(
        profile_of(tmp_path, endpoints), **{SECRET: target.secret, SHIELD_SECRET: "another secret" * 4}
    )

    assert found.code == 78
    assert set(found.problems()) == {("credentials.shield.jwt_secret_env", "entry at Shield")}
    assert found.states("credentials.jwt_secret_env") == {"entry": "ok"}


async def test_servers_that_are_neither_are_named(
    deployed: tuple[Target, Endpoints], saying: Says, tmp_path: Path
) -> None:
    """Exit 69: what takes a connection is no Shield and no NATS by that."""
    target, endpoints = deployed
    stranger = await saying(b"+OK ready\r\n")

    found = await examined(
        profile_of(tmp_path, endpoints, shield=f"ws://{stranger}", nats=f"nats://{stranger}"),
        **{SECRET: target.secret, SHIELD_SECRET: target.secret},
    )

    assert found.code == 69
    assert set(found.problems()) == {("endpoints.shield", "answer"), ("endpoints.nats", "answer")}
    assert "no INFO of a NATS: '+OK ready'" in found.problems()["endpoints.nats", "answer"]


async def test_a_spine_that_wants_credentials_is_named(
    deployed: tuple[Target, Endpoints], saying: Says, tmp_path: Path
) -> None:
    """Exit 78, since no profile can name any: its cases could not listen."""
    target, endpoints = deployed
    closed = await saying(b'INFO {"server_id":"N","version":"2.11.4","auth_required":true}\r\n')

    found = await examined(
        profile_of(tmp_path, endpoints, nats=f"nats://{closed}"),
        **{SECRET: target.secret, SHIELD_SECRET: target.secret},
    )

    assert found.code == 78
    assert set(found.problems()) == {("endpoints.nats", "entry")}
    assert found.states("endpoints.nats")["answer"] == "ok"
