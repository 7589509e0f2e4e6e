"""The embedded host's data folder: that one process at a time has it, the secrets it generates, and its address.

What lies in it:

- `lock`: held by the host that runs on the folder, with its process id.
- `token_secret`, `api_key`: made on first start unless the settings give others; for the owner of the folder alone.
- `address`: the base URL of the host that runs on the folder, so that the command line finds it on any port.
- metadata and content, which are the adapters' own.
"""

import errno
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from shared.core.errors import LecternError

TOKEN_SECRET: Final = "token_secret"  # noqa: S105 - the name of a file
API_KEY: Final = "api_key"
ADDRESS: Final = "address"
_LOCK: Final = "lock"
_SECRET_BYTES: Final = 32


class DataFolderUnusable(LecternError):
    """The data folder can't be used; the sentence says why and what to do about it."""


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Make the folder if it isn't there, and have it for this process alone until the end.

    The operating system lets go of the folder when the process dies, however it dies. Raises DataFolderUnusable.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise DataFolderUnusable(f"the data folder {folder} can't be used: {error.strerror}") from error
    try:
        _lock_or_refuse(folder, lock)
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(lock)


def _lock_or_refuse(folder: Path, lock: int) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in {errno.EWOULDBLOCK, errno.EACCES}:
            raise DataFolderUnusable(f"the data folder {folder} can't be locked: {error.strerror}") from error
        holder = os.pread(lock, 20, 0).decode("ascii", "replace").strip() or "unknown"
        raise DataFolderUnusable(
            f"another Lectern (process {holder}) is running on the data folder {folder}:"
            " stop it first, or give this one another folder with --data-dir"
        ) from error


def kept_secret(folder: Path, name: str) -> str:
    """The secret of that name in the folder; a new random one is kept there first if there is none."""
    return read_text(folder, name) or _made_secret(folder, name)


def read_text(folder: Path, name: str) -> str | None:
    """The text of a file in the folder; None if there is no such file. Raises DataFolderUnusable."""
    try:
        return (folder / name).read_text("utf-8").strip() or None
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise DataFolderUnusable(f"{folder / name} can't be read: {reason}") from error


def write_text(folder: Path, name: str, text: str) -> None:
    """Keep the text under that name, for the owner of the folder alone: all of it or, after a crash, none."""
    unfinished = folder / f".{name}.new"
    try:
        unfinished.unlink(missing_ok=True)
        handle = os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(folder / name)
        _sync(folder)
    except OSError as error:
        raise DataFolderUnusable(f"{folder / name} can't be written: {error.strerror}") from error


def remove(folder: Path, name: str) -> None:
    """Remove a file of the folder, if it's there."""
    (folder / name).unlink(missing_ok=True)


def _made_secret(folder: Path, name: str) -> str:
    secret = secrets.token_hex(_SECRET_BYTES)
    write_text(folder, name, secret)
    return secret


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
