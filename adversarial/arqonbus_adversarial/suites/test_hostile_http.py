"""Bad input to the HTTP interface of any kind: refused in the 400s, never a 5xx, never a crash."""

from __future__ import annotations

import random
import string

import pytest
from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus, Http
from arqonbus_conformance.http_client import PATHS
from arqonbus_conformance.plugin import Depth, depth, needs, requirement, time_limit

from arqonbus_adversarial.http_requests import (
    BODIES,
    BROKEN_LINES,
    REQUEST_LINES,
    exchange,
    noise,
    request,
    status_of,
)

UNKNOWN = "x"
"""A parameter that no route has."""

PARAMETERS = ["room", "channel", "limit", "since", "until", "cursor", UNKNOWN]

REFUSALS = {400, 414, 431}
"""What refuses a parameter: for what it is, or for its length."""

VALUES = [
    "",
    "0",
    "-1",
    "1e999",
    "9" * 5000,
    "NaN",
    "true",
    "null",
    "[]",
    "{}",
    "a/b",
    "\x00",
    "\r\nX: y",
    "\u0661",
    "\u202e",
    "\U0001f600",
    "%00",
    "../..",
    "2026-13-01T00:00:00Z",
    "9999-12-31T23:59:60+23:59",
    "0000-01-01T00:00:00Z",
    "x" * 3000,
]


def authorized(http: Http) -> list[str]:
    """The header of an administrator, where one is needed."""
    return [f"{name}: {value}" for name, value in http.authorization("admin").items()]


def no_fault_of_the_deployment(status: int | None, sent: object) -> None:
    """The answer is none (the connection was ended) or below 500."""
    assert status is None or 200 <= status < 500, f"{status} to {sent!r:.300}"


@requirement("HTTP-015")
@needs("http")
@pytest.mark.parametrize("line", REQUEST_LINES)
async def test_a_hostile_request_line_is_no_fault_of_the_deployment(http: Http, line: str) -> None:
    """Whatever the request line, the answer is below 500, and /health answers after it."""
    sent = request(REQUEST_LINES[line], *authorized(http))

    no_fault_of_the_deployment(status_of(await exchange(http, sent)), sent)

    expect.equal((await http.get("/health")).status, 200, "status of /health")


@depth("smoke")
@requirement("HTTP-015")
@needs("http")
@pytest.mark.parametrize("line", BROKEN_LINES)
async def test_a_broken_header_line_is_no_fault_of_the_deployment(http: Http, line: str) -> None:
    """A header line that HTTP forbids is refused or dropped, below 500."""
    sent = request("GET /status HTTP/1.1", BROKEN_LINES[line], *authorized(http))

    no_fault_of_the_deployment(status_of(await exchange(http, sent)), sent)

    expect.equal((await http.get("/health")).status, 200, "status of /health")


@requirement("HTTP-015")
@needs("http")
@pytest.mark.parametrize("body", BODIES)
async def test_a_body_is_no_fault_of_the_deployment(http: Http, body: str) -> None:
    """A body where there is none to be, honestly announced or not, gets an answer below 500, and only one."""
    header, content = BODIES[body]

    answer = await exchange(http, request("GET /health HTTP/1.1", header, *authorized(http), body=content))

    no_fault_of_the_deployment(status_of(answer), header)
    assert (await http.get("/health")).status == 200


@requirement("HTTP-015")
@needs("http")
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("value", VALUES, ids=lambda value: ascii(value)[:24])
async def test_hostile_parameters_are_answered_below_500(http: Http, path: str, value: str) -> None:
    """Every parameter of every route, with a value that none expects, is answered 400 or as if it were right.

    A parameter that no route has is right on none, and without any the route answers.
    """
    good = {"room": "r"} if path == "/storage/history" else {}
    expect.equal((await http.get(path, params=good)).status, 200, "status without hostile parameters")

    # Without the good ones it would be refused for what is missing, before anything hostile is looked at.
    statuses = [(await http.get(path, params=good | {name: value})).status for name in PARAMETERS]

    assert max(statuses) < 500, dict(zip(PARAMETERS, statuses, strict=True))
    assert set(statuses) <= {200, 400, 414, 431}, dict(zip(PARAMETERS, statuses, strict=True))
    assert statuses[PARAMETERS.index(UNKNOWN)] in REFUSALS, dict(zip(PARAMETERS, statuses, strict=True))


