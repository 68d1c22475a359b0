r"""What cases import to say what they judge; as a pytest plugin (``-p``), the fixtures they judge with.

The runner hands its ``Judge`` over through ``Handoff``; under plain pytest the plugin makes one from its options:

    pytest -p arqonbus_conformance.plugin -o asyncio_mode=auto -o asyncio_default_test_loop_scope=session \
        -o asyncio_default_fixture_loop_scope=session --pyargs arqonbus_conformance.suites.unit --gate-url ws://HOST:PORT
"""

import random
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, Final, Literal

import pytest
import pytest_asyncio
from arqonbus_fixtures import golden, lifeline

from arqonbus_conformance.deployment import Bus, Http, Interfaces, Launch, MakeValkey, Telemetry, Valkey
from arqonbus_conformance.depth import Depth
from arqonbus_conformance.edge import LaunchShield, MakeNats, Nats, Shield, Tap
from arqonbus_conformance.findings import Unreachable
from arqonbus_conformance.judge import Judge
from arqonbus_conformance.leftovers import left_on_main
from arqonbus_conformance.marks import (
    MARKERS,
    Blast,
    Need,
    blast,
    depth,
    exclusive,
    needs,
    observations,
    repeats,
    requirement,
    time_limit,
)
from arqonbus_conformance.recording import CASE, Case, Recorder
from arqonbus_conformance.requirements import Scope
from arqonbus_conformance.servers import closed_afterwards
from arqonbus_conformance.stage import Stage
from arqonbus_conformance.target import Target, embedded_reference, quick_target, read_profile
from arqonbus_conformance.traces import tidy

__all__ = [
    "Blast",
    "Depth",
    "Handoff",
    "Need",
    "blast",
    "depth",
    "exclusive",
    "needs",
    "observations",
    "repeats",
    "requirement",
    "time_limit",
]

JUDGE = pytest.StashKey[Judge]()
RECORDER = pytest.StashKey[Recorder]()
OF_EDGE: Final = frozenset({Need.SHIELD, Need.SPINE})
"""The needs for which the main deployment must have its Shield."""
PHASES: Final[dict[str, Literal["setup", "call", "teardown"]]] = {
    "setup": "setup",
    "call": "call",
    "teardown": "teardown",
}

pytest.register_assert_rewrite("arqonbus_conformance.suites", "arqonbus_adversarial")


class Handoff:
    """A plugin object through which the runner gives its judge to this plugin."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Leave the judge where the plugin looks for it."""
        config.stash[JUDGE] = self._judge

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport:
        """A report without pytest's own rendering of a failure, which costs 60 ms each and which nobody reads here."""
        return pytest.TestReport(
            nodeid=item.nodeid,
            location=item.location,
            keywords={},
            outcome="passed" if call.excinfo is None else "failed",
            longrepr=None,
            when=PHASES[call.when],
            duration=call.duration,
            start=call.start,
            stop=call.stop,
        )


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options for plain pytest; the runner does without."""
    group = parser.getgroup("arqonbus", "the ArqonBus gate")
    group.addoption("--gate-target", type=Path, default=None, help="target profile (TOML)")
    group.addoption("--gate-url", default=None, help="WebSocket address of a running bus")
    group.addoption("--gate-http", default=None, help="HTTP address of the same deployment")
    group.addoption("--gate-telemetry", default=None, help="telemetry address of the same deployment")
    group.addoption("--gate-scope", choices=[str(scope) for scope in Scope], default="deployment")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and make a judge where none was handed over."""
    for line in MARKERS:
        config.addinivalue_line("markers", line)
    if JUDGE not in config.stash:
        config.stash[JUDGE] = Judge(_target(config), scope=Scope(config.getoption("--gate-scope")))
    config.stash[RECORDER] = Recorder(config.stash[JUDGE])
    config.pluginmanager.register(config.stash[RECORDER], "arqonbus-recorder")


def _target(config: pytest.Config) -> Target:
    profile, url = config.getoption("--gate-target"), config.getoption("--gate-url")
    if profile is not None:
        return read_profile(profile)
    if url is not None:
        return quick_target(url, config.getoption("--gate-http"), config.getoption("--gate-telemetry"))
    return embedded_reference()


@pytest.fixture(scope="session")
def _stage(request: pytest.FixtureRequest) -> Stage:
    judge = request.config.stash[JUDGE]
    return Stage(judge.target, judge.scope)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def _main(request: pytest.FixtureRequest, _stage: Stage) -> AsyncIterator[Stage]:
    judge = request.config.stash[JUDGE]
    needed = {need for item in request.session.items for need in item.stash[CASE].needs}
    try:
        await _stage.open(with_shield=bool(needed & OF_EDGE))
    except Unreachable as fault:
        judge.unreachable = str(fault)
        request.session.shouldstop = "the target cannot be reached"
        await _stage.close()
        raise
    except BaseException:  # interrupted halfway: what was launched until then is ended
        await _stage.close()
        raise
    judge.surroundings = _stage.surroundings()
    yield _stage
    judge.find_left(await left_on_main(_stage))
    await _stage.close()


