"""Hostile requests are built to the letter and their answers read without trust."""

import asyncio
import random

import pytest
from arqonbus_adversarial.http_requests import (
    END_OF_HEAD,
    SILENT_SECONDS,
    exchange,
    noise,
    request,
    status_of,
)
from arqonbus_adversarial.token_attacks import SHAPES, SIGNED_ATTACKS
from arqonbus_conformance.findings import Unreachable


def seeded(seed: int) -> random.Random:
    """A generator that the seed decides."""
    return random.Random(seed)  # noqa: S311 - reproducible, not secret


def test_a_request_is_its_lines() -> None:
    """The request line first, Host second, the body behind an empty line; high characters are single bytes."""
    made = request("GET /\u00ff HTTP/1.1", "X-A: b", body="hello", host="h")

    assert made == b"GET /\xff HTTP/1.1\r\nHost: h\r\nX-A: b\r\n\r\nhello"


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n", 404),
        (b"HTTP/1.0 200\r\n", 200),
        (b"", None),
        (b"\x81\x05hello", None),
        (b"HTTP/1.1 abc\r\n", None),
        (b"SMTP/1.1 220 hi\r\n", None),
    ],
)
def test_a_status_is_read_only_where_there_is_one(answer: bytes, status: int | None) -> None:
    """What is no HTTP answer has no status."""
    assert status_of(answer) == status


def test_noise_is_decided_by_its_seed() -> None:
    """The same seed makes the same requests, different ones make others."""
    first, second, other = ([noise(seeded(seed)) for _ in range(3)] for seed in (1, 1, 2))

    assert first == second
    assert first != other


def test_attacks_on_tokens_have_names_of_their_own() -> None:
    """Case ids are made of the names."""
    names = [attack.name for attack in SIGNED_ATTACKS]

    assert len(set(names)) == len(names)


def test_no_shape_is_a_good_token() -> None:
    """None of the shapes spells the token that it is made of."""
    spelled = {shape.format(h="eyJh", c="eyJz", s="c2ln" * 8) for shape in SHAPES.values()}

    assert "eyJh.eyJz." + "c2ln" * 8 not in spelled
    assert len(spelled) == len(SHAPES)


async def test_an_exchange_returns_what_the_peer_said() -> None:
    """The bytes go out as they are, and what comes back is returned."""
    heard = asyncio.get_running_loop().create_future()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.set_result(await reader.read())
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        answered = await exchange(f"http://127.0.0.1:{port}", b"\x00 / ")

    assert await heard == b"\x00 / "
    assert answered.startswith(b"HTTP/1.1 400")


async def test_a_whole_head_is_answered_before_the_last_word_is_said() -> None:
    """A peer that leaves alone whoever has said his last word is heard nevertheless."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(END_OF_HEAD)
        await asyncio.sleep(SILENT_SECONDS / 10)
        writer.write(b"" if reader.at_eof() else b"HTTP/1.1 500 Internal Server Error\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        answered = await exchange(f"http://127.0.0.1:{port}", b"GET / HTTP/1.1\r\n\r\n")

    assert answered.startswith(b"HTTP/1.1 500")


async def test_a_peer_that_is_not_there_is_unreachable() -> None:
    """A refused connection says nothing about a requirement."""
    async with await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]

    with pytest.raises(Unreachable, match=str(port)):
        await exchange(f"http://127.0.0.1:{port}", b"GET / HTTP/1.1\r\n\r\n")
