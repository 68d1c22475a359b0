"""The pipeline: order of arrival, one store per tick, bounds, and no silent failure."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from arqonbus_reference import pipeline as pipeline_module
from arqonbus_reference.effects import Announce, Execute, Outbound
from arqonbus_reference.pipeline import Pipeline
from arqonbus_reference.session import Session
from arqonbus_reference.storage.interface import Entry, StorageUnavailableError, StreamKey
from broker_bench import Bench, documents

MAX_TURNS = 100
"""Turns of the event loop within which everything that can happen does."""


class Shelf:
    """A storage double that stores when it is told to, and keeps what was asked of it."""

    def __init__(self, *, immediate: bool = False) -> None:
        self.immediate = immediate
        self.batches: list[list[Entry]] = []
        self.failure: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked: list[StreamKey] = []

    async def last_sequences(self, keys: Sequence[StreamKey]) -> list[int]:
        self.asked += keys
        return [0 for _ in keys]

    def append_now(self, entries: Sequence[Entry]) -> str:
        self.batches.append(list(entries))
        if self.failure:
            raise self.failure
        return "memory"

    async def append(self, entries: Sequence[Entry]) -> str:
        self.batches.append(list(entries))
        await self.gate.wait()
        if self.failure:
            raise self.failure
        return "durable"


class Outlet:
    """What a connection is to the pipeline."""

    def __init__(self) -> None:
        self.paused = 0
        self.resumed = 0

    def pause(self) -> None:
        self.paused += 1

    def resume(self) -> None:
        self.resumed += 1


class Scene:
    """A pipeline whose surroundings write down what they are told."""

    def __init__(self, *, immediate: bool = False) -> None:
        self.bench = Bench()
        self.shelf = Shelf(immediate=immediate)
        self.pipeline = Pipeline(self.bench.broker, self.shelf, self)  # type: ignore[arg-type]
        self.sent: dict[Session, list[dict[str, Any]]] = {}
        self.faults: list[str] = []
        self.executed: list[str] = []
        self.finish = asyncio.Event()
        self.finish.set()
        self.gone: list[Session] = []
        self.heard = asyncio.Event()
        self.told: list[Announce] = []

    def client(self) -> Session:
        session, _ = self.bench.broker.connect(self.bench.client().principal, Outlet())
        return session

    def send(self, outbound: Outbound) -> None:
        for session, frames in outbound.items():
            self.sent.setdefault(session, []).extend(documents(frames))
        self.heard.set()

    def announce(self, announcement: Announce) -> None:
        self.told.append(announcement)

    async def execute(self, execute: Execute) -> None:
        self.executed.append(execute.command)
        await self.finish.wait()

    def appended(self, entries: list[Entry]) -> None:
        """Nobody consumes."""

    def departed(self, session: Session) -> None:
        self.gone.append(session)

    def failed(self, site: str, error: BaseException) -> None:
        self.faults.append(site)

    def message(self, session: Session, text: str = "x", **target: Any) -> None:
        fields = {"payload": {"text": text}} | (target or {"room": "r", "channel": "c"})
        self.pipeline.frame(session, self.bench.frame("message", **fields))

    def command(self, session: Session, name: str, **args: Any) -> None:
        self.pipeline.frame(session, self.bench.frame("command", command=name, args=args))

    async def until(self, happened: Callable[[], object]) -> None:
        """Let the loop turn until something happened."""
        for _ in range(MAX_TURNS):
            if happened():
                return
            await asyncio.sleep(0)
        raise AssertionError("it did not happen")

    async def answered(self, session: Session, count: int) -> None:
        """Wait until a session was sent so many frames."""
        while len(self.sent.get(session, [])) < count:
            self.heard.clear()
            await self.heard.wait()

    def types(self, session: Session) -> list[str]:
        return [document["type"] for document in self.sent.get(session, [])]


@pytest.fixture
async def scene() -> Scene:
    return Scene()


async def test_messages_of_one_tick_are_stored_with_one_call(scene: Scene) -> None:
    """Two publishers, many messages, one append."""
    ann, bob = scene.client(), scene.client()

    for _ in range(5):
        scene.message(ann)
        scene.message(bob)
    await scene.pipeline.drained()

    assert [len(batch) for batch in scene.shelf.batches] == [10]
    assert scene.types(ann) == ["message_response"] * 5


async def test_nothing_is_answered_before_it_is_stored(scene: Scene) -> None:
    """Strict: acknowledgement and delivery come after the storage said yes."""
    ann, bob = scene.client(), scene.client()
    scene.bench.join(bob)
    scene.shelf.gate.clear()

    scene.message(ann)
    await scene.until(lambda: scene.shelf.batches)
    before = dict(scene.sent)
    scene.shelf.gate.set()
    await scene.pipeline.drained()

    assert before == {}
    assert scene.types(ann) == ["message_response"]
    assert scene.types(bob) == ["message"]


async def test_a_command_waits_for_the_messages_before_it(scene: Scene) -> None:
    """A client's requests take effect in the order it sent them: the leave comes after the message."""
    ann, bob = scene.client(), scene.client()
    scene.bench.join(bob)
    scene.shelf.gate.clear()

    scene.message(ann)
    scene.command(bob, "leave_channel", room="r", channel="c")
    scene.message(ann, "late")
    await scene.until(lambda: scene.shelf.batches)
    scene.shelf.gate.set()
    await scene.pipeline.drained()

    assert [document.get("payload", {}).get("text") for document in scene.sent[bob]] == ["x", None]


