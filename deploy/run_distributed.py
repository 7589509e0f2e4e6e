"""`make run-distributed`: one gateway and one of each service on this machine, over the servers of `make servers`.

All end together: at Ctrl-C or SIGTERM, or when one of them ends by itself.
"""

import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Final

from deploy.servers.__main__ import SETTINGS
from deploy.servers.folders import CHECKOUT, RUN, write_private

LECTERN: Final = Path(sys.executable).with_name("lectern")
_DATA: Final = RUN / "gateway"
_PATIENCE_SECONDS: Final = 40
_PAUSE: Final = 0.2


def _environment() -> dict[str, str]:
    """What the parts share. What the environment says itself wins over what is written here."""
    lines = SETTINGS.read_text("utf-8").splitlines()
    settings = dict(line.split("=", 1) for line in lines if "=" in line)
    _DATA.mkdir(mode=0o700, exist_ok=True)
    for name in ("token_secret", "api_key"):
        path = _DATA / name
        if not path.exists():
            write_private(path, secrets.token_hex(32) + "\n")
        settings[f"LECTERN_{name.upper()}"] = path.read_text("utf-8").strip()
    return {**settings, "LECTERN_DATA_DIR": str(_DATA), **os.environ}


def main(arguments: list[str]) -> int:
    """Run all until the end; `arguments` go to the gateway. The exit status."""
    if not SETTINGS.exists():
        sys.stderr.write("there are no servers yet: make servers\n")
        return 1
    environment = _environment()
    parts = {"lock": [], "storage": [], "ecosystem": [], "gateway": arguments}
    running = {
        name: subprocess.Popen([str(LECTERN), name, *more], env=environment, cwd=CHECKOUT)  # noqa: S603 - ours
        for name, more in parts.items()
    }
    sys.stdout.write(f"the operator's key is in {_DATA / 'api_key'}: LECTERN_DATA_DIR={_DATA} lectern ls\n")
    sys.stdout.flush()
    is_told_to_stop = False

    def stop(_: int, __: FrameType | None) -> None:
        nonlocal is_told_to_stop
        is_told_to_stop = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    while not is_told_to_stop and all(process.poll() is None for process in running.values()):
        time.sleep(_PAUSE)
    ended = [name for name, process in running.items() if process.poll() is not None]
    _stop(list(running.values()))
    if ended and not is_told_to_stop:
        sys.stderr.write(f"{', '.join(ended)} ended by itself\n")
        return 1
    return 0


def _stop(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in reversed(processes):  # the gateway first: what it has in hand needs the services
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
