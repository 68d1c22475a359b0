"""The order of what the pipeline does: a client's requests take effect as it sent them, and nobody waits for another's."""

import asyncio

from pipeline_bench import MAX_TURNS, Scene


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
