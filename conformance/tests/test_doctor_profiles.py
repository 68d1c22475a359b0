"""`arqonbus-gate doctor` at profiles that cannot be launched or read: programs, engines and images that are not there."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from arqonbus_fixtures.containers import engine_fault
from doctor_runs import examined, gate


@pytest.mark.parametrize(
    ("launch", "about", "says"),
    [
        ('command = "arqonbus-nowhere serve"', "launch.command", "arqonbus-nowhere is not found on PATH"),
        ('command = "./plain.toml serve"', "launch.command", "is not found"),
        ('command = "docker run --rm --network host"', "launch.command", "names no image"),
        ('command = "{python} serve"\nflags = 1', "launch.flags", "there is no such field"),
    ],
)
async def test_a_launch_that_cannot_be_is_named(launch: str, about: str, says: str, tmp_path: Path) -> None:
    """Nothing is launched to find it out."""
    profile = tmp_path / "launch.toml"
    profile.write_text(f'name = "launched"\n[launch]\n{launch}\n', "utf-8")

    found = await examined(profile)

    assert found.code == 78
    assert any(about == field and says in told for (field, _), told in found.problems().items()), found.text


@pytest.mark.parametrize(
    ("launch", "says"),
    [
        ('command = "arqonbus-nowhere serve"', "launch.command: arqonbus-nowhere is not found on PATH"),
        ('command = "./plain.toml serve"', "launch.command: ./plain.toml is not found"),
        (
            'command = "{python} serve"\nshield = "arqonbus-nowhere shield"',
            "launch.shield: arqonbus-nowhere is not found on PATH",
        ),
    ],
)
async def test_a_run_refuses_a_program_in_the_words_of_the_doctor(
    launch: str, says: str, tmp_path: Path
) -> None:
    """Both end with 78 and the same sentence; no report is written."""
    profile, report = tmp_path / "launch.toml", tmp_path / "gate.json"
    profile.write_text(f'name = "launched"\n[launch]\n{launch}\n', "utf-8")

    found = await examined(profile)
    code, said = await gate("run", "--target", str(profile), "--json", str(report))

    assert (found.code, code) == (78, 78), said
    field, _, detail = says.partition(": ")
    assert found.problems()[field, "program"].startswith(f"{detail} | ")
    assert says in said
    assert not report.exists()


async def test_a_program_that_nothing_launches_is_not_looked_for(
    bus_beside: Callable[..., str], tmp_path: Path
) -> None:
    """Where the profile judges an endpoint only; with scope deployment it is, for the run."""
    profile = tmp_path / "endpoint.toml"
    profile.write_text(
        f'name = "small"\nscope = "endpoint"\n[endpoints]\nbus = "{bus_beside()}"\n'
        '[launch]\ncommand = "arqonbus-nowhere serve"\n',
        "utf-8",
    )
    reports = [word for form in ("json", "junit", "html") for word in (f"--{form}", str(tmp_path / form))]
    asked = ("--target", str(profile), "--requirement", "CONN-001", "--no-incidents", *reports)

    found = await examined(profile)
    endpoint, _ = await gate("run", *asked)
    deployment, said = await gate("run", *asked, "--scope", "deployment")

    assert found.states("launch") == {"program": "skipped"}
    assert found.code != 78, found.text
    assert endpoint != 78
    assert deployment == 78
    assert "launch.command: arqonbus-nowhere is not found on PATH" in said


CONTAINER = """
name = "contained"
[launch]
command = "docker run --rm --network host nowhere.invalid/bus:1 serve"
[control]
valkey = "container"
"""


@pytest.mark.skipif(shutil.which("docker") is None, reason="there is no program docker here")
async def test_an_engine_that_does_not_answer_is_named(tmp_path: Path) -> None:
    """Exit 69, for the launch as for the Valkey; the image is not looked for."""
    profile = tmp_path / "container.toml"
    profile.write_text(CONTAINER, "utf-8")

    found = await examined(profile, DOCKER_HOST=f"unix://{tmp_path}/nowhere.sock")

    assert found.code == 69
    assert set(found.problems()) == {("launch.command", "engine"), ("control.valkey", "engine")}
    assert found.states("launch.command")["image"] == "skipped"


@pytest.mark.skipif(
    engine_fault() is not None or shutil.which("docker") is None, reason="no container engine answers here"
)
async def test_an_image_that_is_not_here_is_named(tmp_path: Path) -> None:
    """Exit 69 with its name, while the engine is well."""
    profile = tmp_path / "container.toml"
    profile.write_text(CONTAINER, "utf-8")

    found = await examined(profile)

    assert found.code == 69
    assert set(found.problems()) == {("launch.command", "image")}
    assert "nowhere.invalid/bus:1 is not here" in found.text
    assert found.states("control.valkey") == {"engine": "ok"}


async def test_a_profile_that_is_no_toml_is_named(tmp_path: Path) -> None:
    """Exit 78 with where it stops being any; one that is not there likewise."""
    profile = tmp_path / "broken.toml"
    profile.write_text("[endpoints", "utf-8")

    found = await examined(profile)
    code, said = await gate("doctor", "--target", str(tmp_path / "missing.toml"))

    assert found.code == 78
    assert "it is not TOML" in next(iter(found.problems().values()))
    assert code == 78
    assert "cannot be read" in said
