"""The end of a Shield that is asked to end."""

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Launch
from arqonbus_conformance.edge import LaunchShield, Nats
from arqonbus_conformance.plugin import requirement
from arqonbus_conformance.suites.conditions import listening
from arqonbus_conformance.suites.edges import edge_of


@requirement("SHLD-006")
async def test_a_drain_of_shield_answers_what_is_in_flight_and_closes_with_1001(
    launch: Launch, launch_shield: LaunchShield, nats: Nats
) -> None:
    """After SIGTERM every frame sent before has its answer, each session ends with 1001, and the exit code is 0."""
    edge = await edge_of(launch, launch_shield, nats)
    shield = edge.shield.shield
    clients = await shield.clients("c0", "c1", "c2")
    sent = []
    for client in clients:
        for number in range(50):
            message = client.message_to(shield.room, "c", text=str(number))
            await client.send(message)
            sent.append((client, str(message["id"])))
        await client.barrier()

    await edge.shield.terminate()
    closes = [await client.closed() for client in clients]
    code = await edge.shield.wait()

    expect.equal([close.code for close in closes], [1001] * 3, "close codes")
    expect.equal(code, 0, "exit code")
    for client, name in sent:
        expect.equal(len(client.replies_to(name)), 1, "answers to a message sent before")
    expect.that(not await listening(edge.shield.port), "something listens")
