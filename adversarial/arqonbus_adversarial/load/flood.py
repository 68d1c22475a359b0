"""One publisher per topic, many subscribers, as fast as the server goes: what does a delivery cost it?"""

import os
import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from arqonbus_adversarial.load.contenders import MARKER, Contender, connected, heard

WINDOW_MESSAGES = 512
"""Messages of one publisher that its first subscriber has not got yet, at most."""

STALL_SECONDS = 10.0
"""A flood in which nothing arrives for so long has failed."""


class Shape(NamedTuple):
    """How many topics, each with how many subscribers, and how many messages each."""

    topics: int
    subscribers: int
    messages: int

    def __str__(self) -> str:
        prefix = "" if self.topics == 1 else f"{self.topics} x "
        return f"{prefix}1 -> {self.subscribers}"


class Cost(NamedTuple):
    """What a flood cost: the server's CPU seconds per million deliveries, and deliveries per second of wall time."""

    cpu_seconds_per_million: float
    deliveries_per_second: float


class StalledError(Exception):
    """Deliveries stopped before all had come."""


class _Topic:
    def __init__(self, number: int, publisher: socket.socket, total: int) -> None:
        self.number = number
        self.publisher = publisher
        self.total = total
        self.sent = 0
        self.got_by_first = 0

    def due(self) -> range:
        """The messages that the window allows now; none while less than half of it is free."""
        free = WINDOW_MESSAGES - (self.sent - self.got_by_first)
        last = min(self.total, self.sent + free) if free >= WINDOW_MESSAGES // 2 else self.sent
        return range(self.sent, last)


def flood(contender: Contender, shape: Shape) -> Cost:
    """Publish and receive everything.

    Raises:
        StalledError: messages were lost.
        OSError: the server closed a connection.
    """
    with ExitStack() as open_sockets:
        topics, subscribers = _audience(contender, shape, open_sockets)
        before, begin = _cpu_seconds(contender.pid), time.perf_counter()
        _run(contender, shape, topics, subscribers)
        wall, cpu = time.perf_counter() - begin, _cpu_seconds(contender.pid) - before
    deliveries = shape.topics * shape.subscribers * shape.messages
    return Cost(cpu / deliveries * 1e6, deliveries / wall)


def _cpu_seconds(pid: int) -> float:
    """What the process has used so far, all threads together, to the nanosecond (the usual times count in 10 ms)."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


def _audience(
    contender: Contender, shape: Shape, open_sockets: ExitStack
) -> tuple[list[_Topic], dict[socket.socket, _Topic | None]]:
    """The topics, and their subscribers; the first one of each topic is mapped to it."""
    subscribers: dict[socket.socket, _Topic | None] = {}
    topics = []
    for number in range(shape.topics):
        publisher = open_sockets.enter_context(connected(contender))
        topics.append(_Topic(number, publisher, shape.messages))
        for place in range(shape.subscribers):
            subscriber = open_sockets.enter_context(connected(contender))
            subscriber.sendall(contender.subscription(number))
            heard(subscriber, contender.confirmed)
            subscribers[subscriber] = topics[-1] if place == 0 else None
    return topics, subscribers


def _run(
    contender: Contender, shape: Shape, topics: list[_Topic], subscribers: dict[socket.socket, _Topic | None]
) -> None:
    wire = {
        topic.number: [contender.publication(n + 1, topic.number) for n in range(shape.messages)]
        for topic in topics
    }
    poll = select.epoll()
    by_descriptor = {client.fileno(): client for client in subscribers}
    by_descriptor |= {topic.publisher.fileno(): topic.publisher for topic in topics}
    for descriptor in by_descriptor:
        poll.register(descriptor, select.EPOLLIN)
    tails = dict.fromkeys(by_descriptor, b"")
    outstanding = shape.topics * shape.subscribers * shape.messages
    while outstanding:
        for topic in topics:
            due = topic.due()
            if due:
                topic.publisher.sendall(b"".join(wire[topic.number][due.start : due.stop]))
                topic.sent = due.stop
        for descriptor, count in _arrivals(poll, by_descriptor, tails):
            client = by_descriptor[descriptor]
            if client in subscribers:
                outstanding -= count
                first_of = subscribers[client]
                if first_of is not None:
                    first_of.got_by_first += count
    poll.close()


def _arrivals(
    poll: select.epoll, clients: dict[int, socket.socket], tails: dict[int, bytes]
) -> Iterator[tuple[int, int]]:
    """How many messages each client got in one turn."""
    ready = poll.poll(STALL_SECONDS)
    if not ready:
        raise StalledError(f"nothing arrived for {STALL_SECONDS} s")
    for descriptor, _ in ready:
        data = os.read(clients[descriptor].fileno(), 1_048_576)
        if not data:
            raise ConnectionError("the server closed a connection")
        seen = tails[descriptor] + data
        tails[descriptor] = seen[-(len(MARKER) - 1) :]
        yield descriptor, seen.count(MARKER)
