"""Critical 1, package shadowing: a folder named like a dependency stood first on the import path and was imported instead of it.

The assessed tree held stand-ins named `aiohttp` and `redis` beside the code. Whatever ran from that directory
imported them: tests passed against doubles, and a deployment started from there would have served with them.
"""

import asyncio
import re
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Deployment, Http, Launch
from arqonbus_conformance.findings import NotApplicable
from arqonbus_conformance.packaging.interpreter_look import imported_and_installed
from arqonbus_conformance.packaging.launched_python import Seen, launched_by
from arqonbus_conformance.packaging.recorded import Distributions
from arqonbus_conformance.packaging.shadowing import shadowed
from arqonbus_conformance.packaging.undecided import UndecidedError
from arqonbus_conformance.plugin import depth, needs, requirement
from arqonbus_conformance.suites.conditions import listening, staging

STAND_IN = '__version__ = "0.0.0"\n'
BROKEN = 'raise ImportError("this stand-in cannot be imported")\n'
VERSION = re.compile(r"[0-9]+(\.[0-9]+)+([a-z0-9.+-]*)")
"""A version as distributions have it."""


def shadowing(folder: Path, name: str, source: str = STAND_IN) -> dict[str, str | None]:
    """The environment of a start that finds a package of that name in `folder` before any other."""
    (folder / name).mkdir()
    (folder / name / "__init__.py").write_text(source, "utf-8")
    return {"PYTHONPATH": str(folder)}


async def dependencies(http: Http) -> dict[str, str]:
    """The run-time dependencies that a deployment reports."""
    reported: dict[str, str] = (await http.get("/system/info")).json()["dependencies"]
    return reported


async def imports(deployment: Deployment, place: Path) -> tuple[Seen, Distributions]:
    """What the interpreter of a launched deployment would import, started as that was, and what is installed for it.

    Raises:
        NotApplicable: it was launched as no Python program, or by one whose distributions say nothing of their files.
    """
    process = deployment.process
    python = launched_by(process.command, process.environ, process.cwd)
    if python is None:
        raise NotApplicable("the launch command starts no Python program that can be seen")
    try:
        return await asyncio.to_thread(imported_and_installed, python, place)
    except UndecidedError as fault:
        raise NotApplicable(str(fault)) from fault


def comparable(reported: dict[str, str], installed: Distributions) -> dict[str, str]:
    """What is reported, by the names of distributions, without those that do not say which files they installed.

    Raises:
        NotApplicable: none does.
    """
    told = {str(canonicalize_name(name)): version for name, version in reported.items()}
    compared = {name: version for name, version in told.items() if name not in installed.unrecorded}
    if not compared:
        raise NotApplicable("no distribution that is reported says which files it installed")
    return compared


@depth("smoke")
@requirement("PKG-001")
@needs("http")
async def test_dependencies_are_reported_with_versions(http: Http) -> None:
    """The report names at least one dependency, each with the version of a distribution."""
    reported = await dependencies(http)

    expect.that(reported, "no dependency is reported")
    assert [f"{name}={version}" for name, version in reported.items() if not VERSION.fullmatch(version)] == []


@requirement("PKG-001")
@needs("launch")
async def test_what_is_reported_is_installed_and_imported(launch: Launch, tmp_path: Path) -> None:
    """Asked from outside, the interpreter has each reported dependency in that version, and imports its files and no others."""
    deployment = await launch(env=staging(launch))
    reported = await dependencies(deployment.http)

    seen, installed = await imports(deployment, tmp_path)

    told = comparable(reported, installed)
    found = {name: one.version for name, one in installed.recorded.items() if name in told}
    expect.equal(told, found, "the versions of the dependencies that are reported")
    own = {name: one for name, one in installed.recorded.items() if name in told}
    assert [one.what for one in shadowed(own, seen)] == []


@requirement("PKG-001", "PKG-002")
@needs("launch")
async def test_a_harmless_folder_changes_nothing(launch: Launch, tmp_path: Path) -> None:
    """The twin: with a package of another name first on the path, start and report are as without it."""
    plain = await launch(env=staging(launch))
    beside = await launch(env={**staging(launch), **shadowing(tmp_path, "nobodys_package")})

    assert await dependencies(beside.http) == await dependencies(plain.http)


@requirement("PKG-002")
@needs("launch")
@pytest.mark.parametrize(
    ("environment", "source"),
    [("dev", STAND_IN), ("staging", BROKEN), ("prod", STAND_IN)],
    ids=["dev-stand-in", "staging-broken", "prod-stand-in"],
)
async def test_preflight_refuses_a_shadow(
    launch: Launch, tmp_path: Path, environment: str, source: str
) -> None:
    """A folder named `aiohttp` first on the import path: 78, and the line names it."""
    env = {**staging(launch), "ARQONBUS_ENVIRONMENT": environment, **shadowing(tmp_path, "aiohttp", source)}

    finished = await launch.preflight(env=env)

    expect.equal(finished.exit_code, 78, f"the exit code of preflight, which says {finished.stderr!r}")
    expect.that("aiohttp" in finished.stderr, "the shadow is not named", actual=finished.stderr)
    expect.that("Traceback" not in finished.stderr, "a traceback instead of a line", actual=finished.stderr)


@requirement("PKG-002", "CONF-027", "CONF-008")
@needs("launch")
@pytest.mark.parametrize("name", ["aiohttp", "redis"])
async def test_a_staging_start_refuses_a_shadow(launch: Launch, tmp_path: Path, name: str) -> None:
    """The start itself refuses: 78, the shadow named, nothing listening."""
    refused = await launch(env={**staging(launch), **shadowing(tmp_path, name)}, wait="exit")

    expect.equal(refused.exit_code, 78, f"the exit code of the start, which says {refused.output!r}")
    expect.that(name in refused.output, "the shadow is not named", actual=refused.output)
    assert [port for port in refused.ports if await listening(port)] == []


@requirement("PKG-001", "PKG-002")
@needs("launch")
async def test_a_module_file_is_a_shadow_too(launch: Launch, tmp_path: Path) -> None:
    """A single file `aiohttp.py` in the folder shadows as a package does, and is refused as one."""
    (tmp_path / "aiohttp.py").write_text(STAND_IN, "utf-8")

    refused = await launch.preflight(env={**staging(launch), "PYTHONPATH": str(tmp_path)})

    expect.equal(refused.exit_code, 78, f"the exit code of preflight, which says {refused.stderr!r}")
    expect.that("aiohttp" in refused.stderr, "the shadow is not named", actual=refused.stderr)
