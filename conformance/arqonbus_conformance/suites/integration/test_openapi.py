"""The HTTP interface is what its own description says, judged by generated requests."""

import asyncio
from functools import partial
from typing import Any, Final, NamedTuple

import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.errors import LoaderError

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus, Http
from arqonbus_conformance.findings import Violation
from arqonbus_conformance.http_client import PATHS
from arqonbus_conformance.plugin import Depth, needs, requirement, time_limit

EXAMPLES: Final = 15
"""Generated requests per path and mode."""


async def description_of(http: Http) -> dict[str, Any]:
    """The served description."""
    document: dict[str, Any] = (await http.get("/openapi.json")).json()
    return document


def schema_of(document: dict[str, Any]) -> Any:
    """The description, ready to be asked.

    Raises:
        Violation: it is none.
    """
    try:
        return schemathesis.openapi.from_dict(document)
    except LoaderError as fault:
        raise Violation(
            "/openapi.json is no description", expected="OpenAPI 3.1", actual=str(fault)
        ) from fault


@requirement("HTTP-011")
@needs("http")
async def test_the_description_is_openapi(http: Http) -> None:
    """The document is valid OpenAPI 3.1 and describes a GET of every path of the specification, and no other path."""
    document = await description_of(http)

    schema_of(document).validate()

    assert document["openapi"].startswith("3.1.")
    assert sorted(document["paths"]) == sorted(PATHS)
    assert all("get" in operations for operations in document["paths"].values())


@requirement("HTTP-011", "HTTP-015")
@needs("http")
@pytest.mark.parametrize(
    ("path", "mode"),
    # Only a path with parameters can be asked wrongly.
    [*((path, GenerationMode.POSITIVE) for path in PATHS), ("/storage/history", GenerationMode.NEGATIVE)],
    ids=[*PATHS, "/storage/history-wrong"],
)
@time_limit(60)
async def test_a_path_does_what_its_description_says(
    http: Http, bus: Bus, depth: Depth, path: str, mode: GenerationMode
) -> None:
    """Requests generated from the description, right and wrong ones, get the answers that it allows and no 5xx."""
    ann = await bus.connect("ann")
    expect.succeeded(await ann.publish(room=bus.room, channel="c", text="something to show"))
    operation = schema_of(await description_of(http))[path]["get"]

    way = Way(http.url, http.authorization("admin"), http.route.for_requests())
    asked = partial(conversation, operation, mode, depth.times(EXAMPLES))
    answered = await asyncio.to_thread(asked, way)

    expect.that(answered > 0, f"no request to {path} could be generated")


class Way(NamedTuple):
    """How generated requests reach the deployment: the address, who asks, and what else the HTTP client must know."""

    url: str
    authorization: dict[str, str]
    options: dict[str, Any]


def conversation(
    operation: Any,
    mode: GenerationMode,
    examples: int,
    way: Way,
) -> int:
    """Send so many generated requests one after the other; return how many were answered as described.

    Raises:
        Violation: one was not; the text says which and how.
    """
    answered = 0

    @seed(20261122)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def each(case: Any) -> None:
        nonlocal answered
        answer = case.call(base_url=way.url, headers=way.authorization, timeout=10, **way.options)
        case.validate_response(answer, headers=way.authorization, transport_kwargs=way.options)
        answered += 1

    try:
        each()
    except BaseExceptionGroup as group:
        raise Violation(f"{operation.label} is not as described", actual=str(group.exceptions[0])) from None
    return answered
