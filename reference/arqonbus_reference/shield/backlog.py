"""What waits to be written to NATS: traffic in its order, and copies of it behind; each within a bound of its own. Pure."""

from collections import deque
from typing import Final, NamedTuple

MAX_WAITING_BYTES: Final = 16 * 1_048_576
"""Bytes of traffic that wait for the writer; beyond it the server does not keep up and publishing is refused."""

MAX_WAITING_COPY_BYTES: Final = 4 * 1_048_576
"""Bytes of copies that wait while traffic goes before them; a copy beyond it is dropped."""


class Parcel(NamedTuple):
    """One message to be published."""

    subject: str
    payload: bytes
    headers: dict[str, str] | None
    reply: str


class Backlog:
    """Traffic and copies that wait for one writer; a copy is never the reason why traffic is refused or waits."""

    def __init__(self) -> None:
        self._traffic: deque[Parcel] = deque()
        self._copies: deque[Parcel] = deque()
        self.traffic_bytes = 0
        self.copy_bytes = 0

    def __len__(self) -> int:
        return len(self._traffic) + len(self._copies)

    def add(self, parcel: Parcel) -> bool:
        """Keep it behind the traffic before it; False when more than `MAX_WAITING_BYTES` wait already."""
        if self.traffic_bytes > MAX_WAITING_BYTES:
            return False
        self._traffic.append(parcel)
        self.traffic_bytes += len(parcel.payload)
        return True

    def add_copy(self, parcel: Parcel) -> bool:
        """Keep it behind all traffic; False when with it more than `MAX_WAITING_COPY_BYTES` would wait."""
        if self.copy_bytes + len(parcel.payload) > MAX_WAITING_COPY_BYTES:
            return False
        self._copies.append(parcel)
        self.copy_bytes += len(parcel.payload)
        return True

    def next(self) -> Parcel:
        """Take out what goes next.

        Raises:
            IndexError: nothing waits.
        """
        if self._traffic:
            parcel = self._traffic.popleft()
            self.traffic_bytes -= len(parcel.payload)
        else:
            parcel = self._copies.popleft()
            self.copy_bytes -= len(parcel.payload)
        return parcel

    def clear(self) -> None:
        """Drop everything."""
        self._traffic.clear()
        self._copies.clear()
        self.traffic_bytes = self.copy_bytes = 0
