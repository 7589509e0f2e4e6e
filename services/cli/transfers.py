"""`lectern put` and `lectern get`: content to and from the host, in constant memory."""

import http.client
import os
import posixpath
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

import click

from services.cli.api import BLOCK_BYTES, Api, CallFailed, in_path, parsed
from services.cli.folders import children_of, made_folder
from services.cli.options import CONTAINER, FILE, clean_path, container_at, find, place_of, resource_at, talks_to_host
from services.cli.output import print_json, size_text
from services.cli.progress import watched

_STANDARD_STREAM: Final = "-"


@click.command()
@click.argument("local", type=click.Path(exists=True, allow_dash=True, readable=True))
@click.argument("remote")
@click.option("-p", "--parents", is_flag=True, help="Create the folders of REMOTE that are missing.")
@click.option("-r", "--recursive", is_flag=True, help="Put a folder with all that is in it.")
@click.option("--new", "only_new", is_flag=True, help="Refuse if the file exists, instead of making a new version.")
@talks_to_host
def put(local: str, remote: str, parents: bool, recursive: bool, only_new: bool, api: Api, as_json: bool) -> None:
    """Put the file LOCAL onto the host, at REMOTE.

    REMOTE is a path on the host, or a folder there, which takes the file under its own name. A file that exists gets a
    new version. LOCAL may be - for standard input.
    """
    is_folder = local != _STANDARD_STREAM and Path(local).is_dir()
    if is_folder and not recursive:
        raise click.UsageError(f"{local} is a folder: put it with --recursive")
    folder, name = _place(api, remote, local, parents)
    uploads = (
        _tree(api, Path(local), folder, name, only_new) if is_folder else [_file(api, local, folder, name, only_new)]
    )
    done = []
    for resource in uploads:
        done.append(resource)
        if not as_json:
            click.echo(f"{place_of(resource)}  version {resource['version']}, {size_text(resource['size'])}")
    if as_json:
        print_json(done if is_folder else done[0])


def _place(api: Api, remote: str, local: str, parents: bool) -> tuple[dict[str, Any], str]:
    """The folder that takes the upload, and its name in there."""
    path = clean_path(remote)
    own_name = "" if local == _STANDARD_STREAM else Path(local).resolve().name
    found = find(api, path)
    if (found is not None and found["kind"] == CONTAINER) or (found is None and remote.endswith("/")):
        if not own_name:
            raise click.UsageError(f"{remote} is a folder: say which name the file gets in there")
        path = posixpath.join(path, own_name)
    above, name = posixpath.split(path)
    if parents:
        return made_folder(api, above), name
    if found is None and find(api, above) is None:
        raise CallFailed(f"there is no folder {above} on the host: --parents creates it", http_status=404)
    return container_at(api, above), name


def _file(api: Api, local: str, folder: dict[str, Any], name: str, only_new: bool) -> dict[str, Any]:
    headers = {"Content-Type": "application/octet-stream"} | ({"If-None-Match": "*"} if only_new else {})
    with click.open_file(local, "rb") as source:
        size = None if local == _STANDARD_STREAM else os.fstat(source.fileno()).st_size
        if size is not None:
            headers["Content-Length"] = str(size)
        with watched(_blocks(source), size, name) as body:
            path = f"containers/{folder['id']}/files/{in_path(name)}"
            with api.answer("PUT", path, body=body, headers=headers) as answer:
                resource: dict[str, Any] = parsed(answer)
                return resource


def _blocks(source: IO[bytes]) -> Iterator[bytes]:
    while block := source.read(BLOCK_BYTES):
        yield block


def _tree(api: Api, local: Path, parent: dict[str, Any], name: str, only_new: bool) -> Iterator[dict[str, Any]]:
    """Puts a folder with all that is in it, in the order of names; links and special files are left out."""
    folder = made_folder(api, posixpath.join(place_of(parent), name))
    for entry in sorted(local.iterdir()):
        if entry.is_symlink() or not (entry.is_dir() or entry.is_file()):
            click.echo(f"left out {entry}: it's neither a file nor a folder", err=True)
        elif entry.is_dir():
            yield from _tree(api, entry, folder, entry.name, only_new)
        else:
            yield _file(api, str(entry), folder, entry.name, only_new)


@click.command()
@click.argument("remote")
@click.argument("local", required=False, type=click.Path(allow_dash=True))
@click.option("-r", "--recursive", is_flag=True, help="Get a folder with all that is in it.")
@click.option("--version", "version", metavar="NUMBER", type=int, help="Get a former version.")
@talks_to_host
def get(remote: str, local: str | None, recursive: bool, version: int | None, api: Api, as_json: bool) -> None:
    """Get the file REMOTE from the host.

    LOCAL is a file, or a folder that takes it under its own name; without LOCAL it comes into the current folder. With -
    it goes to standard output.
    """
    resource = resource_at(api, remote)
    if resource["kind"] == CONTAINER:
        if not recursive:
            raise click.UsageError(f"{clean_path(remote)} is a folder: get it with --recursive")
        if version is not None or local == _STANDARD_STREAM:
            raise click.UsageError("a folder has no versions, and no place on standard output")
    path = (
        f"files/{resource['id']}/content" if version is None else f"files/{resource['id']}/versions/{version}/content"
    )
    if local == _STANDARD_STREAM:
        with api.answer("GET", path) as answer, click.open_file(_STANDARD_STREAM, "wb") as sink:
            _copy(answer, sink, resource["name"])
        return
    target = _local_target(local, resource["name"] or "root")
    saved = _saved_tree(api, resource, target) if resource["kind"] == CONTAINER else [save_content(api, path, target)]
    done = []
    for file in saved:
        done.append({"local": str(file), "size": file.stat().st_size})
        if not as_json:
            click.echo(f"{file}  {size_text(file.stat().st_size)}")
    if as_json:
        print_json(done if resource["kind"] == CONTAINER else done[0])


def _local_target(local: str | None, name: str) -> Path:
    target = Path(local) if local is not None else Path(name)
    is_folder = local is not None and (target.is_dir() or local.endswith(os.sep))
    return target / name if is_folder else target


def save_content(api: Api, path: str, target: Path) -> Path:
    """Get the content at that place of the API into the file `target`: all of it or none."""
    unfinished = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        with api.answer("GET", path) as answer, unfinished.open("xb") as sink:
            _copy(answer, sink, target.name)
        unfinished.replace(target)
    except OSError as error:
        raise CallFailed(f"{target} can't be written: {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return target


def _copy(answer: http.client.HTTPResponse, sink: IO[bytes], label: str) -> None:
    expected, arrived = answer.length, 0
    with watched(_blocks(answer), expected, label) as blocks:
        for block in blocks:
            sink.write(block)
            arrived += len(block)
    if expected is not None and arrived != expected:
        raise CallFailed(f"the connection broke off after {arrived} of {expected} bytes")


def _saved_tree(api: Api, folder: dict[str, Any], target: Path) -> Iterator[Path]:
    try:
        target.mkdir(exist_ok=True)
    except OSError as error:
        raise CallFailed(f"{target} can't be made: {error.strerror}") from error
    for child in children_of(api, folder):
        if child["kind"] == FILE:
            yield save_content(api, f"files/{child['id']}/content", target / child["name"])
        else:
            yield from _saved_tree(api, child, target / child["name"])
