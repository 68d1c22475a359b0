import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from arqonbus_conformance.bus import Bus
from arqonbus_conformance.client import Client
from arqonbus_conformance.findings import SuiteFault, Unanswered, Unreachable, Violation
from arqonbus_conformance.frames import Frame, Opcode, encode
from arqonbus_conformance.handshake import Refusal
from arqonbus_conformance.namespace import Namespace
from arqonbus_conformance.tokens import Credentials
from arqonbus_conformance.transcript import Transcript
from websockets.asyncio.server import ServerConnection

StartBus = Callable[..., Awaitable[str]]


def bus_of(url: str, credentials: Credentials | None = None) -> Bus:
    return Bus(url, credentials or Credentials(), Namespace(), Transcript())


async def connected(bus_at: StartBus, *behaviour: object) -> tuple[Bus, Client]:
    bus = bus_of(await bus_at(*behaviour))
    return bus, await bus.connect("ann")


async def test_a_client_hears_the_welcome_that_comes_with_the_upgrade(bus_at: StartBus) -> None:
    """Even when both arrive in one segment."""
    _, client = await connected(bus_at)

    assert client.id == "c1"
    assert client.received == [client.welcome]


async def test_a_request_gets_its_own_reply(bus_at: StartBus) -> None:
    """Replies are matched by request id, asked again the next one is awaited."""
    _, client = await connected(bus_at)

    first = await client.publish(room="r", text="one")
    again = client.message_to("r", text="two")
    second, third = await client.request(again), await client.request(again)

    assert first["status"] == "success"
    assert second["request_id"] == third["request_id"] == again["id"]
    assert len(client.replies_to(again["id"])) == 2


async def test_messages_come_in_order_up_to_the_sentinel(bus_at: StartBus) -> None:
    """The welcome is none of them, and nothing is told twice."""
    _, client = await connected(bus_at)
    for text in ("a", "b", "c"):
        await client.publish(room="r", text=text)

    assert await client.texts_until("b") == ["a", "b"]
    assert (await client.message())["payload"]["text"] == "c"


async def test_what_does_not_come_is_unanswered(bus_at: StartBus) -> None:
    """The text says what was awaited and what came instead."""
    _, client = await connected(bus_at)
    await client.publish(room="r", text="other")

    with pytest.raises(Unanswered, match="waited for the message 'wanted'"):
        await client.messages_until("wanted", within=0.05)


async def test_a_message_of_the_suite_must_be_right_unless_it_says_so(bus_at: StartBus) -> None:
    """A malformed envelope is stopped, and let through when meant."""
    _, client = await connected(bus_at)

    with pytest.raises(SuiteFault):
        await client.send({"id": "1"})
    reply = await client.request({"id": "1", "type": "message"}, malformed=True)

    assert reply["request_id"] == "1"


async def test_raw_text_is_awaited_by_the_id_in_it(bus_at: StartBus) -> None:
    """Bytes go out as they are; the id in them, where there is one, is awaited."""
    _, client = await connected(bus_at)

    reply = await client.request(json.dumps({"id": "x", "type": "message"}).encode())

    assert reply["request_id"] == "x"


async def test_a_ping_is_answered_and_seen(bus_at: StartBus) -> None:
    """Pongs are kept, and the barrier shows that all before it came."""
    _, client = await connected(bus_at)

    await client.send_frame(Opcode.PING, b"here")
    await client.barrier()

    assert client.pongs == [b"here"]


async def test_a_close_is_a_code_and_a_reason(bus_at: StartBus) -> None:
    """A frame that breaks the protocol is closed with 1002; afterwards waiting ends at once."""
    _, client = await connected(bus_at)

    await client.send_frame(Opcode.TEXT, b"{}", masked=False)
    close = await client.closed()

    assert close.code == 1002
    with pytest.raises(Unanswered, match="ended with 1002"):
        await client.barrier()


async def test_an_orderly_close_is_answered(bus_at: StartBus) -> None:
    """The code comes back."""
    _, client = await connected(bus_at)

    assert (await client.close(1000)).code == 1000


async def test_vanishing_ends_the_connection(bus_at: StartBus) -> None:
    """No close frame: 1006."""
    _, client = await connected(bus_at)

    client.abort()

    assert (await client.closed()).code == 1006


