"""Whole runs against a deployment that sends back, encoded, whatever it was shown."""

import base64
import json
import os
import re
import subprocess
import sys
import textwrap
import time
from collections.abc import Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple
from urllib.parse import quote

import jwt
import pytest
from arqonbus_conformance.report.difference import difference_of
from arqonbus_conformance.report.difference_forms import write_json as write_difference
from arqonbus_conformance.report.difference_forms import write_page_of
from arqonbus_conformance.report.reading import as_report, read_report
from arqonbus_conformance.signoff.attestation import sealed
from arqonbus_conformance.signoff.keys import new_pair, read_private, write_pair
from arqonbus_conformance.signoff.statement import statement_of
from websockets.asyncio.server import ServerConnection

RUN_SECONDS = 120.0
GATE = Path(sys.executable).parent / "arqonbus-gate"
CASES = (
    "test_ready_says_ready or test_the_first_frame_is_the_welcome or "
    "test_an_accepted_message_is_delivered_exactly[white-space-around]"
)

TRACES = (
    b"canary",
    b"63616e617279",
    b"%63%61%6e",
    *(base64.b64encode(b"." * shift + b"canary" + b"." * 3)[4 if shift else 0 :][:6] for shift in range(3)),
)
"""What is left of a canary in plain, hexadecimal, percent-encoded and base64 text at each of its three offsets."""

ECHOING_PROGRAM = """
import base64, os, sys, urllib.parse
for name, value in os.environ.items():
    print(name, "is", value, base64.b64encode(f"x:{value}".encode()).decode(), urllib.parse.quote(value, safe=""))
    print("".join("%%%02x" % byte for byte in value.encode()), value.encode().hex(), repr(value), flush=True)
print(sys.argv)
sys.exit(1)
"""


def encodings(text: str) -> str:
    """A text in each way in which a deployment may send it back."""
    raw = text.encode()
    percent = "".join(f"%{byte:02x}" for byte in raw)
    shifted = " ".join(base64.b64encode(b"." * shift + raw).decode() for shift in range(3))
    return f"{text} {shifted} {quote(text, safe='')} {percent} {raw.hex()} {base64.urlsafe_b64encode(raw).decode()}"


def ready_made_token() -> str:
    """A token that could be used now, with canaries in its header and its claims."""
    now = int(time.time())
    claims = {"sub": "canary-subject", "tenant_id": "canary-tenant", "exp": now + 3600, "iat": now}
    return jwt.encode(claims, "s" * 32, algorithm="HS256", headers={"kid": "canary"})


@pytest.fixture
def echoing_bus(welcome: dict[str, Any]) -> Callable[[ServerConnection], Awaitable[None]]:
    """A bus that greets, and answers everything with the headers of the upgrade and with what was sent."""

    async def serve(connection: ServerConnection) -> None:
        assert connection.request is not None
        told = encodings(str(connection.request.headers.get("Authorization")).removeprefix("Bearer "))
        await connection.send(json.dumps(welcome | {"told": told}))
        async for text in connection:
            await connection.send(json.dumps({"told": told, "again": str(text), "status": told}))

    return serve


class EchoingHttp(BaseHTTPRequestHandler):
    """Answers every request with its own head."""

    def do_GET(self) -> None:
        body = json.dumps({"status": encodings(str(self.headers.get("Authorization")))}).encode()
        self.send_response(500)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Told", encodings(str(self.headers.get("Authorization"))))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the library
        """Say nothing."""


@pytest.fixture
def echoing_http() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), EchoingHttp)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


class Told(NamedTuple):
    """What a run wrote and said."""

    artefacts: dict[str, bytes]
    code: int


Gate = Callable[[str, str], Told]


@pytest.fixture
def program(tmp_path: Path) -> Path:
    place = tmp_path / "program.py"
    place.write_text(ECHOING_PROGRAM, "utf-8")
    return place


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    """Runs the gate on a profile and gathers everything that it writes."""

    def run(profile: str, keyword: str) -> Told:
        (tmp_path / "profile.toml").write_text(textwrap.dedent(profile), "utf-8")
        place = tmp_path / "work"
        place.mkdir()
        finished = subprocess.run(
            [
                *(str(GATE), "run", "--verbose", "--target", str(tmp_path / "profile.toml"), "-k", keyword),
                *("--sarif", "reports/gate.sarif", "--badge", "reports/gate.svg"),
            ],
            capture_output=True,
            cwd=place,
            env={
                **os.environ,
                "GATE_SECRET": "canary-secret-" + "s" * 32,
                "GATE_TOKEN": ready_made_token(),
                "DEPLOY_TOKEN": "canary-inherited",
            },
            timeout=RUN_SECONDS,
            check=False,
        )
        files = {str(path): path.read_bytes() for path in place.rglob("*") if path.is_file()}
        return Told({**files, "stdout": finished.stdout, "stderr": finished.stderr}, finished.returncode)

    return run


