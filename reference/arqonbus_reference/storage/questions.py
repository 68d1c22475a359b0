"""How the parts of the streams storage ask the server."""

from abc import ABC, abstractmethod
from typing import Any

from arqonbus_reference.storage.lane import Script, Word


class Questions(ABC):
    """Something that can ask the server; `max_history` is how many entries of a stream are visible."""

    max_history: int

    @abstractmethod
    async def _ask(self, lua: Script, keys: tuple[Word, ...], *args: Word) -> Any:
        """What the script gives, once every write that it may have seen is acknowledged.

        Raises:
            UnknownGroupError: the script asked for a group that the stream has not.
            StorageUnavailableError: refused, no answer in time, or a write that the script may have seen failed.
        """


Rows = list[Any]


def strides(flat: Rows, width: int) -> list[Rows]:
    """`flat` cut into rows of `width`."""
    return [flat[at : at + width] for at in range(0, len(flat), width)]
