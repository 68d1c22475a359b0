"""A Shield process as the bus has it: its clients, its signs of life, and what it asks."""

from arqonbus_reference.shield import link
from arqonbus_reference.shield.far_client import FarClient
from arqonbus_reference.shield.parcels import Joiner


class Node:
    """One Shield process; while it is `held`, nothing is sent to it until it has asked.

    `answered` is the number of its last question that was answered, `silent_beats` counts beats of the bus since it was heard.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.clients: dict[str, FarClient] = {}
        self.silent_beats = 0
        self.held = True
        self.answered = 0
        self._question = 0
        self._asked = Joiner()

    def asks(self, number: int, part: bytes, *, more: bool) -> link.Known | None:
        """What it knows of its sessions, once the last part of question `number` is here.

        Raises:
            LinkError: it is no such thing.
            OverflowError: it is larger than `parcels.MAX_JOINED_BYTES`.
        """
        if number != self._question:
            self._question = number
            self._asked.clear()
        payload = self._asked.add(part, more=more)
        return None if payload is None else link.decoded(payload, link.Known)
