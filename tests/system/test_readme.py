"""The README's commands, run word for word by a newcomer's shell in a checkout."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.system.processes import STOP_SECONDS, clean_environment, first_line

ROOT: Final = Path(__file__).parents[2]
BLOCKS: Final = re.findall(r"^```sh\n(.*?)^```$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
START: Final = "make run\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The repository as a newcomer has it, installed already, and without anybody's data."""
    folder = tmp_path / "lectern"
    folder.mkdir()
    for name in ("Makefile", "README.md", "pyproject.toml", "requirements.lock"):
        (folder / name).symlink_to(ROOT / name)
    environment = folder / ".venv"
    environment.mkdir()
    (environment / "bin").symlink_to(Path(sys.executable).parent)
    (environment / ".installed").touch()
    return folder


@pytest.fixture
def running(checkout: Path) -> Iterator[str]:
    """`make run` in the first terminal, on a port of its own; gives the line that it prints."""
    log = checkout / "host.log"
    with log.open("w") as sink:
        process = subprocess.Popen(  # noqa: S602 - the README's own command
            START,
            shell=True,
            cwd=checkout,
            env=clean_environment(LECTERN_PORT="0"),
            stdout=subprocess.PIPE,
            stderr=sink,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
    yield first_line(process, log)
    os.killpg(process.pid, signal.SIGTERM)  # as Ctrl-C in the terminal: to make and to what it runs
    process.wait(STOP_SECONDS)
    assert process.stdout is not None
    process.stdout.close()


def test_the_readme_begins_with_the_command_that_starts_the_host() -> None:
    assert BLOCKS[0] == START


def test_every_command_of_the_readme_works_as_it_is_written(running: str, checkout: Path) -> None:
    script = "set -euo pipefail\n" + "".join(BLOCKS[1:])

    done = subprocess.run(  # noqa: S603 - the README's own commands
        ["bash", "-c", script],  # noqa: S607
        cwd=checkout,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, ""), (done.stdout, done.stderr, running)
    assert re.findall(r"HTTP/1\.1 (\d+)", done.stdout) == ["200"] * 3
    assert '"BaseFileName": "Welcome.md"' in done.stdout
    assert re.search(r"^X-WOPI-ItemVersion: 2\r?$", done.stdout, re.MULTILINE)
    assert "/Samples/Welcome.md is as in version 1 again: now version 3" in done.stdout
    assert "file.content_changed" in done.stdout
    assert "/Reports/README.md  version 1" in done.stdout


def test_the_readme_names_the_address_that_make_run_prints(running: str) -> None:
    text = (ROOT / "README.md").read_text("utf-8")

    assert re.search(r"http://127\.0\.0\.1:\d+", running)
    assert "http://127.0.0.1:8080" in text
