"""`lectern open`: a document in the office suite, by a page on this machine that hands the suite a token.

Spec: discovery and host page > The host page (the token goes as a form, so that it's in no address).
"""

import os
import tempfile
import webbrowser
from html import escape
from pathlib import Path
from string import Template
from typing import Any, Final

import click

from services.cli.api import Api, CallFailed
from services.cli.options import file_at, place_of, talks_to_host
from services.cli.output import print_json

_PAGE: Final = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>html, body { margin: 0; height: 100%; overflow: hidden } iframe { border: 0; width: 100%; height: 100% }</style>
</head>
<body>
<form method="post" action="$action_url" target="suite">
<input type="hidden" name="access_token" value="$access_token">
<input type="hidden" name="access_token_ttl" value="$access_token_ttl">
</form>
<iframe name="suite" title="$title" allow="clipboard-read *; clipboard-write *; fullscreen *"></iframe>
<script>document.forms[0].submit()</script>
</body>
</html>
""")


@click.command("open")
@click.argument("path")
@click.option("--user", required=True, help="Who opens it; the suite shows this name to others.")
@click.option("--action", metavar="NAME", help="An action of the suite, such as view; by default the best it can.")
@click.option(
    "--dialect", type=click.Choice(["office", "collabora", "onlyoffice"]), help="The suite, if there are several."
)
@click.option("--page", type=click.Path(path_type=Path), help="Write the page to this file, and open no browser.")
@talks_to_host
def open_file(
    path: str, user: str, action: str | None, dialect: str | None, page: Path | None, api: Api, as_json: bool
) -> None:
    """Open the file PATH in the office suite that the host knows, in this machine's browser.

    The page holds an access token: whoever has it is that user at that file until the token expires.
    """
    resource = file_at(api, path)
    wish = {"user": user, "action": action, "dialect": dialect}
    opened = api.call(
        "POST", f"files/{resource['id']}/open", body={name: value for name, value in wish.items() if value is not None}
    )
    if as_json:
        print_json(opened)
        return
    written = _written(page, _page_of(resource, opened))
    if page is None and not webbrowser.open(written.as_uri()):
        raise CallFailed(f"no browser can be started here: open {written} in one yourself")
    click.echo(f"{place_of(resource)} opens from {written}")


def _page_of(resource: dict[str, Any], opened: dict[str, Any]) -> str:
    values = {"title": resource["name"], **opened}
    return _PAGE.substitute({name: escape(str(value)) for name, value in values.items()})


def _written(page: Path | None, text: str) -> Path:
    """The page in a file that nobody else on this machine can read."""
    try:
        if page is None:
            handle, name = tempfile.mkstemp(prefix="lectern-", suffix=".html")
        else:
            name = str(page)
            page.unlink(missing_ok=True)
            handle = os.open(page, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise CallFailed(f"the page can't be written: {error.strerror}") from error
    return Path(name).absolute()
