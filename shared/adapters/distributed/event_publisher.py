"""Takes events out of the outboxes to `wopi.events`.

What a process saves it publishes right away. What others left behind, because they died or Kafka was away, is found by
`sweep`, which any process may run: an event that two publish lies in the topic twice, after all that came before it.

Events of one resource are sent in order: a publisher has read them, with all that waited before them, in one document.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import orjson

from shared.adapters.distributed.kafka_producer import Headers, KafkaProducer
from shared.adapters.distributed.kafka_topics import Topics
from shared.adapters.distributed.mongo_outbox import MongoOutbox
from shared.core.errors import LecternError
from shared.messages.events import Event, cloud_event

LEFT_BEHIND: Final = timedelta(seconds=5)
"""How long an event waits before others take it on."""
SWEEP_SECONDS: Final = 5.0
_SWEPT_AT_ONCE: Final = 500
_LINES_MAX: Final = 5000
"""Most resources whose events a process has in hand; those of more wait for a sweep."""
_NOTED_SECONDS: Final = 0.05
"""How long what is out is gathered before the outboxes are told."""
_HEADERS: Final[Headers] = (("content-type", b"application/cloudevents+json; charset=utf-8"),)

_Key = tuple[MongoOutbox, str]


class EventPublisher:
    """Publishes the events of some outboxes. `source` is the host's public address. Use `open` and `close`."""

    def __init__(
        self,
        outboxes: Sequence[MongoOutbox],
        producer: KafkaProducer,
        topics: Topics,
        source: str,
        now: Callable[[], datetime],
    ) -> None:
        self._outboxes = outboxes
        self._producer = producer
        self._topic = topics.events
        self._source = source
        self._now = now
        self._lines: dict[_Key, deque[Event]] = {}
        self._out: dict[MongoOutbox, dict[str, int]] = {outbox: {} for outbox in outboxes}
        self._noting = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def open(self) -> None:
        """Begin to publish."""
        for outbox in self._outboxes:
            outbox.listen(partial(self._take, outbox))
        self._in_task(self._sweep_forever())
        self._in_task(self._note_forever())

    async def close(self, timeout_seconds: float = 5) -> None:
        """Publish what is in hand, as far as it goes, and stop."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                await self.idle()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def idle(self) -> None:
        """Returns when all that this process has in hand is out, and the outboxes know."""
        while self._lines or any(self._out.values()):  # noqa: ASYNC110 - for shutting down
            await asyncio.sleep(0.005)

    async def sweep(self) -> int:
        """Take on the events that have waited for long; says of how many resources."""
        count = 0
        for outbox in self._outboxes:
            for key, events in await outbox.waiting(self._now() - LEFT_BEHIND, _SWEPT_AT_ONCE):
                self._take(outbox, key, events)
                count += 1
        return count

    def _in_task(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _take(self, outbox: MongoOutbox, key: str, events: Sequence[Event]) -> None:
        line = self._lines.get((outbox, key))
        if line is None:
            if len(self._lines) >= _LINES_MAX:
                return
            line = self._lines[outbox, key] = deque()
            self._in_task(self._publish(outbox, key, line))
        known = max(line[-1].sequence if line else 0, self._out[outbox].get(key, 0))
        line.extend(event for event in events if event.sequence > known)

    async def _publish(self, outbox: MongoOutbox, key: str, line: deque[Event]) -> None:
        try:
            while line:
                # All are on their way before the first is waited for; the producer keeps their order.
                sending = list(line)
                sent = [await self._send(event) for event in sending]
                for event, acknowledged in zip(sending, sent, strict=True):
                    await acknowledged
                    line.popleft()
                    self._out[outbox][key] = event.sequence
        except Exception:  # noqa: BLE001 - whatever it is, the events are still in the outbox, and a sweep's to take on
            return
        finally:
            del self._lines[outbox, key]
            self._noting.set()

    async def _send(self, event: Event) -> "asyncio.Future[Any]":
        value = orjson.dumps(cloud_event(event, self._source))
        return await self._producer.send(self._topic, event.resource_id.encode(), value, _HEADERS)

    async def _note_forever(self) -> None:
        while True:
            await self._noting.wait()
            await asyncio.sleep(_NOTED_SECONDS)
            self._noting.clear()
            for outbox, out in self._out.items():
                noted = {key: sequence for key, sequence in out.items() if (outbox, key) not in self._lines}
                if not noted:
                    continue
                try:
                    await outbox.published(noted)
                except LecternError:
                    self._noting.set()
                    await asyncio.sleep(1)
                    continue
                for key, sequence in noted.items():
                    if out.get(key) == sequence:
                        del out[key]

    async def _sweep_forever(self) -> None:
        while True:
            with suppress(LecternError):
                await self.sweep()
            await asyncio.sleep(SWEEP_SECONDS)
