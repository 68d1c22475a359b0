"""The runbook of production is run as it is written: its files, commands, stop conditions, exit codes, sanity checks."""

import asyncio
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest
import pytest_asyncio
from arqonbus_fixtures import ports, valkey
from arqonbus_fixtures.nats import embedded as embedded_nats
from arqonbus_reference import cli, preflight, settings
from arqonbus_reference.shield import preflight as shield_preflight
from arqonbus_reference.shield import settings as shield_settings
from arqonbus_reference.variables import names
from examples import EXAMPLES, ROOT

PAGE = "docs/runbooks/production-preflight.md"
TEXT = (ROOT / PAGE).read_text("utf-8")
CODES = re.findall(r"^\| (\d+) \| `([^`]+)` \|", TEXT, re.MULTILINE)
CHECKS = re.findall(r"^\| `(http[^`]+)` \| (\d+) \| `([^`]+)` \|$", TEXT, re.MULTILINE)
STOPS = re.findall(r"^\| (bus|Shield) \| (without )?`([^`]+)` \| `([A-Z_]+)` \|", TEXT, re.MULTILINE)
BLOCKS = [one for one in EXAMPLES if one.page == PAGE]
FILES = [one.text for one in BLOCKS if one.language == "ini"]
PREFLIGHT, START = ([*one.text.splitlines()] for one in BLOCKS if one.covered_by)
SECRETS = {
    "ARQONBUS_AUTH_JWT_SECRET": "gWf3hTq8vZr1xYk5mNp7sLd2cBj9eUa4",
    "JWT_SECRET": "b" * 16 + "Zq8vZr1xYk5mNp7s",
}
OURS = re.compile("ARQON|SHIELD|JWT|NATS|POLICY_WASM|OLLAMA")
"""Parts of the names of variables that would change what is tried."""
CHECK = {"bus": "arqonbus-reference preflight", "Shield": "arqonbus-reference preflight --shield"}
"""Program -> the command that checks it."""
SECONDS = 20.0
"""How long a command, a start or a recovery may take on a busy machine."""
POLL_SECONDS = 0.05


class Told(NamedTuple):
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str


