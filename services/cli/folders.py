"""Folders on the host, as several commands need them: what is in them, and making those that are missing."""

import posixpath
from collections.abc import Iterator
from typing import Any, Final

from services.cli.api import EXIT_CONFLICT, Api, CallFailed
from services.cli.options import CONTAINER, clean_path, container_at, find

PAGE: Final = 1000
"""Children asked for at once."""


def children_of(api: Api, folder: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All that is directly in the folder: folders first, then files, each in the order of their names."""
    after = None
    while True:
        page = api.get(f"containers/{folder['id']}/children", after=after, limit=PAGE)
        yield from page["items"]
        after = page.get("next")
        if after is None:
            return


def made_folder(api: Api, path: str) -> dict[str, Any]:
    """The folder at the path, made together with those above it where they are missing."""
    path = clean_path(path)
    found = find(api, path)
    if found is not None:
        if found["kind"] != CONTAINER:
            raise CallFailed(f"{path} is a file, not a folder", exit_code=EXIT_CONFLICT)
        return found
    above, name = posixpath.split(path)
    parent = made_folder(api, above)
    try:
        made: dict[str, Any] = api.call("POST", f"containers/{parent['id']}/containers", body={"name": name})
    except CallFailed as error:
        if error.exit_code != EXIT_CONFLICT:
            raise
        return container_at(api, path)  # somebody else has just made it
    return made
