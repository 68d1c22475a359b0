"""Medium 1, hard-coded bind: the address to bind was written into the code.

The HTTP interface listened on 0.0.0.0:8080 whatever was configured: a deployment meant for loopback was open to the
network, and two of them could not run on one machine.
"""

import pytest

from arqonbus_conformance.deployment import Launch
from arqonbus_conformance.plugin import needs, requirement
from arqonbus_conformance.suites.conditions import listening, staging

ELSEWHERE = "127.0.0.2"  # reached by a wildcard bind, not by one on 127.0.0.1


@requirement("CONF-002")
@needs("launch")
async def test_two_deployments_run_side_by_side(launch: Launch) -> None:
    """Each of two deployments serves on its own three ports, on loopback alone."""
    first, second = await launch(), await launch()

    ids = [(await deployment.bus.connect("ann")).id for deployment in (first, second)]
    ready = [(await deployment.http.get("/ready")).status for deployment in (first, second)]
    hello = [(await deployment.telemetry.connect()).hello["event_type"] for deployment in (first, second)]

    assert ids[0] != ids[1]
    assert ready == [200, 200]
    assert hello == ["telemetry.hello"] * 2
    ports = [*first.ports, *second.ports]
    assert [port for port in ports if await listening(port, ELSEWHERE)] == []


@requirement("CONF-009")
@needs("launch")
@pytest.mark.parametrize("interface", ["SERVER", "TELEMETRY"])
async def test_a_wildcard_must_be_meant(launch: Launch, interface: str) -> None:
    """In staging a host left out is refused, never a wildcard; one that is written down is accepted."""
    variable = f"ARQONBUS_{interface}_HOST"

    unsaid = await launch.preflight(env={**staging(launch), variable: None})
    meant = await launch.preflight(env={**staging(launch), variable: "0.0.0.0"})  # noqa: S104 - the point of the case

    assert (unsaid.exit_code, meant.exit_code) == (78, 0)
    assert variable in unsaid.stderr


@requirement("CONF-002", "CONF-001")
@needs("launch")
async def test_an_unset_http_host_is_loopback(launch: Launch) -> None:
    """The one host that staging need not be told is loopback too, never a wildcard."""
    deployment = await launch(env={**staging(launch), "ARQONBUS_HTTP_HOST": None})

    assert await listening(deployment.ports.http)
    assert not await listening(deployment.ports.http, ELSEWHERE)
