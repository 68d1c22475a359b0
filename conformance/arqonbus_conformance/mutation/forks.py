"""Work done in forks of this process, a few beside each other: each begins with all that is loaded here already."""

import multiprocessing
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Final

__all__ = ["ForkError", "in_forks"]

FORKS: Final = multiprocessing.get_context("fork")


class ForkError(Exception):
    """A fork ended without a result; the text says by which error or with which exit code."""


def in_forks(works: Sequence[Callable[[], Any]], *, jobs: int) -> Iterator[Any]:
    """Do each work in a fork of its own, ``jobs`` beside each other; results come as they are made.

    This process must have one thread only. Forks that still run when the caller stops asking are terminated.

    Raises:
        ForkError: a fork ended without a result.
    """
    waiting = deque(works)
    running: dict[Connection, BaseProcess] = {}
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                receiver, process = _forked(waiting.popleft())
                running[receiver] = process
            for ready in wait(list(running)):
                assert isinstance(ready, Connection)  # noqa: S101 - nothing else was waited for
                yield _result(ready, running.pop(ready))
    finally:
        for process in running.values():
            process.terminate()
        for process in running.values():
            process.join()


def _forked(work: Callable[[], Any]) -> tuple[Connection, BaseProcess]:
    receiver, sender = FORKS.Pipe(duplex=False)
    process = FORKS.Process(target=_send, args=(sender, work))
    process.start()
    # The fork holds the only other end: what it does not send is an end of file here.
    sender.close()
    return receiver, process


class _Failed(str):
    """What is sent in the place of a result: the traceback of what was raised."""

    __slots__ = ()


def _send(sender: Connection, work: Callable[[], Any]) -> None:
    try:
        sender.send(work())
    except Exception:
        sender.send(_Failed(traceback.format_exc()))
        raise


def _result(receiver: Connection, process: BaseProcess) -> Any:
    with receiver:
        try:
            result = receiver.recv()
        except EOFError:
            process.join()
            raise ForkError(f"a fork ended without a result, with exit code {process.exitcode}") from None
    process.join()
    if isinstance(result, _Failed):
        raise ForkError(f"a fork ended without a result: {result}")
    return result
