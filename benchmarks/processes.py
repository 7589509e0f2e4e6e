"""The servers under measurement: started in a process of their own, their CPU time and memory read from /proc."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
ROOT = Path(__file__).resolve().parent.parent


class Process:
    """A running server."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.pid = process.pid

    def first_line(self) -> str:
        """What the server prints first: where it is."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"a server ended before it was ready: exit code {self._process.wait()}")
        return line.strip()

    def cpu_seconds(self) -> float:
        """CPU time of the process with all its threads, user and system."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICK

    def memory_mib(self, what: str) -> float:
        """VmRSS (resident now) or VmHWM (the most that ever was)."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(f"{what}:"):
                return int(line.split()[1]) / 1024
        raise ValueError(f"no {what} for process {self.pid}")

    def reset_peak(self) -> None:
        """Let VmHWM begin anew at what is resident now."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")


@contextmanager
def running(command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> Iterator[Process]:
    """Start the command; stop it by SIGTERM at the end."""
    with log.open("w") as sink:
        process = subprocess.Popen(  # noqa: S603 - our own commands
            command,
            stdout=subprocess.PIPE,
            stderr=sink,
            stdin=subprocess.DEVNULL,
            text=True,
            cwd=log.parent,
            env={name: value for name, value in os.environ.items() if not name.startswith("LECTERN_")}
            | dict(environment or {}),
        )
        try:
            yield Process(process)
        finally:
            process.terminate()
            process.wait(timeout=60)
            if process.stdout is not None:
                process.stdout.close()


def limits_command(folder: Path) -> list[str]:
    """The bare handlers."""
    return [sys.executable, str(ROOT / "benchmarks" / "limits.py"), str(folder)]


def host_command(folder: Path) -> list[str]:
    """The host, as a user starts it."""
    return [str(Path(sys.executable).parent / "lectern"), "serve", "--port", "0", "--data-dir", str(folder)]
