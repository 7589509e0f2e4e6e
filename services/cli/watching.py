"""`lectern locks`, `unlock`, `saves` and `events`: what is going on, for the people who look after a host."""

import json
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import click

from services.cli.api import EXIT_CONFLICT, EXIT_UNREACHABLE, Api, CallFailed
from services.cli.options import file_at, place_of, talks_to_host
from services.cli.output import moment_before, print_json, print_table, time_text

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_RECONNECT_AFTER_SECONDS: Final = 2.0


class _Duration(click.ParamType[timedelta]):
    """A number with s, m, h or d."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The span of time that the text says."""
        if isinstance(value, timedelta):
            return value
        match = re.fullmatch(r"(\d{1,9})([smhd])", str(value))
        if match is None:
            self.fail(f"{value!r} is no number with s, m, h or d, such as 90m", param, ctx)
        return timedelta(**{_UNITS[match[2]]: int(match[1])})


@click.command()
@talks_to_host
def locks(api: Api, as_json: bool) -> None:
    """List the files that are locked: by whom, since when, and until when if nobody refreshes the lock."""
    listed = api.get("locks")["items"]
    if as_json:
        print_json(listed)
    else:
        rows = [
            (
                place_of(one["file"]),
                one["lock"]["taken_by"],
                time_text(one["lock"]["taken_at"]),
                time_text(one["lock"]["refreshed_at"]),
                time_text(one["lock"]["expires_at"]),
                one["lock"]["client"],
            )
            for one in listed
        ]
        print_table(rows, ("FILE", "LOCKED BY", "SINCE", "REFRESHED", "EXPIRES", "WITH"))


@click.command()
@click.argument("path")
@click.option("--reason", required=True, help="Why, for those who read the event.")
@click.option("--yes", is_flag=True, help="Don't ask first.")
@talks_to_host
def unlock(path: str, reason: str, yes: bool, api: Api, as_json: bool) -> None:
    """Break the lock of the file PATH.

    The client that holds it can't save any more: what it tries to save is kept as a draft.
    """
    resource = file_at(api, path)
    lock = api.get(f"files/{resource['id']}/lock").get("lock")
    if lock is None:
        raise CallFailed(f"{place_of(resource)} isn't locked", exit_code=EXIT_CONFLICT)
    if not yes:
        who = f"{lock['taken_by']} has locked {place_of(resource)} since {time_text(lock['taken_at'])}."
        click.confirm(f"{who} Break the lock?", abort=True, err=True)
    api.call("DELETE", f"files/{resource['id']}/lock", query={"taken_at": lock["taken_at"], "reason": reason})
    if as_json:
        print_json({"unlocked": place_of(resource)})
    else:
        click.echo(f"{place_of(resource)} isn't locked any more")


@click.command()
@click.option("--since", metavar="AGO", type=_Duration(), default="24h", help="Only saves since then; 24h by default.")
@talks_to_host
def saves(since: timedelta, api: Api, as_json: bool) -> None:
    """List the files that were saved lately, with the last save of each."""
    listed = api.get("saves", since=moment_before(since))["items"]
    if as_json:
        print_json(listed)
    else:
        rows = [
            (place_of(one), str(one["version"]), time_text(one["saved_at"]), one["saved_by"], one["client"])
            for one in listed
        ]
        print_table(rows, ("FILE", "VERSION", "SAVED", "BY", "WITH"))


@click.command()
@click.option("--follow", is_flag=True, help="Go on and print new events as they come, until interrupted.")
@click.option("--after", metavar="POSITION", help="Only events after this position.")
@talks_to_host
def events(follow: bool, after: str | None, api: Api, as_json: bool) -> None:
    """Print what happened to files and folders, the oldest first; with --json one CloudEvent a line."""
    for position, event in _events(api, after, follow):
        click.echo(json.dumps(event, ensure_ascii=False) if as_json else _line(position, event))


def _line(position: str, event: dict[str, Any]) -> str:
    data = event["data"]
    name = data.get("name") or event["subject"]
    return f"{position}  {time_text(event['time'])}  {event['type']:22} {name}  {data.get('user_id') or '-'}"


def _events(api: Api, after: str | None, follow: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """Position and CloudEvent of each; while it follows, a connection that broke off is made again."""
    has_begun = False
    while True:
        try:
            for position, event in _stream(api, after, follow):
                has_begun, after = True, position
                yield position, event
        except CallFailed as error:
            is_away = error.http_status == 0 or error.exit_code == EXIT_UNREACHABLE
            if not follow or not has_begun or not is_away:
                raise
        if not follow:
            return
        time.sleep(_RECONNECT_AFTER_SECONDS)


def _stream(api: Api, after: str | None, follow: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """The server-sent events of one connection."""
    query = {"after": after, "follow": "true" if follow else "false"}
    with api.answer("GET", "events", query=query, timeout_seconds=None) as answer:
        position, data = "", ""
        while line := answer.readline():
            name, _, value = line.decode().rstrip("\r\n").partition(": ")
            if name == "id":
                position = value
            elif name == "data":
                data += value
            elif not name and data:
                yield position, json.loads(data)
                data = ""
