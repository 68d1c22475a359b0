"""Starting programs for one case: free ports, readiness, what is kept of them for the report, and their end."""

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from arqonbus_fixtures import launching, ports
from arqonbus_fixtures.launching import Readiness
from arqonbus_fixtures.process import ProcessError

from arqonbus_conformance.controlled import not_ready
from arqonbus_conformance.listener import LOOPBACK
from arqonbus_conformance.namespace import Namespace
from arqonbus_conformance.observing import observed
from arqonbus_conformance.transcript import Transcript

__all__ = ["Environment", "Starter", "Wait", "words"]

Environment = Mapping[str, str | None]
"""Variables for a launch; None removes one."""
Wait = Literal["ready", "exit", "nothing"]
"""What is true when a launch returns: it is ready; it has ended by itself; or it was only started."""


class Starter:
    """Starts programs with one command line; all are killed at the end of the case."""

    def __init__(self, command: str, namespace: Namespace, transcript: Transcript) -> None:
        self.command = command
        self._launcher = launching.Launcher(words(command))
        self.namespace = namespace
        self.transcript = transcript
        self._leases: list[ports.PortLease] = []

    def free_port(self) -> int:
        """A loopback port that nobody listens on, kept for this case."""
        lease = ports.lease(LOOPBACK)
        self._leases.append(lease)
        return lease.port

    async def start(
        self,
        environment: Mapping[str, str],
        readiness: Readiness,
        *,
        ready: bool,
        cwd: Path | None,
        dotenv: str | None,
        within: float,
    ) -> launching.Deployment:
        """A program with this environment; ``ready`` waits until it is that.

        Raises:
            Violation: it ended, or was not ready within so many seconds.
        """
        if ready:
            observed()
        try:
            process = await self._launcher.start(
                environment, readiness if ready else None, cwd=cwd, dotenv=dotenv, within=within
            )
        except ProcessError as fault:
            raise not_ready(fault) from None
        finally:
            if self._launcher.last is not None:
                self.transcript.attach(self._launcher.last)
        process.readiness = readiness
        return process

    async def close(self) -> None:
        """Kill everything and give the ports back."""
        await self._launcher.close()
        for lease in self._leases:
            lease.release()


def words(command: str) -> list[str]:
    """A command line as words; ``{python}`` stands for this interpreter."""
    return [word.replace("{python}", sys.executable) for word in shlex.split(command)]
