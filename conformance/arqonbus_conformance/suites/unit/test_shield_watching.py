"""What Shield says of itself over HTTP."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from arqonbus_conformance import expect
from arqonbus_conformance.edge import Shield
from arqonbus_conformance.plugin import depth, exclusive, requirement
from arqonbus_conformance.suites.unit.admission import refused
from arqonbus_conformance.suites.unit.stage import Stage

Samples = dict[str, float]


async def samples(shield: Shield) -> Samples:
    """The counters of Shield by name, those with labels summed."""
    response = await shield.http.get("/metrics")
    expect.equal(response.status, 200, "status of /metrics")
    found: Samples = {}
    for family in text_string_to_metric_families(response.text):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0.0) + sample.value
    return found


@depth("smoke")
@requirement("SHLD-024")
async def test_health_of_shield_says_what_it_stands_on(shield: Shield) -> None:
    """Healthy without a reason, the spine connected, and what policy is in force, without a token."""
    response = await shield.http.get("/health", token=None)

    expect.equal(response.status, 200, "status of /health")
    body = response.json()
    expect.equal(set(body), {"status", "reason", "spine", "policy"}, "fields of the body")
    expect.equal((body["status"], body["reason"]), ("healthy", None), "status and reason")
    expect.equal(body["spine"], {"connected": True}, "spine")
    expect.equal(set(body["policy"]), {"loaded", "sha256", "problem"}, "fields of policy")
    expect.equal(body["policy"]["loaded"], body["policy"]["sha256"] is not None, "policy.loaded")


@requirement("SHLD-025")
@exclusive
async def test_counters_of_shield_move_with_the_traffic(shield: Shield) -> None:
    """Sessions, accepted frames and refused tokens are counted, each under arqonbus_shield_."""
    before = await samples(shield)

    stage = await Stage.of(shield)
    await stage.say("counted")
    await stage.speaker.send({"id": "x"}, malformed=True)
    await stage.speaker.rejection()
    refused(await shield.upgrade(authorization="Bearer x.y.z"))
    after = await samples(shield)

    expect.that(
        all(name.startswith("arqonbus_shield_") for name in after),
        "a metric of another name",
        actual=list(after),
    )
    moved = {name for name in after if after[name] > before.get(name, 0.0)}
    expect.that(len(moved) >= 3, "counters that moved", expected="at least three", actual=sorted(moved))


@requirement("SHLD-025", "ISO-005")
async def test_no_metric_of_shield_names_a_tenant(shield: Shield) -> None:
    """After traffic of a tenant its name stands nowhere in the metrics; they are not empty."""
    tenant = shield.name("tenant")
    client = await shield.connect("ann", token=shield.sign(shield.claims() | {"tenant_id": tenant}))
    await client.join(shield.room, "c")
    expect.succeeded(await client.publish(shield.room, "c", text="x"))

    response = await shield.http.get("/metrics")

    expect.equal(response.status, 200, "status of /metrics")
    expect.that("arqonbus_shield_" in response.text, "no metric of Shield", actual=response.text)
    for name in (tenant, shield.room):
        expect.that(name not in response.text, "a metric tells a name", actual=response.text)


@requirement("SHLD-026")
async def test_openapi_of_shield_describes_what_it_serves(shield: Shield) -> None:
    """An OpenAPI document with the paths of the specification, each of which is served as it says."""
    response = await shield.http.get("/openapi.json")

    expect.equal(response.status, 200, "status of /openapi.json")
    document = response.json()
    expect.that(str(document["openapi"]).startswith("3."), "openapi", actual=document["openapi"])
    paths = document["paths"]
    for path in ("/health", "/metrics", "/openapi.json"):
        answer = await shield.http.get(path)
        expect.that(
            str(answer.status) in paths[path]["get"]["responses"], f"an answer of {path} is not described"
        )