class Site(NamedTuple):
    """The services that the runbook asks for, and the addresses that stand here for those it names."""

    folder: Path
    places: dict[str, str]
    store: valkey.Valkey
    spine: Any

    def here(self, text: str) -> str:
        """What the runbook says, with the addresses of this machine."""
        return re.sub("|".join(map(re.escape, self.places)), lambda found: self.places[found[0]], text)

    def run(self, command: str, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
        """Run a command of the page to its end, with these variables set."""
        return subprocess.run(
            words(command),
            cwd=self.folder,
            env=clean() | environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )


def words(command: str) -> list[str]:
    """A command of the page, of the program under test whatever is on the path."""
    return [sys.executable, "-m", "arqonbus_reference", *shlex.split(command)[1:]]


def clean() -> dict[str, str]:
    """The environment without variables of bus and Shield."""
    return {name: value for name, value in os.environ.items() if not OURS.search(name)}


def answer(url: str) -> tuple[int, dict[str, Any]]:
    """Status and JSON object of a GET; status 0 while nothing listens."""
    try:
        with urlopen(url, timeout=SECONDS) as response:  # noqa: S310 - an address of the runbook
            return response.status, json.load(response)
    except HTTPError as refused:
        return refused.code, json.load(refused)
    except URLError:
        return 0, {}


def becomes(url: str, status: int) -> None:
    """Wait until a GET is answered with that status.

    Raises:
        AssertionError: it is not within SECONDS.
    """
    until = time.monotonic() + SECONDS
    while (last := answer(url)[0]) != status:
        assert time.monotonic() < until, f"{url} answers {last}, not {status}, after {SECONDS:g} s"
        time.sleep(POLL_SECONDS)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A store that persists, one that does not, a NATS, and both files of the runbook."""
    store, cache, spine = (
        await valkey.open_valkey(),
        await valkey.embedded(appendonly=False),
        await embedded_nats(),
    )
    with ExitStack() as stack:
        ours = {
            port: str(stack.enter_context(ports.lease()).port) for port in ("9100", "8081", "8080", "4000")
        }
        places = {
            "redis://valkey.internal:6379/0": store.url,
            "redis://cache.internal:6380/0": cache.url,
            "nats://nats.internal:4222": spine.url,
            "bus.internal": "127.0.0.1",
            "shield.internal": "127.0.0.1",
        }
        made = Site(tmp_path_factory.mktemp("runbook"), places | ours, store, spine)
        for name, text in zip(("bus.env", "shield.env"), FILES, strict=True):
            (made.folder / name).write_text(made.here(text), "utf-8")
        yield made
    for server in (store, cache, spine):
        await server.close()


@pytest.fixture
def started(site: Site) -> Iterator[list[subprocess.Popen[bytes]]]:
    """What the page starts, in its order, each ready before the next."""
    processes = []
    for command, url in zip(START, (CHECKS[0][0], CHECKS[2][0]), strict=True):
        processes.append(subprocess.Popen(words(command), cwd=site.folder, env=clean() | SECRETS))
        becomes(site.here(url), 200)
    yield processes
    for process in processes:
        process.kill()
        process.wait(SECONDS)


@pytest.fixture
def told(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str, dict[str, str]], Told]:
    """Give a command of the page to the command line of the program, in this process: what a start costs is saved."""
    monkeypatch.chdir(site.folder)

    def run(command: str, environ: dict[str, str]) -> Told:
        monkeypatch.setattr(os, "environ", clean() | environ)
        code = cli.run(shlex.split(command)[1:])
        return Told(code, *capsys.readouterr())

    return run


def otherwise(site: Site, place: Path, stop: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    """The file of variables, and the environment beside it, in which one thing is set otherwise."""
    program, without, setting, _ = stop
    name, _, value = site.here(setting).partition("=")
    text = (site.folder / f"{program.lower()}.env").read_text("utf-8")
    (place / "other.env").write_text(re.sub(f"^{name}=.*\n", "", text, flags=re.MULTILINE), "utf-8")
    others = {key: secret for key, secret in SECRETS.items() if key != name}
    return f"--env-file {place}/other.env", others | ({} if without else {name: value})


def test_each_variable_of_the_runbook_is_one_of_the_settings() -> None:
    """Renamed there, it is renamed on the page, too."""
    written = set(re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", TEXT))

    assert written - names((*settings.VARIABLES, *shield_settings.VARIABLES)) == set()


def test_each_variable_that_production_takes_no_default_for_is_a_stop_condition() -> None:
    """Of the bus and of Shield."""
    without = {(program, variable) for program, absent, _, variable in STOPS if absent}

    assert {("bus", name) for name in preflight.EXPLICIT} <= without
    assert {("Shield", name) for name in shield_preflight.EXPLICIT} <= without


def test_each_file_of_variables_is_run_here() -> None:
    """Whatever page shows one."""
    assert [one.page for one in EXAMPLES if one.language == "ini"] == [PAGE, PAGE]


def test_the_commands_of_the_preflight_pass(site: Site) -> None:
    """In words, and as JSON."""
    ended = [site.run(command, SECRETS) for command in PREFLIGHT]

    assert [one.returncode for one in ended] == [0, 0, 0, 0], [one.stderr for one in ended]
    assert [one.stdout for one in ended[:2]] == ["the configuration can start (prod)\n"] * 2
    whole = {"ok": True, "environment": "prod", "problems": []}
    assert [json.loads(one.stdout) for one in ended[2:]] == [whole, whole]


@pytest.mark.parametrize(("code", "command"), CODES)
def test_an_exit_code_is_what_the_table_says(
    told: Callable[[str, dict[str, str]], Told], code: str, command: str
) -> None:
    """Each with its example."""
    assert told(command, SECRETS).code == int(code)


@pytest.mark.parametrize("stop", STOPS, ids=lambda stop: f"{stop[0]}-{stop[1]}{stop[2]}")
def test_a_stop_condition_ends_with_78_and_its_variable(
    site: Site, tmp_path: Path, told: Callable[[str, dict[str, str]], Told], stop: tuple[str, ...]
) -> None:
    """That variable alone, and no secret."""
    file, environ = otherwise(site, tmp_path, stop)

    code, out, err = told(f"{CHECK[stop[0]]} {file}", environ)

    assert (code, [line.partition(":")[0] for line in err.splitlines()]) == (78, [stop[3]]), err
    assert not any(secret in out + err for secret in (*SECRETS.values(), "too-short"))


@pytest.mark.parametrize(("program", "command"), [("bus", "serve"), ("Shield", "shield")])
def test_a_start_refuses_in_the_words_of_the_preflight(
    site: Site, tmp_path: Path, told: Callable[[str, dict[str, str]], Told], program: str, command: str
) -> None:
    """With its exit code."""
    file, environ = otherwise(site, tmp_path, next(one for one in STOPS if one[0] == program))

    start = site.run(f"arqonbus-reference {command} {file}", environ)

    check = told(f"{CHECK[program]} {file}", environ)
    assert (start.returncode, start.stderr) == (check.code, check.err)


def test_what_was_started_is_as_the_sanity_checks_say(
    site: Site, started: list[subprocess.Popen[bytes]]
) -> None:
    """And drains at SIGTERM, Shield first; while it runs, another one is refused by its address."""
    answers = [answer(site.here(url)) for url, _, _ in CHECKS]
    second = site.run(START[0], SECRETS)
    codes = []
    for process in reversed(started):
        process.send_signal(signal.SIGTERM)
        codes.append(process.wait(SECONDS))

    assert [str(status) for status, _ in answers] == [status for _, status, _ in CHECKS]
    assert [told | json.loads(part) for (_, told), (_, _, part) in zip(answers, CHECKS, strict=True)] == [
        told for _, told in answers
    ]
    assert (second.returncode, "address already in use" in second.stderr.lower()) == (78, True), second.stderr
    assert codes == [0, 0]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.usefixtures("started")
async def test_an_outage_shows_where_the_notes_say_and_ends_without_a_restart(site: Site) -> None:
    """NATS at Shield, the store at the bus."""
    ready, shield = site.here(CHECKS[0][0]), site.here(CHECKS[2][0])

    await site.spine.kill()
    await asyncio.to_thread(becomes, shield, 503)
    await site.spine.start()
    await asyncio.to_thread(becomes, shield, 200)
    await site.store.kill()
    await asyncio.to_thread(becomes, ready, 503)
    await site.store.start()
    await asyncio.to_thread(becomes, ready, 200)
