"""All checks of one profile: what can be said without anybody, then what its deployment answers."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from arqonbus_conformance.doctor.answers import http_checks, telemetry_checks
from arqonbus_conformance.doctor.check import (
    SCHEMA_VERSION,
    Check,
    Examination,
    State,
    exit_code_of,
    skipped,
)
from arqonbus_conformance.doctor.claims import claim_checks, shield_claim_check
from arqonbus_conformance.doctor.edge_answers import nats_checks, shield_checks
from arqonbus_conformance.doctor.entry import enter
from arqonbus_conformance.doctor.launch_checks import launch_checks
from arqonbus_conformance.doctor.profile_checks import field_checks, ready_token_checks, trust_checks
from arqonbus_conformance.doctor.way import Place, proxy_check, way_checks
from arqonbus_conformance.redaction import Redaction
from arqonbus_conformance.route import Route
from arqonbus_conformance.target import Draft, ProfileError, draft_profile, profile_text
from arqonbus_conformance.token_check import token_field, token_problems
from arqonbus_conformance.tokens import Credentials

__all__ = ["examine"]

WAY_TABLES = ("tls.", "proxy.", "limits.")
"""A problem in one of these tables, and nobody is asked: the way there would not be the one that is meant."""

Answers = Callable[[str, Credentials, Route], Awaitable[list[Check]]]


async def examine(path: Path, environ: Mapping[str, str]) -> Examination:
    """Every check of the profile in a file; credentials never appear in what they say.

    Args:
        path: the profile.
        environ: the variables of the process; a ``.env`` beside the profile adds to them.

    Raises:
        ProfileError: it cannot be read at all.
    """
    text, variables = profile_text(path, environ)
    try:
        draft = draft_profile(text, variables, path.parent)
    except ProfileError as fault:
        return _examination(path, "", list(field_checks(fault.problems)), Redaction.of_run(None, environ))
    target, checks = draft.target, list(field_checks(draft.problems))
    checks += ready_token_checks(target)
    checks += [check async for check in launch_checks(target)]
    checks += await _at_the_endpoints(draft)
    return _examination(path, target.name, checks, Redaction.of_run(target, environ))


def _examination(path: Path, name: str, checks: Sequence[Check], redaction: Redaction) -> Examination:
    found = Examination(
        schema_version=SCHEMA_VERSION,
        profile=str(path),
        target=name,
        checks=tuple(checks),
        problems=sum(check.state is State.PROBLEM for check in checks),
        exit_code=exit_code_of(checks),
    )
    return redaction.cleaned(found, keep=frozenset({"state", "blame"}))


async def _at_the_endpoints(draft: Draft) -> list[Check]:
    target = draft.target
    if target.endpoints is None:
        why = "the profile gives none that is valid" if draft.problems else "the gate launches the deployment"
        return [skipped("endpoints", "answer", why)]
    if any(said.startswith(WAY_TABLES) for said in draft.problems):
        return [skipped("endpoints", "answer", "the profile does not say rightly how they are reached")]
    route = Route(target.reach)
    checks = [*trust_checks(target, route), await proxy_check(route)]
    if any(check.state is State.PROBLEM and check.check in {"files", "TCP"} for check in checks):
        return [*checks, skipped("endpoints", "answer", "the way to them is not open")]
    return checks + await _each_endpoint(draft, route)


async def _each_endpoint(draft: Draft, route: Route) -> list[Check]:
    target = draft.target
    assert target.endpoints is not None  # noqa: S101 - the caller has looked
    usable = _usable(draft)
    claims = target.claims

    async def bus(url: str, credentials: Credentials, route: Route) -> list[Check]:
        entry = await enter(url, credentials, route)
        if entry.capabilities is None:
            return [
                *entry.checks,
                skipped("claims", "claim", "there is no welcome that says what is offered"),
            ]
        return [*entry.checks, *claim_checks(claims, entry.capabilities)]

    async def shield(url: str, credentials: Credentials, route: Route) -> list[Check]:
        own = target.shield_credentials
        return await shield_checks(url, own or credentials, route, own=own is not None)

    interfaces: list[tuple[str, str | None, Answers]] = [
        ("endpoints.bus", target.endpoints.bus, bus),
        ("endpoints.http", target.endpoints.http, http_checks),
        ("endpoints.telemetry", target.endpoints.telemetry, telemetry_checks),
        ("endpoints.shield", target.endpoints.shield, shield),
        ("endpoints.nats", target.endpoints.nats, nats_checks),
    ]
    found = await asyncio.gather(
        *(_interface(about, url, route, usable, answers) for about, url, answers in interfaces)
    )
    claimed = shield_claim_check(claims, target.endpoints.shield)
    return [*(check for checks in found for check in checks), claimed]


async def _interface(
    about: str, url: str | None, route: Route, credentials: Credentials, answers: Answers
) -> list[Check]:
    if url is None:
        return [skipped(about, "answer", "it is not given; its cases stay unverified")]
    checks = [check async for check in way_checks(Place(about, url), route)]
    if checks[-1].blame is not None:
        return [*checks, skipped(about, "answer", "it cannot be reached")]
    return checks + await answers(url, credentials, route)


def _usable(draft: Draft) -> Credentials:
    """The credentials that may be shown: not the tokens of which something wrong was told already.

    They are enabled where the profile names any, so that an endpoint that wants them is not blamed for it.
    """
    given = draft.target.credentials
    told = [*draft.problems, *token_problems(given.tokens, time.time())]
    fields = {said.partition(": ")[0] for said in told}
    tokens = {
        key: token for key, token in given.tokens.items() if token_field(key[0], admin=key[1]) not in fields
    }
    named = given.enabled or any(field.startswith("credentials.") for field in fields)
    return Credentials(named, given.secret, tokens)
