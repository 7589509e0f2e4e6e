"""A host for each test that asks for one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.hosts import Host, running_host


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    """A host with the root container and the operator, and nothing else."""
    async with running_host(tmp_path / "data") as running:
        yield running
