"""Shield's side of the spine, over a real NATS, against a bus that says what it is told."""

import json
from collections.abc import AsyncIterator

import pytest
from arqonbus_fixtures.nats import EmbeddedNats
from arqonbus_reference.secret import Url
from arqonbus_reference.shield import link
from arqonbus_reference.shield.requests import PAUSE_REQUESTS
from arqonbus_reference.shield.spine import Spine, SpineUnavailableError
from arqonbus_reference.shield.uplink import GAP, Uplink
from arqonbus_reference.transport.frames import text_frame
from shield.spine_bench import EdgeClient, Faults, News, ScriptedBus

NODE = "cd" * 8


class Scene:
    """A node and a bus of a few lines, connected."""

    def __init__(self, url: str, news: News) -> None:
        self.news = news
        self.faults = Faults()
        self.bus = ScriptedBus(url, news)
        spine = Spine(Url(url), name="node", report=self.faults.report)
        self.uplink = Uplink(spine, node=NODE, report=self.faults.report)
        self.uplink.changed = news.tell

    async def start(self) -> None:
        await self.bus.spine.start()
        await self.uplink.start()
        await self.reached()

    async def reached(self) -> None:
        await self.news.until(lambda: self.uplink.connected, "the bus is reached")

    async def cut_off(self) -> None:
        await self.news.until(lambda: not self.uplink.connected, "the bus is not reached any more")

    async def client(self, tenant: str = "acme") -> tuple[EdgeClient, str]:
        """A client whose session the bus knows, and the id of that."""
        client = EdgeClient(self.news)
        before = len(self.bus.arrived)
        client.session = self.uplink.open(tenant, link.Opening("ann", admin=False), client)
        await self.arrivals(before + 1)
        session = self.bus.arrived[-1].headers[link.SESSION]
        self.bus.knows[session] = link.Seen(1, 0)
        return client, session

    async def arrivals(self, count: int) -> None:
        await self.news.until(lambda: len(self.bus.arrived) >= count, f"{count} messages arrive at the bus")

    def frames(self, session: str, sequence: int, *documents: dict[str, object]) -> None:
        payload = b"".join(text_frame(json.dumps(document).encode()) for document in documents)
        self.bus.say(NODE, "frames", session, payload, sequence=str(sequence))

    async def close(self) -> None:
        await self.uplink.close()
        await self.bus.spine.close()


@pytest.fixture
async def scene(nats_server: EmbeddedNats, news: News) -> AsyncIterator[Scene]:
    scene = Scene(nats_server.url, news)
    await scene.start()
    yield scene
    await scene.close()
    assert scene.faults == []
    assert scene.bus.faults == []


async def test_a_session_is_opened_under_its_tenant_and_numbered(scene: Scene) -> None:
    """Whatever the tenant is called; the frames of the session follow with the next numbers."""
    client, session = await scene.client("a.b")
    client.send("one")
    client.send("two")
    await scene.arrivals(3)

    opening, *frames = scene.bus.arrived
    assert opening.subject == "in.t.a%2Eb.open"
    assert opening.headers[link.NODE] == NODE
    assert link.decoded(opening.payload, link.Opening) == link.Opening("ann", admin=False)
    assert [frame.subject for frame in frames] == ["in.t.a%2Eb.raw"] * 2
    assert [frame.headers for frame in frames] == [
        {link.SESSION: session, link.SEQUENCE: n} for n in ("2", "3")
    ]


async def test_what_the_bus_sends_reaches_the_one_session(scene: Scene) -> None:
    """Whole frames, in order, and nobody else's."""
    ann, ann_session = await scene.client()
    bob, bob_session = await scene.client()

    scene.frames(ann_session, 1, {"type": "message", "n": 1}, {"type": "message", "n": 2})
    scene.frames(bob_session, 1, {"type": "message", "n": 3})
    await scene.news.until(lambda: bool(bob.texts), "the last delivery")

    assert [text["n"] for text in ann.texts] == [1, 2]
    assert [text["n"] for text in bob.texts] == [3]


