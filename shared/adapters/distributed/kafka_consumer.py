"""A service's commands out of Kafka: one consumer of the service's group, which comes back by itself."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from shared.adapters.distributed.kafka_producer import REQUEST_TIMEOUT_MS, RETRY_SECONDS, start_client
from shared.adapters.distributed.kafka_progress import Progress
from shared.adapters.distributed.kafka_replies import stop_consumer

Take = Callable[[Any, Progress], None]
"""Takes a record, which has begun in that progress and has to end there."""

UNDER_WAY_MAX: Final = 512
"""Most commands that a process works on at once."""
SESSION_TIMEOUT_MS: Final = 6000
"""How long a process that died keeps its partitions: the shortest that brokers allow by default."""
DRAIN_SECONDS: Final = 10.0
"""How long commands under way may take to end when partitions are taken away or the process shuts down."""
_LAZY_SECONDS: Final = 0.05
"""How long a commit that nobody waits for is put off."""


class CommandConsumer(ConsumerRebalanceListener):  # type: ignore[misc]  # the driver is untyped
    """Gives the messages of a topic to `take`, and commits what has ended."""

    def __init__(self, bootstrap: str, topic: str, group: str, take: Take) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._group = group
        self._take = take
        self._progress: dict[TopicPartition, Progress] = {}
        self._changed = asyncio.Event()
        self._consumer: Any = None
        self._under_way = 0
        self._is_consuming = False
        self._is_stopping = False

    @property
    def is_consuming(self) -> bool:
        """Whether the process is a member of the group."""
        return self._is_consuming

    @property
    def lag(self) -> int:
        """Messages of the process's partitions that have not ended, as far as the brokers have told it."""
        if not self._is_consuming:
            return 0
        assigned, behind = self._consumer.assignment(), 0
        for partition, progress in self._progress.items():
            end = self._consumer.highwater(partition) if partition in assigned else None
            first = progress.first_not_ended
            if end is not None and first is not None:
                behind += max(0, end - first)
        return behind

    async def run(self) -> None:
        """Consume until cancelled; then end what is under way and commit it."""
        while True:
            try:
                await self._consume()
            except (KafkaError, OSError):
                await asyncio.sleep(RETRY_SECONDS)

    def end(self, progress: Progress, offset: int, when_committed: Callable[[], None] | None = None) -> None:
        """The record at `offset` has ended; see `Progress.end`."""
        self._under_way -= 1
        progress.end(offset, when_committed)
        self._changed.set()

    async def _consume(self) -> None:
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=SESSION_TIMEOUT_MS,
            heartbeat_interval_ms=SESSION_TIMEOUT_MS // 4,
            rebalance_timeout_ms=round(DRAIN_SECONDS * 1000) + SESSION_TIMEOUT_MS,
            request_timeout_ms=REQUEST_TIMEOUT_MS + round(DRAIN_SECONDS * 1000),
            retry_backoff_ms=100,
        )
        self._consumer.subscribe([self._topic], listener=self)
        committing = asyncio.create_task(self._commit_forever())
        try:
            await start_client(self._consumer)
            self._is_consuming = True
            while True:
                await self._take_more()
        except asyncio.CancelledError:
            await self._drain(list(self._progress.values()))
            raise
        finally:
            self._is_consuming = False
            committing.cancel()
            await asyncio.wait([committing])
            await stop_consumer(self._consumer)
            self._forget(set(self._progress))

    async def _take_more(self) -> None:
        while self._under_way >= UNDER_WAY_MAX:
            self._changed.clear()
            await self._changed.wait()
        batches = await self._consumer.getmany(timeout_ms=1000, max_records=UNDER_WAY_MAX - self._under_way)
        for partition, records in batches.items():
            progress = self._progress.get(partition)
            if progress is None:
                continue  # taken away meanwhile: another one's now
            for record in records:
                self._under_way += 1
                progress.begin(record.offset)
                self._take(record, progress)

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Begin with these partitions."""
        self._progress |= {partition: Progress() for partition in assigned}

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """End what is under way, so that nobody else has to do it again, and let go of the partitions."""
        await self._drain([self._progress[partition] for partition in revoked & self._progress.keys()])
        self._forget(revoked)

    def _forget(self, partitions: set[TopicPartition]) -> None:
        for partition in partitions & self._progress.keys():
            self._progress.pop(partition).take_away()

    async def _drain(self, ending: list[Progress]) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while not all(progress.is_idle for progress in ending):  # noqa: ASYNC110 - rare, and short
                    await asyncio.sleep(0.01)

    async def _commit_forever(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            if not any(progress.is_waited_for for progress in self._progress.values()):
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LAZY_SECONDS):
                        await self._changed.wait()
            try:
                await self._commit()
            except IllegalStateError:
                continue  # a partition has just been taken away: the next round is without it
            except KafkaError:
                # Either the group has moved on, and a rebalance is near, or a broker is away.
                await asyncio.sleep(RETRY_SECONDS)
                self._changed.set()

    async def _commit(self) -> None:
        ended = {
            partition: (progress, progress.position)
            for partition, progress in self._progress.items()
            if progress.position is not None and progress.position != progress.committed
        }
        if not ended:
            return
        await self._consumer.commit({partition: position for partition, (_, position) in ended.items()})
        for progress, position in ended.values():
            if progress.is_ours:
                progress.commit_done(position)
