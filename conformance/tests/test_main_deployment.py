"""Launching the main deployment of a run, with its Shield and without."""

from arqonbus_conformance.namespace import Namespace
from arqonbus_conformance.requirements import Scope
from arqonbus_conformance.stage import Stage
from arqonbus_conformance.target import embedded_reference
from arqonbus_conformance.transcript import Transcript


async def test_shield_is_launched_before_the_bus() -> None:
    """The embedded reference has a Shield that answers, a spine that can be listened to, and one secret for both."""
    stage = Stage(embedded_reference(), Scope.DEPLOYMENT)
    await stage.open(with_shield=True)

    shield, transcript = stage.shield(Namespace(), Transcript()), Transcript()
    tap = await stage.tap(transcript)
    client = await shield.connect("client")
    await tap.passed("Arqon-Session")

    assert stage.claims["shield"]
    assert client.id
    await tap.close()
    await shield.close()
    await stage.close()


async def test_a_run_without_cases_of_shield_launches_none() -> None:
    """The bus is there, Shield is not."""
    stage = Stage(embedded_reference(), Scope.DEPLOYMENT)
    await stage.open(with_shield=False)

    assert stage.endpoints is not None
    assert stage.endpoints.shield is None
    await stage.close()
