"""Deployments that many cases share, each case in a namespace of its own."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from arqonbus_conformance.deployment import Deployment, Interfaces, Launch
from arqonbus_conformance.recording import Case


class Shared:
    """Deployments in dev and in memory, each launched for the first case that asks and kept for the others."""

    def __init__(self, launch: Launch) -> None:
        self.launch = launch
        self._deployments: dict[str, Deployment] = {}

    @asynccontextmanager
    async def interfaces(self, name: str, env: Mapping[str, str], case: Case) -> AsyncIterator[Interfaces]:
        """The interfaces of the deployment of that name within the namespace of one case."""
        if name not in self._deployments:
            self._deployments[name] = await self.launch(dict(env))
        deployment = self._deployments[name]
        case.transcript.attach(deployment.process)
        interfaces = Interfaces(deployment.endpoints, deployment.credentials, case.namespace, case.transcript)
        try:
            yield interfaces
        finally:
            await interfaces.close()
