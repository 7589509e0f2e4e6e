"""The folder that an embedded host keeps everything in, held by one process at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.core.errors import Unavailable


class FolderInUse(Unavailable):
    """Another process, or another host in this one, works on the folder."""


def sync_folder(folder: Path) -> None:
    """Make durable which names the folder holds."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make the folder and those above it, durably and for this user alone, if it isn't there."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    sync_folder(folder.parent)


@contextmanager
def hold_folder(folder: Path) -> Iterator[None]:
    """Keep others out of the folder. The system lets go of it when the process ends, however it ends.

    Raises FolderInUse if somebody else holds it.
    """
    descriptor = os.open(folder / "in-use.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FolderInUse(f"another host is using the data folder {folder}") from error
        yield
    finally:
        os.close(descriptor)
