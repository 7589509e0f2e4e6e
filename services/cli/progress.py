"""Bytes that pass by, with a bar for whoever watches a long transfer on a terminal."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

import click

SHOWN_FROM_BYTES: Final = 4 * 1024 * 1024
"""Smaller transfers are over before a bar could be read."""


@contextmanager
def watched(blocks: Iterator[bytes], size_bytes: int | None, label: str) -> Iterator[Iterator[bytes]]:
    """The same blocks; while they pass, standard error shows how far they are if it's a terminal."""
    is_long = size_bytes is None or size_bytes >= SHOWN_FROM_BYTES
    if not is_long or not sys.stderr.isatty():
        yield blocks
        return
    bar: AbstractContextManager[Any] = click.progressbar(
        length=size_bytes or 0, label=label, file=sys.stderr, show_pos=False, show_eta=size_bytes is not None
    )
    with bar as shown:
        yield _counted(blocks, shown)


def _counted(blocks: Iterator[bytes], bar: Any) -> Iterator[bytes]:
    for block in blocks:
        yield block
        bar.update(len(block))
