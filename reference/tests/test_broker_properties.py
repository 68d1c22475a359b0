"""The broker against a model that a reader can check by eye: whatever clients do, in whatever batches."""

from collections import defaultdict
from typing import Any

from arqonbus_reference.effects import Publication
from arqonbus_reference.session import Session
from broker_bench import NOW, Bench, documents, replies
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

CHANNELS = st.sampled_from([("r", "c"), ("r", "d"), ("s", "c")])
Place = tuple[str, str | None]


class BrokerModel(RuleBasedStateMachine):
    """Clients join, leave, publish and disconnect; batches are committed or refused."""

    clients = Bundle("clients")

    @initialize()
    def begin(self) -> None:
        self.bench = Bench()
        self.members: dict[tuple[str, str], set[Session]] = defaultdict(set)
        self.batch: list[tuple[Publication, Place | Session, str]] = []
        self.sequences: dict[Place, int] = defaultdict(int)
        self.seen: dict[Session, list[dict[str, Any]]] = defaultdict(list)
        self.expected: dict[Session, list[tuple[Session, str]]] = defaultdict(list)
        self.count = 0

    @rule(target=clients)
    def connect(self) -> Session:
        return self.bench.client()

    @rule(client=consumes(clients))
    def disconnect(self, client: Session) -> None:
        self.flush()
        self.bench.broker.disconnect(client, 1000, "")
        for members in self.members.values():
            members.discard(client)

    @rule(client=clients, place=CHANNELS)
    def join(self, client: Session, place: tuple[str, str]) -> None:
        self.flush()
        outbound = self.bench.command(client, "join_channel", room=place[0], channel=place[1]).outbound
        self.members[place].add(client)

        (reply,) = replies(outbound, client)
        assert reply["payload"]["data"]["member_count"] == len(self.members[place])

    @rule(client=clients, place=CHANNELS)
    def leave(self, client: Session, place: tuple[str, str]) -> None:
        self.flush()
        outbound = self.bench.command(client, "leave_channel", room=place[0], channel=place[1]).outbound
        was_member = client in self.members[place]
        self.members[place].discard(client)

        (reply,) = replies(outbound, client)
        assert (reply["status"] == "success") is was_member

    @rule(client=clients, place=CHANNELS, whole_room=st.booleans())
    def publish(self, client: Session, place: tuple[str, str], *, whole_room: bool) -> None:
        target = {"room": place[0]} if whole_room else {"room": place[0], "channel": place[1]}
        self.put_on_its_way(client, (place[0], None if whole_room else place[1]), target)

    @rule(client=clients, recipient=clients)
    def publish_direct(self, client: Session, recipient: Session) -> None:
        self.put_on_its_way(client, recipient, {"to_client": recipient.client_id})

    def put_on_its_way(self, client: Session, where: Place | Session, target: dict[str, str]) -> None:
        self.count += 1
        text = str(self.count)
        publication = self.bench.on_its_way(client, payload={"text": text}, **target)
        self.batch.append((publication, where, text))

    @rule()
    def flush(self) -> None:
        """Commit what is on its way and hold it against the model."""
        batch, self.batch = self.batch, []
        outbound = self.bench.commit(*(publication for publication, _, _ in batch))
        for publication, where, text in batch:
            if isinstance(where, tuple):
                self.sequences[where] += 1
                assert publication.sequence == self.sequences[where]
            for recipient in self.audience(where) - (
                {publication.session} if isinstance(where, tuple) else set()
            ):
                self.expected[recipient].append((publication.session, text))
        for session, frames in outbound.items():
            self.seen[session] += documents(frames)

    @rule()
    def refuse(self) -> None:
        """The storage said no: nothing is delivered, sequences go on as if it had not been sent."""
        batch = [publication for publication, _, _ in self.batch]
        self.batch = []
        outbound = self.bench.broker.refuse(batch, "STORAGE_UNAVAILABLE", "no", NOW)
        for publication in batch:
            if publication.stream is not None:
                stream = publication.stream
                stream.sequence = self.sequences[stream.room.name, stream.name]

        answered = [document for frames in outbound.values() for document in documents(frames)]
        assert {document["error_code"] for document in answered} <= {"STORAGE_UNAVAILABLE"}
        assert len(answered) == len(batch)

    def audience(self, where: Place | Session) -> set[Session]:
        if not isinstance(where, tuple):
            return {where}
        room, channel = where
        if channel is not None:
            return set(self.members[room, channel])
        return {member for place, members in self.members.items() if place[0] == room for member in members}

    @invariant()
    def everyone_got_exactly_what_the_model_says(self) -> None:
        """ROUTE-001 to ROUTE-010: who, once, in each publisher's order; and one reply per accepted message."""
        for session, documents_seen in self.seen.items():
            messages = [document for document in documents_seen if document["type"] == "message"]
            got = [(document["sender"], document["payload"]["text"]) for document in messages]
            due = [(sender.client_id, text) for sender, text in self.expected[session]]
            assert sorted(got) == sorted(due)
            for sender in {sender for sender, _ in due}:
                assert [pair for pair in got if pair[0] == sender] == [
                    pair for pair in due if pair[0] == sender
                ]
            requests = [
                document["request_id"] for document in documents_seen if document["type"] != "message"
            ]
            assert len(requests) == len(set(requests))


TestBrokerModel = BrokerModel.TestCase
TestBrokerModel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
