"""`lectern ls`, `mkdir`, `mv` and `rm`: the tree of folders and files."""

import posixpath
from typing import Any

import click

from services.cli.api import EXIT_CONFLICT, Api, CallFailed
from services.cli.folders import children_of, made_folder
from services.cli.options import (
    CONTAINER,
    address_of,
    clean_path,
    container_at,
    find,
    place_of,
    resource_at,
    talks_to_host,
)
from services.cli.output import print_json, print_table, size_text, time_text


@click.command("ls")
@click.argument("path", default="/")
@talks_to_host
def list_folder(path: str, api: Api, as_json: bool) -> None:
    """List what is in the folder PATH (by default the root), or one file."""
    resource = resource_at(api, path)
    listed = list(children_of(api, resource)) if resource["kind"] == CONTAINER else [resource]
    if as_json:
        print_json(listed)
    else:
        print_table([_row(one) for one in listed], ("NAME", "SIZE", "VERSION", "LAST MODIFIED", "BY", "LOCKED"))


def _row(resource: dict[str, Any]) -> tuple[str, ...]:
    if resource["kind"] == CONTAINER:
        return (resource["name"] + "/", "", "", "", "", "")
    return (
        resource["name"],
        size_text(resource["size"]),
        str(resource["version"]),
        time_text(resource["last_modified"]),
        resource["last_modified_by"],
        "locked" if resource.get("lock") else "",
    )


@click.command()
@click.argument("path")
@click.option("-p", "--parents", is_flag=True, help="Create missing folders above as well; one that exists is fine.")
@talks_to_host
def mkdir(path: str, parents: bool, api: Api, as_json: bool) -> None:
    """Create the folder PATH."""
    path = clean_path(path)
    if parents:
        folder = made_folder(api, path)
    else:
        above, name = posixpath.split(path)
        if not name:
            raise CallFailed("the root folder exists", exit_code=EXIT_CONFLICT)
        if find(api, above) is None:
            raise CallFailed(f"there is no folder {above} on the host: --parents creates it", http_status=404)
        parent = container_at(api, above)
        folder = api.call("POST", f"containers/{parent['id']}/containers", body={"name": name})
    if as_json:
        print_json(folder)
    else:
        click.echo(place_of(folder))


@click.command()
@click.argument("source")
@click.argument("target")
@talks_to_host
def mv(source: str, target: str, api: Api, as_json: bool) -> None:
    """Rename or move SOURCE to TARGET, on the host; a TARGET that is a folder takes it under its own name."""
    resource = resource_at(api, source)
    above, name = posixpath.split(clean_path(target))
    found = find(api, target)
    if found is not None and found["kind"] == CONTAINER and found["id"] != resource["id"]:
        parent, name = found, resource["name"]
    else:
        parent = container_at(api, above)
    place = "parent_id" if resource["kind"] == CONTAINER else "container_id"
    moved = api.call("PATCH", address_of(resource), body={"name": name, place: parent["id"]})
    if as_json:
        print_json(moved)
    else:
        click.echo(place_of(moved))


@click.command()
@click.argument("path")
@click.option("-r", "--recursive", is_flag=True, help="Delete a folder with all that is in it.")
@talks_to_host
def rm(path: str, recursive: bool, api: Api, as_json: bool) -> None:
    """Delete the file or folder PATH, with the former versions. A locked file stays."""
    resource = resource_at(api, path)
    deleted: list[str] = []
    _delete(api, resource, recursive, deleted)
    if as_json:
        print_json(deleted)
    else:
        for one in deleted:
            click.echo(f"deleted {one}")


def _delete(api: Api, resource: dict[str, Any], recursive: bool, deleted: list[str]) -> None:
    if recursive and resource["kind"] == CONTAINER:
        for child in list(children_of(api, resource)):
            _delete(api, child, recursive, deleted)
    try:
        api.call("DELETE", address_of(resource))
    except CallFailed as error:
        if error.exit_code != EXIT_CONFLICT:
            raise
        advice = "--recursive deletes a folder with all that is in it" if resource["kind"] == CONTAINER else ""
        sentence = f"{place_of(resource)} stays: {error}" + (f" ({advice})" if advice and not recursive else "")
        raise CallFailed(sentence, error.http_status) from error
    deleted.append(place_of(resource))
