"""Where the host is and with which key: from the environment, a `.env` file, or the embedded host's data folder."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from services.data_folder import ADDRESS, API_KEY, read_text
from shared.core.errors import LecternError

DEFAULT_URL: Final = "http://127.0.0.1:8080"
DEFAULT_DATA_DIR: Final = "./data"
ENV_FILE: Final = ".env"
"""That of `shared.service.settings`, which takes too long to import for a command that has no use for settings."""


class HostUnknown(LecternError):
    """Nothing says which host is meant, or with which key."""


@dataclass(frozen=True, slots=True)
class Location:
    """A host, and the operator's key to it."""

    url: str
    """Without a slash at its end."""
    key: str = field(repr=False)


def located() -> Location:
    """LECTERN_URL and LECTERN_API_KEY; what isn't set is looked up in the data folder LECTERN_DATA_DIR.

    A host that runs on the data folder leaves its address there, so that it's found on any port. Raises HostUnknown, DataFolderUnusable.
    """
    values = _given()
    folder = Path(values.get("LECTERN_DATA_DIR") or DEFAULT_DATA_DIR).expanduser()
    key = values.get("LECTERN_API_KEY")
    url = values.get("LECTERN_URL")
    if key is None:
        key = read_text(folder, API_KEY)
        url = url or read_text(folder, ADDRESS)
    if key is None:
        raise HostUnknown(
            f"there is no key to the host: LECTERN_API_KEY isn't set, and no host has kept one in {folder.absolute()}.\n"
            "Start a host with `lectern serve`, or say where its data folder is: LECTERN_DATA_DIR=folder"
        )
    return Location((url or DEFAULT_URL).rstrip("/"), key)


def _given() -> dict[str, str]:
    """The LECTERN_ variables that are set; an empty one isn't, and the environment wins over the file."""
    file = _in_file(ENV_FILE) if Path(ENV_FILE).is_file() else {}
    given = {name.upper(): value for name, value in file.items() if value}
    return given | {name: value for name, value in os.environ.items() if value}


def _in_file(path: str) -> dict[str, str | None]:
    """The variables in a dotenv file. Raises HostUnknown if it can't be read."""
    from dotenv import dotenv_values  # noqa: PLC0415 - most often there is no such file

    try:
        return dotenv_values(path, encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise HostUnknown(f"the file {path} can't be read: it should be readable text in UTF-8") from None
