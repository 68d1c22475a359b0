"""The policy at the edge: a WebAssembly module that says which frames pass. Whatever fails, blocks.

Each check has an instance, memory and fuel of its own, in one of `WORKERS` threads: a module that loops costs the session that
waits for it, never the event loop. A new file takes over only once it was loaded and has answered a trial.
"""

import asyncio
import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Literal, NamedTuple, Self

import wasmtime

MAX_MODULE_BYTES: Final = 16 * 1_048_576
MAX_MEMORY_BYTES: Final = 4 * 1_048_576
"""All memory of one check, the text included."""

MAX_TABLE_ELEMENTS: Final = 65_536
FUEL: Final = 200_000_000
"""WebAssembly instructions of one check, about; the deadline comes first where they are slow."""

TICK_SECONDS: Final = 0.01
DEADLINE_TICKS: Final = 10
"""A check may take so many ticks: 100 ms."""

WORKERS: Final = 4
"""Checks that run at once; a session has one at a time."""

LOOK_SECONDS: Final = 1.0
"""Between two looks at the file."""

_PAGE_BYTES: Final = 65_536
_TRIAL: Final = b"{}"

Verdict = Literal["allowed", "denied", "failed", "timeout"]


class PolicyError(Exception):
    """A module that cannot be loaded; the text says why, for the operator."""


class _Clock:
    """Advances the epoch of an engine while a check runs."""

    def __init__(self, engine: wasmtime.Engine) -> None:
        self._engine = engine
        self._running = 0
        self._changed = threading.Condition()
        self._over = False
        threading.Thread(target=self._tick, name="policy.clock", daemon=True).start()

    def __enter__(self) -> None:
        with self._changed:
            self._running += 1
            self._changed.notify()

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._running -= 1

    def end(self) -> None:
        with self._changed:
            self._over = True
            self._changed.notify()

    def _tick(self) -> None:
        with self._changed:
            while not self._over:
                if self._running:
                    self._engine.increment_epoch()
                    self._changed.wait(TICK_SECONDS)
                else:
                    self._changed.wait()


class _Program(NamedTuple):
    """A module that was loaded."""

    module: wasmtime.Module
    sha256: str


