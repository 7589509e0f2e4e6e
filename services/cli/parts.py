"""`lectern gateway`, `lock`, `storage`, `ecosystem` and `topics`: the parts of a distributed host."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import click

_HOST: Final = click.option("--host", help="The address to listen on; LECTERN_HOST.")
_DATA_DIR: Final = click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where secrets are kept that aren't set; LECTERN_DATA_DIR.",
)


@click.command()
@_HOST
@click.option("--port", type=int, help="The TCP port to listen on, 0 for any free one; LECTERN_PORT.")
@_DATA_DIR
def gateway(host: str | None, port: int | None, data_dir: Path | None) -> None:
    """Start a gateway of a distributed host: HTTP on one side, Kafka, MongoDB and S3 on the other."""
    from services.cli.serving import run_gateway  # noqa: PLC0415 - see `serve`

    run_gateway(host=host, port=port, data_dir=data_dir)


def _service(name: str, what: str) -> click.Command:
    def run(host: str | None, port: int) -> None:
        from services.cli.serving import run_service  # noqa: PLC0415 - see `serve`

        run_service(name, host=host, port=port)

    run.__doc__ = f"Start the {name} service of a distributed host: {what}."
    listening: Callable[[Callable[..., None]], Callable[..., None]] = click.option(
        "--port",
        type=int,
        default=0,
        show_default="any free one",
        help="The TCP port that answers /healthz, /readyz and /metrics.",
    )
    return click.command(name)(_HOST(listening(run)))


lock: Final = _service("lock", "it answers the commands that lock and unlock files")
storage: Final = _service("storage", "it answers the commands that create, save, name and delete files")
ecosystem: Final = _service("ecosystem", "it answers the commands about containers")


@click.command()
def topics() -> None:
    """Make the topics of a distributed host in Kafka, those that aren't there."""
    from services.cli.serving import run_topics  # noqa: PLC0415 - see `serve`

    for name in run_topics():
        click.echo(f"made {name}")
