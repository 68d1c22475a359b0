"""Whether an upgrade opened a session, and whether its refusal says no more than it may."""

from __future__ import annotations

from typing import Final

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus, Client, Refusal

DETAILS: Final = frozenset({"missing", "malformed", "rejected"})
"""All that a 401 says about a token (AUTH-008)."""


def refused(outcome: Refusal | Client, details: str | None = None) -> None:
    """`outcome` is a 401 with WWW-Authenticate: Bearer and a body that says no more than it may."""
    assert isinstance(outcome, Refusal), "the upgrade was granted"
    expect.equal(outcome.status, 401, "status")
    assert outcome.headers.get("www-authenticate", "").startswith("Bearer"), outcome.headers
    body = outcome.json()
    expect.equal(set(body), {"error", "details"}, "fields of the body")
    expect.equal(body["error"], "unauthorized", "error")
    assert body["details"] in ({details} if details else DETAILS), body


def refused_alike(outcome: Refusal | Client, other: Refusal | Client) -> None:
    """Both are refusals, and neither of them says what tells it from the other."""
    assert isinstance(outcome, Refusal), "the upgrade was granted"
    assert isinstance(other, Refusal), "the upgrade that it is compared with was granted"
    expect.equal(outcome.status, other.status, "status")
    expect.equal(outcome.reason, other.reason, "reason phrase")
    expect.equal(outcome.body, other.body, "body")
    # A challenge may hold an error and its description (RFC 6750): they would be as talkative as a body.
    challenge, of_other = (one.headers.get("www-authenticate") for one in (outcome, other))
    expect.equal(challenge, of_other, "WWW-Authenticate")


async def opens(bus: Bus, token: str | None = None) -> Client:
    """The client that an upgrade with the token (a good one by default) opens; it is served."""
    client = await bus.connect("opened", token=bus.token() if token is None else token)
    await client.barrier()
    return client
