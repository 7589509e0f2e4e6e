"""What the host costs, beside bare aiohttp handlers that do the least for the same requests, in one run on one machine.

    python benchmarks/run.py                     # all phases; some minutes
    python benchmarks/run.py --only putfile      # those whose names begin so
    python benchmarks/run.py --quick             # short turns, small numbers: does it still run?
    python benchmarks/run.py --json out.json     # figures for machines

Client and servers share the machine, so that requests per second say less than requests per second of the server's CPU
time; both are shown. Ratios compare with the bare handlers of the same run, and are what to look at: they hold where
absolute figures don't.
"""

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop
from host import (
    Host,
    HostFile,
    check_file_info,
    get_file,
    lock_cycle,
    lock_operation,
    opened_host,
    put_file,
    random_bytes,
)
from measure import Phase, Target, checked, measured, summary
from processes import ROOT, Process, host_command, limits_command, running
from wire import Connection, request_head

MIB = 1024 * 1024
LOCK = "benchmark-lock"
BARE, HOST = "bare aiohttp", "lectern"


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    rounds: int
    seconds: float
    large_bytes: int
    gigabytes_through: float
    many_files: int


FULL = Plan(rounds=5, seconds=1.5, large_bytes=50 * MIB, gigabytes_through=1.0, many_files=200_000)
QUICK = Plan(rounds=1, seconds=0.3, large_bytes=4 * MIB, gigabytes_through=0.03, many_files=2_000)


@dataclass(frozen=True, slots=True)
class Goal:
    """What a ratio should be at least (or a number at most)."""

    what: str
    value: float
    limit: float
    at_most: bool = False
    unit: str = ""

    @property
    def is_met(self) -> bool:
        """Whether it is."""
        return self.value <= self.limit if self.at_most else self.value >= self.limit


class Bench:
    """Two servers, and what was measured of them."""

    def __init__(self, plan: Plan, only: str, folder: Path) -> None:
        self.plan = plan
        self.only = only
        self.folder = folder
        self.results: dict[str, dict[str, dict[str, float]]] = {}
        self.goals: list[Goal] = []

    def wants(self, name: str) -> bool:
        """Whether the phase was asked for."""
        return name.startswith(self.only)

    async def compare(self, phase: Phase) -> dict[str, dict[str, float]]:
        """Measure the phase, keep and print what it gave."""
        turns = await measured(phase, self.plan.rounds)
        figures = {name: summary(phase, one) for name, one in turns.items()}
        self.results[phase.name] = figures
        for name, one in figures.items():
            print(
                f"{phase.name:24} {name:14} " + "  ".join(f"{key} {value:,}" for key, value in one.items()), flush=True
            )
        return figures

    def goal(self, goal: Goal) -> None:
        """Keep and print how near a goal is."""
        self.goals.append(goal)
        sign = "at most" if goal.at_most else "at least"
        met = "met" if goal.is_met else "MISSED"
        print(
            f"{'':24} {goal.what}: {goal.value:.2f}{goal.unit}, goal {sign} {goal.limit:g}{goal.unit}: {met}",
            flush=True,
        )


def ratio(figures: dict[str, dict[str, float]], key: str) -> float:
    """The host's figure as a part of the bare handlers'."""
    return figures[HOST][key] / figures[BARE][key]


