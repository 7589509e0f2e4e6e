"""The adapters that a host of a test is put together from: those of the embedded host, or those of the distributed one."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from shared.adapters.distributed.event_publisher import EventPublisher
from shared.adapters.distributed.kafka_bus import KafkaBus
from shared.adapters.distributed.kafka_events import KafkaEvents
from shared.adapters.distributed.kafka_producer import KafkaProducer
from shared.adapters.distributed.kafka_server import KafkaServer
from shared.adapters.distributed.kafka_topics import prepare_topics
from shared.adapters.distributed.mongo_client import MongoConnection
from shared.adapters.distributed.mongo_metadata import MongoMetadata
from shared.adapters.embedded.folder_content import FolderContent
from shared.adapters.embedded.memory_bus import MemoryBus
from shared.adapters.embedded.sqlite_metadata import SqliteMetadata
from shared.core.errors import Unavailable
from shared.messages.commands import Service
from shared.ports.bus import CommandBus, EventStream, Handlers
from shared.ports.content import ContentStore
from shared.ports.metadata import Metadata
from tests.contract.distributed import AllPublished, name_of, remove_stores, s3_content, topics_of
from tests.servers import servers

_JOINED_SECONDS: Final = 20
SOURCE: Final = "http://127.0.0.1:8080"


@dataclass(frozen=True)
class Adapters:
    """One of each port."""

    metadata: Metadata
    content: ContentStore
    events: EventStream
    bus: CommandBus
    serve: Callable[[Mapping[Service, Handlers]], Awaitable[None]]
    """Lets the services answer; returns when they do."""


OpenAdapters = Callable[[Path, Callable[[], datetime]], AbstractAsyncContextManager[Adapters]]
"""Opens the adapters of one host, whose things are kept in the folder, or under a name made from it."""


@asynccontextmanager
async def embedded(folder: Path, now: Callable[[], datetime]) -> AsyncIterator[Adapters]:
    """SQLite, a folder, and a bus in memory."""
    async with SqliteMetadata(folder) as store, MemoryBus(now) as bus:

        async def serve(tables: Mapping[Service, Handlers]) -> None:
            for service, handlers in tables.items():
                bus.serve(service, handlers)

        yield Adapters(store.metadata, FolderContent(folder / "content"), store.events, bus, serve)


@asynccontextmanager
async def distributed(folder: Path, now: Callable[[], datetime]) -> AsyncIterator[Adapters]:
    """MongoDB, S3 and Kafka, with a database, a bucket and topics of their own that are removed in the end."""
    where, name = servers(), name_of(folder)
    topics = topics_of(name)
    connection = MongoConnection(f"{where.mongo_url.rsplit('/', 1)[0]}/{name}")
    stores, producer = MongoMetadata(connection), KafkaProducer(where.kafka_bootstrap)
    publisher = EventPublisher(stores.outboxes, producer, topics, SOURCE, now)
    server = KafkaServer(where.kafka_bootstrap, topics, producer, now)
    bus = KafkaBus(where.kafka_bootstrap, topics, producer, now)

    async def serve(tables: Mapping[Service, Handlers]) -> None:
        for service, handlers in tables.items():
            server.serve(service, handlers)
        server.open()
        await _ready(server)

    try:
        await asyncio.gather(stores.prepare(), prepare_topics(where.kafka_bootstrap, topics))
        producer.open()
        publisher.open()
        bus.open()
        await bus.is_ready()
        async with s3_content(folder) as content:
            events = AllPublished(KafkaEvents(where.kafka_bootstrap, topics), publisher)
            yield Adapters(stores.metadata, content, events, bus, serve)
    finally:
        await bus.close()
        await server.close()
        await publisher.close()
        await producer.close()
        await connection.close()
        await remove_stores(folder)


async def _ready(server: KafkaServer) -> None:
    async with asyncio.timeout(_JOINED_SECONDS):
        while True:
            try:
                return await server.is_ready()
            except Unavailable:
                await asyncio.sleep(0.02)


KINDS: Final[Mapping[str, OpenAdapters]] = {"embedded": embedded, "distributed": distributed}
OPENED_BY_DEFAULT: Final = KINDS[os.environ.get("LECTERN_TEST_HOST") or "embedded"]


def is_chosen() -> bool:
    """Whether the environment says on which host tests run."""
    return bool(os.environ.get("LECTERN_TEST_HOST"))
