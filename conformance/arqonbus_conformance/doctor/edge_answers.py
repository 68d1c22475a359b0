"""What Shield and the spine of a deployment answer: health and a welcome, and the INFO of a NATS server."""

import asyncio
import json
from typing import Final
from urllib.parse import urlsplit

from arqonbus_conformance.doctor.answers import SHOWN_CHARACTERS, health_checks
from arqonbus_conformance.doctor.check import Blame, Check, ok, problem, skipped
from arqonbus_conformance.doctor.entry import CREDENTIALS, Door, enter
from arqonbus_conformance.doctor.way import PORTS
from arqonbus_conformance.edge import Shield, Tap
from arqonbus_conformance.endpoint import CONNECT_SECONDS
from arqonbus_conformance.findings import Unreachable
from arqonbus_conformance.namespace import Namespace
from arqonbus_conformance.route import Route
from arqonbus_conformance.tokens import Credentials
from arqonbus_conformance.transcript import Transcript

__all__ = ["nats_checks", "shield_checks"]

SHIELD_ABOUT: Final = "endpoints.shield"
NATS_ABOUT: Final = "endpoints.nats"
NATS_STEP: Final = "correct the address of the spine, or look at what listens there"
OWN_CREDENTIALS: Final = f"{CREDENTIALS}.shield"
"""The table of the credentials that are shown to Shield alone."""


async def shield_checks(url: str, credentials: Credentials, route: Route, *, own: bool) -> list[Check]:
    """Its health and clock, then whether it lets in whom it should; ``own``: the profile names credentials for it alone."""
    shield = Shield(url, credentials, Namespace(), Transcript(), route)
    try:
        checks = await health_checks(SHIELD_ABOUT, shield.http)
    finally:
        await shield.close()
    if checks[0].blame is not None:
        return [*checks, skipped(SHIELD_ABOUT, "welcome", "it has no health of a Shield")]
    table = OWN_CREDENTIALS if own else CREDENTIALS
    door = Door(SHIELD_ABOUT, "Shield", "entry at Shield", Shield, table)
    return [*checks, *(await enter(url, credentials, route, door)).checks]


async def nats_checks(url: str, _: Credentials, route: Route) -> list[Check]:
    """Whether it is a NATS, by the INFO that it begins with, and whether the gate may listen, as the cases of the spine do."""
    try:
        info = await _info(url, route)
    except (Unreachable, ValueError) as fault:
        return [problem(NATS_ABOUT, "answer", str(fault), NATS_STEP, Blame.TARGET)]
    version = str(info.get("version"))[:SHOWN_CHARACTERS]
    answer = ok(NATS_ABOUT, "answer", f"it is a NATS, version {version}")
    if info.get("auth_required") is True:
        detail = "the NATS wants credentials, and a profile names none for it: no case could listen there"
        step = "let the gate listen without them, or leave endpoints.nats out"
        return [answer, problem(NATS_ABOUT, "entry", detail, step, Blame.PROFILE)]
    return [answer, await _entry_check(url)]


async def _entry_check(url: str) -> Check:
    tap = Tap(url, Transcript())
    try:
        await tap.open(Namespace().name("doctor"))
    except Unreachable as fault:
        return problem(NATS_ABOUT, "entry", str(fault), NATS_STEP, Blame.TARGET)
    finally:
        await tap.close()
    return ok(NATS_ABOUT, "entry", "it lets us listen")


async def _info(url: str, route: Route) -> dict[str, object]:
    """What the server says of itself before anybody else speaks.

    Raises:
        Unreachable: there is no connection, or no line within CONNECT_SECONDS.
        ValueError: the line is no INFO of a NATS.
    """
    parts = urlsplit(url)
    port = parts.port or PORTS[parts.scheme]
    reader, writer = await route.streams(parts.hostname or "", port, tls=False, within=CONNECT_SECONDS)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            line = await reader.readline()
    except TimeoutError:
        raise Unreachable(f"it said no INFO within {CONNECT_SECONDS:g} s: it is no NATS") from None
    except OSError as fault:
        raise Unreachable(f"it ended the connection before its INFO: {fault}") from fault
    finally:
        writer.transport.abort()
    return _parsed(line)


def _parsed(line: bytes) -> dict[str, object]:
    word, _, rest = line.partition(b" ")
    shown = line[:SHOWN_CHARACTERS].decode("utf-8", "replace").strip()
    try:
        info = json.loads(rest) if word == b"INFO" else None
    except ValueError:
        info = None
    if not isinstance(info, dict) or "server_id" not in info:
        raise ValueError(f"its first line is no INFO of a NATS: {shown!r}")
    return info
