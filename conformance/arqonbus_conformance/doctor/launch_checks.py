"""Whether what a profile launches is there: programs, container engines, images. Nothing is launched."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from arqonbus_fixtures.containers import engine_fault

from arqonbus_conformance.container_check import container_fault
from arqonbus_conformance.container_launch import ContainerLaunch, container_launch
from arqonbus_conformance.doctor.check import Blame, Check, ok, problem, skipped
from arqonbus_conformance.program_check import commands_of, launches, program_problems
from arqonbus_conformance.starting import words
from arqonbus_conformance.target import Target

__all__ = ["launch_checks"]

PROGRAM_STEP: Final = "install it, make it executable, or correct the command line"
"""What to do about a program that is not there."""


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
    fault = await asyncio.to_thread(container_fault, launch)
    if fault is not None and fault.check == "engine":
        yield problem(about, "engine", fault.detail, fault.next_step, Blame.TARGET)
        yield skipped(about, "image", "it needs the engine")
        return
    yield ok(about, "engine", f"{launch.engine} answers")
    if fault is None:
        yield ok(about, "image", f"{launch.image} is here")
    else:
        yield problem(about, "image", fault.detail, fault.next_step, Blame.TARGET)


async def _server_check(about: str) -> Check:
    fault = await asyncio.to_thread(engine_fault)
    if fault is None:
        return ok(about, "engine", "the container engine answers")
    detail = f"no container can be started: {fault}"
    return problem(about, "engine", detail, "start the engine, or take the embedded server", Blame.TARGET)