async def test_a_delivery_in_parts_arrives_whole(scene: Scene) -> None:
    """Nothing is delivered before the last part."""
    client, session = await scene.client()
    frames = text_frame(json.dumps({"type": "message", "text": "x" * 1000}).encode())

    scene.bus.say(NODE, "frames", session, frames[:500], sequence="1", more="1")
    scene.bus.say(NODE, "frames", session, frames[500:], sequence="2")
    await scene.news.until(lambda: bool(client.texts), "the delivery")

    assert client.texts == [{"type": "message", "text": "x" * 1000}]


async def test_a_frame_over_what_nats_takes_goes_in_parts(scene: Scene) -> None:
    """Each with a number of its own, all but the last saying that more follows."""
    client, _ = await scene.client()
    text = b'{"x":"' + b"y" * 2_500_000 + b'"}'

    client.session.send(text, "large", command=False)
    await scene.arrivals(4)

    parts = scene.bus.arrived[1:]
    assert b"".join(part.payload for part in parts) == text
    assert [part.headers[link.SEQUENCE] for part in parts] == ["2", "3", "4"]
    assert [link.MORE in part.headers for part in parts] == [True, True, False]


async def test_a_client_is_ended_as_the_bus_says(scene: Scene) -> None:
    """Once, and its session takes nothing more."""
    client, session = await scene.client()

    scene.bus.say(NODE, "close", session, b'{"code":4000,"reason":"enough"}')
    await scene.news.until(lambda: client.ended is not None, "the end")

    assert client.ended == (4000, "enough")
    with pytest.raises(SpineUnavailableError, match="the session is over"):
        client.send("late")


async def test_a_closed_session_gets_what_is_owed_and_then_its_end(scene: Scene) -> None:
    """So that a close frame is answered after everything before it."""
    client, session = await scene.client()
    client.send("last")
    client.session.close(1000, "bye")
    await scene.arrivals(3)

    scene.frames(session, 1, {"type": "response", "request_id": "last"})
    scene.bus.say(NODE, "close", session, b'{"code":1000,"reason":"bye"}')
    await scene.news.until(lambda: client.ended is not None, "the end")

    assert scene.bus.arrived[-1].subject == "in.t.acme.close"
    assert client.request_ids() == ["last"]
    assert client.unanswered_ids == []
    assert client.ended == (1000, "bye")


