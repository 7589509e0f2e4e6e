"""A host for each test that asks for one: the embedded one, for some tests the distributed one as well."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.adapters import KINDS, OPENED_BY_DEFAULT, OpenAdapters, is_chosen
from tests.hosts import Host, running_host


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what is marked so on both hosts, unless the environment has chosen one for all."""
    if metafunc.definition.get_closest_marker("on_both_hosts") and not is_chosen():
        marks = {"distributed": [pytest.mark.needs_servers]}
        kinds = [pytest.param(opened, id=kind, marks=marks.get(kind, ())) for kind, opened in KINDS.items()]
        metafunc.parametrize("open_adapters", kinds)


@pytest.fixture
def open_adapters() -> OpenAdapters:
    """Opens the adapters of the host."""
    return OPENED_BY_DEFAULT


@pytest.fixture
async def host(tmp_path: Path, open_adapters: OpenAdapters) -> AsyncIterator[Host]:
    """A host with the root container and the operator, and nothing else."""
    async with running_host(tmp_path / "data", open_adapters=open_adapters) as running:
        yield running
