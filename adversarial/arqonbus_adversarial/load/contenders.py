"""Servers that are compared: how each is started, and what its clients say. All are spoken to over WebSocket."""

import base64
import json
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from arqonbus_fixtures.ports import lease
from arqonbus_fixtures.process import Process

CONNECT_SECONDS = 10.0
"""The longest a started server may take to answer a handshake."""

MARKER = b'"text":"'
"""Stands once in every published message and in nothing else that a server sends."""

TEXT_OPCODE, BINARY_OPCODE = 0x1, 0x2
_MASK = bytes(4)  # masked, as RFC 6455 asks, with a mask that costs the client nothing


class Contender(NamedTuple):
    """A running server; `subscription` is what a client sends to get the messages of a topic, `confirmed` what it hears then."""

    name: str
    process: Process
    pid: int
    port: int
    greeting: bytes
    introduction: bytes
    subscription: Callable[[int], bytes]
    confirmed: bytes
    publication: Callable[[int, int], bytes]


def frame(opcode: int, payload: bytes) -> bytes:
    """A client's frame."""
    size = len(payload)
    length = bytes((0x80 | size,)) if size < 126 else b"\xfe" + size.to_bytes(2)
    return bytes((0x80 | opcode,)) + length + _MASK + payload


def envelope(number: int, **fields: object) -> bytes:
    """A client's envelope, as compact as JSON gets."""
    head = {"id": f"arq_1_{number}_abcdef", "timestamp": "2026-01-01T00:00:00Z", "version": "1.0"}
    return json.dumps(head | fields, separators=(",", ":")).encode()


def message(number: int, topic: int) -> bytes:
    """The message that every contender carries: one envelope of about 200 bytes."""
    fields = {"type": "message", "room": f"r{topic}", "channel": "c", "payload": {"text": "x" * 64}}
    return envelope(number, **fields)


async def reference_bus() -> Contender:
    """The reference bus of this project: parsed, checked, stamped, kept in history and acknowledged."""
    with lease() as bus, lease() as http, lease() as telemetry:
        ports = (bus.port, http.port, telemetry.port)
    names = ("ARQONBUS_SERVER_PORT", "ARQONBUS_HTTP_PORT", "ARQONBUS_TELEMETRY_PORT")
    environ = (
        os.environ | dict(zip(names, map(str, ports), strict=True)) | {"ARQONBUS_OUTBOX_BYTES": "1073741824"}
    )
    process = Process([sys.executable, "-m", "arqonbus_reference", "serve"], environ=environ, cwd=Path.cwd())
    await process.start()
    return Contender(
        name="reference bus",
        process=process,
        pid=process.pid,
        port=ports[0],
        greeting=b"client_id",
        introduction=b"",
        subscription=lambda topic: frame(
            TEXT_OPCODE,
            envelope(0, type="command", command="join_channel", args={"room": f"r{topic}", "channel": "c"}),
        ),
        confirmed=b"member_count",
        publication=lambda number, topic: frame(TEXT_OPCODE, message(number, topic)),
    )


async def nats_server() -> Contender:
    """nats-server: passes the bytes on, without a look, a store or an acknowledgement.

    Raises:
        FileNotFoundError: no nats-server on the path or beside the interpreter.
    """
    program = shutil.which(
        "nats-server", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )
    if program is None:
        raise FileNotFoundError("nats-server")
    with lease() as listener:
        port = listener.port
    folder = Path(tempfile.mkdtemp(prefix="arqonbus-bench-"))
    settings = f'port: -1\nhost: "127.0.0.1"\nwebsocket {{ host: "127.0.0.1", port: {port}, no_tls: true }}\n'
    (folder / "nats.conf").write_text(settings)
    process = Process([program, "-c", str(folder / "nats.conf")], environ=dict(os.environ), cwd=folder)
    await process.start()

    def publication(number: int, topic: int) -> bytes:
        payload = message(number, topic)
        return frame(BINARY_OPCODE, b"PUB r%d %d\r\n%b\r\n" % (topic, len(payload), payload))

    return Contender(
        name="nats-server",
        process=process,
        pid=process.pid,
        port=port,
        greeting=b"INFO ",
        introduction=frame(BINARY_OPCODE, b'CONNECT {"verbose":false,"pedantic":false}\r\n'),
        subscription=lambda topic: frame(BINARY_OPCODE, b"SUB r%d 1\r\nPING\r\n" % topic),
        confirmed=b"PONG",
        publication=publication,
    )


def connected(contender: Contender) -> socket.socket:
    """A client that was greeted.

    Raises:
        OSError: no server answers within CONNECT_SECONDS.
    """
    client = socket.create_connection(("127.0.0.1", contender.port), timeout=CONNECT_SECONDS)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    key = base64.b64encode(os.urandom(16))
    client.sendall(
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: " + key + b"\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    heard(client, contender.greeting)
    client.sendall(contender.introduction)
    return client


def heard(client: socket.socket, awaited: bytes) -> None:
    """Read until `awaited` came.

    Raises:
        OSError: the server closed, or was silent for CONNECT_SECONDS.
    """
    seen = b""
    while awaited not in seen:
        data = client.recv(65_536)
        if not data:
            raise ConnectionError(f"closed before {awaited!r}")
        seen += data
