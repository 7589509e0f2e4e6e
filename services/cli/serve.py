"""`lectern serve`: the embedded host, all services in one process."""

import asyncio
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import click

from shared.service.settings import Settings, load_settings, refuse_unsafe, unknown_settings


@click.command()
@click.option("--host", help="The address to listen on; LECTERN_HOST.")
@click.option("--port", type=int, help="The TCP port to listen on, 0 for any free one; LECTERN_PORT.")
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="The data folder; LECTERN_DATA_DIR.")
def serve(host: str | None, port: int | None, data_dir: Path | None) -> None:
    """Start the embedded host: one process, metadata in SQLite, content in a folder.

    The options win over the settings of the same names. SIGTERM or Ctrl-C stops it, after the requests in hand.
    """
    settings = load_settings(host=host, port=port, data_dir=data_dir)
    refuse_unsafe(settings)
    for sentence in unknown_settings():
        click.echo(f"Warning: {sentence}", err=True)
    # Imported here: what a host needs takes its time to load, and `lectern ls` shouldn't wait for it.
    from services.compose import serve_embedded  # noqa: PLC0415
    from shared.service.logging import configure  # noqa: PLC0415

    configure(settings.log_level, settings.log_format)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serve_embedded(settings, lambda address: _announce(address, settings)))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's event loop where it's installed; it takes a third to a half less CPU."""
    try:
        import uvloop  # noqa: PLC0415
    except ImportError:
        return None
    return uvloop.new_event_loop


def _announce(address: str, settings: Settings) -> None:
    click.echo(f"Lectern {version('lectern')} runs on {address} with its data in {settings.data_dir.absolute()}")
    click.echo("Stop it with Ctrl-C.") if sys.stdout.isatty() else None
    sys.stdout.flush()
