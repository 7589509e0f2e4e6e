"""Running the embedded host in this process, from the settings to its end."""

import asyncio
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import click

from services.compose import serve_embedded
from shared.service.logging import configure
from shared.service.settings import Settings, load_settings, refuse_unsafe, unknown_settings


def run(**options: Any) -> None:
    """Serve until the process is told to stop. `options` win over the settings. Raises LecternError."""
    settings = load_settings(**options)
    refuse_unsafe(settings)
    for sentence in unknown_settings():
        click.echo(f"Warning: {sentence}", err=True)
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
    if sys.stdout.isatty():
        click.echo("Stop it with Ctrl-C.")
    sys.stdout.flush()
