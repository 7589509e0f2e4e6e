"""Options that many commands share, and what is done with a path on the host."""

import posixpath
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from services.cli.api import EXIT_NOT_FOUND, Api, CallFailed, host

CommandT = TypeVar("CommandT", bound=Callable[..., Any])

_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")

FILE: Final = "file"
CONTAINER: Final = "container"


def _with_host(context: click.Context, _: click.Parameter, user: str | None) -> Api:
    return host(user)


def talks_to_host(command: CommandT) -> CommandT:
    """Gives the command `api` and `as_json`, and the options --as and --json."""
    as_user = click.option(
        "--as",
        "api",
        metavar="USER",
        callback=_with_host,
        help="Act as this user, with this user's permissions.",
    )
    return _JSON(as_user(command))


def clean_path(path: str) -> str:
    """The path from the root, without a slash at its end, `.` or empty parts; "/" is the root."""
    return posixpath.normpath("/" + path.strip("/"))


def resource_at(api: Api, path: str) -> dict[str, Any]:
    """The file or container at the path. Raises CallFailed if there is none."""
    found = find(api, path)
    if found is None:
        raise CallFailed(f"there is no {clean_path(path)} on the host", exit_code=EXIT_NOT_FOUND)
    return found


def find(api: Api, path: str) -> dict[str, Any] | None:
    """The file or container at the path; None if there is none."""
    try:
        found: dict[str, Any] = api.get("resolve", path=clean_path(path))
    except CallFailed as error:
        if error.http_status == 404:  # noqa: PLR2004 - HTTP's Not Found
            return None
        raise
    return found


def file_at(api: Api, path: str) -> dict[str, Any]:
    """The file at the path. Raises CallFailed if there is none, or it's a folder."""
    found = resource_at(api, path)
    if found["kind"] != FILE:
        raise CallFailed(f"{clean_path(path)} is a folder, not a file")
    return found


def container_at(api: Api, path: str) -> dict[str, Any]:
    """The folder at the path. Raises CallFailed if there is none, or it's a file."""
    found = resource_at(api, path)
    if found["kind"] != CONTAINER:
        raise CallFailed(f"{clean_path(path)} is a file, not a folder")
    return found


def place_of(resource: dict[str, Any]) -> str:
    """The resource's path; its name if this user may not see a folder on the way there."""
    place: str = resource.get("path") or resource["name"]
    return place


def address_of(resource: dict[str, Any]) -> str:
    """The resource's place in the API: files/ID or containers/ID."""
    return f"{resource['kind']}s/{resource['id']}"
