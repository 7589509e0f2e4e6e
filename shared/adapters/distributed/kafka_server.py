"""The services' side of the bus: commands are handled in the order of their keys, outcomes are sent back.

A command may be delivered again until its offset is committed. An outcome that is recorded with its effect comes out the
same then, so that it's sent back at once and committed afterwards. Any other outcome (a refusal, an error) could turn out
otherwise: it's sent back only once its offset is committed.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from shared.adapters.distributed.kafka_consumer import CommandConsumer
from shared.adapters.distributed.kafka_producer import KafkaProducer
from shared.adapters.distributed.kafka_progress import Progress
from shared.adapters.distributed.kafka_replies import REPLY_PARTITION, REPLY_TO, REQUEST_ID
from shared.adapters.distributed.kafka_topics import Topics
from shared.core.errors import DeadlinePassed, LecternError, Unavailable
from shared.messages.codec import Undecodable, decode_command, encode_outcome
from shared.messages.commands import Service
from shared.ports.bus import Handlers, handling

_REASON_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class _Job:
    record: Any
    progress: Progress


class KafkaServer:
    """CommandServer over Kafka. Use `open` and `close` in the event loop it's used in; the producer is the caller's."""

    def __init__(
        self,
        bootstrap: str,
        topics: Topics,
        producer: KafkaProducer,
        now: Callable[[], datetime],
        on_dead_letter: Callable[[Service], None] = lambda _: None,
    ) -> None:
        self._bootstrap = bootstrap
        self._on_dead_letter = on_dead_letter
        self._topics = topics
        self._producer = producer
        self._now = now
        self._lines: dict[Service, _Line] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self) -> None:
        """Begin to take commands, of what is served now and from now on; returns at once."""
        self._loop = asyncio.get_running_loop()
        for line in self._lines.values():
            line.open(self._loop)

    def serve(self, service: Service, handlers: Handlers) -> None:
        """From now on `handlers` answer the commands of `service`."""
        known = self._lines.get(service)
        if known is not None:
            known.handlers = handlers
            return
        line = _Line(self._topics, self._producer, self._now, handlers, lambda: self._on_dead_letter(service))
        topic, group = self._topics.commands(service), self._topics.group(service)
        line.consumer = CommandConsumer(self._bootstrap, topic, group, line.take)
        self._lines[service] = line
        if self._loop is not None:
            line.open(self._loop)

    async def close(self) -> None:
        """End what is under way, answer it, and leave the group."""
        for line in self._lines.values():
            await line.close()
        self._lines.clear()

    def lag(self, service: Service) -> int:
        """Commands of the service that wait for this process or are under way in it."""
        line = self._lines.get(service)
        return line.consumer.lag if line is not None else 0

    async def is_ready(self) -> None:
        """Returns if commands are taken and can be answered; raises Unavailable with the reason if not."""
        await self._producer.is_ready()
        for service, line in self._lines.items():
            if not line.consumer.is_consuming:
                raise Unavailable(f"the commands of {service} can't be received yet")


class _Line:
    """The commands of one service, and the tasks that work on them: one for each key at a time."""

    consumer: CommandConsumer

    def __init__(
        self,
        topics: Topics,
        producer: KafkaProducer,
        now: Callable[[], datetime],
        handlers: Handlers,
        on_dead_letter: Callable[[], None],
    ) -> None:
        self._topics = topics
        self._producer = producer
        self._now = now
        self.handlers = handlers
        self._on_dead_letter = on_dead_letter
        self._queues: dict[bytes, deque[_Job]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._running: asyncio.Task[None] | None = None

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to take commands."""
        self._running = loop.create_task(self.consumer.run())

    def take(self, record: Any, progress: Progress) -> None:
        """Handle the record after those of its key that were taken before."""
        key, job = record.key or b"", _Job(record, progress)
        queue = self._queues.get(key)
        if queue is not None:
            queue.append(job)
        else:
            self._queues[key] = deque([job])
            self._in_task(self._work_on(key))

    async def close(self) -> None:
        """Stop taking commands; end and answer those that were taken."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait([self._running])
        if self._tasks:
            _, unfinished = await asyncio.wait(self._tasks, timeout=1)
            for task in unfinished:
                task.cancel()
            if unfinished:
                await asyncio.wait(unfinished)

    def _in_task(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work_on(self, key: bytes) -> None:
        queue = self._queues[key]
        try:
            while queue:
                await self._handle(queue[0])
                queue.popleft()
        finally:
            del self._queues[key]

    async def _handle(self, job: _Job) -> None:
        outcome, is_recorded, fault = await self._outcome_of(job.record)
        if fault:
            await self._put_aside(job.record, fault)
        if is_recorded:
            await self._reply_then_end(job, outcome)
            return
        self.consumer.end(job.progress, job.record.offset, lambda: self._in_task(self._reply(job.record, outcome)))

    async def _outcome_of(self, record: Any) -> tuple[Any, bool, str]:
        """The outcome (or LecternError), whether it's recorded with its effect, and why the message is a dead letter."""
        try:
            command = decode_command(record.value or b"")
        except Undecodable as error:
            return LecternError("the host sent a command that it can't read"), False, str(error)
        handler = self.handlers.get(type(command))
        if handler is None:
            fault = f"nobody answers {type(command).__name__}"
            return Unavailable(fault), False, fault
        if self._now() >= command.deadline:
            return DeadlinePassed("the command came too late and was dropped"), False, ""
        with handling() as state:
            try:
                outcome = await handler(command)
            except LecternError as error:
                # The root itself is what becomes of an exception that nobody expected.
                return error, False, str(error) if type(error) is LecternError else ""
            except Exception as error:  # noqa: BLE001 - the outermost border of a command
                fault = f"{type(error).__name__} in {type(command).__name__}"
                return LecternError("the host failed to handle this"), False, fault
            return outcome, state.is_recorded(outcome), ""

    async def _reply_then_end(self, job: _Job, outcome: Any) -> None:
        def end(_: object = None) -> None:
            self.consumer.end(job.progress, job.record.offset)

        try:
            sent = await self._send_reply(job.record, outcome)
        except LecternError:
            sent = None
        if sent is None:
            end()
        else:
            sent.add_done_callback(end)

    async def _reply(self, record: Any, outcome: Any) -> None:
        try:
            await self._send_reply(record, outcome)
        except LecternError:
            return  # its sender will be told that no reply came in time

    async def _send_reply(self, record: Any, outcome: Any) -> "asyncio.Future[Any] | None":
        headers = dict(record.headers)
        partition = headers.get(REPLY_PARTITION, b"")
        if not partition.isdigit() or REPLY_TO not in headers:
            return None
        back = [(name, headers.get(name, b"")) for name in (REPLY_TO, REQUEST_ID, "correlation_id", "session_id")]
        return await self._producer.send(self._topics.replies, None, encode_outcome(outcome), back, int(partition))

    async def _put_aside(self, record: Any, fault: str) -> None:
        """Keep the message among the dead letters. Returns when it's there: it's not committed before."""
        where = {"topic": record.topic, "partition": str(record.partition), "offset": str(record.offset)}
        headers = [*record.headers, ("reason", fault[:_REASON_MAX].encode())]
        headers += [(f"from_{name}", value.encode()) for name, value in where.items()]
        while True:
            try:
                sent = await self._producer.send(self._topics.dead_letters, record.key, record.value or b"", headers)
                await sent
            except Unavailable:
                await asyncio.sleep(1)
            except Exception:  # noqa: BLE001 - whatever it is, the message is not lost while it's not committed
                await asyncio.sleep(1)
            else:
                self._on_dead_letter()
                return
