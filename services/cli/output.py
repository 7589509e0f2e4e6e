"""How results are printed: lined up for people, JSON for machines."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click

_UNITS: Final = ("bytes", "KB", "MB", "GB", "TB")
_STEP: Final = 1000


def print_json(value: Any) -> None:
    """The value as JSON."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def print_table(rows: Sequence[Sequence[str]], heading: Sequence[str]) -> None:
    """Columns as wide as their widest cell; nothing at all without rows."""
    if not rows:
        return
    widths = [max(map(len, column)) for column in zip(heading, *rows, strict=True)]
    for row in (heading, *rows):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def size_text(size_bytes: int) -> str:
    """A size for people: 812 bytes, 1.5 MB."""
    size = float(size_bytes)
    for unit in _UNITS:
        if size < _STEP or unit == _UNITS[-1]:
            return f"{size_bytes} {unit}" if unit == _UNITS[0] else f"{size:.1f} {unit}"
        size /= _STEP
    raise AssertionError("the last unit takes any size")


def time_text(moment: str | None) -> str:
    """A moment of the API in this machine's time zone, to the second; "" for none."""
    if not moment:
        return ""
    return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def moment_before(ago: timedelta) -> str:
    """The moment that long ago, as the API takes it."""
    return (datetime.now(UTC) - ago).isoformat()
