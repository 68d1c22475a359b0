"""A Shield written in Rust, judged by cargo: it compiles, and its own tests pass."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from arqonbus_conformance.packaging.sealed import Ran, run_sealed, sealed_environment
from arqonbus_conformance.report.model import ExternalLine
from arqonbus_conformance.verdict import Verdict

__all__ = ["judged_workspace"]

CHECK_SECONDS: Final = 900.0
"""How long `cargo check` may take, downloads included."""
TEST_SECONDS: Final = 1800.0
"""How long building and running the tests may take."""
STEPS: Final = (
    ("shield_rust/check", ("check", "-p", "shield"), CHECK_SECONDS),
    ("shield_rust/test", ("test", "-p", "shield", "--tests"), TEST_SECONDS),
)
"""Id, arguments of cargo and time of each step; one that does not hold leaves the next unverified."""
CARGO_VARIABLES: Final = frozenset(
    {
        *("CARGO_HOME", "CARGO_HTTP_CAINFO", "CARGO_NET_OFFLINE", "CARGO_TARGET_DIR", "HOME"),
        *("RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "SSL_CERT_DIR", "SSL_CERT_FILE"),
        *("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy"),
    }
)
"""What cargo needs of the caller's environment; the workspace sees no other variable of it."""

_NOT_THERE = re.compile(r"did not match any packages|no such command|could not find `Cargo\.toml`")
_INDEX = re.compile(
    r"(?i)failed to download|could not resolve host|couldn't connect|download of .* failed|--offline was specified"
)
_PASSED = re.compile(r"^test result: ok\. (\d+) passed", re.MULTILINE)


def judged_workspace(workspace: Path, home: Path) -> Iterator[ExternalLine]:
    """One line per step; `home` is an empty folder. Without cargo each of them is unverified."""
    cargo, stopped = shutil.which("cargo"), ""
    if cargo is None:
        stopped = "cargo is not on the path"
    for name, arguments, limit_seconds in STEPS:
        command = f"cargo {' '.join(arguments)}"
        if cargo is None or stopped:
            yield ExternalLine(name, str(Verdict.UNVERIFIED), command, 0.0, None, stopped)
            continue
        ran = run_sealed(
            [cargo, *arguments], environ=_environment(home), cwd=workspace, limit_seconds=limit_seconds
        )
        verdict, reason = _judged(ran, tests="test" in arguments)
        if verdict is not Verdict.HOLDS:
            stopped = f"{command} did not hold"
        yield ExternalLine(name, str(verdict), command, round(ran.seconds, 3), ran.exit_code, reason)


def _environment(home: Path) -> dict[str, str]:
    passed_on = {name: value for name, value in os.environ.items() if name in CARGO_VARIABLES}
    return {**sealed_environment(home), **passed_on, "CARGO_TERM_COLOR": "never"}


def _judged(ran: Ran, *, tests: bool) -> tuple[Verdict, str]:
    """What an end of cargo amounts to, and why where it does not hold."""
    if ran.exit_code is None:
        return Verdict.UNKNOWN, f"it {ran.ending}"
    if ran.exit_code:
        said = f"it {ran.ending}: {_told(ran.output)}"
        if _NOT_THERE.search(ran.output):
            return Verdict.UNVERIFIED, said
        return (Verdict.UNKNOWN if _INDEX.search(ran.output) else Verdict.VIOLATED), said
    if tests and not sum(map(int, _PASSED.findall(ran.output))):
        return Verdict.UNVERIFIED, "no test ran"
    return Verdict.HOLDS, ""


def _told(output: str) -> str:
    """The lines that name what failed, else the last one."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    failed = [line for line in lines if re.match(r"error|test \S+ \.\.\. FAILED", line)]
    return "; ".join((failed or lines[-1:])[:5])
