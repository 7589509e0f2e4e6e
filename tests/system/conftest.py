"""Hosts in processes of their own, stopped at the end of the test that started them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.system.processes import Serving, serve


@pytest.fixture
def start() -> Iterator[Callable[..., Serving]]:
    """Starts a host, as `processes.serve`; may be called again and again."""
    started: list[Serving] = []

    def start_one(folder: Path, *arguments: str, cwd: Path | None = None, **variables: str) -> Serving:
        started.append(serve(folder, *arguments, cwd=cwd, **variables))
        return started[-1]

    yield start_one
    for one in started:
        one.stop()


@pytest.fixture
def serving(start: Callable[..., Serving], tmp_path: Path) -> Serving:
    """A host on a new data folder."""
    return start(tmp_path / "data")
