"""The host as its users run it: `lectern serve` in a process of its own, and the command line beside it."""

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

LECTERN: Final = str(Path(sys.executable).parent / "lectern")
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 40.0
COMMAND_SECONDS: Final = 60.0


def clean_environment(**variables: str) -> dict[str, str]:
    """This environment without anybody's LECTERN_ variables, and with those given."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("LECTERN_")}
    return kept | variables


class Serving:
    """A running `lectern serve`."""

    def __init__(self, folder: Path, process: "subprocess.Popen[str]", url: str, log: Path) -> None:
        self.folder = folder
        self.process = process
        self.url = url
        self.log = log

    @property
    def key(self) -> str:
        """The operator's key, from the data folder."""
        return (self.folder / "api_key").read_text().strip()

    def command(self, *arguments: str, cwd: Path | None = None, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of the command line against this host."""
        return lectern(*arguments, cwd=cwd, LECTERN_DATA_DIR=str(self.folder), **variables)

    def said(self, *arguments: str, cwd: Path | None = None) -> str:
        """What a command prints; it has to succeed."""
        done = self.command(*arguments, cwd=cwd)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout

    def json(self, *arguments: str, cwd: Path | None = None) -> Any:
        """What a command prints with --json; it has to succeed."""
        return json.loads(self.said(*arguments, "--json", cwd=cwd))

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.ended()

    def stop(self) -> int:
        """Tell it to stop, and wait until it has; gives its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self) -> int:
        """Wait until it has ended; gives its exit code."""
        code = self.process.wait(STOP_SECONDS)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


def lectern(*arguments: str, cwd: Path | None = None, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run the command line in an environment of its own."""
    return subprocess.run(  # noqa: S603 - our own command
        [LECTERN, *arguments],
        cwd=cwd,
        env=clean_environment(**variables),
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def serve(folder: Path, *arguments: str, cwd: Path | None = None, **variables: str) -> Serving:
    """Start `lectern serve` on the data folder and a free port, and wait until it answers."""
    log = folder.parent / f"{folder.name}.log"
    with log.open("a") as sink:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [LECTERN, "serve", "--port", "0", "--data-dir", str(folder), *arguments],
            cwd=cwd or folder.parent,
            env=clean_environment(**variables),
            stdout=subprocess.PIPE,
            stderr=sink,
            stdin=subprocess.DEVNULL,
            text=True,
        )
    line = first_line(process, log)
    return Serving(folder, process, next(word for word in line.split() if word.startswith("http://")), log)


def first_line(process: "subprocess.Popen[str]", log: Path) -> str:
    """The first line that the process prints; fails with its log if there is none in time."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        ready = selector.select(START_SECONDS)
    line = process.stdout.readline() if ready else ""
    if not line:
        process.kill()
        process.wait()
        raise AssertionError(f"the host didn't start: {log.read_text()}")
    return line


def wait_until(condition: Any, seconds: float = 20.0) -> None:
    """Wait for a condition, with a deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition didn't come true in time"
        time.sleep(0.02)
