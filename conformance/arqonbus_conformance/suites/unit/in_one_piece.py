"""Frames sent in one piece: whoever reads the first of them has the others already."""

from __future__ import annotations

import json
from collections.abc import Mapping

from arqonbus_conformance.deployment import Client
from arqonbus_conformance.frames import Frame, Opcode, encode


def text_frame(envelope: Mapping[str, object]) -> Frame:
    """The frame of an envelope, as a client sends it."""
    return Frame(Opcode.TEXT, json.dumps(envelope).encode(), masked=True)


async def at_once(client: Client, *frames: Frame) -> None:
    """Send the frames by one write."""
    await client.send_bytes(b"".join(map(encode, frames)))
