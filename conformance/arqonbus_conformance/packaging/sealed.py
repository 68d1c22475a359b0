"""Running a program that is not trusted: nothing of the caller's environment, bounded in time and output."""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from arqonbus_fixtures import lifeline
from arqonbus_fixtures.process import Output

__all__ = ["Ran", "run_sealed", "sealed_environment"]

OUTPUT_BYTES: Final = 262_144
"""Output kept of one program: the first and the last half of this."""
CHUNK_BYTES: Final = 65_536
EXIT_SECONDS: Final = 10.0
"""After SIGKILL, the longest wait for the kernel to end a program."""


class Ran(NamedTuple):
    """How a program ended; ``exit_code`` is None where it was killed after ``seconds``, negative after a signal."""

    exit_code: int | None
    output: str
    seconds: float

    @property
    def ending(self) -> str:
        """How it ended, in words."""
        if self.exit_code is None:
            return f"did not end within {self.seconds:.0f} s"
        if self.exit_code < 0:
            return f"was ended by {signal.Signals(-self.exit_code).name}"
        return f"ended with exit code {self.exit_code}"

    @property
    def last_line(self) -> str:
        """The last line that it wrote, '' where it wrote none."""
        return next((line for line in reversed(self.output.splitlines()) if line.strip()), "").strip()


def sealed_environment(home: Path) -> dict[str, str]:
    """The environment of a program that is not trusted: where programs are, a home and a folder of its own, no more."""
    return {
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PATH": os.environ.get("PATH", os.defpath),
        "TMPDIR": str(home),
    }


def run_sealed(command: Sequence[str], *, environ: Mapping[str, str], cwd: Path, limit_seconds: float) -> Ran:
    """Run `command` to its end, without standard input; killed with its whole session at the limit."""
    began = time.monotonic()
    process = lifeline.spawn(
        command,
        environ=environ,
        mark=lifeline.new_mark(),
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output = Output(OUTPUT_BYTES)
    ended = _watch(process, output, began + limit_seconds)
    with contextlib.suppress(ProcessLookupError):  # it left nothing behind
        os.killpg(process.pid, signal.SIGKILL)
    exit_code = process.wait(EXIT_SECONDS)
    if process.stdout is not None:
        process.stdout.close()
    return Ran(exit_code if ended else None, output.text, time.monotonic() - began)


def _watch(process: subprocess.Popen[bytes], output: Output, deadline: float) -> bool:
    """Read until the program itself has ended; False where the deadline came first."""
    if process.stdout is None:
        raise ValueError("the program was started without a pipe")
    pipe, end = process.stdout.fileno(), os.pidfd_open(process.pid)
    os.set_blocking(pipe, False)
    try:
        with selectors.DefaultSelector() as ready:
            ready.register(pipe, selectors.EVENT_READ)
            ready.register(end, selectors.EVENT_READ)
            while (left := deadline - time.monotonic()) > 0:
                seen = {key.fd for key, _ in ready.select(left)}
                if pipe in seen and not _take(pipe, output):
                    ready.unregister(pipe)
                if end in seen:
                    while time.monotonic() < deadline and _take(pipe, output):
                        continue  # what was written before the end
                    return True
        return False
    finally:
        os.close(end)


def _take(pipe: int, output: Output) -> bool:
    """Read one chunk; False where there is none, or never will be."""
    try:
        chunk = os.read(pipe, CHUNK_BYTES)
    except BlockingIOError:
        return False
    output.append(chunk)
    return bool(chunk)
