"""The heart of the bus, without I/O: who gets what, in which order, and what is answered.

The broker never awaits, logs or reads a clock; `now` is milliseconds since the epoch, `instant` monotonic seconds. A message goes through three steps, so that it can
be stored in between: `accept` (is it allowed, where does it go), `seal` (its sequence and its final bytes), and `commit` or
`refuse` (delivery and acknowledgement, or error). Everything else is `request`.
"""

import secrets
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec import UNSET, Raw

from arqonbus_reference import replies
from arqonbus_reference.access import Principal
from arqonbus_reference.channels import Channel, Tenant
from arqonbus_reference.commands import COMMANDS, described, read_args
from arqonbus_reference.effects import Announce, Answered, Execute, Outbound, Publication
from arqonbus_reference.envelope import Envelope, InvalidEnvelopeError
from arqonbus_reference.errors import CommandError, ErrorCode
from arqonbus_reference.groups import JoinArgs
from arqonbus_reference.membership import MEMBERSHIP_COMMANDS, Outcome, announced
from arqonbus_reference.metadata import stamped
from arqonbus_reference.session import Acknowledged, Session
from arqonbus_reference.storage.interface import Durability, Entry
from arqonbus_reference.transport.frames import text_frame

MAX_TELEMETRY_BYTES = 65_536
"""Bytes of a client's telemetry payload."""