class Policy:
    """The module in a file, checked and kept up to date; `close` ends its threads."""

    def __init__(self, path: Path, said: Callable[[str], None]) -> None:
        self._path = path
        self._said = said
        self._engine = wasmtime.Engine(_config())
        self._clock = _Clock(self._engine)
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="policy")
        self._suspects = ThreadPoolExecutor(1, thread_name_prefix="policy.suspect")
        self._looks = ThreadPoolExecutor(1, thread_name_prefix="policy.look")
        self._program: _Program | None = None
        self._looked: tuple[int, int, int] | None = None
        self.problem: str | None = None
        self.reloads = 0
        self.failed_reloads = 0

    @classmethod
    def load(cls, path: Path, said: Callable[[str], None] = lambda _: None) -> Self:
        """The policy in the file; `said` is told of each later change.

        Raises:
            PolicyError: it cannot be read, is no module, lacks an export, imports something, or fails the trial.
        """
        policy = cls(path, said)
        try:
            policy._looked = _stamp(path)
            policy._program = policy._read()
        except PolicyError:
            policy.close()
            raise
        return policy

    @property
    def sha256(self) -> str | None:
        """The digest of the module in force, hexadecimal."""
        return self._program.sha256 if self._program else None

    async def check(self, text: bytes, *, suspect: bool = False) -> Verdict:
        """Whether a frame passes; anything but `allowed` blocks it.

        All frames of sessions whose last check took too long (`suspect`) share one thread: they delay each other, nobody else.
        """
        workers = self._suspects if suspect else self._workers
        return await asyncio.get_running_loop().run_in_executor(workers, self._check, text)

    async def watch(self) -> None:
        """Look at the file every `LOOK_SECONDS`, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await loop.run_in_executor(self._looks, self.look)

    def look(self) -> None:
        """Take over a changed file; keep the module in force where the new one cannot be loaded."""
        try:
            stamp = _stamp(self._path)
            if stamp == self._looked:
                return
            self._looked = stamp
            program = self._read()
        except PolicyError as error:
            if self.problem != str(error):
                self.failed_reloads += 1
                self.problem = str(error)
                self._said(f"the new policy module is not used: {error}")
            return
        self.problem = None
        if self._program is None or program.sha256 != self._program.sha256:
            self._program = program
            self.reloads += 1
            self._said(f"policy module {program.sha256} is in force")

    def close(self) -> None:
        """End the threads; a check that runs ends by its deadline."""
        self._workers.shutdown(wait=False, cancel_futures=True)
        self._suspects.shutdown(wait=False, cancel_futures=True)
        self._looks.shutdown(wait=False, cancel_futures=True)
        self._clock.end()

    def _check(self, text: bytes) -> Verdict:
        program = self._program
        if program is None:
            return "failed"
        try:
            return "allowed" if self._answer(program.module, text) == 0 else "denied"
        except wasmtime.Trap as trap:
            late = (wasmtime.TrapCode.INTERRUPT, wasmtime.TrapCode.OUT_OF_FUEL)
            return "timeout" if trap.trap_code in late else "failed"
        except wasmtime.WasmtimeError:
            return "failed"  # memory that may not grow, an instance that cannot be made

    def _answer(self, module: wasmtime.Module, text: bytes) -> object:
        store = wasmtime.Store(self._engine)
        store.set_limits(
            memory_size=MAX_MEMORY_BYTES,
            table_elements=MAX_TABLE_ELEMENTS,
            instances=1,
            tables=4,
            memories=1,
        )
        store.set_fuel(FUEL)
        store.set_epoch_deadline(DEADLINE_TICKS)
        with self._clock:
            exports = wasmtime.Instance(store, module, []).exports(store)
            memory, judge = exports["memory"], exports["policy_check"]
            assert isinstance(memory, wasmtime.Memory) and isinstance(judge, wasmtime.Func)  # noqa: S101, PT018  seen when it was loaded
            place = memory.grow(store, -(-len(text) // _PAGE_BYTES)) * _PAGE_BYTES
            memory.write(store, text, place)
            return judge(store, place, len(text))

    def _read(self) -> _Program:
        try:
            with self._path.open("rb") as file:
                content = file.read(MAX_MODULE_BYTES + 1)
        except OSError as error:
            raise PolicyError(f"the file cannot be read ({error.strerror})") from None
        if len(content) > MAX_MODULE_BYTES:
            raise PolicyError(f"the file is over {MAX_MODULE_BYTES} bytes")
        try:
            module = wasmtime.Module(self._engine, content)
        except wasmtime.WasmtimeError:
            raise PolicyError("the file is no WebAssembly module") from None
        _check_interface(module)
        try:
            self._answer(module, _TRIAL)
        except wasmtime.WasmtimeError as error:
            raise PolicyError(f"it cannot be started ({_first_line(error)})") from None
        except wasmtime.Trap:
            pass  # it runs: what traps on the trial may serve frames, and blocks those it traps on
        return _Program(module, hashlib.sha256(content).hexdigest())


def _config() -> wasmtime.Config:
    config = wasmtime.Config()
    config.consume_fuel = True
    config.epoch_interruption = True
    return config


def _check_interface(module: wasmtime.Module) -> None:
    if module.imports:
        raise PolicyError("it imports something; allowed: a module without imports")
    exports = {export.name: export.type for export in module.exports}
    if not isinstance(exports.get("memory"), wasmtime.MemoryType):
        raise PolicyError("it does not export memory")
    kind = exports.get("policy_check")
    if not isinstance(kind, wasmtime.FuncType):
        raise PolicyError("it does not export policy_check")
    number = wasmtime.ValType.i32()
    if list(kind.params) != [number, number] or list(kind.results) != [number]:
        raise PolicyError("policy_check has another type; allowed: (i32, i32) -> i32")


def _stamp(path: Path) -> tuple[int, int, int]:
    """What changes when the file does."""
    try:
        found = path.stat()
    except OSError as error:
        raise PolicyError(f"the file cannot be read ({error.strerror})") from None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:128]