async def small_requests(bench: Bench, bare: Process, bare_port: int, process: Process, host: Host) -> None:
    """CheckFileInfo and lock cycles."""
    files = [host.file(f"small-{number}.docx", b"x" * 10_000) for number in range(64)]

    async def bare_info(connection: Connection, _: int) -> int:
        checked((await connection.request(request_head("GET", "/info", {}))).status, 200, "bare info")
        return 1

    async def bare_locks(connection: Connection, worker: int) -> int:
        for override in ("LOCK", "REFRESH_LOCK", "UNLOCK"):
            headers = {"X-WOPI-Override": override, "X-WOPI-Lock": LOCK}
            answer = await connection.request(request_head("POST", f"/journal?name={worker}", headers, 0))
            checked(answer.status, 200, "bare journal")
        return 3

    for workers in (1, 16):
        if not bench.wants(name := f"checkfileinfo c{workers}"):
            continue
        targets = (
            Target(BARE, bare, bare_port, bare_info),
            Target(HOST, process, host.port, lambda connection, worker: check_file_info(connection, files[worker])),
        )
        figures = await bench.compare(Phase(name, targets, workers, bench.plan.seconds))
        if workers > 1:
            bench.goal(Goal("CheckFileInfo per CPU second", ratio(figures, "requests_per_cpu_second"), 0.4))
    for workers in (1, 64):
        if not bench.wants(name := f"lockcycle c{workers}"):
            continue
        targets = (
            Target(BARE, bare, bare_port, bare_locks),
            Target(HOST, process, host.port, lambda connection, worker: lock_cycle(connection, files[worker], LOCK)),
        )
        await bench.compare(Phase(name, targets, workers, bench.plan.seconds))


async def large_files(bench: Bench, bare: Process, bare_port: int, process: Process, host: Host) -> None:
    """GetFile and PutFile of large files."""
    size = bench.plan.large_bytes
    content = random_bytes(size)
    body = memoryview(content)[16:]
    files = [host.file(f"large-{number}.pptx", content) for number in range(2)]
    (bench.folder / "bare" / "large").write_bytes(content)

    async def bare_get(connection: Connection, _: int) -> int:
        answer = await connection.request(request_head("GET", "/file?name=large", {}), keeps=False)
        checked(answer.status, 200, "bare file")
        assert answer.size == size
        return 1

    async def bare_put(connection: Connection, worker: int) -> int:
        head = request_head("POST", f"/sink?name=upload{worker}", {}, size)
        checked((await connection.request(head, b"0" * 16, body)).status, 200, "bare sink")
        return 1

    if bench.wants("getfile"):
        targets = (
            Target(BARE, bare, bare_port, bare_get),
            Target(HOST, process, host.port, lambda connection, worker: get_file(connection, files[worker], size)),
        )
        figures = await bench.compare(Phase("getfile 50MB c2", targets, 2, bench.plan.seconds * 2, size))
        bench.goal(Goal("GetFile 50 MB, MB/s", ratio(figures, "mb_per_second"), 0.8))
    if bench.wants("putfile"):
        await _lock_all(host, files)
        targets = (
            Target(BARE, bare, bare_port, bare_put),
            Target(
                HOST, process, host.port, lambda connection, worker: put_file(connection, files[worker], LOCK, body)
            ),
        )
        figures = await bench.compare(Phase("putfile 50MB c2", targets, 2, bench.plan.seconds * 2, size))
        bench.goal(Goal("PutFile 50 MB, MB/s", ratio(figures, "mb_per_second"), 0.7))


async def _lock_all(host: Host, files: list[HostFile]) -> None:
    connection = await Connection.opened(host.port)
    for file in files:
        await lock_operation(connection, file, "LOCK", LOCK)
    connection.close()


async def memory(bench: Bench, process: Process, host: Host) -> None:
    """How much the host's memory grows while a gigabyte goes up and down in one piece."""
    if not bench.wants("memory"):
        return
    size = int(bench.plan.gigabytes_through * 1e9)
    content = random_bytes(size)
    file = host.file("huge.bin", b"x")
    await _lock_all(host, [file])
    process.reset_peak()
    before = process.memory_mib("VmRSS")
    connection = await Connection.opened(host.port)
    await put_file(connection, file, LOCK, memoryview(content)[16:])
    await get_file(connection, file, size)
    connection.close()
    grown = process.memory_mib("VmHWM") - before
    bench.results["memory"] = {HOST: {"before_mib": round(before, 1), "growth_mib": round(grown, 1)}}
    bench.goal(
        Goal(f"memory growth, {bench.plan.gigabytes_through:g} GB up and down", grown, 64, at_most=True, unit=" MiB")
    )


