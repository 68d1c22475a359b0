"""Whom the HTTP interface answers: tokens, tenants and origins."""

from collections.abc import Callable
from typing import Any

import jwt
import pytest
from arqonbus_reference.transport.http_routes import ROUTES
from http_bench import SECRET, stored

ORIGIN = "https://console.example"
GUARDED = [path for path, route in ROUTES.items() if not route.open_to_all]


def bearer(role: str = "admin", tenant: str = "default") -> str:
    claims = {"sub": "ann", "tenant_id": tenant, "iat": 0, "exp": 2**40, "role": role}
    return f"Bearer {jwt.encode(claims, SECRET, algorithm='HS256')}"


@pytest.mark.parametrize("path", GUARDED)
async def test_guarded_paths_are_for_administrators(serve: Callable[..., Any], path: str) -> None:
    """HTTP-013: 401 with a challenge, 403 for others, 200 for administrators."""
    served = await serve(enable_auth=True)
    query = "?room=r" if path == "/storage/history" else ""

    nobody, nobody_body, headers = await served.ask(path + query)
    bad, bad_body, _ = await served.ask(path + query, Authorization="Bearer a.b.c")
    member, member_body, _ = await served.ask(path + query, Authorization=bearer("member"))
    administrator, _, _ = await served.ask(path + query, Authorization=bearer())

    assert (nobody, bad, member, administrator) == (401, 401, 403, 200)
    assert headers["WWW-Authenticate"] == "Bearer"
    assert nobody_body == {"error": "unauthorized", "details": "missing"}
    assert bad_body == {"error": "unauthorized", "details": "rejected"}
    assert member_body["error"] == "forbidden"
    assert served.deployment.metrics.auth_rejected == 2


@pytest.mark.parametrize("path", ["/health", "/ready"])
async def test_probes_need_no_token(serve: Callable[..., Any], path: str) -> None:
    """A load balancer has none."""
    served = await serve(enable_auth=True)

    assert (await served.ask(path))[0] == 200


async def test_without_authentication_only_dev_is_open(serve: Callable[..., Any]) -> None:
    """Preflight refuses this; should it ever run, the door is shut."""
    served = await serve(environment="staging")

    assert (await served.ask("/status"))[0] == 401


async def test_history_belongs_to_the_tenant_of_the_token(serve: Callable[..., Any]) -> None:
    """AUTH-010: an administrator of one tenant reads nothing of another's."""
    served = await serve(enable_auth=True)
    served.deployment.storage.append_now([stored("r", "c", 1, tenant="acme")])

    _, own, _ = await served.ask("/storage/history?room=r", Authorization=bearer(tenant="acme"))
    _, other, _ = await served.ask("/storage/history?room=r", Authorization=bearer(tenant="bolt"))

    assert (own["count"], other["count"]) == (1, 0)


async def test_only_an_allowed_origin_is_echoed(serve: Callable[..., Any]) -> None:
    """HTTP-014, HTTP-016: with Vary, on errors too; never a wildcard."""
    served = await serve(allowed_origins=frozenset({ORIGIN}))

    allowed = (await served.ask("/health", Origin=ORIGIN))[2]
    allowed_error = (await served.ask("/nowhere", Origin=ORIGIN))[2]
    other = (await served.ask("/health", Origin="https://evil.example"))[2]

    assert allowed["Access-Control-Allow-Origin"] == ORIGIN
    assert allowed_error["Access-Control-Allow-Origin"] == ORIGIN
    assert "Access-Control-Allow-Origin" not in other
    assert allowed["Vary"] == other["Vary"] == "Origin"
