"""The pipeline's bounds: on a batch, on frames that wait, and on commands under way."""

import asyncio

import pytest
from arqonbus_reference import pipeline as pipeline_module
from arqonbus_reference.session import Session
from pipeline_bench import MAX_TURNS, Scene


async def flooding(scene: Scene) -> Session:
    """A client that goes on sending while the storage writes its first message, and does not get on."""
    client = scene.client()
    scene.shelf.gate.clear()
    scene.message(client)
    await scene.until(lambda: scene.shelf.batches)
    for _ in range(6):
        scene.message(client)
    return client


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
    ann = await flooding(scene)

    held = (ann.outlet.paused, ann.outlet.resumed)
    scene.shelf.gate.set()
    await scene.pipeline.drained()

    assert held[0] > 0
    assert held[1] == 0
    assert ann.outlet.resumed == 1
    assert scene.types(ann) == ["message_response"] * 7


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


async def test_a_held_pipeline_lets_nobody_send_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A drain that eased let those who flood send on, and never came to its end."""
    monkeypatch.setattr(pipeline_module, "MAX_WAITING_FRAMES", 4)
    ann = await flooding(scene)

    scene.pipeline.hold()
    scene.shelf.gate.set()
    await scene.pipeline.drained()

    assert ann.outlet.paused > 0
    assert ann.outlet.resumed == 0
    assert scene.types(ann) == ["message_response"] * 7
