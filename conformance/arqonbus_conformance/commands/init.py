"""``arqonbus-gate init``: writes a profile by asking the endpoints of a running deployment."""

import asyncio
import os
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from cyclopts import Parameter
from rich.console import Console

from arqonbus_conformance.addresses import HTTP, WEBSOCKET, address
from arqonbus_conformance.commands.application import UsageError, app, make_room
from arqonbus_conformance.doctor.asking import ask
from arqonbus_conformance.doctor.named_tokens import named_tokens
from arqonbus_conformance.doctor.written_profile import Given, profile_of
from arqonbus_conformance.environment_file import with_environment_file
from arqonbus_conformance.findings import Unreachable
from arqonbus_conformance.reach import Reach
from arqonbus_conformance.redaction import Redaction
from arqonbus_conformance.route import Route
from arqonbus_conformance.strict_toml import Fields
from arqonbus_conformance.target import Endpoints, ProfileError, parse_profile
from arqonbus_conformance.tokens import Credentials
from arqonbus_conformance.verdict import ExitCode

__all__ = ["init_command"]

DEFAULT_BUS: Final = "ws://127.0.0.1:9100"
"""Where a bus listens that nobody told otherwise."""


@app.command(name="init")
def init_command(
    *,
    bus: str = DEFAULT_BUS,
    http: str | None = None,
    telemetry: str | None = None,
    token_variable: Annotated[list[str] | None, Parameter(negative="")] = None,
    ca: Path | None = None,
    client_certificate: Path | None = None,
    client_key: Path | None = None,
    out: Path,
    force: bool = False,
) -> int:
    """Write a profile of a running deployment, with comments, from what its endpoints answer.

    Exit codes: 0 written; 64 usage; 69 an endpoint cannot be reached; 78 an address or a token is not valid. Nothing is
    written but with 0, and never a secret.

    Parameters
    ----------
    bus
        The WebSocket address of the bus.
    http
        The address of its HTTP interface.
    telemetry
        The address of its telemetry interface.
    token_variable
        The name of a variable that holds a token, of the process or of a .env beside the profile; may be given several times.
    ca
        The certificates (PEM) to trust instead of those of the system.
    client_certificate
        The certificate (PEM) to show.
    client_key
        Its key (PEM), where it stands in a file of its own.
    out
        Where the profile is written.
    force
        Write over a file that is there.
    """
    if out.exists() and not force:
        raise UsageError(f"--out: {str(out)!r} is there already; --force writes over it")
    if client_key is not None and client_certificate is None:
        raise UsageError("--client-key needs --client-certificate")
    make_room("--out", out)
    endpoints = _endpoints(bus, http, telemetry)
    variables = with_environment_file(out.parent, os.environ)
    fields, tokens = named_tokens(token_variable or (), variables)
    route = Route(Reach(ca, client_certificate, client_key))
    try:
        answers = asyncio.run(ask(endpoints, Credentials(bool(tokens), None, tokens), route))
    except Unreachable as fault:
        said = Redaction.of_run(None, variables).clean(f"arqonbus-gate: {fault}")
        Console(stderr=True).print(said, markup=False, highlight=False, soft_wrap=True)
        return ExitCode.UNREACHABLE
    files = {"ca": ca, "client_certificate": client_certificate, "client_key": client_key}
    tls = {field: _beside(file, out) for field, file in files.items() if file is not None}
    text = profile_of(Given(urlsplit(bus).netloc, endpoints, tls, fields), answers)
    parse_profile(text, variables, out.parent)  # what is written can be read
    _write(text, out)
    Console().print(
        f"profile: {out}; next: arqonbus-gate doctor --target {out}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    return ExitCode.PASS


def _endpoints(bus: str, http: str | None, telemetry: str | None) -> Endpoints:
    problems: list[str] = []
    given = {"bus": bus, "http": http, "telemetry": telemetry}
    table = Fields("", {name: url for name, url in given.items() if url is not None}, problems)
    schemes = {"bus": WEBSOCKET, "http": HTTP, "telemetry": WEBSOCKET}
    found = {name: address(table, name, allowed) for name, allowed in schemes.items()}
    if problems:
        raise ProfileError([f"--{problem}" for problem in problems])
    return Endpoints(bus, found["http"], found["telemetry"])


def _beside(file: Path, out: Path) -> str:
    """The path of a file, relative to the profile."""
    return os.path.relpath(file.resolve(), out.parent.resolve())


def _write(text: str, out: Path) -> None:
    """Write the profile; an older file stays as it is until the new one is complete."""
    unfinished = out.with_name(f".{out.name}.unfinished")
    unfinished.write_text(text, "utf-8")
    unfinished.replace(out)