class Broker:
    """All tenants of one deployment; `describe_status` gives the data of the status command for a tenant."""

    def __init__(
        self, *, rate: int, telemetry_rate: int, describe_status: Callable[[str], dict[str, Any]]
    ) -> None:
        self._rates = (rate, telemetry_rate)
        self._describe_status = describe_status
        self._latest = 0
        self.tenants: dict[str, Tenant] = {}

    # -- connections

    def connect(self, principal: Principal, outlet: Any) -> tuple[Session, Announce]:
        """A new session with a client id that cannot be guessed."""
        client_id = f"c{secrets.token_hex(12)}"
        tenant = self.tenant(principal.tenant)
        session = Session(client_id, principal, tenant, outlet, rates=self._rates)
        tenant.sessions[client_id] = session
        return session, Announce("client.connected", principal.tenant, {"client_id": client_id})

    def disconnect(self, session: Session, code: int, reason: str) -> list[Announce]:
        """End every membership of a session; it may be called once per session."""
        name = session.principal.tenant
        tenant = session.tenant
        del tenant.sessions[session.client_id]
        announcements = [announced("channel.left", session, channel) for channel in session.memberships]
        for channel in tuple(session.memberships):
            tenant.leave(channel, session)
        session.remembered.clear()
        fields = {"client_id": session.client_id, "code": code, "reason": reason}
        return [*announcements, Announce("client.disconnected", name, fields)]

    def tenant(self, name: str) -> Tenant:
        """The tenant of that name, known from its first client on."""
        found = self.tenants.get(name)
        if found is None:
            found = self.tenants[name] = Tenant(name)
        return found

    # -- messages

    def accept(
        self, session: Session, envelope: Envelope, frame: bytes, now: int
    ) -> Publication | bytes | None:
        """A message on its way; or the frame that answers it at once; or None when the same id is still on its way."""
        known = session.remembered.get(envelope.id)
        if known is not None:
            return _repeated(envelope.id, known, now)
        tenant = session.tenant
        stream, recipient = None, None
        if envelope.room is not UNSET:
            stream = tenant.stream(envelope.room, None if envelope.channel is UNSET else envelope.channel)
            stream.in_flight += 1
        else:
            recipient = tenant.sessions.get(envelope.to_client)  # type: ignore[arg-type]
            if recipient is None:
                tenant.rejected += 1
                text = "to_client: no such client; allowed: the client_id of a connected client"
                return replies.error(now, envelope.id, "TARGET_NOT_FOUND", text)
        publication = Publication(session, envelope.id, stamped(frame, envelope, session), stream, recipient)
        session.remembered.keep(envelope.id, publication)
        return publication

    def unsequenced(self, batch: Iterable[Publication]) -> list[Channel]:
        """The streams whose last sequence the storage must be asked for before `seal`."""
        return list(
            dict.fromkeys(p.stream for p in batch if p.stream is not None and p.stream.sequence is None)
        )

    def seal(self, batch: Sequence[Publication], now: int) -> list[Entry]:
        """Give each message its sequence and final bytes; the entries to store, in order."""
        self._latest = now = max(self._latest, now)  # HIST-002: stored_at never goes back
        entries = []
        for publication in batch:
            stream = publication.stream
            if stream is None:
                metadata = b',"metadata":{%b}' % publication.tail.rstrip(b",") if publication.tail else b""
                publication.frame = text_frame(b"%b%b}" % (publication.head, metadata))
                continue
            sequence = stream.sequence = stream.sequence + 1  # type: ignore[operator]
            publication.sequence = sequence
            message = b'%b,"metadata":{%b"sequence":%d}}' % (publication.head, publication.tail, sequence)
            publication.frame = text_frame(message)
            entries.append(Entry(stream.key, sequence, now, message))
        return entries

    def commit(self, batch: Sequence[Publication], durability: Durability, now: int) -> Outbound:
        """Deliver and acknowledge.

        Frames of one stream are joined once for all its members. A publisher whose target changes within the batch closes the joined groups first, so that its
        messages reach each recipient in the order sent (ROUTE-017).
        """
        outbound: Outbound = {}
        groups: dict[Channel, list[Publication]] = {}
        targeting: dict[Session, object] = {}
        for publication in batch:
            session, stream = publication.session, publication.stream
            target = stream or publication.recipient
            if targeting.setdefault(session, target) is not target:
                self._deliver(groups, outbound)
                groups.clear()
                targeting.clear()
                targeting[session] = target
            if stream is None:
                self._deliver_direct(publication, outbound)
            elif stream in groups:
                groups[stream].append(publication)
            else:
                groups[stream] = [publication]
        self._deliver(groups, outbound)
        for publication in batch:
            self._acknowledge(publication, durability, outbound, now)
        return outbound

    def _deliver(self, groups: dict[Channel, list[Publication]], outbound: Outbound) -> None:
        for stream, publications in groups.items():
            senders = {publication.session for publication in publications}
            joined = b"".join([publication.frame for publication in publications])
            reached = 0
            for member in stream.recipients():
                frames = joined
                if member in senders:  # ROUTE-006: not back to its sender
                    others = [p.frame for p in publications if p.session is not member]
                    frames = b"".join(others)
                    reached += len(others)
                else:
                    reached += len(publications)
                if frames:
                    if member in outbound:
                        outbound[member].append(frames)
                    else:
                        outbound[member] = [frames]
            stream.room.tenant.delivered += reached

    def _deliver_direct(self, publication: Publication, outbound: Outbound) -> None:
        recipient = publication.recipient
        tenant = publication.session.tenant
        if recipient is not None and recipient.client_id in tenant.sessions:
            outbound.setdefault(recipient, []).append(publication.frame)
            tenant.delivered += 1

    def _acknowledge(
        self, publication: Publication, durability: Durability, outbound: Outbound, now: int
    ) -> None:
        session, stream, message_id = publication.session, publication.stream, publication.message_id
        sequence = publication.sequence
        if stream is None:
            durability = "memory"
        else:
            stream.in_flight -= 1
        session.tenant.accepted += 1
        session.remembered.keep(message_id, (sequence, durability))
        reply = replies.acknowledgement(message_id, now, sequence, durability)
        if publication.repeats:
            reply *= 1 + publication.repeats
        if session in outbound:
            outbound[session].append(reply)
        else:
            outbound[session] = [reply]

    def refuse(self, batch: Sequence[Publication], code: ErrorCode, text: str, now: int) -> Outbound:
        """Answer messages that could not be stored; nothing is delivered, their ids may be sent again (ROUTE-022)."""
        outbound: Outbound = {}
        for publication in batch:
            session, stream = publication.session, publication.stream
            if stream is not None:
                stream.in_flight -= 1
                stream.sequence = None
            session.tenant.rejected += 1
            session.remembered.forget(publication.message_id)
            reply = replies.error(now, publication.message_id, code, text)
            outbound.setdefault(session, []).append(reply * (1 + publication.repeats))
        return outbound

    # -- everything else

    def invalid(self, session: Session, invalid: InvalidEnvelopeError, now: int) -> bytes:
        """The refusal of a frame that is no envelope."""
        session.tenant.rejected += 1
        return replies.error(now, invalid.request_id, "VALIDATION_ERROR", invalid.text)

    def limit(
        self, session: Session, envelope: Envelope | InvalidEnvelopeError, now: int, instant: float
    ) -> bytes | None:
        """The refusal of a request over the rate, None when it is within it."""
        valid = envelope if isinstance(envelope, Envelope) else None
        wait = session.rate.wait(instant)
        if not wait and valid and valid.type == "telemetry":
            wait = session.telemetry_rate.wait(instant)
        if not wait:
            return None
        session.tenant.rejected += 1
        request_id = envelope.id if isinstance(envelope, Envelope) else envelope.request_id
        command = valid is not None and valid.type in ("command", "operator.join")
        return replies.too_many(now, request_id, wait, command=command)

    def request(self, session: Session, envelope: Envelope, now: int) -> Answered:
        """Carry out a command, an operator.join or a client's telemetry."""
        if envelope.type == "telemetry":
            return self._telemetry(session, envelope, now)
        try:
            if envelope.type == "operator.join":
                return Answered(
                    {}, execute=Execute(session, envelope.id, "operator.join", _join_args(envelope))
                )
            return self._command(session, envelope, now)
        except CommandError as refused:
            frame = replies.failure(now, envelope.id, refused.code, refused.message, refused.data)
            return Answered({session: [frame]})

    def _command(self, session: Session, envelope: Envelope, now: int) -> Answered:
        command = COMMANDS.get(envelope.command)  # type: ignore[arg-type]
        if command is None:
            raise CommandError("COMMAND_NOT_FOUND", "command: unknown; allowed: what help lists")
        args = read_args(b"{}" if envelope.args is UNSET else envelope.args, command.args)
        local = MEMBERSHIP_COMMANDS.get(command.name)
        if local is not None:
            outcome = local(session.tenant, session, args, now)
        elif command.name == "ping":
            outcome = Outcome("pong", {"pong": True, "timestamp": replies.stamp(now)})
        elif command.name == "status":
            outcome = Outcome("status", self._describe_status(session.principal.tenant))
        elif command.name == "help":
            outcome = Outcome("the commands", {"commands": described()})
        else:
            return Answered({}, execute=Execute(session, envelope.id, command.name, args))
        outbound: Outbound = {member: [outcome.notice] for member in outcome.told}
        outbound.setdefault(session, []).append(
            replies.response(now, envelope.id, outcome.message, outcome.data)
        )
        return Answered(outbound, outcome.announcements)

    def _telemetry(self, session: Session, envelope: Envelope, now: int) -> Answered:
        payload = bytes(envelope.payload)  # type: ignore[arg-type]
        if len(payload) > MAX_TELEMETRY_BYTES:
            text = f"payload: {len(payload)} bytes; allowed: {MAX_TELEMETRY_BYTES}"
            return Answered({session: [replies.error(now, envelope.id, "VALIDATION_ERROR", text)]})
        event = Announce(
            "client.telemetry",
            session.principal.tenant,
            {"client_id": session.client_id, "payload": Raw(payload)},
        )
        return Answered({session: [replies.acknowledgement(envelope.id, now, None, "memory")]}, (event,))


def _repeated(message_id: str, known: Acknowledged | Publication, now: int) -> bytes | None:
    if isinstance(known, Publication):
        known.repeats += 1
        return None
    return replies.acknowledgement(message_id, now, *known)


def _join_args(envelope: Envelope) -> JoinArgs:
    return read_args(envelope.payload, JoinArgs)  # type: ignore[arg-type]
