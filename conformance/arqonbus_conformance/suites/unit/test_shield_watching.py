"""What Shield says of itself over HTTP."""

from __future__ import annotations

from arqonbus_conformance import expect
from arqonbus_conformance.edge import Shield
from arqonbus_conformance.plugin import depth, exclusive, requirement
from arqonbus_conformance.suites.unit.admission import refused
from arqonbus_conformance.suites.unit.exposition import families_in

Counts = dict[str, float]


async def counts(shield: Shield) -> Counts:
    """The counters of Shield: each with its labels, and under its name alone the sum of those with labels."""
    response = await shield.http.get("/metrics")
    expect.equal(response.status, 200, "status of /metrics")
    found: Counts = {}
    for family in families_in(response.text):
        expect.that(
            family.name.startswith("arqonbus_shield_"), "a metric of another name", actual=family.name
        )
        for sample in family.samples if family.type == "counter" else ():
            for key in {sample.name, f"{sample.name}{sample.labels or ''}"}:
                found[key] = found.get(key, 0.0) + sample.value
    return found


def one_rose_by(number: int, before: Counts, after: Counts, what: str) -> None:
    """Some counter rose by exactly so many; the specification leaves it open how it is called."""
    rises = {key: value - before.get(key, 0.0) for key, value in after.items()}
    moved = {key: rise for key, rise in rises.items() if rise}
    expect.that(number in moved.values(), f"no counter rose by the {what}", expected=number, actual=moved)


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
    """Sessions, accepted frames and refused tokens are each counted, under arqonbus_shield_, as many as there were."""
    start = await counts(shield)

    clients = await shield.clients("c0", "c1", "c2")
    opened = await counts(shield)
    for number in range(7):
        expect.succeeded(await clients[0].publish(shield.room, "c", text=str(number)))
    heard = await counts(shield)
    for _ in range(5):
        refused(await shield.upgrade(authorization="Bearer x.y.z"))
    turned_away = await counts(shield)

    one_rose_by(3, start, opened, "sessions opened")
    one_rose_by(7, opened, heard, "frames accepted")
    one_rose_by(5, heard, turned_away, "tokens refused")


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
