"""``arqonbus-gate``: judges an ArqonBus deployment."""

import os
import sys
import traceback
from collections.abc import Sequence

from cyclopts import CycloptsError
from rich.console import Console

# Each module registers its commands; the order is that of the help.
from arqonbus_conformance.commands import (
    diff,
    doctor,
    init,
    liars,
    measure,
    merge,
    mutants,
    package,
    replay,
    report,
    requirements,
    run,
    shield_rust,
    signoff,
)
from arqonbus_conformance.commands.application import UsageError, app
from arqonbus_conformance.container_check import ContainerError
from arqonbus_conformance.redaction import Redaction
from arqonbus_conformance.report.reading import ReportError
from arqonbus_conformance.requirements import RequirementSetError
from arqonbus_conformance.session import KeywordError
from arqonbus_conformance.signoff.policy import PolicyError
from arqonbus_conformance.target import ProfileError
from arqonbus_conformance.verdict import ExitCode
from arqonbus_conformance.waivers import WaiverFileError

__all__ = ["app", "main"]

COMMANDS = (
    run,
    init,
    doctor,
    requirements,
    report,
    diff,
    replay,
    signoff,
    mutants,
    liars,
    package,
    shield_rust,
    merge,
    measure,
)
"""The modules whose commands there are."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    complaint, redaction = Console(stderr=True), Redaction.of_run(None, os.environ)
    try:
        code = app(
            sys.argv[1:] if arguments is None else arguments,
            exit_on_error=False,
            print_error=False,
        )
    except (UsageError, KeywordError, ReportError, CycloptsError) as fault:
        said = redaction.clean(f"arqonbus-gate: {fault}")
        complaint.print(said, markup=False, highlight=False, soft_wrap=True)
        sys.exit(ExitCode.USAGE)
    except (ProfileError, WaiverFileError, PolicyError) as fault:
        for problem in fault.problems:
            said = redaction.clean(f"arqonbus-gate: {problem}")
            complaint.print(said, markup=False, highlight=False, soft_wrap=True)
        sys.exit(ExitCode.PROFILE)
    except ContainerError as fault:
        for problem in fault.problems:
            complaint.print(f"arqonbus-gate: {problem}", markup=False, highlight=False, soft_wrap=True)
        sys.exit(ExitCode.UNREACHABLE)
    except RequirementSetError as fault:
        complaint.print(f"arqonbus-gate: {fault}", markup=False, highlight=False, soft_wrap=True)
        sys.exit(ExitCode.SUITE_FAULT)
    except KeyboardInterrupt:
        sys.exit(ExitCode.INCOMPLETE)
    except Exception:  # noqa: BLE001 - Python's own exit code is 1, and that would accuse the deployment
        sys.stderr.write(redaction.clean(traceback.format_exc()))
        sys.exit(ExitCode.SUITE_FAULT)
    sys.exit(code if isinstance(code, int) else ExitCode.PASS)


if __name__ == "__main__":
    main()
