"""Measuring: phases in rounds, bare handlers and host by turns, so that what else the machine does falls on all alike."""

import asyncio
import gc
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from processes import Process
from wire import Connection, WrongAnswer

Unit = Callable[[Connection, int], Awaitable[int]]
"""One unit of work on a connection, with the number of the worker; gives how many requests it was."""


@dataclass(frozen=True, slots=True)
class Target:
    """One of the servers that a phase compares."""

    name: str
    process: Process
    port: int
    unit: Unit


@dataclass(frozen=True, slots=True)
class Phase:
    """What is measured: the same work on each target."""

    name: str
    targets: Sequence[Target]
    workers: int
    seconds: float
    """How long a turn lasts."""
    size_bytes: int = 0
    """Bytes that a request moves."""


@dataclass(slots=True)
class Turns:
    """What the turns of one target gave."""

    per_second: list[float] = field(default_factory=list)
    per_cpu_second: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)


async def measured(phase: Phase, rounds: int) -> dict[str, Turns]:
    """All rounds of the phase."""
    results = {target.name: Turns() for target in phase.targets}
    for number in range(rounds + 1):
        order = phase.targets if number % 2 else tuple(reversed(phase.targets))
        for target in order:
            turns = results[target.name] if number else Turns()  # the first round only warms up
            await _turn(phase, target, turns, phase.seconds if number else phase.seconds / 3)
    return results


async def _turn(phase: Phase, target: Target, turns: Turns, seconds: float) -> None:
    connections = [await Connection.opened(target.port) for _ in range(phase.workers)]
    requests = 0

    async def work(worker: int, connection: Connection) -> None:
        nonlocal requests
        while time.perf_counter() < end:
            began = time.perf_counter()
            count = await target.unit(connection, worker)
            turns.latencies.append((time.perf_counter() - began) / count)
            requests += count

    gc.collect()
    cpu, start = target.process.cpu_seconds(), time.perf_counter()
    end = start + seconds
    async with asyncio.TaskGroup() as workers:
        for worker, connection in enumerate(connections):
            workers.create_task(work(worker, connection))
    elapsed, used = time.perf_counter() - start, target.process.cpu_seconds() - cpu
    turns.per_second.append(requests / elapsed)
    # The kernel counts CPU in steps of 10 ms.
    turns.per_cpu_second.append(requests / max(used, 0.01))
    for connection in connections:
        connection.close()


def summary(phase: Phase, turns: Turns) -> dict[str, float]:
    """Medians over the rounds; latency over all requests."""
    latencies = sorted(turns.latencies)
    per_second, per_cpu_second = statistics.median(turns.per_second), statistics.median(turns.per_cpu_second)
    return {
        "requests_per_second": round(per_second, 1),
        "requests_per_cpu_second": round(per_cpu_second, 1),
        "cpu_us_per_request": round(1e6 / per_cpu_second, 1),
        "mb_per_second": round(per_second * phase.size_bytes / 1e6, 1),
        "p50_ms": round(latencies[len(latencies) // 2] * 1000, 3),
        "p99_ms": round(latencies[int(len(latencies) * 0.99)] * 1000, 3),
    }


def checked(status: int, expected: int, what: str) -> None:
    """Raises WrongAnswer for another status: a fast refusal must not pass for a fast answer."""
    if status != expected:
        raise WrongAnswer(f"{what}: status {status} instead of {expected}")
