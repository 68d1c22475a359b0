"""A deployment as cases hold it: its interfaces, and for a launched one its process.

Cases import what they annotate from here: ``Bus``, ``Client``, ``Http``, ``Telemetry``, ``Launch``, ``Valkey`` and
their companions.
"""

import asyncio
import os
import shlex
import sys
from collections.abc import Awaitable, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple, Protocol

from arqonbus_fixtures import launching, ports
from arqonbus_fixtures.launching import Finished
from arqonbus_fixtures.process import ProcessError
from arqonbus_fixtures.valkey import Valkey

from arqonbus_conformance.bus import Bus
from arqonbus_conformance.client import Client
from arqonbus_conformance.findings import Violation
from arqonbus_conformance.handshake import Refusal
from arqonbus_conformance.http_client import Http, Response
from arqonbus_conformance.launched import Ran
from arqonbus_conformance.namespace import Namespace
from arqonbus_conformance.observing import observed
from arqonbus_conformance.route import DIRECT, Route
from arqonbus_conformance.target import DEGRADED, STRICT, Endpoints
from arqonbus_conformance.telemetry_reader import Telemetry, TelemetryReader
from arqonbus_conformance.tokens import Credentials
from arqonbus_conformance.transcript import Transcript
from arqonbus_conformance.wire import Close

__all__ = [
    "Bus",
    "Client",
    "Close",
    "Deployment",
    "Finished",
    "Http",
    "Interfaces",
    "Launch",
    "MakeValkey",
    "Ports",
    "Refusal",
    "Response",
    "Telemetry",
    "TelemetryReader",
    "Valkey",
]

READY_SECONDS: Final = 20.0
"""The longest a launched deployment may take to become ready, in seconds."""
EXIT_SECONDS: Final = 20.0
"""The longest a deployment may take to end by itself, in seconds."""
DEFAULT_PORTS: Final = {"server": 9100, "http": 8080, "telemetry": 8081}
"""The ports that configuration.md gives where a variable is not set."""
LOOPBACK: Final = "127.0.0.1"

Environment = Mapping[str, str | None]
"""Variables for a launch; None removes one."""


class Ports(NamedTuple):
    """The ports of a launched deployment."""

    bus: int
    http: int
    telemetry: int


class MakeValkey(Protocol):
    """Makes a Valkey of this case alone; it ends with the case."""

    def __call__(self, *, appendonly: bool = True, appendfsync: str = "always") -> Awaitable[Valkey]:
        """Start one with this persistence."""
        ...


class Interfaces:
    """The three interfaces of a deployment within the namespace of one case."""

    def __init__(
        self,
        endpoints: Endpoints,
        credentials: Credentials,
        namespace: Namespace,
        transcript: Transcript,
        route: Route = DIRECT,
    ) -> None:
        self.endpoints = endpoints
        self.credentials = credentials
        self.bus = Bus(endpoints.bus, credentials, namespace, transcript, route)
        self.http = Http(endpoints.http or "", credentials, namespace, transcript, route)
        self.telemetry = Telemetry(
            endpoints.telemetry or endpoints.bus, credentials, namespace, transcript, route
        )

    async def close(self) -> None:
        """End every connection that the case left open."""
        await self.bus.close()
        await self.telemetry.close()
        await self.http.close()


class Deployment(Interfaces):
    """A launched deployment; it is killed at the end of its case.

    Attributes:
        bus, http, telemetry: its interfaces.
        ports: where they listen.
        environment: the ARQONBUS variables it was given.
    """

    def __init__(
        self,
        process: launching.Deployment,
        environment: Mapping[str, str],
        namespace: Namespace,
        transcript: Transcript,
    ) -> None:
        self.environment = dict(environment)
        self.process = process
        self.ports = Ports(*(_port(environment, name) for name in ("server", "http", "telemetry")))
        endpoints = Endpoints(
            f"ws://{_address(environment, 'server')}",
            f"http://{_address(environment, 'http')}",
            f"ws://{_address(environment, 'telemetry')}",
        )
        super().__init__(endpoints, _credentials(environment), namespace, transcript)

    @property
    def exit_code(self) -> int | None:
        """How it ended: the code, or minus the number of the signal; None while it runs."""
        observed()
        return self.process.exit_code

    @property
    def output(self) -> str:
        """What it wrote so far on standard output and standard error."""
        observed()
        return self.process.output.text

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    async def terminate(self) -> None:
        """Send SIGTERM; returns at once."""
        self.process.terminate()

    async def interrupt(self) -> None:
        """Send SIGINT; returns at once."""
        self.process.interrupt()

    async def kill(self) -> None:
        """Send SIGKILL to it and all that it started; on return they have ended."""
        await self.process.kill()

    async def wait(self, within: float = EXIT_SECONDS) -> int:
        """Its exit code, once it has ended.

        Raises:
            Violation: it still runs after so many seconds.
        """
        observed()
        try:
            return await self.process.wait(within)
        except ProcessError as fault:
            raise Violation(
                f"the deployment did not end within {within:g} s", expected="an exit", actual=str(fault)
            ) from None

    async def restart(self, within: float = READY_SECONDS) -> None:
        """Start it again on the same ports with the same environment and wait until it is ready.

        A running one is ended with SIGTERM first.

        Raises:
            Violation: it did not end, or did not become ready, in time.
        """
        if self.process.running:
            self.process.terminate()
            await self.wait()
        observed()
        try:
            await self.process.restart(within)
        except ProcessError as fault:
            raise _not_ready(fault) from None

    def pause(self) -> None:
        """Stop it without ending it (SIGSTOP)."""
        self.process.pause()

    def resume(self) -> None:
        """Let it go on (SIGCONT)."""
        self.process.resume()


