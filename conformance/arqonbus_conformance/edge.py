"""Shield as cases use it: the gateway beside the bus, found or launched, and what passes behind it."""

import asyncio
import os
from collections.abc import Awaitable, Mapping
from typing import ClassVar, Final, Literal, Protocol

from arqonbus_fixtures import launching
from arqonbus_fixtures.nats import Nats

from arqonbus_conformance.bus import Bus, Client
from arqonbus_conformance.controlled import READY_SECONDS, Controlled
from arqonbus_conformance.handshake import PROTOBUF
from arqonbus_conformance.http_client import Http
from arqonbus_conformance.listener import Listener
from arqonbus_conformance.namespace import Namespace
from arqonbus_conformance.spine_tap import Passing, Tap
from arqonbus_conformance.starting import Environment, Starter, Wait
from arqonbus_conformance.tokens import Credentials, Token
from arqonbus_conformance.transcript import Transcript

__all__ = [
    "LaunchShield",
    "LaunchedShield",
    "MakeNats",
    "Nats",
    "Passing",
    "Shield",
    "Tap",
]

LISTENER: Final = Listener("SHIELD", 4000)
"""The listener of a Shield, with the port that shield.md gives where the variable is not set."""


class MakeNats(Protocol):
    """Makes a NATS of this case alone; it ends with the case."""

    def __call__(self) -> Awaitable[Nats]:
        """Start one."""
        ...


class Shield(Bus):
    """The WebSocket endpoint of Shield, in the namespace of one case; its clients are those of a bus.

    Attributes:
        http: the same listener, for `/health`, `/metrics` and `/openapi.json`.
    """

    path: ClassVar[str] = "/ws"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.http = Http(_http(self.url), self.credentials, self.namespace, self.transcript, self.route)

    async def connect_binary(
        self, name: str = "client", *, tenant: str = "a", admin: bool = False, token: Token = ...
    ) -> Client:
        """A client that has negotiated protobuf; what it receives is heard as the JSON view.

        Raises:
            Violation: the upgrade was refused, or the welcome did not come.
        """
        headers = {"Sec-WebSocket-Protocol": PROTOBUF}
        return await self.connect(name, tenant=tenant, admin=admin, token=token, headers=headers)

    async def close(self) -> None:
        """End every connection that the case left open."""
        await super().close()
        await self.http.close()


class LaunchedShield(Controlled):
    """A Shield that a case launched; it is killed at the end of the case.

    Attributes:
        shield: its endpoint.
        port: where it listens.
        environment: the variables it was given.
    """

    def __init__(
        self,
        process: launching.Deployment,
        environment: Mapping[str, str],
        namespace: Namespace,
        transcript: Transcript,
    ) -> None:
        self.process = process
        self.environment = dict(environment)
        self.port = LISTENER.port(environment)
        secret = environment.get("JWT_SECRET", "")
        credentials = Credentials(enabled=True, secret=os.fsencode(secret) if secret else None)
        self.shield = Shield(f"ws://{LISTENER.address(environment)}", credentials, namespace, transcript)


class LaunchShield(Starter):
    """Launches Shields with the command of the target profile; all are killed at the end of the case.

    Attributes:
        secret: the signing secret that they are given, that of this run.
    """

    def __init__(self, command: str, namespace: Namespace, transcript: Transcript, *, secret: str) -> None:
        super().__init__(command, namespace, transcript)
        self.secret = secret
        self._launched: list[LaunchedShield] = []

    async def __call__(
        self,
        env: Environment | None = None,
        *,
        nats: Nats | None = None,
        wait: Wait | Literal["listening"] = "ready",
        bare: bool = False,
        within: float = READY_SECONDS,
    ) -> LaunchedShield:
        """Launch one on a free loopback port with ``env`` on top; ``bare`` gives it no variable at all.

        It is ready when `/health` answers 200; ``listening`` waits for its listener only, with whatever health. One that
        answers there at all, also that it cannot serve yet, did not refuse to start (``exit``).

        Raises:
            Violation: what is waited for did not happen within so many seconds.
        """
        environment = self.environment(env, nats=nats, bare=bare)
        address = LISTENER.address(environment)
        host, port = address.rsplit(":", 1)
        listening = launching.Readiness(tcp=((host.strip("[]"), int(port)),))
        health = launching.Readiness(f"http://{address}/health", any_status=wait == "exit")
        readiness = listening if wait == "listening" else health
        process = await self.start(
            environment, readiness, ready=wait in {"ready", "listening"}, cwd=None, dotenv=None, within=within
        )
        launched = LaunchedShield(process, environment, self.namespace, self.transcript)
        self._launched.append(launched)
        if wait == "exit":
            # Somebody else may answer at an address that a case gives.
            ours = not bare and not LISTENER.is_placed_by(env or {})
            await (launched.refused(within) if ours else launched.wait(within))
        return launched

    def environment(
        self, env: Environment | None = None, *, nats: Nats | None = None, bare: bool = False
    ) -> dict[str, str]:
        """The variables that a launch with these arguments gives, with a port leased for this case."""
        made: dict[str, str | None] = {}
        if not bare:
            made = {**LISTENER.on_loopback(self.free_port()), "JWT_SECRET": self.secret}
        if nats is not None:
            made["NATS_URL"] = nats.url
        return launching.merged({}, {**made, **(env or {})})

    async def close(self) -> None:
        """Close every connection, kill every Shield and give the ports back."""
        await asyncio.gather(*(launched.shield.close() for launched in self._launched))
        await super().close()


def _http(url: str) -> str:
    """The HTTP address of the same listener."""
    return f"http{url.removeprefix('ws')}"
