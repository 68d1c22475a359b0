"""What comes to the upgrade port and is no proper upgrade is refused or dropped, and costs nobody anything."""

from __future__ import annotations

import asyncio
import random
import re

import pytest
from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus
from arqonbus_conformance.findings import Unanswered, Violation
from arqonbus_conformance.frames import FrameDecoder, FrameFault, Opcode
from arqonbus_conformance.observing import observed
from arqonbus_conformance.plugin import Depth, depth, requirement, time_limit
from arqonbus_conformance.wire import REPLY_SECONDS

from arqonbus_adversarial.http_requests import (
    ANSWER_BYTES,
    BODIES,
    BROKEN_LINES,
    END_OF_HEAD,
    KEY,
    UPGRADE,
    exchange,
    noise,
    request,
    status_of,
)

UPGRADE_LINE = "GET / HTTP/1.1"
STATUS_LINE = re.compile(rb"HTTP/1\.[01] \d{3} ")
"""Wherever it stands: a body need not end with a line, so the next answer may begin within one."""

FLOODS = {
    "many-headers": [f"X-Header-{number}: x" for number in range(20_000)],
    "same-header": ["X-Header: x"] * 20_000,
    "one-giant-header": ["X-Header: " + "x" * 2_000_000],
    "giant-name": ["X" * 200_000 + ": x"],
    "giant-cookie": ["Cookie: " + "; ".join(f"c{number}={number}" for number in range(50_000))],
    "many-origins": ["Origin: https://evil.example"] * 5000,
}

NEAR_UPGRADES = {
    "no-upgrade-header": [line for line in UPGRADE if not line.startswith("Upgrade")],
    "upgrade-to-h2c": ["Upgrade: h2c", *UPGRADE[1:]],
    "no-connection-header": [line for line in UPGRADE if not line.startswith("Connection")],
    "connection-close": [UPGRADE[0], "Connection: close", *UPGRADE[2:]],
    "two-keys": [*UPGRADE, f"Sec-WebSocket-Key: {KEY}"],
    "two-versions": [*UPGRADE, "Sec-WebSocket-Version: 8"],
}


def authorized(bus: Bus) -> list[str]:
    """The header that opens a session, where one is needed."""
    return [f"{name}: {value}" for name, value in bus.authorization(..., tenant="a", admin=False).items()]


async def outcome(bus: Bus, sent: bytes) -> int | None:
    """The status that answers the bytes; None where the connection was ended instead. The bus serves others after it."""
    status = status_of(await exchange(bus, sent))
    ann = await bus.connect("witness")
    await ann.barrier()
    return status


def closes(answer: bytes) -> bool:
    """Whether a close frame stands among the frames behind an answer that grants an upgrade."""
    head, _, frames = answer.partition(END_OF_HEAD)
    return head.startswith(b"HTTP/1.1 101") and any(
        frame.opcode == Opcode.CLOSE for frame in FrameDecoder().feed(frames)
    )


async def until_the_end(bus: Bus, sent: bytes) -> bytes:
    """Send the bytes, and return what comes back until a close frame or the end of the connection.

    Raises:
        Unanswered: neither came in time.
        Violation: a frame came that no server may send.
    """
    reader, writer = await bus.tcp()
    answer = b""
    observed()
    try:
        async with asyncio.timeout(REPLY_SECONDS):
            writer.write(sent)
            while not closes(answer) and (data := await reader.read(ANSWER_BYTES)):
                answer += data
    except TimeoutError:
        raise Unanswered(
            f"the connection was not ended in {REPLY_SECONDS:g} s", actual=answer[:500]
        ) from None
    except FrameFault as fault:
        raise Violation("the deployment broke the WebSocket protocol", actual=f"it sent {fault}") from None
    except OSError:  # a connection that is reset has ended too
        pass
    return answer


@requirement("CONN-007")
async def test_the_same_bytes_without_the_fault_are_granted(bus: Bus) -> None:
    """The accepted twin of every request here."""
    status = await outcome(bus, request(UPGRADE_LINE, *UPGRADE, *authorized(bus)))

    expect.equal(status, 101, "status")