async def test_the_transcript_holds_both_sides_and_no_token(bus_at: StartBus) -> None:
    """Every frame with its direction; the Authorization header without its value."""
    bus = bus_of(await bus_at(), Credentials(enabled=True, secret=b"x" * 32))
    client = await bus.connect("ann")
    await client.barrier()
    await client.close()

    kinds = [(entry.direction, entry.kind) for entry in bus.transcript.entries]
    assert kinds[:4] == [(">", "upgrade"), ("<", "upgraded"), ("<", "text"), (">", "text")]
    assert kinds[-1] == ("<", "end")
    assert "Bearer ***" in bus.transcript.entries[0].text
    assert bus.token() not in "\n".join(bus.transcript.lines())


async def test_a_refused_upgrade_is_a_refusal(bus_at: StartBus) -> None:
    """Status and its phrase, headers without case, and body; a connect that needed it is violated."""
    bus = bus_of(await bus_at())

    refusal = await bus.upgrade({"Sec-WebSocket-Version": "8"})

    assert isinstance(refusal, Refusal)
    assert refusal.status == 400
    assert refusal.reason == "Bad Request"
    assert refusal.headers["CONTENT-length"] == str(len(refusal.body))
    with pytest.raises(Violation, match="refused"):
        await bus.connect(headers={"Sec-WebSocket-Version": "8"})


async def test_a_raw_upgrade_goes_out_as_it_is(bus_at: StartBus) -> None:
    """Even one that asks for nothing."""
    bus = bus_of(await bus_at())

    refusal = await bus.upgrade(raw=b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")

    assert isinstance(refusal, Refusal)
    assert refusal.status == 426


async def test_nothing_listening_is_unreachable() -> None:
    """Which decides nothing about the deployment."""
    with pytest.raises(Unreachable):
        await bus_of("ws://127.0.0.1:1").connect()


async def test_a_server_that_does_not_greet_is_unanswered(bus_at: StartBus, echo_server: object) -> None:
    """The welcome is part of connecting."""
    bus = bus_of(await bus_at(echo_server))

    with pytest.raises(Unanswered, match="welcome"):
        await bus.connect(within=0.05)
    await bus.close()


async def raw_server(answer: bytes) -> tuple[asyncio.Server, str]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    return server, f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"", "not answered"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "not right"),
        (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
            "not right",
        ),
    ],
)
async def test_an_answer_that_is_no_upgrade_is_violated(answer: bytes, says: str) -> None:
    """Silence, another protocol, and an upgrade without its proof."""
    server, url = await raw_server(answer)

    with pytest.raises(Violation, match=says):
        await bus_of(url).connect()
    server.close()
    await server.wait_closed()


async def sends_a_binary_message(connection: ServerConnection) -> None:
    await connection.send(b"\x00\x01")
    await connection.wait_closed()


async def sends_no_object(connection: ServerConnection) -> None:
    await connection.send("[]")
    await connection.wait_closed()


async def sends_a_masked_frame(connection: ServerConnection) -> None:
    connection.transport.write(encode(Frame(Opcode.TEXT, b"{}", masked=True)))
    await connection.wait_closed()


@pytest.mark.parametrize("behaviour", [sends_a_binary_message, sends_no_object, sends_a_masked_frame])
async def test_a_bus_that_breaks_the_protocol_is_violated(
    bus_at: StartBus, behaviour: Callable[[ServerConnection], Awaitable[None]]
) -> None:
    """What no bus may send ends every wait, with what it was."""
    bus = bus_of(await bus_at(behaviour))

    with pytest.raises(Violation, match="actual"):
        await bus.connect()
    await bus.close()


async def test_a_deployment_that_does_not_read_is_noticed(bus_at: StartBus) -> None:
    """Writing ends with a violation, not with a hanging case."""

    async def deaf(connection: ServerConnection) -> None:
        connection.transport.pause_reading()
        await connection.send("{}")
        await asyncio.wait_for(connection.wait_closed(), 10)

    bus = bus_of(await bus_at(deaf))
    client = await bus.connect()

    client.connection.write_frame(Frame(Opcode.TEXT, b"x" * 50_000_000, masked=True))
    with pytest.raises(Unanswered, match="read nothing"):
        await client.connection.drained(within=0.1)
    client.abort()