async def test_an_unknown_sequence_is_asked_for_once(scene: Scene) -> None:
    """The storage is asked for the last sequence of a stream at its first message only."""
    ann = scene.client()

    for _ in range(3):
        scene.message(ann)
        await scene.pipeline.drained()

    assert scene.shelf.asked == [StreamKey("default", "r", "c")]


async def test_a_failed_append_refuses_the_batch_and_asks_for_the_sequence_again(scene: Scene) -> None:
    """Nothing is delivered; later messages go on from what the storage says."""
    ann, bob = scene.client(), scene.client()
    scene.bench.join(bob)
    scene.shelf.failure = StorageUnavailableError("gone")

    scene.message(ann)
    await scene.pipeline.drained()
    scene.shelf.failure = None
    scene.message(ann, "again")
    await scene.pipeline.drained()

    assert scene.sent[ann][0]["error_code"] == "STORAGE_UNAVAILABLE"
    assert [document["payload"]["text"] for document in scene.sent[bob]] == ["again"]
    assert len(scene.shelf.asked) == 2
    assert scene.faults == ["storage.append"]


async def test_direct_messages_go_on_while_the_storage_fails(scene: Scene) -> None:
    """STORE-006: even in the batch that is refused."""
    ann, bob = scene.client(), scene.client()
    scene.shelf.failure = StorageUnavailableError("gone")

    scene.message(ann)
    scene.message(ann, "direct", to_client=bob.client_id)
    await scene.pipeline.drained()

    assert [document["payload"]["text"] for document in scene.sent[bob]] == ["direct"]
    assert sorted(scene.types(ann)) == ["error", "message_response"]


async def test_an_unforeseen_fault_is_told_and_named(scene: Scene) -> None:
    """INT: the publisher gets INTERNAL_ERROR, the operator the site; the pipeline lives on."""
    ann = scene.client()
    scene.shelf.failure = ZeroDivisionError("boom")

    scene.message(ann)
    await scene.pipeline.drained()
    scene.shelf.failure = None
    scene.message(ann)
    await scene.pipeline.drained()

    assert [document.get("error_code") for document in scene.sent[ann]] == ["INTERNAL_ERROR", None]
    assert "boom" not in str(scene.sent)


