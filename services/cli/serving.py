"""Running the embedded host in this process, from the settings to its end."""

import asyncio
import gc
import sys
from collections.abc import Callable, Coroutine
from importlib.metadata import version
from typing import Any, Final

import click

from services.compose import serve_embedded
from services.listening import allow_many_connections
from shared.messages.commands import Service
from shared.service.logging import configure
from shared.service.settings import Settings, load_settings, refuse_unsafe, unknown_settings

_GARBAGE_MIN: Final = 10_000
"""New objects before the first search for cycles among them."""
_SEARCHES: Final = 20
"""Searches among the young before one that includes those that outlived them."""


def run(**options: Any) -> None:
    """Serve until the process is told to stop. `options` win over the settings. Raises LecternError."""
    settings = _settings(options)
    _run(serve_embedded(settings, lambda address: _announce(address, settings)))


def run_gateway(**options: Any) -> None:
    """Be a gateway until the process is told to stop. Raises LecternError."""
    from services.distributed import serve_gateway  # noqa: PLC0415 - the embedded host does without its drivers

    settings = _settings(options)
    _run(serve_gateway(settings, lambda address: _announce_part("gateway", address)))


def run_service(name: str, **options: Any) -> None:
    """Be that service until the process is told to stop. Raises LecternError."""
    from services.distributed import serve_service  # noqa: PLC0415

    settings = _settings(options)
    _run(serve_service(settings, Service(name), lambda address: _announce_part(f"{name} service", address)))


def run_topics() -> list[str]:
    """Make the topics that aren't there; says which those were. Raises LecternError."""
    from services.distributed import make_topics  # noqa: PLC0415

    with asyncio.Runner() as runner:
        return runner.run(make_topics(load_settings()))


def _settings(options: dict[str, Any]) -> Settings:
    settings = load_settings(**options)
    refuse_unsafe(settings)
    for sentence in unknown_settings():
        click.echo(f"Warning: {sentence}", err=True)
    configure(settings.log_level, settings.log_format)
    return settings


def _run(serving: Coroutine[Any, Any, None]) -> None:
    allow_many_connections()
    _search_seldom()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serving)


def _search_seldom() -> None:
    """Look for garbage in cycles less often, and never among the modules.

    There is little of it, for the rest goes by counting references; but each search stops the host and goes through all
    that it remembers. What the slowest answers wait for is that.
    """
    _ = gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE_MIN, _SEARCHES, _SEARCHES)


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


def _announce_part(part: str, address: str) -> None:
    click.echo(f"Lectern {version('lectern')} ({part}) runs on {address}")
    sys.stdout.flush()
