"""A deployment as cases hold it: its interfaces, and for a launched one its process.

Cases import what they annotate from here: ``Bus``, ``Client``, ``Http``, ``Telemetry``, ``Launch``, ``Valkey`` and
their companions.
"""

import asyncio
import os
from collections.abc import Awaitable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from arqonbus_fixtures import launching
from arqonbus_fixtures.launching import Finished
from arqonbus_fixtures.process import ProcessError
from arqonbus_fixtures.valkey import Valkey

from arqonbus_conformance.bus import Bus
from arqonbus_conformance.client import Client
from arqonbus_conformance.controlled import EXIT_SECONDS, READY_SECONDS, Controlled
from arqonbus_conformance.findings import Violation
from arqonbus_conformance.handshake import Refusal
from arqonbus_conformance.http_client import Http, Response
from arqonbus_conformance.launched import Ran
from arqonbus_conformance.listener import Listener
from arqonbus_conformance.namespace import Namespace
from arqonbus_conformance.observing import observed
from arqonbus_conformance.route import DIRECT, Route
from arqonbus_conformance.starting import Environment, Starter, Wait, words
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

BUS: Final = Listener("ARQONBUS_SERVER", 9100)
HTTP: Final = Listener("ARQONBUS_HTTP", 8080)
TELEMETRY: Final = Listener("ARQONBUS_TELEMETRY", 8081)
"""The listeners of a deployment, with the ports that configuration.md gives where a variable is not set."""


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


class Deployment(Interfaces, Controlled):
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
        self.ports = Ports(*(listener.port(environment) for listener in (BUS, HTTP, TELEMETRY)))
        endpoints = Endpoints(
            f"ws://{BUS.address(environment)}",
            f"http://{HTTP.address(environment)}",
            f"ws://{TELEMETRY.address(environment)}",
        )
        super().__init__(endpoints, _credentials(environment), namespace, transcript)


class Launch(Starter):
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
        super().__init__(command, namespace, transcript)
        self.strict: Environment = {**STRICT, "ARQONBUS_AUTH_JWT_SECRET": secret}
        self._preflight = launching.Launcher(words(preflight))
        self._deployments: list[Deployment] = []

    async def __call__(
        self,
        env: Environment | None = None,
        *,
        valkey: Valkey | None = None,
        dotenv: str | None = None,
        cwd: Path | None = None,
        wait: Wait = "ready",
        bare: bool = False,
        within: float = READY_SECONDS,
    ) -> Deployment:
        """Launch one with free loopback ports and ``env`` on top; ``bare`` gives it no variable at all.

        ``wait`` says what is true on return.

        Raises:
            Violation: what is waited for did not happen within so many seconds.
        """
        environment = self.environment(env, valkey=valkey, bare=bare)
        readiness = launching.Readiness(f"http://{HTTP.address(environment)}/ready")
        process = await self.start(
            environment, readiness, ready=wait == "ready", cwd=cwd, dotenv=dotenv, within=within
        )
        deployment = Deployment(process, environment, self.namespace, self.transcript)
        self._deployments.append(deployment)
        if wait == "exit":
            # Somebody else may answer at an address that a case gives.
            ours = not bare and not HTTP.is_placed_by(env or {})
            await (deployment.refused(within) if ours else deployment.wait(within))
        return deployment

    def environment(
        self, env: Environment | None = None, *, valkey: Valkey | None = None, bare: bool = False
    ) -> dict[str, str]:
        """The ARQONBUS variables that a launch with these arguments gives, with ports leased for this case."""
        made: dict[str, str | None] = {}
        if not bare:
            for listener in (BUS, HTTP, TELEMETRY):
                made |= listener.on_loopback(self.free_port())
        if valkey is not None:
            made["ARQONBUS_REDIS_URL"] = valkey.url
        return launching.merged({}, {**made, **(env or {})})

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
        self.transcript.attach(Ran(words, environment, finished.exit_code, finished.stdout + finished.stderr))
        return finished

    async def close(self) -> None:
        """Close every connection, kill every deployment and give the ports back."""
        await asyncio.gather(*(deployment.close() for deployment in self._deployments))
        await super().close()
        await self._preflight.close()


def _credentials(environment: Mapping[str, str]) -> Credentials:
    enabled = environment.get("ARQONBUS_ENABLE_AUTH", "").lower() in {"true", "1", "yes", "on"}
    secret = environment.get("ARQONBUS_AUTH_JWT_SECRET", "")
    return Credentials(enabled, os.fsencode(secret) if secret else None)
