"""`lectern grant` and `grants`: who may do what; `lectern token`: a way in for a WOPI client."""

import shlex
from datetime import UTC, datetime
from typing import Any, Final

import click

from services.cli.api import Api, in_path
from services.cli.options import address_of, clean_path, resource_at, talks_to_host
from services.cli.output import print_json, print_table

INHERIT: Final = "inherit"
_MILLISECONDS: Final = 1000


@click.command()
@click.argument("path")
@click.argument("user")
@click.argument("role", type=click.Choice(["owner", "editor", "viewer", "none", INHERIT]))
@talks_to_host
def grant(path: str, user: str, role: str, api: Api, as_json: bool) -> None:
    """Give USER the ROLE on PATH and all below it.

    viewer reads; editor saves, creates, renames, moves and deletes as well; owner shares and breaks locks as well; none
    sees nothing. inherit takes the grant away, so that those of the folders above count again.
    """
    place = f"{address_of(resource_at(api, path))}/grants/{in_path(user)}"
    granted = api.call("DELETE", place) if role == INHERIT else api.call("PUT", place, body={"role": role})
    if as_json:
        print_json(granted or {"user": user, "role": role})
    else:
        click.echo(f"{user} has {'what is inherited' if role == INHERIT else role} on {clean_path(path)}")


@click.command()
@click.argument("path")
@talks_to_host
def grants(path: str, api: Api, as_json: bool) -> None:
    """List the grants on PATH itself; those of the folders above count where none is listed here."""
    listed = api.get(f"{address_of(resource_at(api, path))}/grants")["items"]
    if as_json:
        print_json(listed)
    else:
        print_table([(one["user"], one["role"]) for one in listed], ("USER", "ROLE"))


@click.command()
@click.option("--user", required=True, help="The user's name; one that the host doesn't know yet becomes known.")
@click.option("--path", help="The file or folder that the token is for, by its path.")
@click.option("--file", "file_id", metavar="ID", help="The file that the token is for, by its id.")
@click.option("--container", "container_id", metavar="ID", help="The folder that the token is for, by its id.")
@click.option("--dialect", type=click.Choice(["office", "collabora", "onlyoffice"]), help="The client it's for.")
@click.option("--read-only", is_flag=True, help="A token that only reads, whatever its user may do.")
@click.option("--no-locks", is_flag=True, help="For a client that knows no locks: it's told that there are none.")
@click.option("--shell", "as_shell", is_flag=True, help="Print variables for a shell to evaluate.")
@talks_to_host
def token(
    user: str,
    path: str | None,
    file_id: str | None,
    container_id: str | None,
    dialect: str | None,
    read_only: bool,
    no_locks: bool,
    as_shell: bool,
    api: Api,
    as_json: bool,
) -> None:
    """Mint an access token for one user and one file or folder.

    Whoever has the token is that user there until it expires: keep it to yourself.
    """
    named = {"path": path and clean_path(path), "file_id": file_id, "container_id": container_id}
    given = {name: value for name, value in named.items() if value}
    if len(given) != 1:
        raise click.UsageError("say what the token is for: one of --path, --file and --container")
    wish: dict[str, Any] = {"user": user, **given, "read_only": read_only, "supports_locks": not no_locks}
    if dialect is not None:
        wish["dialect"] = dialect
    minted = api.call("POST", "tokens", body=wish)
    if as_json:
        print_json(minted)
    elif as_shell:
        click.echo("\n".join(f"{name.upper()}={shlex.quote(str(value))}" for name, value in minted.items()))
    else:
        expires = datetime.fromtimestamp(minted["access_token_ttl"] / _MILLISECONDS, UTC).astimezone()
        click.echo(f"WOPISrc       {minted['wopi_src']}")
        click.echo(f"access token  {minted['access_token']}")
        click.echo(f"valid until   {expires:%Y-%m-%d %H:%M:%S}")
