"""The distributed adapters on real servers, for the contract tests; each test has a place of its own there."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from aiokafka.admin import AIOKafkaAdminClient
from pymongo import MongoClient

from shared.adapters.distributed.event_publisher import EventPublisher
from shared.adapters.distributed.kafka_bus import KafkaBus
from shared.adapters.distributed.kafka_events import KafkaEvents
from shared.adapters.distributed.kafka_producer import KafkaProducer
from shared.adapters.distributed.kafka_server import KafkaServer
from shared.adapters.distributed.kafka_topics import Topics, prepare_topics
from shared.adapters.distributed.mongo_client import Driver, MongoConnection
from shared.adapters.distributed.mongo_metadata import MongoMetadata
from shared.adapters.distributed.s3_bucket import prepare_bucket
from shared.adapters.distributed.s3_client import S3Client
from shared.adapters.distributed.s3_content import S3Content
from shared.core.file import Caller
from shared.messages.codec import encode_command
from shared.messages.commands import Command, LockFile, Service
from shared.ports.bus import Handlers, Positioned
from shared.ports.metadata import Metadata
from tests.servers import servers

OutcomeT = TypeVar("OutcomeT")


def name_of(folder: Path) -> str:
    """A name that is the same for the same folder, and no other's."""
    return "t" + hashlib.sha256(str(folder).encode()).hexdigest()[:20]


def topics_of(name: str) -> Topics:
    """Topics of one test, with fewer partitions than a host has."""
    return Topics(f"{name}.wopi", command_partitions=3, event_partitions=3, reply_partitions=4)


async def remove_topics(bootstrap: str, topics: Topics) -> None:
    """Remove the topics of a test."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.delete_topics(list(topics.sizes()))
    finally:
        await admin.close()


class AllPublished:
    """The stream of a host that has come to rest: what was saved before is out."""

    def __init__(self, events: KafkaEvents, publisher: EventPublisher) -> None:
        self._events = events
        self._publisher = publisher

    async def follow(self, after: str | None, *, live: bool = True) -> AsyncIterator[Positioned]:
        await self._publisher.idle()
        async for one in self._events.follow(after, live=live):
            yield one

    async def latest(self) -> str | None:
        await self._publisher.idle()
        return await self._events.latest()


def mongo_stores(driver: Driver) -> Callable[[Path], AbstractAsyncContextManager[tuple[Metadata, AllPublished]]]:
    """Opens the stores through that driver, with the events in Kafka."""

    @asynccontextmanager
    async def opened(folder: Path) -> AsyncIterator[tuple[Metadata, AllPublished]]:
        where, name = servers(), name_of(folder)
        topics = topics_of(name)
        connection = MongoConnection(f"{where.mongo_url.rsplit('/', 1)[0]}/{name}", driver)
        producer = KafkaProducer(where.kafka_bootstrap)
        stores = MongoMetadata(connection)
        publisher = EventPublisher(
            stores.outboxes, producer, topics, "http://127.0.0.1:8080", lambda: datetime.now(UTC)
        )
        await stores.prepare()
        await prepare_topics(where.kafka_bootstrap, topics)
        producer.open()
        publisher.open()
        try:
            yield stores.metadata, AllPublished(KafkaEvents(where.kafka_bootstrap, topics), publisher)
        finally:
            await publisher.close()
            await producer.close()
            await connection.close()

    return opened


async def remove_stores(folder: Path) -> None:
    """Remove what the stores of a test kept."""
    where, name = servers(), name_of(folder)

    def remove() -> None:
        with MongoClient[dict[str, object]](where.mongo_url) as client:
            client.drop_database(name)

    await asyncio.to_thread(remove)
    await remove_topics(where.kafka_bootstrap, topics_of(name))


@asynccontextmanager
async def s3_content(folder: Path) -> AsyncIterator[S3Content]:
    """An empty bucket."""
    where, bucket = servers(), name_of(folder)
    keys = (where.s3_access_key, where.s3_secret_key)
    await prepare_bucket(where.s3_endpoint, *keys, bucket)
    async with S3Client(where.s3_endpoint, *keys, bucket) as client:
        yield S3Content(client)
        # MinIO's own way to remove a bucket with all that is in it.
        response = await client.send("DELETE", headers={"x-minio-force-delete": "true"})
        response.release()


class KafkaBothEnds:
    """A gateway's and a service's end of one bus."""

    def __init__(self, bus: KafkaBus, server: KafkaServer) -> None:
        self._bus = bus
        self._server = server

    def serve(self, service: Service, handlers: Handlers) -> None:
        self._server.serve(service, handlers)

    async def request(self, command: Command[OutcomeT]) -> OutcomeT:
        return await self._bus.request(command)

    async def is_ready(self) -> None:
        await self._bus.is_ready()


async def _warmed_up(producer: KafkaProducer, topics: Topics, now: Callable[[], datetime]) -> None:
    """Returns when a broker takes commands to the file that tests use, by sending one that is dropped."""
    late = LockFile(command_id="0", deadline=now() - timedelta(1), caller=Caller(""), file_id="f1", lock_id="")
    await (await producer.send(topics.commands(Service.LOCK), b"f1", encode_command(late)))


@asynccontextmanager
async def kafka_bus(now: Callable[[], datetime]) -> AsyncIterator[KafkaBothEnds]:
    """A bus with topics of its own."""
    where = servers()
    topics = topics_of(name_of(Path(str(datetime.now(UTC).timestamp()))))
    await prepare_topics(where.kafka_bootstrap, topics)
    producer = KafkaProducer(where.kafka_bootstrap)
    bus = KafkaBus(where.kafka_bootstrap, topics, producer, now)
    server = KafkaServer(where.kafka_bootstrap, topics, producer, now)
    producer.open()
    bus.open()
    server.open()
    try:
        await bus.is_ready()
        await _warmed_up(producer, topics, now)
        yield KafkaBothEnds(bus, server)
    finally:
        await server.close()
        await bus.close()
        await producer.close()
        await remove_topics(where.kafka_bootstrap, topics)
