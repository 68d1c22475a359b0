"""The policy: what passes, what blocks, and what becomes of a file that changes."""

import asyncio
import time

import pytest
import wasmtime
from arqonbus_reference.shield.policy import Policy, PolicyError

HEAD = '(module (memory (export "memory") 1) (func (export "policy_check") (param i32 i32) (result i32) '
ALLOW = HEAD + "i32.const 0))"
DENY = HEAD + "i32.const 1))"
ODD = HEAD + "i32.const 7))"
TRAP = HEAD + "unreachable))"
LOOP = HEAD + "(loop br 0) unreachable))"
GREEDY = HEAD + "(if (i32.eq (memory.grow (i32.const 64)) (i32.const -1)) (then unreachable)) i32.const 0))"
FIRST_BYTE = HEAD + "(i32.ne (i32.load8_u (local.get 0)) (i32.const 123))))"
REMEMBERS = (
    '(module (memory (export "memory") 1) (global $n (mut i32) (i32.const 0)) '
    '(func (export "policy_check") (param i32 i32) (result i32) '
    "(global.set $n (i32.add (global.get $n) (i32.const 1))) (i32.gt_s (global.get $n) (i32.const 1))))"
)


@pytest.fixture
def policy_of(tmp_path):
    """Loads a policy from WebAssembly text."""
    loaded = []

    def load(text):
        (tmp_path / "policy.wasm").write_bytes(wasmtime.wat2wasm(text))
        loaded.append(Policy.load(tmp_path / "policy.wasm"))
        return loaded[-1]

    yield load
    for policy in loaded:
        policy.close()


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        (ALLOW, "allowed"),
        (DENY, "denied"),
        (ODD, "denied"),
        (TRAP, "failed"),
        (LOOP, "timeout"),
        (GREEDY, "failed"),
        (FIRST_BYTE, "allowed"),
    ],
)
async def test_only_zero_lets_a_frame_pass(policy_of, text, verdict):
    """Whatever a module does other than answer 0 blocks the frame."""
    policy = policy_of(text)

    assert await policy.check(b'{"id":"x"}') == verdict


async def test_nothing_is_kept_between_frames(policy_of):
    """Each check starts from the initial state of the module."""
    policy = policy_of(REMEMBERS)

    assert [await policy.check(b"{}") for _ in range(3)] == ["allowed"] * 3


async def test_a_text_that_does_not_fit_is_blocked(policy_of):
    """A text over the memory of a check blocks; one of 1 MiB is read whole."""
    policy = policy_of(FIRST_BYTE)

    assert await policy.check(b"{" + b" " * 1_048_576) == "allowed"
    assert await policy.check(b"{" + b" " * 4 * 1_048_576) == "failed"


async def test_an_endless_loop_does_not_hold_the_event_loop(policy_of):
    """While a check loops the event loop turns, and the check ends by its deadline."""
    policy = policy_of(LOOP)

    checking = asyncio.create_task(policy.check(b"{}"))
    began, turns = time.monotonic(), 0
    while not checking.done():
        await asyncio.sleep(0.001)
        turns += 1

    assert await checking == "timeout"
    assert turns >= 5
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("(module)", "does not export memory"),
        ('(module (memory (export "memory") 1))', "does not export policy_check"),
        (
            '(module (memory (export "memory") 1) (func (export "policy_check") (result i32) i32.const 0))',
            "another type",
        ),
        ('(module (import "a" "b" (func)))', "imports something"),
        (ALLOW.replace(") 1)", ") 1 1)"), "cannot be started"),
        (ALLOW.replace(") 1)", ") 65)"), "cannot be started"),
    ],
)
def test_a_module_without_the_interface_is_not_loaded(policy_of, text, reason):
    """A module that could never answer is refused when it is loaded."""
    with pytest.raises(PolicyError, match=reason):
        policy_of(text)


async def test_a_changed_file_takes_over(policy_of, tmp_path):
    """After a look the new module judges."""
    policy = policy_of(ALLOW)
    before = policy.sha256

    (tmp_path / "policy.wasm").write_bytes(wasmtime.wat2wasm(DENY))
    policy.look()

    assert await policy.check(b"{}") == "denied"
    assert (policy.problem, policy.reloads) == (None, 1)
    assert policy.sha256 != before


async def test_a_broken_new_module_keeps_the_old_one(policy_of, tmp_path):
    """What cannot be loaded is told, and changes nothing until it is mended."""
    policy = policy_of(DENY)
    before = policy.sha256

    (tmp_path / "policy.wasm").write_bytes(b"\0asm but no more")
    policy.look()

    assert await policy.check(b"{}") == "denied"
    assert policy.sha256 == before
    assert policy.problem == "the file is no WebAssembly module"
    assert policy.failed_reloads == 1


async def test_a_vanished_file_keeps_the_module(policy_of, tmp_path):
    """A file that is gone is told, and the module in force stays."""
    policy = policy_of(DENY)

    (tmp_path / "policy.wasm").unlink()
    policy.look()

    assert await policy.check(b"{}") == "denied"
    assert policy.problem is not None
