"""`arqonbus-reference dev`: a strict bus and a Shield on servers of their own, gone without a trace when it ends."""

import asyncio
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import uvloop

from arqonbus_reference.dev_servers import LOOPBACK, ServerError, nats, valkey
from arqonbus_reference.lifecycle import stop_event
from arqonbus_reference.secret import Secret, Url
from arqonbus_reference.server import Endpoints, serve
from arqonbus_reference.settings import Settings
from arqonbus_reference.shield.settings import ShieldSettings

EX_UNAVAILABLE: Final = 69
SOCKET_PATH_BYTES: Final = 103
"""The longest path of a unix socket that every system takes: Linux takes 107 bytes, macOS 103."""
SHORT_PLACE: Final = "/tmp"  # noqa: S108 - what is made in it is closed to other users (0700)
"""Where the folder is made when the path of the socket in it would be too long elsewhere."""
TOKEN_SECONDS: Final = 12 * 3600
"""How long the token that is printed is good for."""


class Ports(NamedTuple):
    """TCP ports; 0 is a free one the kernel picks, None for Valkey is none: its unix socket is always there."""

    bus: int = 0
    http: int = 0
    telemetry: int = 0
    shield: int = 0
    valkey: int | None = None


def strict(
    settings: Settings, ports: Ports, storage: str = "unix:///dev/null", spine: str | None = None
) -> Settings:
    """The settings of the development bus: loopback, strict, on the Valkey and the NATS at these URLs, quiet unless told otherwise."""
    quiet = settings.log_level if "ARQONBUS_LOG_LEVEL" in settings.explicit else "warning"
    return msgspec.structs.replace(
        settings,
        environment="dev",
        server_host=LOOPBACK,
        http_host=LOOPBACK,
        telemetry_host=LOOPBACK,
        server_port=ports.bus,
        http_port=ports.http,
        telemetry_port=ports.telemetry,
        storage_mode="strict",
        storage_backend="redis_streams",
        redis_url=Url(storage),
        nats_url=None if spine is None else Url(spine),
        log_level=quiet,
    )


def edge(settings: ShieldSettings, ports: Ports) -> ShieldSettings:
    """The settings of the development Shield: loopback, quiet unless told otherwise, a secret of its own where none is set."""
    quiet = settings.log_level if "ARQONBUS_LOG_LEVEL" in settings.explicit else "warning"
    return msgspec.structs.replace(
        settings,
        environment="dev",
        host=LOOPBACK,
        port=ports.shield,
        jwt_secret=settings.jwt_secret or Secret(secrets.token_hex(32)),
        log_level=quiet,
    )


def run(settings: Settings, shield: ShieldSettings, ports: Ports, data: Path | None) -> int:
    """Run until Ctrl-C and return the exit code; without `data` what was stored is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="arqonbus-dev-", dir=_socket_place()) as folder:
        place = (data or Path(folder)).resolve()
        place.mkdir(parents=True, exist_ok=True)
        return uvloop.run(_run(settings, shield, ports, (Path(folder), place)))


def _socket_place() -> str:
    """That of temporary files (TMPDIR), or `SHORT_PLACE` where the socket of Valkey would not fit."""
    usual = tempfile.gettempdir()
    deepest = os.fsencode(f"{usual}/arqonbus-dev-12345678/valkey.sock")
    return usual if len(deepest) <= SOCKET_PATH_BYTES else SHORT_PLACE


async def _run(settings: Settings, shield: ShieldSettings, ports: Ports, places: tuple[Path, Path]) -> int:
    folder, data = places
    place = folder / "valkey.sock"  # a unix socket needs no port: nothing to race for, closed to other users
    storage = f"unix://{place}"
    try:
        async with valkey(place, data, ports.valkey), nats(folder) as spine:
            bus_settings = strict(settings, ports, storage, spine)
            shield_settings = msgspec.structs.replace(shield, nats_url=Url(spine))
            rows = {"valkey": storage} | (
                {"valkey_tcp": f"redis://{LOOPBACK}:{ports.valkey}/0"} if ports.valkey else {}
            )
            return await _serve(bus_settings, shield_settings, rows | {"nats": spine})
    except ServerError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the command's output
        return EX_UNAVAILABLE


async def _serve(settings: Settings, shield: ShieldSettings, rows: dict[str, str]) -> int:
    """Both in one process; Shield drains first, while the bus still answers it."""
    from arqonbus_reference.shield.server import serve as serve_edge  # noqa: PLC0415 - its libraries are loaded after the servers run

    stop, bus_stop = stop_event(), asyncio.Event()
    bus, endpoints = await _begun(lambda ready: serve(settings, ready=ready, stop=bus_stop))
    if endpoints is None:
        return bus.result()
    front, address = await _begun(lambda ready: serve_edge(shield, ready=ready, stop=stop))
    if address is not None:
        _show(endpoints, {"shield": address, "token": _token(shield)} | rows)
    code = await front
    bus_stop.set()
    return max(code, await bus)


async def _begun(begin: Callable[[Callable[[Any], None]], Any]) -> tuple["asyncio.Task[int]", Any]:
    """A server that is ready, and what it said of where it is; or one that has ended, and None."""
    ready: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    task: asyncio.Task[int] = asyncio.create_task(begin(ready.set_result))
    await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
    return task, ready.result() if ready.done() else None


def _token(shield: ShieldSettings) -> str:
    """A token for trying things: an administrator of the tenant that clients of the bus itself belong to."""
    import jwt  # noqa: PLC0415 - 0.1 s of CPU, after everything listens

    assert shield.jwt_secret is not None  # noqa: S101 - `edge` has set one
    now = int(time.time())
    claims = {"sub": "dev", "tenant_id": "default", "role": "admin", "iat": now, "exp": now + TOKEN_SECONDS}
    return jwt.encode(claims, shield.jwt_secret.reveal(), algorithm="HS256")


def _show(endpoints: Endpoints, more: dict[str, str]) -> None:
    from rich.console import Console  # noqa: PLC0415 - after everything listens: it is not cheap
    from rich.table import Table  # noqa: PLC0415

    table = Table(title="ArqonBus development bus (strict, durable)", title_justify="left", show_header=False)
    for name, address in (endpoints._asdict() | more).items():
        if name != "token":
            table.add_row(name, address)
    console = Console(soft_wrap=True)
    console.print(table)
    console.print(f"For Shield: Authorization: Bearer {more['token']}", soft_wrap=True, highlight=False)
    console.print("Ctrl-C stops it.")
