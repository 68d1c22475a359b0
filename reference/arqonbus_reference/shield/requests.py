"""The requests of one session that are on their way: each is answered once, by the bus or by Shield. Pure.

A request that was given up may have been processed, and its answer may come late: that answer is then nobody's.
"""

from collections import deque
from typing import Final, NamedTuple

import msgspec

MAX_REQUESTS: Final = 16_384
"""Requests of one session that wait for an answer, and answers that nobody waits for; one more is refused."""

PAUSE_REQUESTS: Final = 4_096
"""Requests that wait, beyond which the client is read no more until half of them are answered."""

NO_ID: Final = ""
"""Stands for the id of a frame that has none that can be read."""


class Request(NamedTuple):
    """One frame of a client: its number on the way to the bus, its id, and whether it is answered as a command is."""

    sequence: int
    request_id: str
    command: bool


class _Reply(msgspec.Struct):
    type: str
    request_id: str | None = None


_decode: Final = msgspec.json.Decoder(_Reply).decode


class Requests:
    """What waits for answers, in the order sent, and what was given up."""

    def __init__(self) -> None:
        self._waiting: dict[int, Request] = {}
        self._by_id: dict[str, deque[int]] = {}
        self._given_up: dict[str, deque[int]] = {}
        self._late = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether no other may be sent."""
        return len(self._waiting) + self._late >= MAX_REQUESTS

    @property
    def quiet(self) -> bool:
        """Whether no answer is to come, in time or late."""
        return not self._waiting and not self._late

    def sent(self, request: Request) -> None:
        """It is on its way; sequences only rise."""
        self._waiting[request.sequence] = request
        self._by_id.setdefault(request.request_id, deque()).append(request.sequence)

    def takes(self, text: bytes) -> bool:
        """Whether the client gets this text: all that is no answer, and each answer that is waited for."""
        reply = _decode(text)
        if reply.type == "message":
            return True
        request_id = reply.request_id or NO_ID
        sequence = _first(self._by_id, request_id)
        if sequence is not None:
            del self._waiting[sequence]
            return True
        if _first(self._given_up, request_id) is not None:
            self._late -= 1
            return False
        return True

    def give_up(self) -> list[Request]:
        """All that wait, in the order sent: they are answered by Shield now."""
        found = list(self._waiting.values())
        self._waiting.clear()
        self._by_id.clear()
        self._late += len(found)
        for request in found:
            self._given_up.setdefault(request.request_id, deque()).append(request.sequence)
        return found

    def lost_after(self, sequence: int) -> list[Request]:
        """Those that wait and never reached the bus, which saw up to `sequence`; no late answer comes to these."""
        for request_id, sequences in list(self._given_up.items()):
            kept = deque(number for number in sequences if number <= sequence)
            self._late -= len(sequences) - len(kept)
            if kept:
                self._given_up[request_id] = kept
            else:
                del self._given_up[request_id]
        found = [request for number, request in self._waiting.items() if number > sequence]
        for request in found:
            del self._waiting[request.sequence]
            self._by_id[request.request_id].remove(request.sequence)
            if not self._by_id[request.request_id]:
                del self._by_id[request.request_id]
        return found


def _first(of: dict[str, deque[int]], request_id: str) -> int | None:
    """The oldest of that id, taken out."""
    sequences = of.get(request_id)
    if sequences is None:
        return None
    sequence = sequences.popleft()
    if not sequences:
        del of[request_id]
    return sequence
