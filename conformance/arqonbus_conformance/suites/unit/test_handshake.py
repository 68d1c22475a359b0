"""The opening handshake: which upgrade is granted, and how another is refused."""

from __future__ import annotations

from contextlib import suppress

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus, Client, Refusal
from arqonbus_conformance.plugin import depth, requirement

FOREIGN_ORIGINS = [
    "https://evil.example",
    "http://localhost.evil.example",
    "null",
    "https://evil.example:443",
    "file://",
    "*",
    "",
]

OTHER_PATHS = ["/wss", "/ws/", "//", "/ws/x", "/health", "/metrics", "/..", "/%77s", "/WS", "/index.html"]

BAD_KEYS = [
    pytest.param(None, id="none"),
    pytest.param("", id="empty"),
    pytest.param("short", id="no-base64"),
    pytest.param("AAAAAAAAAAAAAAAAAAAA", id="15-bytes"),
    pytest.param("AAAAAAAAAAAAAAAAAAAAAAA=", id="17-bytes"),
    pytest.param("\u00e9AAAAAAAAAAAAAAAAAAAAA==", id="not-ascii"),
    pytest.param(["dGhlIHNhbXBsZSBub25jZQ==", "AQIDBAUGBwgJCgsMDQ4PEA=="], id="two-keys"),
]

BAD_VERSIONS = [None, "", "12", "8", "0", "14", "256", "thirteen", "13, 12"]


async def refusal(bus: Bus, **upgrade: object) -> Refusal:
    """The refusal of an upgrade that must not be granted."""
    outcome = await bus.upgrade(**upgrade)  # type: ignore[arg-type]
    assert isinstance(outcome, Refusal), f"the upgrade {upgrade} was granted"
    return outcome


async def granted(bus: Bus, **upgrade: object) -> Client:
    """The client of an upgrade that must be granted."""
    outcome = await bus.upgrade(**upgrade)  # type: ignore[arg-type]
    assert isinstance(outcome, Client), f"the upgrade {upgrade} was refused: {outcome}"
    return outcome


@requirement("CONN-004")
@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
async def test_a_foreign_origin_is_refused(bus: Bus, origin: str) -> None:
    """A browser page of another origin gets 403; the same upgrade without Origin is granted."""
    await granted(bus)

    refused = await refusal(bus, headers={"Origin": origin})

    expect.equal(refused.status, 403, "status")
    await (await granted(bus)).barrier()


@requirement("CONN-004")
async def test_no_origin_is_accepted(bus: Bus) -> None:
    """A client that is no browser sends no Origin and is served, also where a Referer names a page: that is no Origin."""
    ann = await granted(bus, headers={"Origin": None})
    bob = await granted(bus, headers={"Origin": None, "Referer": "https://evil.example/page"})

    await ann.barrier()
    await bob.barrier()


@requirement("CONN-006")
@pytest.mark.parametrize("path", OTHER_PATHS)
async def test_another_path_is_not_found(bus: Bus, path: str) -> None:
    """Only / and /ws lead to the bus."""
    await granted(bus)

    refused = await refusal(bus, path=path)

    expect.equal(refused.status, 404, "status")
    await (await granted(bus, path="/ws")).barrier()


@requirement("CONN-006")
@pytest.mark.parametrize("path", ["/?x=1", "/ws?x=1&y"])
async def test_a_query_changes_no_path(bus: Bus, path: str) -> None:
    """The accepted twin: a query string is not part of the path."""
    ann = await granted(bus, path=path)

    await ann.barrier()


@requirement("CONN-007")
@pytest.mark.parametrize("path", ["/", "/ws"])
async def test_a_plain_request_is_told_to_upgrade(bus: Bus, path: str) -> None:
    """A GET that asks for no upgrade is answered 426 with Upgrade: websocket."""
    plain = {
        "Upgrade": None,
        "Connection": None,
        "Sec-WebSocket-Key": None,
        "Sec-WebSocket-Version": None,
        "Sec-WebSocket-Extensions": None,
    }

    refused = await refusal(bus, path=path, headers=plain)

    expect.equal(refused.status, 426, "status")
    expect.equal(refused.headers.get("upgrade", "").lower(), "websocket", "Upgrade header")
    await (await granted(bus, path=path)).barrier()


@requirement("CONN-007")
@pytest.mark.parametrize("key", BAD_KEYS)
async def test_an_upgrade_without_a_proper_key_is_refused(bus: Bus, key: str | list[str] | None) -> None:
    """The key is one base64 text of 16 bytes."""
    await granted(bus)

    refused = await refusal(bus, headers={"Sec-WebSocket-Key": key})

    expect.equal(refused.status, 400, "status")
    await (await granted(bus)).barrier()


@requirement("CONN-007")
@pytest.mark.parametrize("version", BAD_VERSIONS)
async def test_an_upgrade_to_another_version_is_refused(bus: Bus, version: str | None) -> None:
    """Only version 13 is spoken; RFC 6455 lets a server say so with 426 or 400."""
    await granted(bus)

    refused = await refusal(bus, headers={"Sec-WebSocket-Version": version})

    assert refused.status in (400, 426), refused
    await (await granted(bus)).barrier()


@requirement("CONN-007")
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "get", "HEAD"])
async def test_an_upgrade_by_another_method_is_refused(bus: Bus, method: str) -> None:
    """Only GET upgrades."""
    await granted(bus)

    refused = await refusal(bus, method=method)

    assert 400 <= refused.status < 500, refused
    await (await granted(bus)).barrier()


@requirement("CONN-007")
@pytest.mark.parametrize(
    "head",
    [b"GET /\r\n\r\n", b"GET / HTTP/1.1\r\nno colon here\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"],
    ids=["no-version", "no-colon", "tls-hello"],
)
async def test_what_is_no_http_request_is_refused_or_dropped(bus: Bus, head: bytes) -> None:
    """Bytes that are no HTTP request get 400 or the end of the connection, never an upgrade."""
    reader, writer = await bus.tcp()

    writer.write(head)
    with suppress(OSError):  # a bus that has dropped the connection already is right too
        if writer.can_write_eof():  # TLS cannot
            writer.write_eof()
    answer = await reader.read()

    assert answer == b"" or answer.startswith((b"HTTP/1.1 400", b"HTTP/1.0 400")), answer[:80]
    await (await granted(bus)).barrier()


@requirement("CONN-007")
@pytest.mark.parametrize("spelling", ["websocket", "WebSocket", "WEBSOCKET"])
async def test_the_case_of_an_upgrade_does_not_matter(bus: Bus, spelling: str) -> None:
    """The accepted twin: header values of the handshake compare without case."""
    ann = await granted(bus, headers={"Upgrade": spelling, "Connection": "keep-alive, upgrade"})

    await ann.barrier()


@depth("smoke")
@requirement("CONN-006", "CONN-007")
async def test_offered_extensions_and_subprotocols_are_not_believed(bus: Bus) -> None:
    """An upgrade that offers what the bus does not speak is granted without it."""
    ann = await granted(
        bus,
        headers={"Sec-WebSocket-Extensions": "x-unknown; a=1", "Sec-WebSocket-Protocol": "chat, superchat"},
    )

    # An answer that grants an extension is a fault of the handshake: the client offers none of its own.
    expect.equal(ann.connection.subprotocol, None, "subprotocol that the answer chose")
    await ann.barrier()
