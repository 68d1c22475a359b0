"""A payload in as many messages as NATS needs for it, and put together again. Pure."""

from collections.abc import Iterator
from typing import Final

MAX_JOINED_BYTES: Final = 256 * 1_048_576
"""Bytes of one payload that are put together; more is a fault of the sender."""


def split(payload: bytes, limit: int) -> Iterator[tuple[bytes, bool]]:
    """Parts of at most `limit` bytes, each with whether more follow; an empty payload is one empty part."""
    if len(payload) <= limit:
        yield payload, False
        return
    for begin in range(0, len(payload), limit):
        yield payload[begin : begin + limit], begin + limit < len(payload)


class Joiner:
    """Puts the parts of one payload after the other together, up to `limit` bytes."""

    __slots__ = ("_bytes", "_limit", "_parts")

    def __init__(self, limit: int = MAX_JOINED_BYTES) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._bytes = 0

    def add(self, part: bytes, *, more: bool) -> bytes | None:
        """The whole payload with its last part, None before.

        Raises:
            OverflowError: it is over the limit; what came of it is forgotten.
        """
        if not self._parts and not more and len(part) <= self._limit:
            return part
        self._bytes += len(part)
        if self._bytes > self._limit:
            found = self._bytes
            self.clear()
            raise OverflowError(f"payload: {found} bytes and more; allowed: {self._limit}")
        self._parts.append(part)
        if more:
            return None
        whole = b"".join(self._parts)
        self.clear()
        return whole

    def clear(self) -> None:
        """Forget what came."""
        self._parts.clear()
        self._bytes = 0