class Launch:
    """Launches deployments with the command of the target profile; all are killed at the end of the case.

    Attributes:
        dev: no variable at all beyond the ports.
        strict: staging, strict storage on Redis streams, authentication on with a secret of this run.
        degraded: dev, degraded storage on Redis streams.
    """

    dev: Environment = {}
    degraded: Environment = DEGRADED

    def __init__(
        self, command: str, namespace: Namespace, transcript: Transcript, *, secret: str, preflight: str
    ) -> None:
        self.strict: Environment = {**STRICT, "ARQONBUS_AUTH_JWT_SECRET": secret}
        self._launcher = launching.Launcher(words(command))
        self._preflight = launching.Launcher(words(preflight))
        self._namespace = namespace
        self._transcript = transcript
        self._leases: list[ports.PortLease] = []
        self._deployments: list[Deployment] = []

    async def __call__(
        self,
        env: Environment | None = None,
        *,
        valkey: Valkey | None = None,
        dotenv: str | None = None,
        cwd: Path | None = None,
        wait: Literal["ready", "exit", "nothing"] = "ready",
        bare: bool = False,
        within: float = READY_SECONDS,
    ) -> Deployment:
        """Launch one with free loopback ports and ``env`` on top; ``bare`` gives it no variable at all.

        ``wait`` says what is true on return: it is ready; it has ended by itself; or it was only started.

        Raises:
            Violation: what is waited for did not happen within so many seconds.
        """
        environment = self.environment(env, valkey=valkey, bare=bare)
        readiness = launching.Readiness(f"http://{_address(environment, 'http')}/ready")
        await_ready = wait == "ready"
        if await_ready:
            observed()
        try:
            process = await self._launcher.start(
                environment, readiness if await_ready else None, cwd=cwd, dotenv=dotenv, within=within
            )
        except ProcessError as fault:
            raise _not_ready(fault) from None
        finally:
            if self._launcher.last is not None:
                self._transcript.attach(self._launcher.last)
        process.readiness = readiness
        deployment = Deployment(process, environment, self._namespace, self._transcript)
        self._deployments.append(deployment)
        if wait == "exit":
            await deployment.wait(within)
        return deployment

    def environment(
        self, env: Environment | None = None, *, valkey: Valkey | None = None, bare: bool = False
    ) -> dict[str, str]:
        """The ARQONBUS variables that a launch with these arguments gives, with ports leased for this case."""
        made: dict[str, str | None] = {}
        if not bare:
            for name in DEFAULT_PORTS:
                made[f"ARQONBUS_{name.upper()}_HOST"] = LOOPBACK
                made[f"ARQONBUS_{name.upper()}_PORT"] = str(self.free_port())
        if valkey is not None:
            made["ARQONBUS_REDIS_URL"] = valkey.url
        return launching.merged({}, {**made, **(env or {})})

    def free_port(self) -> int:
        """A loopback port that nobody listens on, kept for this case."""
        lease = ports.lease(LOOPBACK)
        self._leases.append(lease)
        return lease.port

    async def preflight(
        self,
        env: Environment | None = None,
        args: Sequence[str] = (),
        *,
        valkey: Valkey | None = None,
        dotenv: str | None = None,
        bare: bool = False,
        within: float = EXIT_SECONDS,
    ) -> Finished:
        """Run the preflight command to its end.

        Raises:
            Violation: it did not end in time.
        """
        environment = self.environment(env, valkey=valkey, bare=bare)
        observed()
        try:
            finished = await self._preflight.run(environment, args=args, dotenv=dotenv, within=within)
        except ProcessError as fault:
            raise Violation("preflight did not end in time", actual=str(fault)) from None
        words = (*self._preflight.command, *args)
        self._transcript.attach(
            Ran(words, environment, finished.exit_code, finished.stdout + finished.stderr)
        )
        return finished

    async def close(self) -> None:
        """Close every connection, kill every deployment and give the ports back."""
        await asyncio.gather(*(deployment.close() for deployment in self._deployments))
        await self._launcher.close()
        await self._preflight.close()
        for lease in self._leases:
            lease.release()


def words(command: str) -> list[str]:
    """A command line as words; ``{python}`` stands for this interpreter."""
    return [word.replace("{python}", sys.executable) for word in shlex.split(command)]


def _port(environment: Mapping[str, str], name: str) -> int:
    given = environment.get(f"ARQONBUS_{name.upper()}_PORT", "")
    # A case may give a port that no deployment may take.
    return int(given) if given.isdecimal() and 0 < int(given) < 65536 else DEFAULT_PORTS[name]


def _address(environment: Mapping[str, str], name: str) -> str:
    host = environment.get(f"ARQONBUS_{name.upper()}_HOST") or LOOPBACK
    host = LOOPBACK if host in {"0.0.0.0", "::"} else host  # noqa: S104 - a wildcard is reached on loopback
    return f"[{host}]:{_port(environment, name)}" if ":" in host else f"{host}:{_port(environment, name)}"


def _credentials(environment: Mapping[str, str]) -> Credentials:
    enabled = environment.get("ARQONBUS_ENABLE_AUTH", "").lower() in {"true", "1", "yes", "on"}
    secret = environment.get("ARQONBUS_AUTH_JWT_SECRET", "")
    return Credentials(enabled, os.fsencode(secret) if secret else None)


def _not_ready(fault: ProcessError) -> Violation:
    return Violation("the deployment did not become ready", expected="ready", actual=str(fault))
