"""What one client does wrong costs no other client anything."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus, Client
from arqonbus_conformance.frames import Opcode
from arqonbus_conformance.plugin import requirement

Fault = Callable[[Client], Awaitable[None]]


async def _vanishes(client: Client) -> None:
    client.abort()


async def _stops_within_a_frame(client: Client) -> None:
    await client.send_bytes(b"\x81\xfe\x40\x00abcd" + b"half")
    client.abort()


async def _stops_within_a_message(client: Client) -> None:
    await client.send_frame(Opcode.TEXT, b'{"half', fin=False)
    client.abort()


async def _half_closes(client: Client) -> None:
    client.connection.write_eof()


async def _breaks_the_protocol(client: Client) -> None:
    await client.send_frame(Opcode.TEXT, b"{}", rsv=7)


async def _sends_no_utf_8(client: Client) -> None:
    await client.send_text(b"\xff\xfe")


async def _sends_binary(client: Client) -> None:
    await client.send_frame(Opcode.BINARY, b"\x00" * 1000)


async def _sends_nonsense(client: Client) -> None:
    for _ in range(50):
        await client.send_text("]" * 100)


async def _does_not_read(client: Client) -> None:
    client.stop_reading()


FAULTS: list[Fault] = [
    _vanishes,
    _stops_within_a_frame,
    _stops_within_a_message,
    _half_closes,
    _breaks_the_protocol,
    _sends_no_utf_8,
    _sends_binary,
    _sends_nonsense,
    _does_not_read,
]


@requirement("CONN-012")
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__.strip("_"))
async def test_a_faulty_client_disturbs_nobody(bus: Bus, fault: Fault) -> None:
    """Two members go on talking while a third member of their channel misbehaves."""
    ann, bob, eve = await bus.clients("ann", "bob", "eve")
    for client in (ann, bob, eve):
        await client.join(bus.room, "c")
    expect.succeeded(await bob.publish(room=bus.room, channel="c", text="before"))

    await fault(eve)
    for number in range(10):
        expect.succeeded(await bob.publish(room=bus.room, channel="c", text=f"meanwhile {number}"))

    meanwhile = [f"meanwhile {number}" for number in range(10)]
    assert await ann.texts_until("meanwhile 9") == ["before", *meanwhile]
    assert (ann.connection.end, bob.connection.end) == (None, None)


@requirement("CONN-012")
async def test_a_faulty_client_can_come_back(bus: Bus) -> None:
    """After being closed for a fault a client may connect again and is served."""
    ann, eve = await bus.clients("ann", "eve")
    await ann.join(bus.room, "c")
    await _breaks_the_protocol(eve)
    await eve.closed()

    again = await bus.connect("eve again")
    expect.succeeded(await again.publish(room=bus.room, channel="c", text="sorry"))

    assert await ann.texts_until("sorry") == ["sorry"]
