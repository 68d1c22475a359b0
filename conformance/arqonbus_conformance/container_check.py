"""Whether the containers that a profile launches can be started: the engine answers, and it has the image. Nothing is started."""

import re
import subprocess
from typing import Final, NamedTuple

from arqonbus_conformance.container_launch import ContainerLaunch, container_launch
from arqonbus_conformance.program_check import commands_of, launches
from arqonbus_conformance.requirements import Scope
from arqonbus_conformance.starting import words
from arqonbus_conformance.target import Target

__all__ = ["ContainerError", "ContainerFault", "container_fault", "container_problems", "image_digest"]

ENGINE_SECONDS: Final = 20.0
"""The longest an engine may take for one answer."""
ENGINE_CHARACTERS: Final = 300
"""How much of its answer is shown."""
IMAGE_ID: Final = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
"""How an engine writes the id of an image: docker with the name of the hash, podman without."""


class ContainerFault(NamedTuple):
    """Why a container cannot be started: what was looked at (``engine`` or ``image``), what is wrong, what to do."""

    check: str
    detail: str
    next_step: str


class ContainerError(Exception):
    """A container of the profile cannot be started; each problem names the field, what is wrong and what to do."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


def container_fault(launch: ContainerLaunch) -> ContainerFault | None:
    """What keeps the engine from starting this container; None where nothing is seen to. It may take a while."""
    answer = _refusal(launch.engine, "version")
    if answer is not None:
        detail = f"the engine {launch.engine} does not answer: {answer}"
        return ContainerFault("engine", detail, "start it, or give this user access to it")
    answer = _refusal(launch.engine, "image", "inspect", launch.image or "")
    if answer is not None:
        detail = f"{launch.image} is not here, and a run pulls nothing: {answer}"
        return ContainerFault("image", detail, "build or pull it, or correct its name")
    return None


def container_problems(target: Target, scope: Scope | None = None) -> list[str]:
    """One sentence for each container that a run would launch and cannot; the programs are there."""
    if target.launch is None or not launches(target, scope):
        return []
    started = {field: container_launch(words(line)) for field, line in commands_of(target.launch).items()}
    faults = {field: container_fault(launch) for field, launch in started.items() if launch is not None}
    return [
        f"{field}: {fault.detail}; {fault.next_step}" for field, fault in faults.items() if fault is not None
    ]


def image_digest(launch: ContainerLaunch) -> str | None:
    """The SHA-256 by which the engine knows the image, in hexadecimal; None where it does not say."""
    command = (launch.engine, "image", "inspect", "--format", "{{.Id}}", launch.image or "")
    try:
        asked = _asked(*command)
    except (subprocess.TimeoutExpired, OSError):
        return None
    said = IMAGE_ID.fullmatch(asked.stdout.strip())
    return said[1] if said is not None and asked.returncode == 0 else None


def _refusal(*command: str) -> str | None:
    """What went wrong when the engine was asked; None where nothing did."""
    try:
        asked = _asked(*command)
    except subprocess.TimeoutExpired:
        return f"no answer within {ENGINE_SECONDS:g} s"
    except OSError as fault:
        return f"it cannot be executed: {fault.strerror}"
    if asked.returncode == 0:
        return None
    return " ".join(asked.stderr.split())[:ENGINE_CHARACTERS] or f"exit {asked.returncode}"


def _asked(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - the engine that the profile names
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=ENGINE_SECONDS,
    )
