"""Events on their way out: what a process leaves behind another one publishes, in order, and nothing is lost."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.adapters.distributed.event_publisher import EventPublisher
from shared.adapters.distributed.kafka_events import KafkaEvents, event_of
from shared.adapters.distributed.kafka_producer import KafkaProducer
from shared.adapters.distributed.kafka_topics import Topics, prepare_topics
from shared.adapters.distributed.mongo_client import MongoConnection
from shared.adapters.distributed.mongo_metadata import MongoMetadata
from shared.messages.codec import Undecodable
from shared.messages.events import Event
from shared.ports.metadata import Change
from tests.contract.distributed import name_of, remove_stores, topics_of
from tests.contract.values import NOW, file_of
from tests.contract.values import event_of as made
from tests.servers import are_there, servers

pytestmark = pytest.mark.skipif(not are_there(), reason="needs Kafka and MongoDB, or what it takes to make them")


class Site:
    """Stores and topics of a test, with as many publishers as it opens."""

    def __init__(self, name: str, topics: Topics) -> None:
        where = servers()
        self.bootstrap = where.kafka_bootstrap
        self.topics = topics
        self.connection = MongoConnection(f"{where.mongo_url.rsplit('/', 1)[0]}/{name}", "pymongo")
        self.stores = MongoMetadata(self.connection)
        self.producer = KafkaProducer(self.bootstrap)

    def publisher(self, stores: MongoMetadata | None = None) -> EventPublisher:
        outboxes = (stores or self.stores).outboxes
        return EventPublisher(outboxes, self.producer, self.topics, "http://host", lambda: datetime.now(UTC))

    async def published(self) -> list[Event]:
        events = KafkaEvents(self.bootstrap, self.topics)
        return [one.event async for one in events.follow(None, live=False)]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    name = name_of(tmp_path)
    site = Site(name, topics_of(name))
    await prepare_topics(site.bootstrap, site.topics)
    await site.stores.prepare()
    site.producer.open()
    yield site
    await site.producer.close()
    await site.connection.close()
    await remove_stores(tmp_path)


def long_ago(sequence: int) -> Event:
    return made("f1", sequence, occurred_at=NOW - timedelta(days=1))


async def test_events_that_a_process_left_behind_are_published_by_another_one(site: Site) -> None:
    await site.stores.metadata.files.insert(Change(file_of(), (long_ago(1), long_ago(2))))
    assert await site.published() == []
    assert [await outbox.depth() for outbox in site.stores.outboxes] == [1, 0]

    other = site.publisher()
    other.open()
    await other.sweep()
    await other.close()

    assert await site.published() == [long_ago(1), long_ago(2)]
    assert [await outbox.depth() for outbox in site.stores.outboxes] == [0, 0]


async def test_what_was_left_behind_goes_out_before_what_comes_after_it(site: Site) -> None:
    files = site.stores.metadata.files
    await files.insert(Change(file_of(), (long_ago(1),)))

    publisher = site.publisher()
    publisher.open()
    loaded = await files.load("f1")
    assert await files.replace(loaded, Change(loaded.state, (long_ago(2),)))
    await publisher.close()

    assert await site.published() == [long_ago(1), long_ago(2)]


async def test_a_follower_is_told_once_of_what_two_processes_published(site: Site) -> None:
    await site.stores.metadata.files.insert(Change(file_of(), tuple(long_ago(n) for n in range(1, 11))))
    first, second = site.publisher(), site.publisher(MongoMetadata(site.connection))
    for publisher in (first, second):
        publisher.open()
        await publisher.sweep()
    for publisher in (first, second):
        await publisher.close()

    assert await site.published() == [long_ago(n) for n in range(1, 11)]


async def test_taking_an_event_out_makes_nobody_lose_a_race(site: Site) -> None:
    files = site.stores.metadata.files
    await files.insert(Change(file_of(), (long_ago(1),)))
    loaded = await files.load("f1")

    publisher = site.publisher()
    publisher.open()
    await publisher.sweep()
    await publisher.close()

    assert await files.replace(loaded, Change(loaded.state, (long_ago(2),)))


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"type":"file.unknown","data":{},"subject":"f1"}'])
def test_what_is_no_event_of_ours_is_said_so(raw: bytes) -> None:
    with pytest.raises(Undecodable):
        _ = event_of(raw)
