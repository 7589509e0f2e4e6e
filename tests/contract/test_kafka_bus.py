"""What the bus over Kafka promises beyond every bus: dead letters, replies to whoever asked, redelivery without surprise."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.adapters.distributed.kafka_bus import KafkaBus
from shared.adapters.distributed.kafka_producer import KafkaProducer
from shared.adapters.distributed.kafka_progress import Progress
from shared.adapters.distributed.kafka_server import KafkaServer
from shared.adapters.distributed.kafka_topics import Topics, prepare_topics
from shared.core.errors import LecternError, Unavailable
from shared.core.file import LockMismatch
from shared.core.locks import Locked
from shared.messages.commands import LockFile, Service
from shared.ports.bus import outcome_is_recorded
from tests.contract.distributed import name_of, remove_topics
from tests.contract.values import ALICE, until
from tests.servers import are_there, servers

pytestmark = pytest.mark.skipif(not are_there(), reason="needs Kafka, or Java and Maven to make it")
REFUSED = LockMismatch("theirs", "locked by another client")


def now() -> datetime:
    return datetime.now(UTC)


def lock(command_id: str = "1", file_id: str = "f1", seconds: float = 10) -> LockFile:
    deadline = now() + timedelta(seconds=seconds)
    return LockFile(command_id=command_id, deadline=deadline, caller=ALICE, file_id=file_id, lock_id="A")


@dataclass
class Site:
    """Topics on a real broker, and what is opened on them."""

    topics: Topics
    bootstrap: str
    opened: list[Any] = field(default_factory=list)

    def producer(self) -> KafkaProducer:
        producer = KafkaProducer(self.bootstrap)
        producer.open()
        self.opened.append(producer)
        return producer

    async def gateway(self) -> KafkaBus:
        bus = KafkaBus(self.bootstrap, self.topics, self.producer(), now)
        bus.open()
        self.opened.append(bus)
        await bus.is_ready()
        return bus

    def service(self, handler: Any) -> KafkaServer:
        server = KafkaServer(self.bootstrap, self.topics, self.producer(), now)
        server.serve(Service.LOCK, {LockFile: handler})
        server.open()
        self.opened.append(server)
        return server

    async def close(self) -> None:
        while self.opened:
            await self.opened.pop().close()

    async def records(self, topic: str, count: int) -> list[Any]:
        """The first records of a topic with one partition."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, auto_offset_reset="earliest")
        await consumer.start()
        try:
            consumer.assign([TopicPartition(topic, 0)])
            async with asyncio.timeout(10):
                return [await consumer.getone() for _ in range(count)]
        finally:
            await consumer.stop()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    topics = Topics(name_of(tmp_path), command_partitions=1, event_partitions=1, reply_partitions=1)
    site = Site(topics, servers().kafka_bootstrap)
    await prepare_topics(site.bootstrap, topics)
    yield site
    await site.close()
    await remove_topics(site.bootstrap, topics)


async def accept(_: LockFile) -> Locked:
    return Locked(1)


async def test_what_cannot_be_read_becomes_a_dead_letter_and_the_next_command_is_handled(site: Site) -> None:
    producer = site.producer()
    topic = site.topics.commands(Service.LOCK)
    await (await producer.send(topic, b"f1", b"\xff no command"))
    site.service(accept)
    gateway = await site.gateway()

    assert await gateway.request(lock()) == Locked(1)

    (letter,) = await site.records(site.topics.dead_letters, 1)
    headers = dict(letter.headers)
    assert (letter.key, letter.value) == (b"f1", b"\xff no command")
    assert headers["reason"].startswith(b"not JSON")
    assert (headers["from_topic"], headers["from_offset"]) == (topic.encode(), b"0")


async def test_a_handler_that_breaks_makes_a_dead_letter_and_an_error_without_details(site: Site) -> None:
    async def broken(_: LockFile) -> Locked:
        raise ZeroDivisionError("a secret")

    site.service(broken)
    gateway = await site.gateway()

    with pytest.raises(LecternError) as told:
        _ = await gateway.request(lock())

    assert "secret" not in str(told.value)
    (letter,) = await site.records(site.topics.dead_letters, 1)
    assert dict(letter.headers)["reason"] == b"ZeroDivisionError in LockFile"


async def test_a_command_that_nobody_answers_is_refused_with_the_reason(site: Site) -> None:
    server = site.service(accept)
    server.serve(Service.LOCK, {})
    gateway = await site.gateway()

    with pytest.raises(Unavailable, match="nobody answers LockFile"):
        _ = await gateway.request(lock())


