"""The whole chain in one command: a client, Shield, NATS, the bus, its storage."""

import asyncio
import json
import re
import signal
import socket
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from program_bench import endpoints, finished, get
from shield.gateway_bench import WAIT_SECONDS, bearer, close_code, envelope, message, received
from websockets.asyncio.client import ClientConnection, connect

Start = Callable[..., "subprocess.Popen[str]"]
SECRET = "gWf3hTq8vZr1xYk5mNp7sLd2cBj9eUa4"


def command(number: int, name: str, **args: Any) -> str:
    return json.dumps(
        {
            "id": f"arq_1_{number}_abcdef",
            "type": "command",
            "timestamp": "2026-01-01T00:00:00Z",
            "version": "1.0",
            "command": name,
            "args": args,
        }
    )


async def answer(client: ClientConnection, number: int) -> Any:
    """What came in answer to a request; what came before it is passed over."""
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            found = await received(client)
            asked = found["request_id"] if isinstance(found, dict) and "request_id" in found else None
            if asked == f"arq_1_{number}_abcdef":
                return found


@pytest.fixture
def running(start: Start) -> tuple["subprocess.Popen[str]", dict[str, str], dict[str, str]]:
    """The process, the addresses, and the headers that let one in."""
    process = start("dev")
    found = endpoints(process)
    printed = re.search(r"Bearer (\S+)", found.pop("said"))
    assert printed is not None
    return process, found, bearer(printed[1])


async def test_a_client_behind_shield_can_do_what_a_direct_one_can(
    running: tuple["subprocess.Popen[str]", dict[str, str], dict[str, str]],
) -> None:
    """They meet in a channel, and what was acknowledged is in history once; SIGTERM ends both with 1001, and the program with 0."""
    process, found, headers = running
    offered: Any = ["arqon.v1.protobuf"]
    async with (
        connect(found["shield"], additional_headers=headers) as ann,
        connect(found["shield"], additional_headers=headers, subprotocols=offered) as eve,
        connect(found["bus"]) as bob,
    ):
        for client in (ann, eve, bob):
            await received(client)
        await ann.send(command(1, "join_channel", room="r", channel="c"))
        await bob.send(command(1, "join_channel", room="r", channel="c"))
        joined = [await answer(ann, 1), await answer(bob, 1)]
        await eve.send(envelope(2, headers={"channel": "c"}))
        acknowledged = await received(eve)
        delivered = [await received(ann), await received(bob)]
        await ann.send(command(3, "op.history.get", room="r", channel="c"))
        history = (await answer(ann, 3))["payload"]["data"]["entries"]
        await ann.send(command(4, "status"))
        status = (await answer(ann, 4))["payload"]["data"]
        process.send_signal(signal.SIGTERM)
        codes = [await close_code(client) for client in (ann, eve, bob)]
    code, _, err = await asyncio.to_thread(finished, process)

    assert [each["status"] for each in joined] == ["success", "success"]
    assert acknowledged.headers["request_id"] == "arq_1_2_abcdef"
    assert delivered[0] == delivered[1]
    assert delivered[0]["payload"] == {"text": "hello"}
    assert [entry["message"] for entry in history] == [delivered[0]]
    assert status["connections"] == {"current": 3}
    assert codes == [1001, 1001, 1001]
    assert (code, err) == (0, "")


async def test_shield_is_healthy_once_dev_is_ready(
    running: tuple["subprocess.Popen[str]", dict[str, str], dict[str, str]],
) -> None:
    """It has met the bus before it calls itself ready."""
    _, found, headers = running
    health = await asyncio.to_thread(
        get, found["shield"].replace("ws:", "http:").removesuffix("/ws"), "/health"
    )

    async with connect(found["shield"], additional_headers=headers) as ann:
        welcome = await received(ann)
        await ann.send(message(1).replace('"room"', '"chamber"'))
        refusal = await received(ann)

    assert (health["status"], health["spine"]) == ("healthy", {"connected": True})
    assert welcome["payload"]["welcome"] == "ArqonBus 1.0"
    assert refusal["error_code"] == "VALIDATION_ERROR"


def test_dev_killed_takes_its_nats_along(start: Start) -> None:
    """The kernel ends the child: no orphan after kill -9."""
    process = start("dev")
    host, port = endpoints(process)["nats"].partition("@")[2].split(":")
    with socket.create_connection((host, int(port)), timeout=10) as witness:
        witness.recv(4096)

        process.kill()

        assert witness.recv(1) == b""


def test_a_shield_port_in_use_is_named(start: Start) -> None:
    """Exit 78, and everything else goes too."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = str(holder.getsockname()[1])

        code, _, err = finished(start("dev", "--shield-port", port))

    assert code == 78
    assert err.startswith("SHIELD_PORT: ")
    assert port in err


def test_a_secret_that_is_set_is_used_and_checked(start: Start) -> None:
    """A weak one is refused in dev too."""
    weak = finished(start("dev", JWT_SECRET="short-word"))
    process = start("dev", JWT_SECRET=SECRET)
    shown = endpoints(process)
    process.send_signal(signal.SIGINT)
    code, out, err = finished(process)

    assert weak[0] == 78
    assert "short-word" not in weak[1] + weak[2]
    assert (code, err) == (0, "")
    assert SECRET not in shown["said"] + out