async def test_a_client_that_does_not_wait_for_answers_is_paused(scene: Scene) -> None:
    """Until half of what waits is answered; a pause of the bus counts separately."""
    client, session = await scene.client()
    for number in range(PAUSE_REQUESTS + 1):
        client.send(str(number))
    scene.bus.say(NODE, "pause", session)
    scene.frames(
        session, 1, *({"type": "response", "request_id": str(n)} for n in range(PAUSE_REQUESTS // 2 + 1))
    )
    await scene.news.until(lambda: bool(client.texts), "the answers")
    told = list(client.told)
    scene.bus.say(NODE, "resume", session)
    await scene.news.until(lambda: "resume" in client.told, "reading again")

    assert told == ["pause"]
    assert client.told == ["pause", "resume"]


async def test_without_nats_everything_on_its_way_is_refused_at_once(
    scene: Scene, nats_server: EmbeddedNats
) -> None:
    """Each once and as what it was; what comes later is refused by the uplink; the session stays."""
    client, _ = await scene.client()
    client.send("one")
    client.session.send(b"{}", "two", command=True)

    await nats_server.kill()
    await scene.cut_off()

    assert client.unanswered_ids == ["one", "two"]
    assert client.commands_unanswered == [False, True]
    assert client.ended is None
    assert scene.uplink.reason == f"{nats_server.url} is not connected"
    with pytest.raises(SpineUnavailableError, match="is not connected"):
        client.send("three")
    with pytest.raises(SpineUnavailableError, match="is not connected"):
        scene.uplink.open("acme", link.Opening("bob", admin=False), client)


async def test_a_silent_bus_is_gone_within_the_lease(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though NATS is there: what was on its way is refused, and the next beat brings the bus back."""
    monkeypatch.setattr(link, "BEAT_SECONDS", 0.05)
    client, session = await scene.client()
    client.send("one")
    await scene.arrivals(2)
    scene.bus.knows[session] = link.Seen(2, 0)

    await scene.cut_off()
    reason = scene.uplink.reason
    scene.bus.beat()
    await scene.reached()
    scene.frames(session, 1, {"type": "response", "request_id": "one"}, {"type": "message", "n": 1})
    await scene.news.until(lambda: bool(client.texts), "the delivery beside the late answer")

    assert reason == "no bus answers on the spine"
    assert client.unanswered_ids == ["one"]
    assert client.texts == [{"type": "message", "n": 1}]


async def test_after_an_outage_sessions_go_on_where_both_sides_agree(
    scene: Scene, nats_server: EmbeddedNats
) -> None:
    """The node says what it sent and received; what the bus never got was refused, and the numbers go on."""
    client, session = await scene.client()
    client.send("lost")
    await nats_server.kill()
    await scene.cut_off()

    await nats_server.start()
    await scene.reached()
    before = len(scene.bus.arrived)
    client.send("next")
    await scene.arrivals(before + 1)
    scene.frames(session, 1, {"type": "response", "request_id": "next"})
    await scene.news.until(lambda: bool(client.texts), "the answer")

    assert json.loads(scene.bus.questions[-1].payload) == {session: [2, 0]}
    assert scene.bus.arrived[-1].headers[link.SEQUENCE] == "3"
    assert client.request_ids() == ["next"]
    assert client.unanswered_ids == ["lost"]


async def test_a_session_that_the_bus_does_not_know_any_more_is_closed_with_1012(scene: Scene) -> None:
    """As after a restart of the bus, which has a new epoch: what was on its way is refused first."""
    client, _ = await scene.client()
    client.send("one")
    await scene.arrivals(2)
    scene.bus.knows.clear()

    scene.bus.new_epoch()
    await scene.news.until(lambda: client.ended is not None, "the end")

    assert client.unanswered_ids == ["one"]
    assert client.ended == (1012, GAP)
    assert len(scene.uplink) == 0


async def test_a_missing_delivery_is_asked_for_and_none_is_taken_out_of_order(scene: Scene) -> None:
    """What the bus sends again is taken once; a question whose answer leaves a gap is asked again."""
    client, session = await scene.client()
    asked = len(scene.bus.questions)
    scene.bus.answering = False

    scene.frames(session, 2, {"type": "message", "n": 2})
    await scene.news.until(lambda: len(scene.bus.questions) > asked, "the question")
    for number in (1, 2):
        scene.frames(session, number, {"type": "message", "n": number})
    scene.frames(session, 1, {"type": "message", "n": 1})
    scene.bus.knows[session] = link.Seen(1, 2)
    scene.bus.answer(scene.bus.questions[-1])
    await scene.reached()

    assert [text["n"] for text in client.texts] == [1, 2]
    assert client.ended is None


async def test_an_answer_to_an_earlier_question_means_nothing(scene: Scene) -> None:
    """Only the last one tells what is true now."""
    scene.bus.answering = False
    client, session = await scene.client()
    asked = len(scene.bus.questions)
    scene.bus.say(NODE, "lost", session)
    await scene.news.until(lambda: len(scene.bus.questions) > asked, "a question")
    scene.bus.new_epoch()
    await scene.news.until(lambda: len(scene.bus.questions) > asked + 1, "the next question")

    scene.bus.knows.clear()
    scene.bus.answer(scene.bus.questions[-2])
    scene.bus.knows[session] = link.Seen(1, 0)
    scene.bus.answer(scene.bus.questions[-1])
    await scene.reached()

    assert client.ended is None


async def test_the_fault_of_one_client_reaches_no_other(nats_server: EmbeddedNats, news: News) -> None:
    """It is reported, and the others are still told."""

    class Broken(EdgeClient):
        def unanswered(self, request_id: str, *, command: bool) -> None:
            raise RuntimeError(request_id)

    scene = Scene(nats_server.url, news)
    await scene.start()
    broken, other = Broken(news), EdgeClient(news)
    for client in (broken, other):
        client.session = scene.uplink.open("acme", link.Opening("ann", admin=False), client)
        client.send("one")

    await nats_server.kill()
    await scene.cut_off()

    assert other.unanswered_ids == ["one"]
    assert [(site, str(error)) for site, error in scene.faults] == [("uplink.session", "one")]
    await scene.close()
