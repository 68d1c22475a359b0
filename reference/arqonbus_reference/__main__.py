"""`arqonbus-reference`: what must work even when nothing else can be imported."""

import json
import os
import sys
from collections.abc import Callable, Sequence

EX_CONFIG = 78
EX_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0, 64 (usage), 78 (configuration), 130 (interrupted)."""
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    try:
        run = _command(tokens)
    except Exception:  # noqa: BLE001 - a shadow may fail in any way; what is not explained is raised again
        return _explain_broken_import(tokens)
    try:
        return run()
    except KeyboardInterrupt:
        return EX_INTERRUPTED


def _command(tokens: list[str]) -> Callable[[], int]:
    """What the tokens ask for; everything it needs is imported here, where a shadow can still be explained."""
    if tokens in (["serve"], ["shield"], ["preflight"], ["preflight", "--json"]):
        # The usual commands need no parser, which would cost them 0.1 s of CPU.
        from arqonbus_reference import program  # noqa: PLC0415

        if tokens == ["serve"]:
            return program.serve
        if tokens == ["shield"]:
            return program.shield
        return lambda: program.preflight(None, as_json="--json" in tokens)
    from arqonbus_reference import cli  # noqa: PLC0415

    return lambda: cli.run(tokens)


def _explain_broken_import(tokens: list[str]) -> int:
    """PKG-002: a shadowed dependency is named, although it keeps everything else from being imported."""
    from arqonbus_reference import dependencies  # noqa: PLC0415

    problems = dependencies.shadowed()
    if not problems:
        raise  # noqa: PLE0704 - called from an except clause: the fault is our own
    if "--json" in tokens:
        environment = os.environ.get("ARQONBUS_ENVIRONMENT", "dev").strip().lower()
        described = [problem._asdict() for problem in problems]
        print(json.dumps({"ok": False, "environment": environment, "problems": described}))  # noqa: T201
    else:
        for problem in problems:
            print(problem, file=sys.stderr)  # noqa: T201 - the command's output
    return EX_CONFIG


if __name__ == "__main__":
    sys.exit(main())
