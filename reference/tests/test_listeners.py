"""Addresses are bound before anything starts, or none is."""

import socket

import pytest
from arqonbus_reference.listeners import BindError, bind
from arqonbus_reference.settings import Settings


def free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in held]
    for listener in held:
        listener.close()
    return ports


def test_an_address_in_use_is_named_and_nothing_stays_bound() -> None:
    """CONF-023: the variable, the address, the reason; the other interfaces are free again."""
    server, http, telemetry = free_ports(3)
    settings = Settings(server_port=server, http_port=http, telemetry_port=telemetry)

    with (
        socket.create_server(("127.0.0.1", telemetry)),
        pytest.raises(BindError, match=rf"ARQONBUS_TELEMETRY_PORT: 127\.0\.0\.1:{telemetry} cannot be bound"),
    ):
        bind(settings)

    for port in (server, http):
        socket.create_server(("127.0.0.1", port)).close()


def test_every_unusable_address_is_named() -> None:
    """CONF-006: all problems in one run; 192.0.2.1 is an address of documentation, never of this machine."""
    settings = Settings(server_host="192.0.2.1", http_host="no.such.host.invalid", telemetry_port=0)

    with pytest.raises(BindError) as refused:
        bind(settings)

    assert [problem.variable for problem in refused.value.problems] == [
        "ARQONBUS_SERVER_PORT",
        "ARQONBUS_HTTP_PORT",
    ]


def test_what_is_bound_cannot_be_bound_again() -> None:
    """CONF-023: an address is never shared."""
    listeners = bind(Settings(server_port=0, http_port=0, telemetry_port=0))
    port = listeners.server[0].getsockname()[1]

    with pytest.raises(BindError):
        bind(Settings(server_port=port, http_port=0, telemetry_port=0))

    for sockets in listeners:
        sockets[0].close()