def traces_in(told: Told) -> list[tuple[str, bytes]]:
    """Where something of a canary was found, with what stands around it."""
    return [
        (name, content[max(0, found.start() - 60) : found.end() + 60])
        for name, content in told.artefacts.items()
        for trace in TRACES
        for found in re.finditer(re.escape(trace), content, re.IGNORECASE if trace in TRACES[:3] else 0)
    ]


def tokens_in(told: Told) -> list[bytes]:
    """JSON Web Tokens in what was written."""
    return [token for content in told.artefacts.values() for token in re.findall(rb"eyJ[\w-]{12,}", content)]


@pytest.fixture
def hostile(bus_beside: Callable[..., str], echoing_bus: object, echoing_http: int) -> Callable[[str], str]:
    """The profile of a deployment that sends back what it is sent, with these credentials."""
    address = bus_beside(echoing_bus)

    def profile(credentials: str) -> str:
        return f"""
            name = "hostile"
            [endpoints]
            bus = "{address}"
            http = "http://127.0.0.1:{echoing_http}"
            [claims]
            auth = true
            [credentials]
            {credentials}
            """

    return profile


@pytest.mark.parametrize(
    "credentials", ['jwt_secret_env = "GATE_SECRET"', 'token_env = { a_user = "GATE_TOKEN" }']
)
def test_nothing_that_the_deployment_sends_back_is_written(
    gate: Gate, hostile: Callable[[str], str], credentials: str
) -> None:
    """Secret, minted and ready-made tokens, plain and encoded, on the wire and in failures."""
    told = gate(hostile(credentials), CASES)

    assert told.code in {1, 2, 4}
    assert any(b"***" in content for content in told.artefacts.values())
    assert {Path(name).name for name in told.artefacts} >= {"gate.sarif", "gate.svg", "gate.html", "gate.xml"}
    assert traces_in(told) == []
    assert tokens_in(told) == []


def test_what_is_made_of_a_report_holds_nothing_more(
    gate: Gate, hostile: Callable[[str], str], tmp_path: Path
) -> None:
    """The attestation, and the page and the JSON of a difference to a report where all was well."""
    gate(hostile('jwt_secret_env = "GATE_SECRET"'), CASES)
    path = tmp_path / "work/reports/gate.json"
    document = read_report(path)
    fine = document | {
        "cases": [case | {"verdict": "holds"} for case in document["cases"]],
        "failures": [],
    }

    write_pair(tmp_path / "k", new_pair())
    envelope = sealed(statement_of(as_report(document)), read_private(tmp_path / "k"))
    changed = difference_of(fine, document)
    write_page_of(changed, tmp_path / "diff.html")
    write_difference(changed, tmp_path / "diff.json")
    attested = base64.b64decode(json.loads(envelope)["payload"])
    made = {name: (tmp_path / name).read_bytes() for name in ("diff.html", "diff.json")}
    told = Told({**made, "statement": attested}, 0)

    assert b"unit/" in told.artefacts["statement"]
    assert b"unit/" in told.artefacts["diff.html"]
    assert traces_in(told) == []
    assert tokens_in(told) == []


def test_nothing_that_a_launched_program_prints_is_written(gate: Gate, program: Path) -> None:
    """Its variables, what it inherits, and the words of its command."""
    told = gate(
        f"""
        name = "hostile"
        [launch]
        command = "{sys.executable} {program} --password=canary-word redis://:canary-in-command@h:1"
        [launch.environment]
        ARQONBUS_AUTH_JWT_SECRET = "canary-launched-secret"
        ARQONBUS_REDIS_URL = "redis://ann:canary-store-password@127.0.0.1:1/0"
        ARQONBUS_NATS_TOKEN = "canary nats/token+1"
        """,
        "CONN-001 or CONF-001",
    )

    assert told.code == 69
    assert b"could not be launched" in b"".join(told.artefacts.values())
    assert traces_in(told) == []


def test_a_profile_that_is_refused_is_quoted_without_its_password(gate: Gate) -> None:
    """The message names the field and the value that is not allowed."""
    told = gate('name = "x"\n[endpoints]\nbus = "http://ann:canary-password@h:1"\n', "CONN-001")

    assert told.code == 78
    assert b"endpoints.bus" in told.artefacts["stderr"]
    assert traces_in(told) == []


def test_the_search_finds_a_canary_in_each_encoding() -> None:
    """So that finding none means something."""
    found = {
        trace
        for shift in ("", ".", "..")
        for _, trace in traces_in(Told({"x": encodings(f"{shift}canary-x").encode()}, 0))
    }

    joined = b" ".join(found)
    assert all(re.search(re.escape(trace), joined, re.IGNORECASE) for trace in TRACES)
