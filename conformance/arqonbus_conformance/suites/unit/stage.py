"""A speaker and a listener in one channel: what a refused frame must leave as it was.

Every negative case of the suite goes through `Stage.refusal_of`: the faulty frame is sent between two accepted
messages of the same connection, so that a deployment cannot pass by refusing everything, by dying, or by delivering
or storing what it refused.
"""

from __future__ import annotations

import json
from typing import Any

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus, Client

Json = dict[str, Any]

REFUSED_TEXT = "never"
"""The payload text of every frame that must be refused: hearing or reading it anywhere is a violation."""


class Stage:
    """A speaker, and a listener who is a member of `channel` in `room`; both fresh to this case."""

    def __init__(self, speaker: Client, listener: Client, room: str, channel: str) -> None:
        self.speaker = speaker
        self.listener = listener
        self.room = room
        self.channel = channel
        self._accepted: list[str] = []

    @classmethod
    async def of(cls, bus: Bus, channel: str = "stage") -> Stage:
        """Both connected, the listener's join confirmed, nothing said yet."""
        speaker, listener = await bus.clients("speaker", "listener")
        await listener.join(bus.room, channel)
        return cls(speaker, listener, bus.room, channel)

    def message(self, text: str = REFUSED_TEXT, /, **fields: Any) -> Json:
        """A complete message of the speaker to the channel; `fields` replace or remove (...) what it holds."""
        return self.speaker.envelope(
            **{"room": self.room, "channel": self.channel, "payload": {"text": text}} | fields
        )

    def document(self, **fields: Any) -> str:
        """The JSON text of `message()`: what raw faults are spliced into."""
        return json.dumps(self.message(**fields), separators=(",", ":"))

    async def say(self, text: str) -> Json:
        """Publish to the channel and return the reply, which must be a success."""
        reply = await self.speaker.publish(room=self.room, channel=self.channel, text=text)
        expect.succeeded(reply)
        self._accepted.append(text)
        return reply

    async def heard(self, until: str) -> list[str]:
        """The texts the listener received, up to and including `until`, since the last call."""
        return await self.listener.texts_until(until)

    async def stored(self) -> list[str]:
        """The texts in the history of the channel, oldest first."""
        data = await self.speaker.succeed("op.history.get", room=self.room, channel=self.channel)
        return [entry["message"]["payload"]["text"] for entry in data["entries"]]

    def errors(self) -> list[Json]:
        """Every `error` frame the speaker received so far."""
        return [frame for frame in self.speaker.received if frame.get("type") == "error"]

    async def refusal_of(self, frame: Json | str | bytes, twin: Json | None = None) -> Json:
        """Send `frame` between two accepted messages and return the one `error` it got.

        `twin` is the smallest accepted variant of a frame that is no message: it must succeed before and after.

        Raises:
            Violation: if a twin was refused, the frame got no error or more than one, or anything of it was
                delivered to the listener or stored.
        """
        before, after = f"before {len(self._accepted)}", f"after {len(self._accepted)}"
        errors = len(self.errors())
        await self.say(before)
        await self._accept(twin)

        await self._send(frame)
        refusal = await self.speaker.rejection()

        await self._accept(twin)
        await self.say(after)
        expect.equal(await self.heard(after), [before, after], "what the listener heard")
        expect.equal(await self.stored(), self._accepted, "what the history of the channel holds")
        expect.equal(len(self.errors()) - errors, 1, "number of errors for one faulty frame")
        return refusal

    async def _accept(self, twin: Json | None) -> None:
        if twin is not None:
            expect.succeeded(await self.speaker.request(self.speaker.envelope(**twin)))

    async def _send(self, frame: Json | str | bytes) -> None:
        if isinstance(frame, dict):
            await self.speaker.send(frame, malformed=True)
        else:
            await self.speaker.send_text(frame)


def answers_nobody(refusal: Json) -> None:
    """`refusal` carries no request_id: the id of the faulty frame could not be read."""
    expect.that("request_id" not in refusal, "an error answers to an id it cannot have read", actual=refusal)


def nested(levels: int, *, brackets: str = "[]") -> str:
    """JSON text of `levels` containers inside each other; `{}` nests objects, `[]` arrays."""
    if brackets == "{}":
        return '{"n":' * (levels - 1) + "{}" + "}" * (levels - 1)
    return "[" * levels + "]" * levels


def faithful(text: str) -> Any:
    """JSON with nothing lost: numbers as (kind, spelling), objects as ("object", pairs in their order)."""
    return json.loads(
        text,
        parse_int=lambda digits: ("number", digits),
        parse_float=lambda digits: ("number", digits),
        object_pairs_hook=lambda pairs: ("object", pairs),
    )
