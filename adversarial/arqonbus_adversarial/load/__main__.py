"""The comparison: interleaved rounds of each shape, medians, ratios; for people, or with --json for machines."""

import asyncio
import os
import statistics
from collections import defaultdict
from collections.abc import Awaitable, Callable

import cyclopts
import msgspec
from arqonbus_fixtures.process import ProcessError
from rich.console import Console
from rich.table import Table

from arqonbus_adversarial.load.contenders import (
    CONNECT_SECONDS,
    Contender,
    connected,
    nats_server,
    reference_bus,
)
from arqonbus_adversarial.load.flood import Cost, Shape, flood

SHAPES = (Shape(1, 1, 60_000), Shape(1, 10, 40_000), Shape(1, 100, 10_000), Shape(20, 20, 1_000))
PEERS: tuple[Callable[[], Awaitable[Contender]], ...] = (reference_bus, nats_server)
Costs = dict[Shape, dict[str, list[Cost]]]

app = cyclopts.App(
    name="arqonbus_adversarial.load", help="Compare what a delivery costs each server, in one run."
)


async def _answering(contender: Contender) -> None:
    """Wait until the server takes clients, or raise what it said when it ended."""
    for _ in range(int(CONNECT_SECONDS / 0.05)):
        try:
            await asyncio.to_thread(lambda: connected(contender).close())
        except ConnectionRefusedError:
            try:
                await contender.process.wait(within=0.05)
            except ProcessError:  # still running: ask again
                continue
            raise
        return
    raise TimeoutError(f"{contender.name} does not answer")


async def _measured(rounds: int, scale: float) -> Costs:
    costs: Costs = defaultdict(lambda: defaultdict(list))
    contenders = []
    try:
        for begin in PEERS:
            contenders.append(await begin())
            await _answering(contenders[-1])
            _pin(contenders[-1].pid)
        for _ in range(rounds):
            for shape in SHAPES:
                for contender in contenders:
                    sized = shape._replace(messages=max(100, int(shape.messages * scale)))
                    costs[shape][contender.name].append(await asyncio.to_thread(flood, contender, sized))
    finally:
        for contender in contenders:
            await contender.process.close()
    return costs


def _pin(pid: int) -> None:
    """Give servers the first CPU and the load the others, where there are two."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) > 1:
        os.sched_setaffinity(pid, cpus[:1])


@app.default
def compare(*, rounds: int = 3, scale: float = 1.0, json: bool = False) -> None:
    """Measure every shape with every server, `rounds` times in turn, and print medians.

    Args:
        rounds: how often each shape is measured with each server.
        scale: messages per shape, as a multiple of the default.
        json: print one JSON document instead of a table.
    """
    costs = asyncio.run(_measured(rounds, scale))
    rows = [_row(shape, servers) for shape, servers in costs.items()]
    if json:
        print(msgspec.json.encode(rows).decode())  # noqa: T201  the command's output
        return
    table = Table(title="CPU seconds of the server per million deliveries (median); smaller is better")
    for heading in ("shape", *(f"{name}" for name in rows[0].cpu_seconds_per_million), "ratio"):
        table.add_column(heading, justify="right")
    for row in rows:
        figures = [f"{value:.3f}" for value in row.cpu_seconds_per_million.values()]
        table.add_row(row.shape, *figures, f"{row.ratio:.2f}x")
    Console().print(table)
    Console().print("ratio: nats-server to reference bus, above 1 where the reference bus is the cheaper")


class Row(msgspec.Struct):
    """The medians of one shape, by server, and the ratio of the costs."""

    shape: str
    cpu_seconds_per_million: dict[str, float]
    deliveries_per_second: dict[str, float]
    ratio: float


def _row(shape: Shape, servers: dict[str, list[Cost]]) -> Row:
    cpu = {
        name: statistics.median(cost.cpu_seconds_per_million for cost in found)
        for name, found in servers.items()
    }
    wall = {
        name: statistics.median(cost.deliveries_per_second for cost in found)
        for name, found in servers.items()
    }
    ratio = cpu["nats-server"] / cpu["reference bus"]
    return Row(str(shape), cpu, wall, ratio)


if __name__ == "__main__":
    app()
