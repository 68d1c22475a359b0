"""A broker to try things on, with ids made up and outbound frames taken apart."""

import json
from typing import Any

from arqonbus_reference.access import ANONYMOUS, Principal
from arqonbus_reference.broker import Broker
from arqonbus_reference.effects import Answered, Outbound, Publication
from arqonbus_reference.envelope import parse
from arqonbus_reference.session import Session

NOW = 1_763_800_000_000


class Bench:
    """A broker, with ids made up and outbound frames taken apart."""

    def __init__(self, *, rate: int = 0, telemetry_rate: int = 0) -> None:
        self.broker = Broker(
            rate=rate, telemetry_rate=telemetry_rate, describe_status=lambda tenant: {"of": tenant}
        )
        self.count = 0

    def client(self, principal: Principal = ANONYMOUS) -> Session:
        return self.broker.connect(principal, None)[0]

    def frame(self, kind: str, **fields: Any) -> bytes:
        self.count += 1
        head = {
            "id": f"arq_1_{self.count}_abcdef",
            "type": kind,
            "timestamp": "2026-11-22T10:00:00Z",
            "version": "1.0",
        }
        return json.dumps(head | fields).encode()

    def accept(self, session: Session, frame: bytes) -> Publication | bytes | None:
        return self.broker.accept(session, parse(frame), frame, NOW)

    def on_its_way(self, session: Session, **fields: Any) -> Publication:
        accepted = self.accept(session, self.frame("message", **{"payload": {"text": "x"}} | fields))
        assert isinstance(accepted, Publication)
        return accepted

    def commit(self, *batch: Publication, durability: Any = "durable") -> Outbound:
        for stream in self.broker.unsequenced(batch):
            stream.sequence = 0
        self.broker.seal(batch, NOW)
        return self.broker.commit(batch, durability, NOW)

    def request(self, session: Session, kind: str = "command", **fields: Any) -> Answered:
        return self.broker.request(session, parse(self.frame(kind, **fields)), NOW)

    def command(self, session: Session, name: str, **args: Any) -> Answered:
        return self.request(session, command=name, args=args)

    def join(self, *sessions: Session, room: str = "r", channel: str = "c") -> None:
        for session in sessions:
            self.command(session, "join_channel", room=room, channel=channel)


def documents(frames: list[bytes]) -> list[dict[str, Any]]:
    """The envelopes in whole unmasked text frames."""
    joined, found = b"".join(frames), []
    while joined:
        length, start = joined[1], 2
        if length == 126:
            length, start = int.from_bytes(joined[2:4]), 4
        found.append(json.loads(joined[start : start + length]))
        joined = joined[start + length :]
    return found


def messages(outbound: Outbound, session: Session) -> list[dict[str, Any]]:
    return [found for found in documents(outbound.get(session, [])) if found["type"] == "message"]


def replies(outbound: Outbound, session: Session) -> list[dict[str, Any]]:
    return [found for found in documents(outbound.get(session, [])) if found["type"] != "message"]


def texts(outbound: Outbound, session: Session) -> list[str]:
    return [found["payload"]["text"] for found in messages(outbound, session)]
