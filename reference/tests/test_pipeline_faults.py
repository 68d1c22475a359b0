"""Faults in the pipeline: of the storage or of ours, none is silent, and what follows goes on."""

from typing import Any

import pytest
from arqonbus_reference.storage.interface import StorageUnavailableError
from pipeline_bench import Scene


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
