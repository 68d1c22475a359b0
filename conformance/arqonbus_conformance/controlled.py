"""A launched program as cases hold it: its end, its output, and the signals that it can be sent."""

from typing import Final

from arqonbus_fixtures import launching
from arqonbus_fixtures.process import ProcessError

from arqonbus_conformance.findings import Violation
from arqonbus_conformance.observing import observed

__all__ = ["EXIT_SECONDS", "READY_SECONDS", "Controlled", "not_ready"]

READY_SECONDS: Final = 20.0
"""The longest a launched deployment may take to become ready, in seconds."""
EXIT_SECONDS: Final = 20.0
"""The longest a deployment may take to end by itself, in seconds."""


class Controlled:
    """A program that a case launched; it is killed at the end of the case."""

    process: launching.Deployment

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
            raise _not_ended(within, fault) from None

    async def refused(self, within: float = EXIT_SECONDS) -> int:
        """Its exit code, once it has ended as one that will not start: one that serves is not waited for.

        Raises:
            Violation: it serves, or still runs after so many seconds.
        """
        observed()
        try:
            started = await self.process.becomes_ready(within)
        except ProcessError as fault:
            raise _not_ended(within, fault) from None
        if started:
            raise Violation("the deployment did not refuse to start", expected="an exit", actual="it serves")
        return await self.wait(within)

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
            raise not_ready(fault) from None

    def pause(self) -> None:
        """Stop it without ending it (SIGSTOP)."""
        self.process.pause()

    def resume(self) -> None:
        """Let it go on (SIGCONT)."""
        self.process.resume()


def _not_ended(within: float, fault: ProcessError) -> Violation:
    return Violation(f"the deployment did not end within {within:g} s", expected="an exit", actual=str(fault))


def not_ready(fault: ProcessError) -> Violation:
    """What a deployment is found to be that did not become ready."""
    return Violation("the deployment did not become ready", expected="ready", actual=str(fault))
