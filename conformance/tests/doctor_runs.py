"""What the tests of `doctor` and `init` share: running them, and staging to run them against."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema_rs
from arqonbus_conformance.doctor.forms import doctor_schema
from arqonbus_fixtures import ports
from arqonbus_fixtures.staging import Outside, staging

EXAMPLE = Path(__file__).parents[2] / "profiles" / "staging-example.toml"
REFERENCE = (sys.executable, "-P", "-m", "arqonbus_reference", "serve")
DOCTOR_SECONDS = 60.0


class Examined(NamedTuple):
    """How an examination ended."""

    code: int
    document: dict[str, Any]
    text: str

    def states(self, about: str) -> dict[str, str]:
        """What was found about one field: check -> state."""
        return {one["check"]: one["state"] for one in self.document["checks"] if one["about"] == about}

    def problems(self) -> dict[tuple[str, str], str]:
        """(field, check) -> detail and next step of every problem."""
        return {
            (one["about"], one["check"]): f"{one['detail']} | {one['next_step']}"
            for one in self.document["checks"]
            if one["state"] == "problem"
        }


async def gate(*arguments: str, **environ: str) -> tuple[int, str]:
    """How a command of the gate ended, and what it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "arqonbus_conformance", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **environ},
    )
    async with asyncio.timeout(DOCTOR_SECONDS):
        said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


async def examined(profile: Path, **environ: str) -> Examined:
    """What doctor says of a profile; its JSON fits its schema."""
    code, said = await gate("doctor", "--target", str(profile), "--json", **environ)
    document = json.loads(said)
    jsonschema_rs.validate(doctor_schema(), document)
    return Examined(code, document, said)


@asynccontextmanager
async def staging_example(folder: Path) -> AsyncIterator[Path]:
    """The example of a staging profile in the folder, and staging beside it on ports of its own."""
    with ExitStack() as stack:
        outside = Outside(*(stack.enter_context(ports.lease()).port for _ in range(3)))
        text = EXAMPLE.read_text("utf-8")
        for usual, port in zip(("19100", "19080", "19081"), outside, strict=True):
            text = text.replace(usual, str(port))
        (folder / "staging.toml").write_text(text, "utf-8")
        async with staging(REFERENCE, folder, outside):
            yield folder / "staging.toml"
