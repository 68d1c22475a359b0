"""High 1, silent durability downgrade: durability was downgraded in silence.

Configured for Redis and unable to reach it, the assessed deployment fell back to memory, kept answering success, and
told nobody: acknowledged messages were gone with the next restart.
"""

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Launch, Valkey
from arqonbus_conformance.plugin import needs, requirement
from arqonbus_conformance.suites.conditions import Record, health, healthy, listening, texts_of, whole_history

PLACE: Record = {"room": "r", "channel": "c"}
STREAMS = {"ARQONBUS_STORAGE_BACKEND": "redis_streams", "ARQONBUS_STORAGE_TIMEOUT_SECONDS": "0.3"}


@requirement("STORE-001", "CONF-012")
@needs("launch")
async def test_strict_never_starts_in_memory(launch: Launch) -> None:
    """Strict without its storage does not come up as something weaker: it does not come up."""
    url = f"redis://127.0.0.1:{launch.free_port()}/0"

    env = {**STREAMS, "ARQONBUS_REDIS_URL": url}

    refused = await launch(env={**env, "ARQONBUS_STORAGE_MODE": "strict"}, wait="exit")

    assert refused.exit_code == 78
    assert [port for port in refused.ports if await listening(port)] == []
    assert (await launch.preflight(env={**env, "ARQONBUS_STORAGE_MODE": "degraded"})).exit_code == 0


@requirement("STORE-011")
@needs("launch")
async def test_a_fallback_is_never_silent(launch: Launch) -> None:
    """A degraded start says so in health, status, metrics, the welcome and each acknowledgement."""
    deployment = await launch(
        env={
            **STREAMS,
            "ARQONBUS_STORAGE_BACKEND": "valkey_streams",
            "ARQONBUS_REDIS_URL": f"redis://127.0.0.1:{launch.free_port()}/0",
        }
    )
    ann = await deployment.bus.connect("ann")

    said = {
        "health": (await health(deployment.http))["status"],
        "status": (await ann.succeed("status"))["server"]["status"],
        "metrics": bool((await deployment.http.get("/metrics")).json()["storage"]["degraded"]),
        "welcome": ann.welcome["payload"]["protocol"]["capabilities"]["durable"],
        "reply": expect.succeeded(await ann.publish(**PLACE, text="x"))["metadata"]["durability"],
    }

    assert said == {
        "health": "degraded",
        "status": "degraded",
        "metrics": True,
        "welcome": False,
        "reply": "memory",
    }


@requirement("STORE-002", "STORE-008", "STORE-009")
@needs("control:valkey")
async def test_strict_never_acknowledges_from_memory(launch: Launch, valkey: Valkey) -> None:
    """With the storage dead no acknowledgement comes, and what was acknowledged before is there after a restart."""
    deployment = await launch(env={**launch.strict, **STREAMS}, valkey=valkey)
    ann = await deployment.bus.connect("ann")
    kept = expect.succeeded(await ann.publish(**PLACE, text="kept"))
    await valkey.kill()

    replies = [await ann.publish(**PLACE, text=f"refused {number}") for number in range(5)]
    await valkey.start()
    await healthy(deployment.http)
    await deployment.restart()
    bob = await deployment.bus.connect("bob")

    assert kept["metadata"]["durability"] == "durable"
    assert [reply["error_code"] for reply in replies] == ["STORAGE_UNAVAILABLE"] * 5
    assert texts_of(await whole_history(bob, **PLACE)) == ["kept"]
