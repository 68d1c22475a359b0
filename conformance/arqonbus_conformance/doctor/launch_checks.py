"""Whether what a profile launches is there: programs, container engines, images. Nothing is launched."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from arqonbus_fixtures.containers import engine_fault

from arqonbus_conformance.container_launch import ContainerLaunch, container_launch
from arqonbus_conformance.doctor.check import Blame, Check, ok, problem, skipped
from arqonbus_conformance.program_check import commands_of, launches, program_problems
from arqonbus_conformance.starting import words
from arqonbus_conformance.target import Target

__all__ = ["launch_checks"]

PROGRAM_STEP: Final = "install it, make it executable, or correct the command line"
"""What to do about a program that is not there."""
ENGINE_SECONDS: Final = 20.0
"""The longest an engine may take for one answer; for an image that is not here it asks a registry."""
ENGINE_CHARACTERS: Final = 300
"""How much of its answer is shown."""


async def launch_checks(target: Target) -> AsyncIterator[Check]:
    """The programs of ``[launch]``, the image where it starts a container, and the servers of ``[control]``."""
    if target.launch is None or not launches(target):
        why = "nothing is launched" if target.launch is None else "scope endpoint launches nothing"
        yield skipped("launch", "program", why)
        return
    faults = dict(said.split(": ", 1) for said in program_problems(target))
    for field, command in commands_of(target.launch).items():
        line = words(command)
        if field in faults:
            yield problem(field, "program", faults[field], PROGRAM_STEP, Blame.PROFILE)
            continue
        yield ok(field, "program", f"{line[0]} is there and can be executed")
        launch = container_launch(line)
        if launch is not None and field != "launch.preflight":
            async for one in _container_checks(field, launch):
                yield one
    for server, source in target.control._asdict().items():
        if source == "container":
            yield await _server_check(f"control.{server}")


async def _container_checks(about: str, launch: ContainerLaunch) -> AsyncIterator[Check]:
    image = launch.image or ""
    fault = await _engine_fault(launch.engine, "version")
    if fault is not None:
        detail = f"the engine does not answer: {fault}"
        yield problem(about, "engine", detail, "start it, or give this user access to it", Blame.TARGET)
        yield skipped(about, "image", "it needs the engine")
        return
    yield ok(about, "engine", f"{launch.engine} answers")
    if await _engine_fault(launch.engine, "image", "inspect", image) is None:
        yield ok(about, "image", f"{image} is here")
        return
    absent = await _engine_fault(launch.engine, "manifest", "inspect", image)
    if absent is None:
        yield ok(about, "image", f"{image} is not here yet, and can be pulled")
    else:
        detail = f"{image} is neither here nor to be had: {absent}"
        yield problem(about, "image", detail, "build or pull it, or correct its name", Blame.TARGET)


async def _engine_fault(*command: str) -> str | None:
    """What went wrong when the engine was asked; None where nothing did."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(ENGINE_SECONDS):
            _, said = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return f"no answer within {ENGINE_SECONDS:g} s"
    if process.returncode == 0:
        return None
    return (
        " ".join(said.decode("utf-8", "replace").split())[:ENGINE_CHARACTERS] or f"exit {process.returncode}"
    )


async def _server_check(about: str) -> Check:
    fault = await asyncio.to_thread(engine_fault)
    if fault is None:
        return ok(about, "engine", "the container engine answers")
    detail = f"no container can be started: {fault}"
    return problem(about, "engine", detail, "start the engine, or take the embedded server", Blame.TARGET)
