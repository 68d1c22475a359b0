"""A whole deployment of one case: a bus on its own NATS and Valkey, and a Shield before it; and policies for it."""

from pathlib import Path
from typing import Final, NamedTuple

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Deployment, Launch, Valkey
from arqonbus_conformance.edge import LaunchedShield, LaunchShield, Nats
from arqonbus_conformance.starting import Environment
from arqonbus_conformance.suites.conditions import listening

__all__ = [
    "ALLOW",
    "DENY",
    "DENY_SOME",
    "FAULTY",
    "LOOP_ON_SOME",
    "Edge",
    "edge_of",
    "starts_when_right",
    "write_policy",
]

_STARTED: Final[set[tuple[str, str]]] = set()
"""Commands and environments of which a start has been seen: the twin of many cases, and the dearest part of each."""


class Edge(NamedTuple):
    """A bus and the Shield before it, over one NATS."""

    bus: Deployment
    shield: LaunchedShield
    nats: Nats


async def edge_of(
    launch: Launch,
    launch_shield: LaunchShield,
    nats: Nats,
    *,
    valkey: Valkey | None = None,
    shield: Environment | None = None,
    bus: Environment | None = None,
) -> Edge:
    """Launch both and wait until they are ready; without a ``valkey`` the bus keeps its history in memory.

    Raises:
        Violation: one of them did not become ready.
    """
    base = launch.strict if valkey is not None else {**launch.dev, "ARQONBUS_STORAGE_BACKEND": "memory"}
    served = await launch({**base, "NATS_URL": nats.url, **(bus or {})}, valkey=valkey)
    return Edge(served, await launch_shield(shield, nats=nats), nats)


async def starts_when_right(launch_shield: LaunchShield, nats: Nats, environment: str) -> None:
    """A Shield with nothing wrong starts in this environment: what refuses every start refuses nothing.

    Seen once, it is not asked again in this process.
    """
    asked = (launch_shield.command, environment)
    if asked in _STARTED:
        return
    launched = await launch_shield({"ARQONBUS_ENVIRONMENT": environment}, nats=nats, wait="listening")
    expect.that(await listening(launched.port), "nothing listens", actual=launched.output)
    _STARTED.add(asked)


def _module(body: str, memory: str = "1") -> str:
    return f'(module (memory (export "memory") {memory}) (func (export "policy_check") (param i32 i32) (result i32) {body}))'


_HOLDS_DENY: Final = """
    (local $at i32)
    (block $none (loop $next
      (br_if $none (i32.ge_s (local.get $at) (i32.sub (local.get 1) (i32.const 3))))
      (if (i32.eq (i32.load (i32.add (local.get 0) (local.get $at))) (i32.const 0x594e4544)) (then {found}))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $next)))
    (i32.const 0)"""
"""What looks for the four letters DENY anywhere in the text of the envelope."""

ALLOW: Final = _module("(i32.const 0)")
DENY: Final = _module("(i32.const 1)")
DENY_SOME: Final = _module(_HOLDS_DENY.format(found="(return (i32.const 1))"))
"""Denies what holds DENY, lets everything else pass."""
LOOP_ON_SOME: Final = _module(_HOLDS_DENY.format(found="(loop $ever (br $ever))"))
"""Loops without end on what holds DENY, lets everything else pass."""
FAULTY: Final = {
    "trap": _module(_HOLDS_DENY.format(found="unreachable")),
    "loop": LOOP_ON_SOME,
    "memory": _module(
        _HOLDS_DENY.format(found="(return (i32.eq (memory.grow (i32.const 1000)) (i32.const -1)))")
    ),
    "outside": _module(_HOLDS_DENY.format(found="(return (i32.load (i32.const 0x7fffffff)))")),
    "answer": _module(_HOLDS_DENY.format(found="(return (i32.const -7))")),
    "recursion": (
        '(module (memory (export "memory") 1) (func $deep (param i32) (result i32) (call $deep (local.get 0)))'
        ' (func (export "policy_check") (param i32 i32) (result i32) '
        + _HOLDS_DENY.format(found="(return (call $deep (i32.const 0)))")
        + "))"
    ),
}
"""Modules that fail on what holds DENY, each in another way, and let everything else pass."""


def write_policy(place: Path, text: str) -> None:
    """Put a module at ``place``, whole at once, as an operator would."""
    from wasmtime import wat2wasm  # noqa: PLC0415 - it takes 0.1 s to import

    beside = place.with_suffix(".new")
    beside.write_bytes(wat2wasm(text))
    beside.replace(place)
