"""`lectern versions`, `restore` and `drafts`: what a file was before, and what was nearly lost."""

from pathlib import Path
from typing import Any

import click

from services.cli.api import Api, in_path
from services.cli.options import file_at, place_of, talks_to_host
from services.cli.output import print_json, print_table, size_text, time_text
from services.cli.transfers import save_content


@click.command()
@click.argument("path")
@talks_to_host
def versions(path: str, api: Api, as_json: bool) -> None:
    """List the versions of the file PATH that are kept, the current one first."""
    listed = api.get(f"files/{file_at(api, path)['id']}/versions")["items"]
    if as_json:
        print_json(listed)
    else:
        rows = [
            (
                str(one["version"]),
                time_text(one["saved_at"]),
                one["saved_by"],
                size_text(one["size"]),
                one["client"],
            )
            for one in listed
        ]
        print_table(rows, ("VERSION", "SAVED", "BY", "SIZE", "WITH"))


@click.command()
@click.argument("path")
@click.argument("version", type=int)
@click.option("--if-version", metavar="NUMBER", type=int, help="Refuse unless this is the current version.")
@talks_to_host
def restore(path: str, version: int, if_version: int | None, api: Api, as_json: bool) -> None:
    """Bring the bytes of a former VERSION of the file PATH back, as a new version."""
    resource = file_at(api, path)
    wish = {} if if_version is None else {"expected_version": if_version}
    restored = api.call("POST", f"files/{resource['id']}/versions/{version}/restore", body=wish)
    _say_restored(restored, f"version {version}", as_json)


def _say_restored(restored: dict[str, Any], source: str, as_json: bool) -> None:
    if as_json:
        print_json(restored)
    else:
        click.echo(f"{place_of(restored)} is as in {source} again: now version {restored['version']}")


@click.group()
def drafts() -> None:
    """Saves that were refused or failed: their bytes are kept for a while."""


@drafts.command("list")
@click.argument("path", required=False)
@talks_to_host
def list_drafts(path: str | None, api: Api, as_json: bool) -> None:
    """List the drafts of the file PATH, or of all files."""
    listed = api.get("drafts" if path is None else f"files/{file_at(api, path)['id']}/drafts")["items"]
    if as_json:
        print_json(listed)
    else:
        rows = [
            (
                one["id"],
                one["file_name"],
                time_text(one["refused_at"]),
                one["saved_by"],
                size_text(one["size"]),
                one["reason"],
            )
            for one in listed
        ]
        print_table(rows, ("DRAFT", "FILE", "REFUSED", "SAVED BY", "SIZE", "WHY"))


@drafts.command("restore")
@click.argument("draft")
@click.option("--if-version", metavar="NUMBER", type=int, help="Refuse unless this is the file's current version.")
@talks_to_host
def restore_draft(draft: str, if_version: int | None, api: Api, as_json: bool) -> None:
    """Make the bytes of DRAFT the content of its file, as a new version."""
    wish = {} if if_version is None else {"expected_version": if_version}
    restored = api.call("POST", f"drafts/{in_path(draft)}/restore", body=wish)
    _say_restored(restored, f"draft {draft}", as_json)


@drafts.command("download")
@click.argument("draft")
@click.argument("local", required=False, type=click.Path())
@talks_to_host
def download_draft(draft: str, local: str | None, api: Api, as_json: bool) -> None:
    """Get the bytes of DRAFT into the file LOCAL, by default under the file's name with the draft's id before it."""
    kept = api.get(f"drafts/{in_path(draft)}")
    target = Path(local) if local else Path(f"{draft}-{kept['file_name']}")
    saved = save_content(api, f"drafts/{in_path(draft)}/content", target)
    if as_json:
        print_json({"local": str(saved), "size": saved.stat().st_size})
    else:
        click.echo(f"{saved}  {size_text(saved.stat().st_size)}")


@drafts.command("discard")
@click.argument("draft")
@talks_to_host
def discard_draft(draft: str, api: Api, as_json: bool) -> None:
    """Let go of DRAFT."""
    api.call("DELETE", f"drafts/{in_path(draft)}")
    if as_json:
        print_json({"discarded": draft})
    else:
        click.echo(f"discarded {draft}")