@pytest.fixture(autouse=True)
def _case(request: pytest.FixtureRequest, _stage: Stage) -> Case:
    case: Case = request.node.stash[CASE]
    if case.on_main or _stage.target.endpoints is not None:
        request.getfixturevalue("_main")
    request.config.stash[RECORDER].require(case, _stage)
    case.begin_observing()
    return case


@pytest_asyncio.fixture(loop_scope="session")
async def _interfaces(_stage: Stage, _case: Case) -> AsyncIterator[Interfaces]:
    interfaces = _stage.interfaces(_case.namespace, _case.transcript)
    yield interfaces
    await tidy(interfaces.bus)
    _stage.traces.note(interfaces.bus)
    await interfaces.close()


@pytest.fixture
def bus(_interfaces: Interfaces) -> Bus:
    """The bus of the main deployment, with fresh names for this case."""
    return _interfaces.bus


@pytest.fixture
def http(_interfaces: Interfaces) -> Http:
    """The HTTP interface of the main deployment."""
    return _interfaces.http


@pytest.fixture
def telemetry(_interfaces: Interfaces) -> Telemetry:
    """The telemetry interface of the main deployment."""
    return _interfaces.telemetry


@pytest_asyncio.fixture(loop_scope="session")
async def launch(_stage: Stage, _case: Case) -> AsyncIterator[Launch]:
    """Launches deployments that live as long as this case."""
    launcher = _stage.launcher(_case.namespace, _case.transcript)
    yield launcher
    await launcher.close()


@pytest_asyncio.fixture(loop_scope="session")
async def make_valkey(_stage: Stage, _case: Case) -> AsyncIterator[MakeValkey]:
    """Makes Valkeys that live as long as this case."""
    async with closed_afterwards(_stage.make_valkey) as make:
        yield make


@pytest_asyncio.fixture(loop_scope="session")
async def valkey(make_valkey: MakeValkey) -> Valkey:
    """A Valkey of this case alone that syncs every write."""
    return await make_valkey()


@pytest_asyncio.fixture(loop_scope="session")
async def shield(_stage: Stage, _case: Case) -> AsyncIterator[Shield]:
    """The Shield of the main deployment, with fresh names for this case."""
    endpoint = _stage.shield(_case.namespace, _case.transcript)
    yield endpoint
    await endpoint.close()


@pytest_asyncio.fixture(loop_scope="session")
async def tap(_stage: Stage, _case: Case) -> AsyncIterator[Tap]:
    """A subscriber to everything that passes over the spine of the main deployment."""
    subscriber = await _stage.tap(_case.transcript)
    yield subscriber
    await subscriber.close()


@pytest_asyncio.fixture(loop_scope="session")
async def launch_shield(_stage: Stage, _case: Case) -> AsyncIterator[LaunchShield]:
    """Launches Shields that live as long as this case."""
    launcher = _stage.shield_launcher(_case.namespace, _case.transcript)
    yield launcher
    await launcher.close()


@pytest_asyncio.fixture(loop_scope="session")
async def make_nats(_stage: Stage, _case: Case) -> AsyncIterator[MakeNats]:
    """Makes NATS servers that live as long as this case."""
    async with closed_afterwards(_stage.make_nats) as make:
        yield make


@pytest_asyncio.fixture(loop_scope="session")
async def nats(make_nats: MakeNats) -> Nats:
    """A NATS of this case alone."""
    return await make_nats()


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder that lives as long as the case; pytest's own would stay behind."""
    folder = lifeline.new_folder("case-")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def vectors() -> Callable[[str], list[dict[str, Any]]]:
    """Golden vectors by name."""
    return golden.vectors


@pytest.fixture
def rng(request: pytest.FixtureRequest, _case: Case) -> random.Random:
    """A random generator that the seed of the run and the id of the case determine, and the round where it has several.

    A case that was violated is run again with the same numbers.
    """
    drawn = f"{request.config.stash[JUDGE].seed}:{_case.id}"
    if _case.rounds_held:
        drawn = f"{drawn}:{_case.rounds_held}"
    return random.Random(drawn)  # noqa: S311 - reproducible, not secret


@pytest.fixture(name="depth")
def _depth(request: pytest.FixtureRequest) -> Depth:
    """How deep this run looks."""
    return request.config.stash[JUDGE].request.depth
