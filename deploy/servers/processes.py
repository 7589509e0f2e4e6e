"""Processes that outlive the command which started them, known by their id in `.run/<name>.pid`."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from deploy.servers.folders import RUN, say, write_private

START_SECONDS: Final = 90.0
STOP_SECONDS: Final = 20.0
_PAUSE: Final = 0.1


class ServerFault(Exception):
    """A server can't be made, started or stopped; the text is a sentence for the person who tried."""


def build(what: str, command: Sequence[str], log: Path, folder: Path, more: Mapping[str, str] | None = None) -> None:
    """Run a command that takes its time, saying so now and then; its output goes to `log`. Raises ServerFault."""
    say(f"{what} (once; the output is in {log})")
    log.parent.mkdir(parents=True, exist_ok=True)
    began = told = time.monotonic()
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(  # noqa: S603 - the commands are ours
                command, cwd=folder, env={**os.environ, **(more or {})}, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT,
            )  # fmt: skip
        except FileNotFoundError as error:
            raise ServerFault(f"{what} needs {command[0]}, which isn't on the PATH") from error
        try:
            while process.poll() is None:
                time.sleep(_PAUSE)
                if time.monotonic() - told >= 10:  # noqa: PLR2004 - seconds of silence that nobody minds
                    told = time.monotonic()
                    say(f"  ... {told - began:.0f} s")
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if process.returncode:
        raise ServerFault(f"{what} failed (status {process.returncode}); see {log}")


def pid_file(name: str) -> Path:
    """Where the process id of the server is kept."""
    return RUN / f"{name}.pid"


def running(name: str) -> int | None:
    """The process id of the server, if it runs.

    A process that has the id of a dead server doesn't count: a server's command line names a folder of this checkout.
    """
    try:
        pid = int(pid_file(name).read_text().strip())
    except (FileNotFoundError, ValueError):
        return None
    return pid if str(RUN / name) in _command_line(pid) else None


def _command_line(pid: int) -> str:
    proc = Path("/proc")
    if (proc / "self").exists():
        try:
            return (proc / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    command = ["ps", "-o", "command=", "-p", str(pid)]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - no text of others in it
    return shown.stdout


def start(name: str, command: Sequence[str], more: Mapping[str, str] | None = None) -> None:
    """Start the server in a session of its own, with its output added to `.run/<name>/<name>.log`."""
    folder = RUN / name
    with (folder / f"{name}.log").open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - the commands are ours
            command, cwd=folder, env={**os.environ, **(more or {})}, stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    write_private(pid_file(name), f"{process.pid}\n")
    # It's meant to outlive this process: its end is none of the interpreter's business.
    process.returncode = 0


def wait_until_ready(name: str, is_ready: Callable[[], bool]) -> None:
    """Return when the server answers. Raises ServerFault if it ends or takes too long."""
    log = RUN / name / f"{name}.log"
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if is_ready():
            return
        if running(name) is None or _has_ended(name):
            raise ServerFault(f"{name} ended while it was starting; see {log}")
        time.sleep(_PAUSE)
    raise ServerFault(f"{name} did not answer within {START_SECONDS:.0f} s; see {log}")


def _has_ended(name: str) -> bool:
    """Take note of a child's end; a server that another command started isn't our child."""
    try:
        return os.waitpid(int(pid_file(name).read_text()), os.WNOHANG)[0] != 0
    except ChildProcessError:
        return False


def stop(name: str) -> bool:
    """End the server, by force if it doesn't go; says whether it ran."""
    pid = running(name)
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while running(name) is not None:
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                deadline = float("inf")
            time.sleep(_PAUSE)
    pid_file(name).unlink(missing_ok=True)
    return pid is not None


def kept_port(name: str, preferred: int) -> int:
    """The port of the server: the one it had, else the preferred one if it's free, else any free one."""
    path = RUN / name / "port"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{_free_port(preferred)}\n")
    return int(path.read_text())


def _free_port(preferred: int) -> int:
    for port in (preferred, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ServerFault("no port is free")


def answers(port: int, question: bytes) -> bool:
    """Whether what listens on the port answers the question with anything at all."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(question)
            return bool(connection.recv(1))
    except OSError:
        return False


def answers_http(port: int, path: str) -> bool:
    """Whether GET of the path gives 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


PYTHON_TAG: Final = f"py{sys.version_info.major}{sys.version_info.minor}"
