"""Where the servers of one checkout and what they are made from are kept.

- `.run/` of the checkout: data, logs, process ids and settings. Removing it begins anew.
- the user's cache folder: programs, shared by all checkouts. Removing it costs another download.
"""

import fcntl
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

CHECKOUT: Final = Path(__file__).resolve().parents[2]
RUN: Final = CHECKOUT / ".run"


def cache_folder() -> Path:
    """The folder that programs are kept in; made if it isn't there."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "lectern"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def cached(name: str, make: Callable[[Path], None]) -> Path:
    """The folder `name` of the cache; `make` fills it if it isn't there: all of it or, if that breaks off, nothing.

    Two checkouts that want the same thing at once make it once.
    """
    folder = cache_folder() / name
    with (cache_folder() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            unfinished = folder.with_name(f"{name}.part")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            make(unfinished)
            unfinished.replace(folder)
    return folder


def write_private(path: Path, text: str) -> None:
    """Write a file that nobody but its owner can read, in one step."""
    unfinished = path.with_name(f".{path.name}.new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    unfinished.replace(path)


def say(sentence: str) -> None:
    """Tell the person who waits what is going on."""
    sys.stdout.write(sentence + "\n")
    sys.stdout.flush()
