"""Who is let in by the bus and by Shield: each credential of a profile is shown once, and the welcome is read."""

import time
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from arqonbus_conformance.bus import Bus
from arqonbus_conformance.doctor.check import Blame, Check, ok, problem, skipped
from arqonbus_conformance.doctor.clock import Reading, clock_check, timestamp_of
from arqonbus_conformance.findings import Unreachable
from arqonbus_conformance.namespace import Namespace
from arqonbus_conformance.probe import Greeting, NotLetIn, greeting
from arqonbus_conformance.route import Route
from arqonbus_conformance.token_check import token_field
from arqonbus_conformance.tokens import Credentials

__all__ = ["BUS", "Door", "Entry", "enter"]

CREDENTIALS: Final = "credentials"
"""The table of credentials, with which the names of all its fields begin."""
NOT_THIS_DEPLOYMENT: Final = (
    "take a token, or the secret, of this deployment; look at issuer and audience that it wants"
)


class Door(NamedTuple):
    """A WebSocket endpoint that lets in by tokens.

    Attributes:
        about: the field of the profile.
        name: what it is called.
        entry: what showing it a credential is called.
        kind: how it is connected to.
        table: the table of the credentials that are shown to it.
    """

    about: str
    name: str
    entry: str
    kind: type[Bus]
    table: str = CREDENTIALS


BUS: Final = Door("endpoints.bus", "the bus", "entry", Bus)


class Entry(NamedTuple):
    """What it did.

    Attributes:
        checks: whether it lets in whom it should.
        capabilities: what its welcome says that it can; None where there was no welcome to read.
    """

    checks: tuple[Check, ...]
    capabilities: Mapping[str, object] | None


async def enter(url: str, credentials: Credentials, route: Route, door: Door = BUS) -> Entry:
    """Show every credential at the door, one after another; nothing where there is none."""
    checks: list[Check] = []
    greeted: Greeting | None = None
    shown: list[tuple[str | None, str | None]] = list(_shown(credentials, door.table))
    for field, token in shown or [(None, None)]:
        before = time.time()
        try:
            async with greeting(url, credentials, route, token, door.kind) as found:
                welcome = _welcome_checks(door, found, before)
        except NotLetIn as fault:
            checks.append(_not_let_in(door, field, fault, named=credentials.enabled))
            continue
        except Unreachable as fault:
            step = "look at what listens there, and at its path"
            return Entry((*checks, problem(door.about, "answer", str(fault), step, Blame.TARGET)), None)
        if field is not None:
            checks.append(ok(field, door.entry, f"{door.name} lets it in"))
        if greeted is None:
            greeted = found
            checks[:0] = welcome
    return Entry(tuple(checks), None if greeted is None or greeted.fault else greeted.capabilities)


def _shown(credentials: Credentials, table: str) -> Iterator[tuple[str | None, str | None]]:
    if credentials.secret is not None:
        yield f"{table}.jwt_secret_env", credentials.token("a", Namespace().prefix)
    for (tenant, admin), token in sorted(credentials.tokens.items()):
        yield f"{table}{token_field(tenant, admin=admin).removeprefix(CREDENTIALS)}", token


def _not_let_in(door: Door, field: str | None, fault: NotLetIn, *, named: bool) -> Check:
    said = f"the upgrade was answered with {fault.status}"
    if not fault.wants_credentials:
        step = f"correct {door.about}, the address of {door.name}"
        detail = f"{said}: it is not {door.name}, or not at this path"
        return problem(door.about, "answer", detail, step, Blame.TARGET)
    if field is None and named:
        return skipped(door.about, door.entry, f"{said}, and no credential of the profile can be used")
    if field is None:
        step = "name credentials.jwt_secret_env or credentials.token_env"
        detail = f"{said}: {door.name} wants credentials, and the profile names none"
        return problem(door.table, door.entry, detail, step, Blame.PROFILE)
    return problem(field, door.entry, f"{door.name} refuses it: {said}", NOT_THIS_DEPLOYMENT, Blame.PROFILE)


def _welcome_checks(door: Door, found: Greeting, before: float) -> list[Check]:
    after = time.time()
    if found.fault is not None:
        step = "look at what listens there; a run goes on, and judges the welcome"
        detail = f"its first frame is no welcome: {found.fault}"
        return [problem(door.about, "welcome", detail, step, Blame.TARGET)]
    said = timestamp_of(found.client.welcome.get("timestamp"))
    reading = None if said is None else Reading(said, before, after)
    return [
        ok(door.about, "welcome", "it lets us in and greets"),
        clock_check(door.about, "welcome", reading),
    ]
