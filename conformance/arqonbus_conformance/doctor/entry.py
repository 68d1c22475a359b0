"""Who is let in by the bus: each credential of a profile is shown to it once, and its welcome is read."""

import time
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from arqonbus_conformance.doctor.check import Blame, Check, ok, problem, skipped
from arqonbus_conformance.doctor.clock import Reading, clock_check, timestamp_of
from arqonbus_conformance.findings import Unreachable
from arqonbus_conformance.namespace import Namespace
from arqonbus_conformance.probe import Greeting, NotLetIn, greeting
from arqonbus_conformance.route import Route
from arqonbus_conformance.token_check import token_field
from arqonbus_conformance.tokens import Credentials

__all__ = ["Entry", "enter_bus"]

ABOUT: Final = "endpoints.bus"
SECRET: Final = "credentials.jwt_secret_env"  # noqa: S105 - the name of a field
NOT_THIS_DEPLOYMENT: Final = (
    "take a token, or the secret, of this deployment; look at issuer and audience that it wants"
)


class Entry(NamedTuple):
    """What the bus did.

    Attributes:
        checks: whether it lets in whom it should.
        capabilities: what its welcome says that it can; None where there was no welcome to read.
    """

    checks: tuple[Check, ...]
    capabilities: Mapping[str, object] | None


async def enter_bus(url: str, credentials: Credentials, route: Route) -> Entry:
    """Show every credential to the bus, one after another; nothing where there is none."""
    checks: list[Check] = []
    greeted: Greeting | None = None
    shown: list[tuple[str | None, str | None]] = list(_shown(credentials))
    for field, token in shown or [(None, None)]:
        before = time.time()
        try:
            async with greeting(url, credentials, route, token) as found:
                welcome = _welcome_checks(found, before)
        except NotLetIn as fault:
            checks.append(_not_let_in(field, fault, named=credentials.enabled))
            continue
        except Unreachable as fault:
            step = "look at what listens there, and at its path"
            return Entry((*checks, problem(ABOUT, "answer", str(fault), step, Blame.TARGET)), None)
        if field is not None:
            checks.append(ok(field, "entry", "the bus lets it in"))
        if greeted is None:
            greeted = found
            checks[:0] = welcome
    return Entry(tuple(checks), None if greeted is None or greeted.fault else greeted.capabilities)


def _shown(credentials: Credentials) -> Iterator[tuple[str | None, str | None]]:
    if credentials.secret is not None:
        yield SECRET, credentials.token("a", Namespace().prefix)
    for (tenant, admin), token in sorted(credentials.tokens.items()):
        yield token_field(tenant, admin=admin), token


def _not_let_in(field: str | None, fault: NotLetIn, *, named: bool) -> Check:
    said = f"the upgrade was answered with {fault.status}"
    if not fault.wants_credentials:
        step = "correct the address of the bus"
        return problem(ABOUT, "answer", f"{said}: it is no bus, or not at this path", step, Blame.TARGET)
    if field is None and named:
        return skipped(ABOUT, "entry", f"{said}, and no credential of the profile can be used")
    if field is None:
        step = "name credentials.jwt_secret_env or credentials.token_env"
        detail = f"{said}: the bus wants credentials, and the profile names none"
        return problem("credentials", "entry", detail, step, Blame.PROFILE)
    return problem(field, "entry", f"the bus refuses it: {said}", NOT_THIS_DEPLOYMENT, Blame.PROFILE)


def _welcome_checks(found: Greeting, before: float) -> list[Check]:
    after = time.time()
    if found.fault is not None:
        step = "look at what listens there; a run goes on, and judges the welcome"
        return [
            problem(ABOUT, "welcome", f"its first frame is no welcome: {found.fault}", step, Blame.TARGET)
        ]
    said = timestamp_of(found.client.welcome.get("timestamp"))
    reading = None if said is None else Reading(said, before, after)
    return [ok(ABOUT, "welcome", "it lets us in and greets"), clock_check(ABOUT, "welcome", reading)]
