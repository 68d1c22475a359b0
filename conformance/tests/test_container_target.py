"""The gate on a deployment that its profile launches in containers: the reference, in an image of its own."""

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import docker
import pytest
import pytest_asyncio
from arqonbus_conformance.container_check import image_digest
from arqonbus_conformance.container_launch import ContainerLaunch, container_launch
from arqonbus_conformance.target import parse_profile
from arqonbus_fixtures.contained import LABEL
from arqonbus_fixtures.containers import engine_fault
from doctor_runs import examined, gate
from reference_image import present

EXAMPLE = Path(__file__).parents[2] / "profiles" / "container-example.toml"
IMAGE = "registry.example/arqonbus:1.0"
SECONDS = 60.0
"""Longest wait for what an engine does."""
RUN_SECONDS = 240.0
"""Longest time for a run of a few cases, each of which starts containers."""
LOOK_SECONDS = 0.1
"""Time between two looks at what the engine knows: it tells nobody."""

needs_program = pytest.mark.skipif(shutil.which("docker") is None, reason="there is no program docker here")
needs_engine = pytest.mark.skipif(
    engine_fault() is not None or shutil.which("docker") is None, reason="no container engine answers here"
)

CASES = (
    "test_dev_starts_with_no_variable",  # none but those that stand for a launch
    "test_a_faulty_dotenv_file_is_refused",  # 78, and a file in the working directory
    "test_preflight_refuses_a_shadow[dev",  # a folder of the case
    "test_no_secret_is_written",  # a drain
    "test_nothing_acknowledged_is_lost_with_the_bus[1]",  # kill -9 and a start on the same port
)


def test_the_example_starts_containers_of_one_image() -> None:
    """Every command line of the example is one that the gate can use."""
    target = parse_profile(EXAMPLE.read_text("utf-8"), {})

    assert target.launch is not None
    lines = (target.launch.command, target.launch.preflight, target.launch.shield)
    launches = [container_launch((line or "").split()) for line in lines]
    assert [launch.image for launch in launches if launch is not None] == [IMAGE] * 3


@needs_program
async def test_an_engine_that_does_not_answer_ends_a_run_before_any_case(tmp_path: Path) -> None:
    """Exit 69, the engine named with what to do, in the words of doctor."""
    nowhere = f"unix://{tmp_path}/nowhere.sock"

    found = await examined(EXAMPLE, DOCKER_HOST=nowhere)
    code, said = await gate("run", "--target", str(EXAMPLE), DOCKER_HOST=nowhere)

    assert (found.code, code) == (69, 69)
    assert ("launch.command", "engine") in found.problems()
    assert "launch.command: the engine docker does not answer: " in said
    assert "start it, or give this user access to it" in said


@needs_engine
async def test_an_image_that_is_not_here_ends_a_run_before_any_case() -> None:
    """Exit 69, the image named with what to do, for each command line that wants it."""
    found = await examined(EXAMPLE)
    code, said = await gate("run", "--target", str(EXAMPLE))

    assert (found.code, code) == (69, 69)
    assert {("launch.command", "image"), ("launch.shield", "image")} <= set(found.problems())
    assert f"launch.command: {IMAGE} is not here, and a run pulls nothing: " in said
    assert f"launch.shield: {IMAGE} is not here" in said
    assert "build or pull it, or correct its name" in said


@pytest_asyncio.fixture
async def profile(tmp_path: Path) -> AsyncIterator[Path]:
    """The example with the image of the reference; afterwards no container of a launch is left."""
    image = await asyncio.to_thread(present)
    path = tmp_path / "container.toml"
    path.write_text(EXAMPLE.read_text("utf-8").replace(IMAGE, image), "utf-8")
    yield path
    await until(image, there=False)


def containers(image: str) -> list[str]:
    """The containers of launches that run this image, or did."""
    client = docker.from_env()
    try:
        found = client.containers.list(all=True, filters={"label": LABEL, "ancestor": image})
        return [str(one.name) for one in found]
    finally:
        client.close()


def image_id(image: str) -> str:
    """The id that the engine gave an image, without the name of the hash."""
    client = docker.from_env()
    try:
        return str(client.images.get(image).id).removeprefix("sha256:")
    finally:
        client.close()


def test_an_image_that_no_engine_knows_has_no_digest(tmp_path: Path) -> None:
    """Neither where the engine is not there nor where what it says is no id."""
    engine = tmp_path / "docker"
    engine.write_text("#!/bin/sh\necho sha256:short\n", "utf-8")
    engine.chmod(0o700)

    assert image_digest(ContainerLaunch(str(tmp_path / "nowhere"), "bus:1", ())) is None
    assert image_digest(ContainerLaunch(str(engine), "bus:1", ())) is None


async def until(image: str, *, there: bool) -> None:
    """Return when the engine has containers of launches that run this image, or has none."""
    async with asyncio.timeout(SECONDS):
        while bool(await asyncio.to_thread(containers, image)) is not there:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(LOOK_SECONDS)


async def begun(profile: Path, folder: Path, *cases: str) -> asyncio.subprocess.Process:
    """A run of the gate with these cases, and its reports in the folder."""
    arguments = ["--target", str(profile), "--no-incidents", "--jobs", "1", "--attempts", "1"]
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "arqonbus_conformance", "run", *arguments, "-k", " or ".join(cases)),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


@needs_engine
async def test_cases_hold_for_the_reference_in_a_container(profile: Path, tmp_path: Path) -> None:
    """Started with no variable, refused with 78, drained, killed and started again: exit 0, nothing left.

    The report binds to the image: its id is the digest of what was launched.
    """
    image = await asyncio.to_thread(present)
    run = await begun(profile, tmp_path, *CASES)

    async with asyncio.timeout(RUN_SECONDS):
        said, _ = await run.communicate()

    report = json.loads((tmp_path / "reports" / "gate.json").read_text("utf-8"))
    assert run.returncode == 0, said.decode()
    assert {case["verdict"] for case in report["cases"]} == {"holds"}
    assert len(report["cases"]) >= len(CASES)
    assert report["leftovers"]["found"] == []
    assert report["target"]["fingerprint"]["package_digest"] == await asyncio.to_thread(image_id, image)


@needs_engine
async def test_a_killed_gate_leaves_no_container(profile: Path, tmp_path: Path) -> None:
    """While the main deployment runs in a container the gate is killed with -9; the container goes."""
    image = await asyncio.to_thread(present)
    run = await begun(profile, tmp_path, "test_history")
    await until(image, there=True)

    run.kill()
    await run.wait()

    await until(image, there=False)