async def many_files(bench: Bench) -> None:
    """CheckFileInfo with very many files beside the same with few."""
    if not bench.wants("many files"):
        return
    counts = (200, bench.plan.many_files)
    with ExitStack() as stack:
        targets = []
        for count in counts:
            folder = bench.folder / f"files-{count}"
            await populated(folder, count)
            process = stack.enter_context(running(host_command(folder), bench.folder / f"files-{count}.log"))
            host = opened_host(process.first_line(), folder)
            step = max(1, count // 64)
            paths = [f"/Folder {number // 1000}/document {number}.docx" for number in range(0, count, step)]
            files = [host.token({"path": path}) for path in paths[:64]]
            targets.append(Target(f"{count} files", process, host.port, _checks(files)))
        figures = await bench.compare(Phase("many files", tuple(targets), 16, bench.plan.seconds))
    few, many = (figures[target.name]["requests_per_cpu_second"] for target in targets)
    bench.goal(Goal(f"CheckFileInfo with {counts[1]:,} files beside {counts[0]}", many / few, 0.9))


async def populated(folder: Path, count: int) -> None:
    """Fill a data folder in a process of its own, whose memory is then gone."""
    script = str(ROOT / "benchmarks" / "population.py")
    process = await asyncio.create_subprocess_exec(sys.executable, script, str(folder), str(count))
    if await process.wait() != 0:
        raise SystemExit("the data folder could not be populated")


def _checks(files: list[HostFile]) -> Any:
    turn = iter(range(2**62))
    return lambda connection, _: check_file_info(connection, files[next(turn) % len(files)])


async def run(plan: Plan, only: str) -> Bench:
    """Everything that was asked for, in a folder that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="lectern-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        bench = Bench(plan, only, folder)
        (folder / "bare").mkdir()
        bare = stack.enter_context(running(limits_command(folder / "bare"), folder / "bare.log"))
        bare_port = int(bare.first_line())
        process = stack.enter_context(running(host_command(folder / "host"), folder / "host.log"))
        host = opened_host(process.first_line(), folder / "host")
        await small_requests(bench, bare, bare_port, process, host)
        await large_files(bench, bare, bare_port, process, host)
        await memory(bench, process, host)
        await many_files(bench)
        return bench


def markdown(bench: Bench) -> str:
    """The results as tables."""
    lines = ["| measure | result | goal |", "| --- | --- | --- |"]
    for goal in bench.goals:
        sign = "at most" if goal.at_most else "at least"
        lines.append(f"| {goal.what} | {goal.value:.2f}{goal.unit} | {sign} {goal.limit:g}{goal.unit} |")
    lines += ["", "| phase | server | requests/s | MB/s | CPU µs a request | p50 ms | p99 ms |"]
    lines.append("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for phase, figures in bench.results.items():
        for name, one in figures.items():
            if "p50_ms" in one:
                moved = f"{one['mb_per_second']:,.0f}" if one["mb_per_second"] else ""
                rate = one["requests_per_second"]
                lines.append(
                    f"| {phase} | {name} | {rate:,.0f} | {moved} | {one['cpu_us_per_request']:,.0f}"
                    f" | {one['p50_ms']} | {one['p99_ms']} |"
                )
    return "\n".join(lines)


def machine() -> dict[str, str]:
    """What this ran on."""
    return {
        "cpus": str(os.cpu_count()),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def main() -> int:
    """Measure, print, and say by the exit code whether a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="phases whose names begin so")
    parser.add_argument("--quick", action="store_true", help="short turns and small numbers")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    arguments = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        bench = runner.run(run(QUICK if arguments.quick else FULL, arguments.only))
    print("\n" + markdown(bench))
    if arguments.json:
        goals = [
            {"what": goal.what, "value": goal.value, "limit": goal.limit, "met": goal.is_met} for goal in bench.goals
        ]
        arguments.json.write_text(json.dumps({"machine": machine(), "phases": bench.results, "goals": goals}, indent=2))
    return 0 if arguments.quick or all(goal.is_met for goal in bench.goals) else 1


if __name__ == "__main__":
    sys.exit(main())
