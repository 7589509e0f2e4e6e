"""The stream of events out of `wopi.events`, where they lie as CloudEvents.

A position is the next offset of each partition, such as "12-0-7". An event can lie there twice, if its publisher died
before it noted that it's out: a follower leaves out what it has had already.
"""

import re
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import fields
from datetime import datetime
from typing import Any, Final

import msgspec
import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from shared.adapters.distributed.kafka_producer import REQUEST_TIMEOUT_MS, start_client
from shared.adapters.distributed.kafka_replies import stop_consumer
from shared.adapters.distributed.kafka_topics import Topics
from shared.core.errors import Unavailable
from shared.messages.codec import Undecodable
from shared.messages.events import FACT_TYPES, Event
from shared.ports.bus import Positioned

_POSITION: Final = re.compile(r"\d{1,18}(-\d{1,18})*", re.ASCII)
_REMEMBERED_MAX: Final = 100_000
"""Most resources of which a follower knows the last event."""


class KafkaEvents:
    """EventStream over Kafka."""

    def __init__(self, bootstrap: str, topics: Topics) -> None:
        self._bootstrap = bootstrap
        self._topic = topics.events

    async def follow(self, after: str | None, *, live: bool = True) -> AsyncIterator[Positioned]:
        """Events after that position (None: from the oldest one kept), then, if `live`, new ones as they come.

        Raises ValueError for what is no position, and Unavailable when no broker answers.
        """
        if after is not None and not _POSITION.fullmatch(after):
            raise ValueError(f"{after[:50]!r} is no position in the stream of events")
        consumer = self._consumer()
        try:
            reading = await _begun(consumer, self._topic, after)
            async for one in reading.events(live=live):
                yield one
        except (KafkaError, OSError) as error:
            raise Unavailable(f"the events can't be read right now ({type(error).__name__})") from error
        finally:
            await stop_consumer(consumer)

    async def latest(self) -> str | None:
        """Position of the newest event; None if there is none."""
        consumer = self._consumer()
        try:
            reading = await _begun(consumer, self._topic, None)
        except (KafkaError, OSError) as error:
            raise Unavailable(f"the events can't be read right now ({type(error).__name__})") from error
        finally:
            await stop_consumer(consumer)
        return _position(reading.ends) if any(reading.ends) else None

    def _consumer(self) -> Any:
        return AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            retry_backoff_ms=100,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )


async def _begun(consumer: Any, topic: str, after: str | None) -> "_Reading":
    """A reading of the topic from that position on. Raises ValueError for a position past the end."""
    await start_client(consumer)
    await consumer._client._wait_on_metadata(topic)  # noqa: SLF001 - `partitions_for_topic` doesn't ask
    partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
    consumer.assign(partitions)
    oldest, newest = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
    ends = [newest[partition] for partition in partitions]
    starts = [oldest[partition] for partition in partitions]
    if after is not None:
        wanted = [int(offset) for offset in after.split("-")]
        if len(wanted) > len(ends) or any(offset > end for offset, end in zip(wanted, ends, strict=False)):
            raise ValueError(f"{after[:50]!r} is no position in the stream of events")
        # Partitions that were added since are read from their beginning.
        starts = [max(start, offset) for start, offset in zip(starts, wanted, strict=False)] + starts[len(wanted) :]
    for partition, start in zip(partitions, starts, strict=True):
        consumer.seek(partition, start)
    return _Reading(consumer, partitions, starts, ends)


class _Reading:
    """One follower's way through the topic."""

    def __init__(self, consumer: Any, partitions: list[TopicPartition], starts: list[int], ends: list[int]) -> None:
        self._consumer = consumer
        self._places = {partition: place for place, partition in enumerate(partitions)}
        self._next = starts
        self.ends = ends
        """Where each partition ended when reading began."""
        self._had: OrderedDict[str, int] = OrderedDict()

    async def events(self, *, live: bool) -> AsyncIterator[Positioned]:
        """The events; if not `live`, up to the end as it was."""
        while live or any(begin < end for begin, end in zip(self._next, self.ends, strict=True)):
            batches = await self._consumer.getmany(timeout_ms=1000)
            for partition, records in batches.items():
                place = self._places[partition]
                for record in records:
                    self._next[place] = record.offset + 1
                    event = event_of(record.value)
                    if self._is_new(event):
                        yield Positioned(_position(self._next), event)

    def _is_new(self, event: Event) -> bool:
        if self._had.get(event.resource_id, 0) >= event.sequence:
            return False
        self._had[event.resource_id] = event.sequence
        self._had.move_to_end(event.resource_id)
        if len(self._had) > _REMEMBERED_MAX:
            self._had.popitem(last=False)
        return True


def _position(offsets: list[int]) -> str:
    return "-".join(map(str, offsets))


def event_of(raw: bytes) -> Event:
    """The event in a CloudEvent; raises Undecodable, with the reason."""
    try:
        public = orjson.loads(raw)
        data = public["data"]
        fact_type = FACT_TYPES[public["type"]]
        names = {field.name for field in fields(fact_type)}
        fact = msgspec.convert({name: data[name] for name in names & data.keys()}, fact_type)
        return Event(
            resource_id=public["subject"],
            sequence=data["sequence"],
            occurred_at=msgspec.convert(public["time"], datetime),
            user_id=data["user_id"],
            correlation_id=data["correlation_id"],
            fact=fact,
        )
    except (ValueError, KeyError, TypeError, msgspec.ValidationError) as error:
        raise Undecodable(f"no event of ours: {type(error).__name__}") from error