async def test_gateways_on_one_partition_get_their_own_replies(site: Site) -> None:
    async def tell(command: LockFile) -> Locked:
        return Locked(int(command.lock_id))

    site.service(tell)
    first, second = await site.gateway(), await site.gateway()
    numbered = [(gateway, number) for number in range(20) for gateway in (first, second)]

    outcomes = await asyncio.gather(
        *(
            gateway.request(
                LockFile(
                    command_id=f"{number}",
                    deadline=now() + timedelta(seconds=10),
                    caller=ALICE,
                    file_id=f"f{number}",
                    lock_id=str(number + (100 if gateway is second else 0)),
                )
            )
            for gateway, number in numbered
        )
    )

    assert outcomes == [Locked(number + (100 if gateway is second else 0)) for gateway, number in numbered]


async def test_a_refusal_that_was_told_is_not_delivered_again(site: Site) -> None:
    handled: list[str] = []

    async def refuse(command: LockFile) -> LockMismatch:
        handled.append(command.command_id)
        return REFUSED

    server = site.service(refuse)
    gateway = await site.gateway()
    assert await gateway.request(lock("told")) == REFUSED
    # The service dies without a word: whatever it hasn't committed by now is delivered to the next one.
    await _die(site, server)

    async def accept_and_note(command: LockFile) -> Locked:
        handled.append(command.command_id)
        return Locked(1)

    site.service(accept_and_note)
    assert await gateway.request(lock("next", seconds=30)) == Locked(1)

    assert handled == ["told", "next"]


async def test_what_has_not_ended_is_delivered_again(site: Site) -> None:
    begun = asyncio.Event()

    async def hang(_: LockFile) -> Locked:
        begun.set()
        await asyncio.Event().wait()
        return Locked(0)

    server = site.service(hang)
    gateway = await site.gateway()
    waiting = asyncio.create_task(gateway.request(lock(seconds=30)))
    await begun.wait()
    await _die(site, server)

    site.service(accept)

    assert await waiting == Locked(1)


async def test_commands_are_shared_by_the_replicas_of_a_service(site: Site) -> None:
    gateway = await site.gateway()
    first = site.service(accept)
    await until_ready(first)
    second = site.service(accept)
    await until_ready(second)

    outcomes = await asyncio.gather(*(gateway.request(lock(str(n), f"f{n}", 30)) for n in range(50)))

    assert outcomes == [Locked(1)] * 50


async def until_ready(server: KafkaServer) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                return await server.is_ready()
            except Unavailable:
                await asyncio.sleep(0.05)


async def _die(site: Site, server: KafkaServer) -> None:
    """End a service as a power cut would: it commits nothing more, and doesn't leave its group."""
    site.opened.remove(server)
    line = server._lines[Service.LOCK]
    consumer = line.consumer
    driver = consumer._consumer

    async def nothing(*_: object) -> None:
        return None

    driver.commit = nothing
    driver._coordinator._maybe_leave_group = nothing
    consumer._drain = nothing  # type: ignore[method-assign]
    await server.close()


# How far a partition may be committed


def test_only_what_all_before_has_ended_may_be_committed() -> None:
    progress = Progress()
    for offset in (5, 6, 8):  # offsets may have gaps
        progress.begin(offset)

    progress.end(6)
    assert progress.position is None
    progress.end(5)
    assert progress.position == 7
    progress.end(8)
    assert progress.position == 9


def test_whoever_waits_is_told_after_the_commit_and_not_at_all_if_the_partition_is_gone() -> None:
    told: list[int] = []
    progress = Progress()
    for offset in (1, 2, 3):
        progress.begin(offset)
    progress.end(2, lambda: told.append(2))
    progress.end(1)

    assert told == []
    progress.commit_done(3)
    assert told == [2]

    progress.end(3, lambda: told.append(3))
    progress.take_away()
    progress.commit_done(4)
    assert told == [2]


async def test_a_recorded_outcome_is_told_before_it_is_committed(site: Site) -> None:
    async def record(_: LockFile) -> Locked:
        outcome = Locked(1)
        outcome_is_recorded(outcome)
        return outcome

    server = site.service(record)
    gateway = await site.gateway()
    await until_ready(server)
    hold = asyncio.Event()
    consumer = server._lines[Service.LOCK].consumer

    async def held_back(*_: object) -> None:
        await hold.wait()

    consumer._consumer.commit = held_back

    assert await gateway.request(lock()) == Locked(1)

    hold.set()
    await until(lambda: all(progress.is_idle for progress in consumer._progress.values()))
