"""One fixture for each port, parametrised over its adapters: a new adapter is one more entry in a table here.

Each entry opens the adapter on `folder`. Opened twice on the same folder, one after the other, it finds what it kept.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import pytest

from shared.adapters.distributed.mongo_client import Driver
from shared.adapters.embedded.folder_content import FolderContent
from shared.adapters.embedded.memory_bus import MemoryBus
from shared.adapters.embedded.sqlite_metadata import SqliteMetadata
from shared.ports.bus import CommandBus, CommandServer, EventStream
from shared.ports.content import ContentStore
from shared.ports.metadata import ContainerStore, DraftStore, FileStore, Metadata, UserStore
from tests.contract import distributed
from tests.contract.values import Clock
from tests.servers import are_there


@dataclass(frozen=True)
class Stores:
    """Metadata with the stream that its events come out of."""

    metadata: Metadata
    events: EventStream


@asynccontextmanager
async def sqlite_stores(folder: Path) -> AsyncIterator[Stores]:
    async with SqliteMetadata(folder) as sqlite:
        yield Stores(sqlite.metadata, sqlite.events)


@asynccontextmanager
async def folder_content(folder: Path) -> AsyncIterator[ContentStore]:
    async with FolderContent(folder / "content") as content:
        yield content


class Bus(CommandBus, CommandServer):
    """Both ends of a bus."""


@asynccontextmanager
async def memory_bus(now: Clock) -> AsyncIterator[Bus]:
    async with MemoryBus(now) as bus:
        yield bus


def distributed_stores(driver: Driver) -> Callable[[Path], AbstractAsyncContextManager[Stores]]:
    @asynccontextmanager
    async def stores(folder: Path) -> AsyncIterator[Stores]:
        async with distributed.mongo_stores(driver)(folder) as (metadata, events):
            yield Stores(metadata, events)

    return stores


STORES: dict[str, Callable[[Path], AbstractAsyncContextManager[Stores]]] = {"sqlite": sqlite_stores}
CONTENTS: dict[str, Callable[[Path], AbstractAsyncContextManager[ContentStore]]] = {"folder": folder_content}
BUSES: dict[str, Callable[[Clock], AbstractAsyncContextManager[Bus]]] = {"memory": memory_bus}
if are_there():
    STORES |= {f"mongo-{driver}": distributed_stores(driver) for driver in get_args(Driver)}
    CONTENTS |= {"s3": distributed.s3_content}
    BUSES |= {"kafka": distributed.kafka_bus}


@pytest.fixture(params=STORES)
async def open_stores(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[Callable[[], AbstractAsyncContextManager[Stores]]]:
    """Opens the stores; again, once they are closed, with what they kept."""
    yield lambda: STORES[request.param](tmp_path)
    if request.param.startswith("mongo"):
        await distributed.remove_stores(tmp_path)


@pytest.fixture
async def stores(open_stores: Callable[[], AbstractAsyncContextManager[Stores]]) -> AsyncIterator[Stores]:
    async with open_stores() as stores:
        yield stores


@pytest.fixture
def files(stores: Stores) -> FileStore:
    return stores.metadata.files


@pytest.fixture
def containers(stores: Stores) -> ContainerStore:
    return stores.metadata.containers


@pytest.fixture
def users(stores: Stores) -> UserStore:
    return stores.metadata.users


@pytest.fixture
def drafts(stores: Stores) -> DraftStore:
    return stores.metadata.drafts


@pytest.fixture
def events(stores: Stores) -> EventStream:
    return stores.events


@pytest.fixture(params=CONTENTS)
async def content(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ContentStore]:
    async with CONTENTS[request.param](tmp_path) as content:
        yield content


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=BUSES)
async def bus(request: pytest.FixtureRequest, clock: Clock) -> AsyncIterator[Bus]:
    async with BUSES[request.param](clock) as bus:
        yield bus
