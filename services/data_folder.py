"""What lies in the data folder of a host or gateway besides metadata and content, which are the adapters' own.

- `token_secret`, `api_key`: made on first start unless the settings give others; for the owner of the folder alone.
- `address`: the base URL of the host or gateway that runs on the folder, so that the command line finds it on any port.
"""

import os
import secrets
from pathlib import Path
from typing import Final

from shared.adapters.embedded.data_folder import sync_folder
from shared.core.errors import LecternError

TOKEN_SECRET: Final = "token_secret"  # noqa: S105 - the name of a file
API_KEY: Final = "api_key"
ADDRESS: Final = "address"
_SECRET_BYTES: Final = 32


class DataFolderUnusable(LecternError):
    """The data folder can't be used; the sentence says why and what to do about it."""


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
        sync_folder(folder)
    except OSError as error:
        raise DataFolderUnusable(f"{folder / name} can't be written: {error.strerror}") from error


def remove(folder: Path, name: str) -> None:
    """Remove a file of the folder, if it's there."""
    (folder / name).unlink(missing_ok=True)


def _made_secret(folder: Path, name: str) -> str:
    secret = secrets.token_hex(_SECRET_BYTES)
    write_text(folder, name, secret)
    return secret
