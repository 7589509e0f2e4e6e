"""What the code itself says, to hold manifests, alerts and the dashboard against."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.gateway.context import Gateway
from tests.hosts import running_host


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    """A whole gateway, on the embedded adapters."""
    async with running_host(tmp_path / "data") as host:
        yield host.gateway
