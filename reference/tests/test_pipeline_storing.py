"""What the pipeline stores: one call per tick, the sequences it asks for, and no answer before it is stored."""

from arqonbus_reference.storage.interface import StreamKey
from pipeline_bench import Scene


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


async def test_an_unknown_sequence_is_asked_for_once(scene: Scene) -> None:
    """The storage is asked for the last sequence of a stream at its first message only."""
    ann = scene.client()

    for _ in range(3):
        scene.message(ann)
        await scene.pipeline.drained()

    assert scene.shelf.asked == [StreamKey("default", "r", "c")]


async def test_immediate_storage_needs_no_waiting() -> None:
    """Memory: after the first message of a stream, everything happens within the tick."""
    scene = Scene(immediate=True)
    ann = scene.client()
    scene.message(ann)
    await scene.pipeline.drained()

    scene.message(ann)
    await scene.until(lambda: len(scene.types(ann)) == 2)

    assert scene.types(ann) == ["message_response"] * 2
