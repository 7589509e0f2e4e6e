"""`lectern serve`: the embedded host, all services in one process."""

from pathlib import Path

import click


@click.command()
@click.option("--host", help="The address to listen on; LECTERN_HOST.")
@click.option("--port", type=int, help="The TCP port to listen on, 0 for any free one; LECTERN_PORT.")
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="The data folder; LECTERN_DATA_DIR.")
def serve(host: str | None, port: int | None, data_dir: Path | None) -> None:
    """Start the embedded host: one process, metadata in SQLite, content in a folder.

    The options win over the settings of the same names. SIGTERM or Ctrl-C stops it, after the requests in hand.
    """
    # All that a host needs takes its time to load, and `lectern ls` shouldn't wait for it.
    from services.cli.serving import run  # noqa: PLC0415

    run(host=host, port=port, data_dir=data_dir)
