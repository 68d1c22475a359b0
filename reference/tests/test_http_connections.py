"""Connections to the HTTP interface: what they may become, how long they wait, and how many there are."""

from collections.abc import Callable
from typing import Any

import pytest
from arqonbus_reference.transport import http_server


async def test_a_websocket_upgrade_is_no_upgrade_here(serve: Callable[..., Any]) -> None:
    """The path decides, not the wish."""
    served = await serve()

    status, _, _ = await served.ask("/health", Upgrade="websocket", Connection="Upgrade")

    assert status == 200


async def test_a_connection_that_never_asks_is_closed(
    serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a request does not hold a connection longer than none."""
    monkeypatch.setattr(http_server, "IDLE_SECONDS", 0.1)
    served = await serve()

    answer = await served.raw(b"GET /health HTTP/1.1\r\nHost:")

    assert answer == b""


async def test_connections_are_bounded(serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """One more than allowed is closed at once; the first is served on."""
    monkeypatch.setattr(http_server, "MAX_CONNECTIONS", 1)
    served = await serve()
    first, _, _ = await served.ask("/health")

    refused = await served.raw(b"")
    again, _, _ = await served.ask("/health")

    assert (first, refused, again) == (200, b"", 200)
