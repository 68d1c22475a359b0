"""The description of the HTTP interface is valid and complete."""

from typing import Any

import pytest
import schemathesis
from arqonbus_reference.transport.http_routes import ROUTES
from arqonbus_reference.transport.openapi import document


def described(*, secured: bool) -> dict[str, Any]:
    return document(ROUTES.values(), secured=secured)


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


@pytest.mark.parametrize("secured", [True, False], ids=["secured", "open"])
def test_it_is_valid_openapi_3_1(secured: bool) -> None:  # noqa: FBT001 - a test parameter
    """HTTP-011: an independent reader accepts it."""
    schemathesis.openapi.from_dict(described(secured=secured)).validate()


def test_it_describes_every_route_for_get_and_head() -> None:
    """HTTP-011: the table of routes is its only source."""
    found = {(path, method) for path, method, _ in operations(described(secured=False))}

    assert found == {(path, method) for path in ROUTES for method in ("get", "head")}


def test_what_authentication_adds_is_described_where_it_is_on() -> None:
    """HTTP-013: 401 and 403 on guarded paths, nowhere else."""
    secured = {
        path for path, _, operation in operations(described(secured=True)) if "401" in operation["responses"]
    }
    unsecured = {
        path for path, _, operation in operations(described(secured=False)) if "401" in operation["responses"]
    }

    assert secured == {path for path, route in ROUTES.items() if not route.open_to_all}
    assert unsecured == set()


def test_a_head_has_no_content() -> None:
    """RFC 9110: the answer to HEAD has no body, so none is promised."""
    heads = [operation for _, method, operation in operations(described(secured=True)) if method == "head"]

    assert not any("content" in response for head in heads for response in head["responses"].values())


def test_every_reference_leads_somewhere() -> None:
    """Each schema that is named is there."""
    document = described(secured=True)

    references = {part.partition("'")[0].rpartition("/")[2] for part in str(document).split("'$ref': '")[1:]}

    assert references <= set(document["components"]["schemas"])
    assert "HealthBody" in references