@requirement("CONN-007")
@pytest.mark.parametrize("near", NEAR_UPGRADES)
async def test_what_is_almost_an_upgrade_is_refused(bus: Bus, near: str) -> None:
    """One missing or doubled header line, and the protocol is not changed."""
    status = await outcome(bus, request(UPGRADE_LINE, *NEAR_UPGRADES[near], *authorized(bus)))

    assert status in (400, 426), status


@requirement("CONN-007")
@pytest.mark.parametrize("line", BROKEN_LINES)
async def test_an_upgrade_with_a_broken_header_line_is_refused(bus: Bus, line: str) -> None:
    """A line that two parsers would read differently is read by none."""
    status = await outcome(bus, request(UPGRADE_LINE, *UPGRADE, BROKEN_LINES[line], *authorized(bus)))

    assert status in (400, None), status


@requirement("CONN-007")
@pytest.mark.parametrize("body", BODIES)
async def test_an_upgrade_with_a_body_is_refused_or_its_body_not_obeyed(bus: Bus, body: str) -> None:
    """No body, and no second request within it, is taken for an upgrade of its own."""
    header, content = BODIES[body]
    smuggled = request("GET /health HTTP/1.1").decode()

    answer = await exchange(
        bus, request("GET /elsewhere HTTP/1.1", header, *authorized(bus), body=content + smuggled)
    )

    assert not answer.startswith(b"HTTP/1.1 101"), answer[:200]
    assert len(STATUS_LINE.findall(answer)) <= 1, answer
    ann = await bus.connect("witness")
    await ann.barrier()


@requirement("CONN-007", "CONN-012")
@pytest.mark.parametrize("flood", FLOODS)
async def test_a_flood_of_headers_is_refused(bus: Bus, flood: str) -> None:
    """Headers without bound are cut off: refused or dropped, never granted."""
    status = await outcome(bus, request(UPGRADE_LINE, *UPGRADE, *FLOODS[flood], *authorized(bus)))

    assert status is None or 400 <= status < 500, status


@requirement("CONN-007")
@pytest.mark.parametrize(
    "line",
    [
        "GET / HTTP/1.0",
        "GET / HTTP/2.0",
        "GET / HTTP/0.9",
        "GET /",
        "GET / HTTPS/1.1",
        "GET  / HTTP/1.1",
        "CONNECT / HTTP/1.1",
    ],
)
async def test_an_upgrade_of_another_protocol_is_refused(bus: Bus, line: str) -> None:
    """Only GET of HTTP/1.1 can become a WebSocket."""
    status = await outcome(bus, request(line, *UPGRADE, *authorized(bus)))

    assert status is None or 400 <= status < 600, status
    assert status != 101


@requirement("CONN-007", "INT-001")
@time_limit(120)
async def test_noise_on_the_upgrade_port_is_survived(bus: Bus, rng: random.Random, depth: Depth) -> None:
    """Three hundred random requests, made by the seed of the run, are refused or dropped; none is granted."""
    for number in range(depth.times(300)):
        sent = noise(rng)
        status = status_of(await exchange(bus, sent))
        assert status is None or 400 <= status < 500, f"{status} to request {number}: {sent[:200]!r}"

    ann = await bus.connect("witness")
    await ann.barrier()


@depth("smoke")
@requirement("CONN-010", "CONN-007")
@pytest.mark.parametrize(
    "behind", [b"\x81\x05hello", b"\x83\x80\x00\x00\x00\x00", b"GET / HTTP/1.1\r\n\r\n"], ids=repr
)
async def test_bytes_behind_an_upgrade_are_frames(bus: Bus, behind: bytes) -> None:
    """What follows the upgrade in the same bytes is read as frames: these are faults, and end that connection.

    A client may not send a frame before its upgrade is granted, so a bus may end the connection without an answer.
    """
    answer = await until_the_end(bus, request(UPGRADE_LINE, *UPGRADE, *authorized(bus)) + behind)

    assert answer == b"" or answer.startswith((b"HTTP/1.1 101", b"HTTP/1.1 400")), answer[:100]
    ann = await bus.connect("witness")
    await ann.barrier()
