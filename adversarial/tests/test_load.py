"""The comparison counts what really arrives, on real servers, and says when something is lost."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from arqonbus_adversarial.load import flood as flooding
from arqonbus_adversarial.load.contenders import MARKER, Contender, frame, message
from arqonbus_adversarial.load.flood import Shape, StalledError, flood
from arqonbus_fixtures.process import Process

RUN_SECONDS = 120


def test_every_shape_is_measured_with_every_server() -> None:
    """A small run on the reference bus and nats-server gives a figure for each, and their ratio."""
    run = subprocess.run(
        [
            sys.executable,
            "-P",
            "-m",
            "arqonbus_adversarial.load",
            "--rounds",
            "1",
            "--scale",
            "0.02",
            "--json",
        ],
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=True,
    )

    rows = json.loads(run.stdout)
    assert [row["shape"] for row in rows] == ["1 -> 1", "1 -> 10", "1 -> 100", "20 x 1 -> 20"]
    for row in rows:
        assert set(row["deliveries_per_second"]) == {"reference bus", "nats-server"}
        assert all(rate > 0 for rate in row["deliveries_per_second"].values())


def test_a_message_holds_the_marker_once() -> None:
    """What is counted stands once in each message."""
    assert message(7, 0).count(MARKER) == 1


class Forgetful:
    """A server that greets, confirms, and passes on all messages but the last."""

    def __init__(self, passes_on: int) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.passes_on = passes_on
        self.clients: list[socket.socket] = []
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        publisher, subscriber = self.welcomed(), self.welcomed()
        subscriber.recv(1024)
        subscriber.sendall(b"confirmed")
        publisher.recv(65_536)
        subscriber.sendall(MARKER * self.passes_on)

    def welcomed(self) -> socket.socket:
        client, _ = self.listener.accept()
        client.recv(65_536)
        client.sendall(b"hello")
        self.clients.append(client)
        return client

    def close(self) -> None:
        self.thread.join()
        for client in (*self.clients, self.listener):
            client.close()


@pytest.fixture
def forgetful() -> Iterator[Forgetful]:
    server = Forgetful(9)
    yield server
    server.close()


def test_a_lost_message_is_no_result(forgetful: Forgetful, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that loses messages is not measured as fast."""
    monkeypatch.setattr(flooding, "STALL_SECONDS", 0.2)
    contender = Contender(
        name="forgetful",
        process=Process(["true"], environ={}, cwd=Path.cwd()),
        pid=os.getpid(),
        port=forgetful.listener.getsockname()[1],
        greeting=b"hello",
        introduction=b"",
        subscription=lambda _: b"subscribe",
        confirmed=b"confirmed",
        publication=lambda number, topic: frame(1, message(number, topic)),
    )

    with pytest.raises(StalledError):
        flood(contender, Shape(1, 1, 10))


def test_shapes_read_like_what_they_are() -> None:
    """The table's first column."""
    assert [str(Shape(1, 10, 5)), str(Shape(20, 20, 5))] == ["1 -> 10", "20 x 1 -> 20"]