async def test_a_fault_in_a_request_is_told_and_named(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """INT: each kind of request gets its kind of reply."""
    ann = scene.client()

    def boom(*_: Any) -> None:
        raise ZeroDivisionError("boom")

    monkeypatch.setattr(scene.bench.broker, "request", boom)
    monkeypatch.setattr(scene.bench.broker, "accept", boom)
    scene.command(ann, "ping")
    scene.message(ann)
    await scene.pipeline.drained()

    assert [(document["type"], document["error_code"]) for document in scene.sent[ann]] == [
        ("response", "INTERNAL_ERROR"),
        ("error", "INTERNAL_ERROR"),
    ]
    assert scene.faults == ["pipeline.begin"] * 2


async def test_a_fault_after_storing_is_not_a_refusal(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is stored stays acknowledged, whatever fails afterwards."""
    ann = scene.client()

    def boom(_: Any) -> None:
        raise ZeroDivisionError("boom")

    monkeypatch.setattr(scene, "appended", boom)
    scene.message(ann)
    await scene.pipeline.drained()

    assert scene.types(ann) == ["message_response"]
    assert scene.faults == ["pipeline.commit"]


async def test_invalid_frames_are_answered_in_their_turn(scene: Scene) -> None:
    """One error each; the connection's other requests go on."""
    ann = scene.client()

    scene.pipeline.frame(ann, b"nonsense")
    scene.message(ann)
    await scene.pipeline.drained()

    assert sorted(scene.types(ann)) == ["error", "message_response"]


async def test_a_client_that_left_is_forgotten_after_what_it_sent(scene: Scene) -> None:
    """A publish before the close is delivered; a join before it leaves no member behind."""
    ann, bob = scene.client(), scene.client()
    scene.bench.join(bob)

    scene.message(ann)
    scene.command(ann, "join_channel", room="r", channel="c")
    scene.pipeline.left(ann, 1000, "")
    await scene.pipeline.drained()

    assert scene.types(bob) == ["message"]
    assert scene.gone == [ann]
    assert list(scene.bench.broker.tenant("default").stream("r", "c").members) == [bob]


async def test_immediate_storage_needs_no_waiting() -> None:
    """Memory: after the first message of a stream, everything happens within the tick."""
    scene = Scene(immediate=True)
    ann = scene.client()
    scene.message(ann)
    await scene.pipeline.drained()

    scene.message(ann)
    await scene.until(lambda: len(scene.types(ann)) == 2)

    assert scene.types(ann) == ["message_response"] * 2


async def test_immediate_storage_may_refuse() -> None:
    """A full memory is STORAGE_UNAVAILABLE, not a crash."""
    scene = Scene(immediate=True)
    ann = scene.client()
    scene.message(ann)
    await scene.pipeline.drained()
    scene.shelf.failure = StorageUnavailableError("full")

    scene.message(ann)
    await scene.pipeline.drained()

    assert scene.sent[ann][1]["error_code"] == "STORAGE_UNAVAILABLE"


async def test_batches_are_bounded(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound a new batch begins; nothing is lost or reordered."""
    monkeypatch.setattr(pipeline_module, "MAX_BATCH_MESSAGES", 3)
    ann, bob = scene.client(), scene.client()
    scene.bench.join(bob)

    for number in range(8):
        scene.message(ann, str(number))
    await scene.pipeline.drained()

    assert [len(batch) for batch in scene.shelf.batches] == [3, 3, 2]
    assert [document["payload"]["text"] for document in scene.sent[bob]] == [
        str(number) for number in range(8)
    ]


async def test_a_client_that_sends_too_much_is_held_back(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the storage is slow, clients are read no more beyond the bound, and again when it eased."""
    monkeypatch.setattr(pipeline_module, "MAX_WAITING_FRAMES", 4)
    ann = scene.client()
    scene.shelf.gate.clear()
    scene.message(ann)
    await scene.until(lambda: scene.shelf.batches)

    for _ in range(6):
        scene.message(ann)
    held = (ann.outlet.paused, ann.outlet.resumed)
    scene.shelf.gate.set()
    await scene.pipeline.drained()

    assert held[0] > 0
    assert held[1] == 0
    assert ann.outlet.resumed == 1
    assert scene.types(ann) == ["message_response"] * 7


async def test_commands_with_io_do_not_hold_back_messages(scene: Scene) -> None:
    """A slow history read delays nobody's message."""
    ann, bob = scene.client(), scene.client()
    scene.finish.clear()

    scene.command(ann, "history", room="r")
    scene.message(bob)
    await scene.until(lambda: scene.types(bob))
    answered = scene.types(bob)
    scene.finish.set()
    await scene.pipeline.drained()

    assert scene.executed == ["op.history.get"]
    assert answered == ["message_response"]


async def test_messages_wait_for_the_group_they_belong_to(scene: Scene) -> None:
    """A message sent right behind operator.join is stored after the group exists."""
    ann = scene.client()
    scene.finish.clear()

    join = scene.bench.frame("operator.join", payload={"group": "g", "room": "r", "channel": "c"})
    scene.pipeline.frame(ann, join)
    scene.message(ann)
    for _ in range(MAX_TURNS):
        await asyncio.sleep(0)
    before = list(scene.shelf.batches)
    scene.finish.set()
    await scene.pipeline.drained()

    assert before == []
    assert scene.executed == ["operator.join"]
    assert scene.types(ann) == ["message_response"]


async def test_commands_under_way_are_bounded(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound nothing new begins until one ends."""
    monkeypatch.setattr(pipeline_module, "MAX_EXECUTING", 2)
    ann = scene.client()
    scene.finish.clear()

    for _ in range(5):
        scene.command(ann, "history", room="r")
    for _ in range(MAX_TURNS):
        await asyncio.sleep(0)
    begun = len(scene.executed)
    scene.finish.set()
    await scene.pipeline.drained()

    assert begun == 2
    assert len(scene.executed) == 5


async def test_requests_without_effect_overtake_a_stalled_storage(scene: Scene) -> None:
    """STORE-006: a ping and a refusal are answered while the storage keeps the messages; nothing else overtakes."""
    ann = scene.client()
    scene.shelf.gate.clear()
    scene.message(ann)
    await scene.until(lambda: scene.shelf.batches)

    scene.command(ann, "join_channel", room="r", channel="c")
    scene.command(ann, "ping")
    scene.pipeline.frame(ann, b"nonsense")
    await asyncio.wait_for(scene.answered(ann, 2), 5)
    ahead = scene.types(ann)
    scene.shelf.gate.set()
    await scene.pipeline.drained()

    assert ahead == ["response", "error"]
    assert scene.types(ann)[2:] == ["message_response", "response"]


async def test_a_client_departs_after_its_last_command(scene: Scene) -> None:
    """What a client asked before it left is answered before it goes."""
    ann = scene.client()
    scene.finish.clear()

    scene.command(ann, "history", room="r")
    scene.pipeline.left(ann, 1000, "")
    await scene.until(lambda: scene.told)
    before = list(scene.gone)
    scene.finish.set()
    await scene.pipeline.drained()

    assert before == []
    assert scene.gone == [ann]


async def test_a_held_pipeline_lets_nobody_send_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A drain that eased let those who flood send on, and never came to its end."""
    monkeypatch.setattr(pipeline_module, "MAX_WAITING_FRAMES", 4)
    ann = scene.client()
    scene.shelf.gate.clear()
    scene.message(ann)
    await scene.until(lambda: scene.shelf.batches)
    for _ in range(6):
        scene.message(ann)

    scene.pipeline.hold()
    scene.shelf.gate.set()
    await scene.pipeline.drained()

    assert ann.outlet.paused > 0
    assert ann.outlet.resumed == 0
    assert scene.types(ann) == ["message_response"] * 7
