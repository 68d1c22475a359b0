"""What the HTTP and the telemetry interface of a deployment answer."""

import time
from typing import Final, NamedTuple

from arqonbus_conformance.doctor.check import Blame, Check, ok, problem, skipped, warning
from arqonbus_conformance.doctor.clock import DATE_SECONDS, Reading, clock_check, date_of, timestamp_of
from arqonbus_conformance.endpoint import CONNECT_SECONDS
from arqonbus_conformance.findings import NotOffered, Unreachable, Violation
from arqonbus_conformance.handshake import Refusal
from arqonbus_conformance.http_client import Http, Response
from arqonbus_conformance.namespace import Namespace
from arqonbus_conformance.route import Route
from arqonbus_conformance.telemetry_reader import Telemetry
from arqonbus_conformance.tokens import Credentials
from arqonbus_conformance.transcript import Transcript

__all__ = ["CERTIFICATE_STEP", "SHOWN_CHARACTERS", "health_checks", "http_checks", "telemetry_checks"]

HTTP_ABOUT: Final = "endpoints.http"
TELEMETRY_ABOUT: Final = "endpoints.telemetry"
SHOWN_CHARACTERS: Final = 200
"""How much of a text of the deployment is shown."""
CERTIFICATE_STEP: Final = (
    "look at what listens there; a server that wants a certificate may end the connection like this"
)


class _Answered(NamedTuple):
    response: Response
    before: float
    after: float


async def http_checks(url: str, credentials: Credentials, route: Route) -> list[Check]:
    """Its health, its clock, and whether an administrator's token opens the rest."""
    http = Http(url, credentials, Namespace(), Transcript(), route)
    try:
        checks = await health_checks(HTTP_ABOUT, http)
        if len(checks) == 1:
            return checks
        return [*checks, await _administrator_check(http)]
    finally:
        await http.close()


async def health_checks(about: str, http: Http) -> list[Check]:
    """The health of an interface and its clock; one problem alone where it does not answer."""
    try:
        health = await _get(http, "/health", None)
    except (Unreachable, Violation) as fault:
        return [problem(about, "answer", str(fault), CERTIFICATE_STEP, Blame.TARGET)]
    said = date_of(health.response.headers.get("Date"))
    reading = None if said is None else Reading(said, health.before, health.after, DATE_SECONDS)
    return [_health_check(about, health.response), clock_check(about, "Date header", reading)]


async def _get(http: Http, path: str, token: str | None) -> _Answered:
    before = time.time()
    response = await http.get(path, token=token, within=CONNECT_SECONDS)
    return _Answered(response, before, time.time())


def _health_check(about: str, health: Response) -> Check:
    said = f"GET /health answered {health.status}"
    try:
        body = health.json()
        status, reason = body.get("status"), body.get("reason")
    except (Violation, AttributeError):
        status, reason = None, None
    if health.status == 200 and status == "healthy":
        return ok(about, "answer", f"{said}: healthy")
    if (health.status, status) in {(200, "degraded"), (503, "unhealthy")}:
        detail = f"{said}: {status}, {str(reason)[:SHOWN_CHARACTERS]}"
        return warning(about, "answer", detail, "mend the deployment first; cases will find it like this")
    detail = f"{said}, which is no health of an ArqonBus: {health.text[:SHOWN_CHARACTERS]}"
    return problem(about, "answer", detail, f"correct the address in {about}", Blame.TARGET)


async def _administrator_check(http: Http) -> Check:
    try:
        answered = await _get(http, "/status", "admin")
    except NotOffered:
        return skipped(HTTP_ABOUT, "administrator", "no administrator's token can be shown")
    except (Unreachable, Violation) as fault:
        return problem(HTTP_ABOUT, "administrator", str(fault), CERTIFICATE_STEP, Blame.TARGET)
    status = answered.response.status
    if status == 200:
        return ok(HTTP_ABOUT, "administrator", "GET /status answered 200")
    return _refused(HTTP_ABOUT, f"GET /status answered {status}", status, shown=http.credentials.enabled)


def _refused(about: str, said: str, status: int, *, shown: bool) -> Check:
    if status in {401, 403} and shown:
        step = "name the secret or an administrator's token of this deployment in [credentials]"
        return problem(
            about, "administrator", f"{said} to the token that the profile offers", step, Blame.PROFILE
        )
    if status in {401, 403}:
        step = "name credentials.jwt_secret_env, or credentials.token_env.a_admin"
        return problem(
            about,
            "administrator",
            f"{said}: it wants credentials, and the profile names none",
            step,
            Blame.PROFILE,
        )
    return problem(about, "administrator", said, "look at what listens there, and at its path", Blame.TARGET)


async def telemetry_checks(url: str, credentials: Credentials, route: Route) -> list[Check]:
    """Whether an administrator is let in and greeted, and its clock."""
    telemetry = Telemetry(url, credentials, Namespace(), Transcript(), route)
    before = time.time()
    try:
        reader = await telemetry.upgrade(within=CONNECT_SECONDS)
    except NotOffered:
        return [skipped(TELEMETRY_ABOUT, "administrator", "no administrator's token can be shown")]
    except (Unreachable, Violation) as fault:
        return [problem(TELEMETRY_ABOUT, "answer", str(fault), CERTIFICATE_STEP, Blame.TARGET)]
    finally:
        await telemetry.close()
    if isinstance(reader, Refusal):
        said = f"the upgrade was answered with {reader.status}"
        return [_refused(TELEMETRY_ABOUT, said, reader.status, shown=credentials.enabled)]
    kind = reader.hello.get("event_type")
    if kind != "telemetry.hello":
        detail = f"its first frame is no telemetry.hello: event_type {str(kind)[:SHOWN_CHARACTERS]!r}"
        return [
            problem(
                TELEMETRY_ABOUT,
                "answer",
                detail,
                "correct the address of the telemetry interface",
                Blame.TARGET,
            )
        ]
    said_at = timestamp_of(reader.hello.get("timestamp"))
    reading = None if said_at is None else Reading(said_at, before, time.time())
    return [
        ok(TELEMETRY_ABOUT, "answer", "it greeted with telemetry.hello"),
        clock_check(TELEMETRY_ABOUT, "hello", reading),
    ]