@requirement("HTTP-015")
@needs("http")
@pytest.mark.parametrize(
    "method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get", "X" * 30]
)
async def test_a_hostile_method_is_answered_below_500(http: Http, method: str) -> None:
    """Any method on any route, with a body or without, is answered in the 400s."""
    for path in PATHS:
        for body in ("", "x" * 10_000):
            sent = request(
                f"{method} {path} HTTP/1.1", f"Content-Length: {len(body)}", *authorized(http), body=body
            )
            status = status_of(await exchange(http, sent))
            assert status is None or 400 <= status < 500, (status, path, len(body))


@requirement("HTTP-015")
@needs("http")
@pytest.mark.parametrize(
    "header",
    [
        "Authorization: Bearer " + "x" * 100_000,
        "Authorization: Bearer \u00ff\u00fe",
        "Authorization: \x00",
        "Authorization: Bearer " + "." * 5000,
        "Accept: " + "x/y," * 5000,
        "Accept-Encoding: gzip;q=nan, br;q=1e999",
        "Range: bytes=0-1,2-3,9-1",
        "If-Modified-Since: never",
        "Expect: 100-continue",
        "Expect: 999-nonsense",
        "Connection: close, keep-alive, upgrade",
        "Upgrade: websocket",
        "X-Forwarded-For: 127.0.0.1",
        "Cookie: " + "a=b; " * 5000,
    ],
    ids=lambda header: ascii(header)[:40],
)
async def test_a_hostile_header_is_answered_below_500(http: Http, header: str) -> None:
    """Whatever a header says, the answer is below 500, and the next request is answered."""
    for path in ("/health", "/status", "/nowhere"):
        no_fault_of_the_deployment(
            status_of(await exchange(http, request(f"GET {path} HTTP/1.1", header))), header
        )

    expect.equal((await http.get("/health")).status, 200, "status of /health")


@requirement("HTTP-015", "INT-001")
@needs("http")
@time_limit(120)
async def test_noise_over_http_is_survived(http: Http, rng: random.Random, depth: Depth) -> None:
    """Three hundred random requests, made by the seed of the run, get no 5xx, and the deployment stays the same."""
    before = (await http.get("/health")).json()

    for _ in range(depth.times(300)):
        sent = noise(rng)
        no_fault_of_the_deployment(status_of(await exchange(http, sent)), sent)

    after = (await http.get("/health")).json()
    expect.equal(after["status"], before["status"], "health")
    assert after["uptime_seconds"] >= before["uptime_seconds"], "the deployment was restarted"


@requirement("HTTP-015", "HTTP-007")
@needs("http")
@time_limit(60)
async def test_random_queries_get_an_answer_below_500(
    http: Http, bus: Bus, rng: random.Random, depth: Depth
) -> None:
    """Two hundred random queries of the history, good and bad, are answered 200 or 400, errors as JSON.

    One with a parameter that the route does not have is never good; one with a room alone always is.
    """
    for _ in range(depth.times(200)):
        chosen = rng.sample(PARAMETERS, rng.randrange(1, 5))
        query = {name: "".join(rng.choices(string.printable, k=rng.randrange(30))) for name in chosen}
        response = await http.get("/storage/history", params={"room": bus.room} | query)
        allowed = {400} if UNKNOWN in query else {200, 400}
        assert response.status in allowed, (response.status, query)
        response.json()

    expect.equal(
        (await http.get("/storage/history", params={"room": bus.room})).status, 200, "status of a good one"
    )


@requirement("HTTP-012", "HTTP-015")
@needs("http")
@pytest.mark.parametrize("path", [*PATHS, "/nowhere"])
async def test_head_sends_no_byte_of_a_body(http: Http, path: str) -> None:
    """On the wire, where no client library hides it, the answer to HEAD ends with its head."""
    sent = [
        request(f"{method} {path} HTTP/1.1", "Connection: close", *authorized(http))
        for method in ("GET", "HEAD")
    ]
    # A deployment may leave a client alone that has said its last word: these have not.
    got, asked = [await exchange(http, one, half_closed=False) for one in sent]

    expect.equal(status_of(asked), status_of(got), "status of HEAD beside that of GET")
    assert got.partition(b"\r\n\r\n")[2], got
    expect.equal(asked.partition(b"\r\n\r\n")[2], b"", "what follows the head")
    lengths = {line.lower() for line in asked.split(b"\r\n") if line.lower().startswith(b"content-length:")}
    # A length may be left out, but one that is given is that of the body which GET would have sent.
    assert b"content-length: 0" not in lengths, asked
