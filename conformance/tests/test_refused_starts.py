"""A start that must be refused: whoever serves instead is found out at once, and nobody else is taken for it."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from arqonbus_conformance.deployment import Launch
from arqonbus_conformance.edge import LaunchShield
from arqonbus_conformance.findings import Violation
from arqonbus_conformance.namespace import Namespace
from arqonbus_conformance.transcript import Transcript

SERVES = """
import http.server, os

class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(os.environ.get("STATUS", "200")))
        self.end_headers()

port = os.environ.get("SHIELD_PORT") or os.environ["ARQONBUS_HTTP_PORT"]
http.server.HTTPServer(("127.0.0.1", int(port)), Ready).serve_forever()
"""
REFUSES = "import sys; sys.exit(78)"
HANGS = "import time; time.sleep(600)"
LONG_SECONDS = 600.0
SHORT_SECONDS = 0.3


@pytest.fixture
def command(tmp_path: Path) -> str:
    """Runs the program that the variable PROGRAM names."""
    for name, code in (("serves", SERVES), ("refuses", REFUSES), ("hangs", HANGS)):
        (tmp_path / f"{name}.py").write_text(code, "utf-8")
    return f"""{sys.executable} -c "import os, runpy; runpy.run_path(os.environ['PROGRAM'])\""""


@pytest.fixture
async def launch(command: str) -> AsyncIterator[Launch]:
    """Launches such programs as a bus."""
    launch = Launch(command, Namespace(), Transcript(), secret="s" * 32, preflight=command)
    yield launch
    await launch.close()


@pytest.fixture
async def launch_shield(command: str) -> AsyncIterator[LaunchShield]:
    """Launches such programs as a Shield."""
    launch = LaunchShield(command, Namespace(), Transcript(), secret="s" * 32)
    yield launch
    await launch.close()


async def test_one_that_serves_is_not_waited_for(launch: Launch, tmp_path: Path) -> None:
    """It did not refuse, however long it may still run."""
    with pytest.raises(Violation, match="did not refuse to start") as found:
        await launch({"PROGRAM": f"{tmp_path}/serves.py"}, wait="exit", within=LONG_SECONDS)

    assert (found.value.expected, found.value.actual) == ("an exit", "it serves")


async def test_a_shield_that_answers_at_all_serves(launch_shield: LaunchShield, tmp_path: Path) -> None:
    """Without a bus none is healthy, and one that should have refused is found out all the same."""
    with pytest.raises(Violation, match="did not refuse to start"):
        await launch_shield(
            {"PROGRAM": f"{tmp_path}/serves.py", "STATUS": "503"}, wait="exit", within=LONG_SECONDS
        )


async def test_a_bus_that_is_not_ready_may_still_refuse(launch: Launch, tmp_path: Path) -> None:
    """It is not ready, and its time is not over."""
    with pytest.raises(Violation, match=r"did not end within 0\.3 s"):
        await launch({"PROGRAM": f"{tmp_path}/serves.py", "STATUS": "503"}, wait="exit", within=SHORT_SECONDS)


async def test_one_that_ends_has_refused(launch: Launch, tmp_path: Path) -> None:
    """With the code that it ended with."""
    refused = await launch({"PROGRAM": f"{tmp_path}/refuses.py"}, wait="exit")

    assert refused.exit_code == 78


async def test_one_that_does_neither_is_waited_for(launch: Launch, tmp_path: Path) -> None:
    """Until its time is over."""
    with pytest.raises(Violation, match=r"did not end within 0\.3 s"):
        await launch({"PROGRAM": f"{tmp_path}/hangs.py"}, wait="exit", within=SHORT_SECONDS)


async def test_who_serves_at_a_taken_address_is_somebody_else(launch: Launch, tmp_path: Path) -> None:
    """The answer there says nothing of the one that is to refuse."""
    first = await launch({"PROGRAM": f"{tmp_path}/serves.py"})
    taken = first.environment["ARQONBUS_HTTP_PORT"]

    refused = await launch({"PROGRAM": f"{tmp_path}/refuses.py", "ARQONBUS_HTTP_PORT": taken}, wait="exit")
    with pytest.raises(Violation, match=r"did not end within 0\.3 s"):
        await launch(
            {"PROGRAM": f"{tmp_path}/hangs.py", "ARQONBUS_HTTP_PORT": taken},
            wait="exit",
            within=SHORT_SECONDS,
        )

    assert refused.exit_code == 78
