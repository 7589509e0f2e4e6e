"""The `lectern` command: the host itself, and a person's and a script's way to it."""

import sys
from typing import Any

import click

from services.cli.api import EXIT_REFUSED, CallFailed
from services.cli.history import drafts, restore, versions
from services.cli.opening import open_file
from services.cli.parts import ecosystem, gateway, lock, storage, topics
from services.cli.serve import serve
from services.cli.sharing import grant, grants, token
from services.cli.transfers import get, put
from services.cli.tree import list_folder, mkdir, mv, rm
from services.cli.watching import events, locks, saves, unlock
from shared.core.errors import LecternError


class _Commands(click.Group):
    """Commands whose errors end in a sentence and an exit code, not in a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that the arguments name."""
        try:
            return super().invoke(ctx)
        except LecternError as error:
            click.echo(f"Error: {error}", err=True)
            ctx.exit(error.exit_code if isinstance(error, CallFailed) else EXIT_REFUSED)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="lectern")
def lectern() -> None:
    """A WOPI host: opens, locks, edits and saves a company's documents.

    `lectern serve` starts it. All other commands talk to a host that runs: at LECTERN_URL (by default
    http://127.0.0.1:8080) with the key LECTERN_API_KEY (by default the one in the data folder LECTERN_DATA_DIR, ./data).

    Exit codes: 0 done; 1 refused or failed; 2 wrong usage; 3 no host answers; 4 the key is wrong; 5 no such file or
    folder; 6 something is in the way: a lock, a name that is taken, a folder that isn't empty, a changed version.
    """


for _command in (
    serve, token, open_file, put, get, list_folder, mkdir, mv, rm, grant, grants, versions, restore, drafts, locks, unlock, saves,
    events, gateway, lock, storage, ecosystem, topics,
):  # fmt: skip
    lectern.add_command(_command)


def main() -> None:
    """Where the installed command begins."""
    try:
        lectern()
    except BrokenPipeError:  # whoever read our output has had enough
        sys.stderr.close()
        sys.exit(0)
