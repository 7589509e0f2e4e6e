"""What a service over Kafka counts: how far behind it is, and what it put aside."""

import asyncio

import pytest

from shared.adapters.distributed.kafka_progress import Progress
from shared.adapters.distributed.kafka_server import KafkaServer
from shared.core.locks import Locked
from shared.messages.commands import LockFile, Service
from tests.contract.test_kafka_bus import Site, accept, lock, now, site
from tests.contract.values import until
from tests.servers import are_there

__all__ = ["site"]
needs_kafka = pytest.mark.skipif(not are_there(), reason="needs Kafka, or Java and Maven to make it")


@needs_kafka
async def test_the_lag_is_what_waits_or_is_under_way(site: Site) -> None:
    may_end = asyncio.Event()

    async def slow(_: LockFile) -> Locked:
        await may_end.wait()
        return Locked(1)

    server = site.service(slow)
    gateway = await site.gateway()
    assert server.lag(Service.LOCK) == 0

    requests = [asyncio.ensure_future(gateway.request(lock(str(number), f"f{number}"))) for number in range(3)]
    await until(lambda: server.lag(Service.LOCK) == 3)
    may_end.set()
    await asyncio.gather(*requests)

    await until(lambda: server.lag(Service.LOCK) == 0)


@needs_kafka
async def test_a_message_that_is_put_aside_is_counted_once(site: Site) -> None:
    counted: list[Service] = []
    server = KafkaServer(site.bootstrap, site.topics, site.producer(), now, counted.append)
    server.serve(Service.LOCK, {LockFile: accept})
    server.open()
    site.opened.append(server)
    await (await site.producer().send(site.topics.commands(Service.LOCK), b"f1", b"\xff no command"))
    gateway = await site.gateway()

    _ = await gateway.request(lock())

    assert counted == [Service.LOCK]


def test_what_has_not_ended_begins_with_the_oldest_that_is_under_way() -> None:
    progress = Progress()
    assert progress.first_not_ended is None

    for offset in (5, 6, 7):
        progress.begin(offset)
    assert progress.first_not_ended == 5

    progress.end(6)
    assert progress.first_not_ended == 5

    progress.end(5)
    assert progress.first_not_ended == 7

    progress.end(7)
    assert progress.first_not_ended == 8
