"""The gateway's side of the bus: commands go to the topic of their service, outcomes come back through `wopi.replies`."""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from shared.adapters.distributed.kafka_producer import Headers, KafkaProducer
from shared.adapters.distributed.kafka_replies import REPLY_PARTITION, REPLY_TO, REQUEST_ID, Replies
from shared.adapters.distributed.kafka_topics import Topics
from shared.core.errors import DeadlinePassed, LecternError, Unavailable
from shared.messages.codec import decode_outcome, encode_command
from shared.messages.commands import Command

OutcomeT = TypeVar("OutcomeT")

WAITING_MAX: Final = 10_000
"""Most requests that wait for their outcome at once."""
AWAY_SECONDS: Final = 2.0
"""How long a request waits while the one before couldn't even be sent."""


class KafkaBus:
    """CommandBus over Kafka. Use `open` and `close` in the event loop it's used in; the producer is the caller's."""

    def __init__(self, bootstrap: str, topics: Topics, producer: KafkaProducer, now: Callable[[], datetime]) -> None:
        self._topics = topics
        self._producer = producer
        self._now = now
        self._replies = Replies(bootstrap, topics.replies, self._receive)
        self._waiting: dict[str, asyncio.Future[Any]] = {}
        self._ids = itertools.count()
        self._is_away = False

    def open(self) -> None:
        """Begin to connect; returns at once, so that a gateway starts while its broker is away."""
        self._replies.open()

    async def close(self) -> None:
        """Let go of all connections; requests under way fail."""
        await self._replies.close()
        for waiting in self._waiting.values():
            _fail(waiting, Unavailable("the host is shutting down"))

    async def request(self, command: Command[OutcomeT]) -> OutcomeT:
        """Send the command and wait for its outcome.

        Raises DeadlinePassed if none came in time, Unavailable if the command couldn't be sent, and the LecternError
        that the handler raised.
        """
        seconds = (command.deadline - self._now()).total_seconds()
        if seconds <= 0:
            raise DeadlinePassed("the command came too late and was dropped")
        if len(self._waiting) >= WAITING_MAX:
            raise Unavailable("too many commands are waiting; try again")
        if self._is_away and seconds > AWAY_SECONDS:
            seconds = AWAY_SECONDS
            command = replace(command, deadline=self._now() + timedelta(seconds=seconds))
        request_id = str(next(self._ids))
        outcome: asyncio.Future[OutcomeT] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = outcome
        sent: asyncio.Future[Any] | None = None
        try:
            async with asyncio.timeout(seconds):
                sent = await self._send(command, request_id)
                sent.add_done_callback(lambda done: self._is_sent(outcome, done))
                return await outcome
        except TimeoutError as error:
            if sent is None or not sent.done():
                self._is_away = True
                raise Unavailable("commands can't be sent right now; try again") from error
            raise DeadlinePassed("the service didn't answer in time; try again") from error
        finally:
            del self._waiting[request_id]

    async def is_ready(self) -> None:
        """Returns if commands can be sent; raises Unavailable with the reason if not."""
        await self._producer.is_ready()
        self._is_away = False
        try:
            async with asyncio.timeout(1):
                await self._replies.opened()
        except TimeoutError as error:
            raise Unavailable("replies can't be received yet") from error

    async def _send(self, command: Command[Any], request_id: str) -> "asyncio.Future[Any]":
        await self._replies.opened()
        headers: Headers = (
            (REQUEST_ID, request_id.encode()),
            (REPLY_TO, self._replies.gateway_id.encode()),
            (REPLY_PARTITION, str(self._replies.partition).encode()),
            ("correlation_id", command.correlation_id.encode()),
            ("session_id", command.caller.session_id.encode()),
        )
        topic = self._topics.commands(command.service)
        return await self._producer.send(topic, command.key.encode(), encode_command(command), headers)

    def _is_sent(self, outcome: "asyncio.Future[Any]", sent: "asyncio.Future[Any]") -> None:
        if sent.cancelled() or sent.exception() is not None:
            _fail(outcome, Unavailable("the command couldn't be sent; try again"))
        else:
            self._is_away = False

    def _receive(self, request_id: str, raw: bytes) -> None:
        waiting = self._waiting.get(request_id)
        if waiting is None or waiting.done():
            return  # its sender has given up, or it's a repetition
        try:
            outcome = decode_outcome(raw)
        except LecternError as error:
            outcome = error
        if isinstance(outcome, LecternError):
            waiting.set_exception(outcome)
        else:
            waiting.set_result(outcome)


def _fail(waiting: "asyncio.Future[Any]", error: LecternError) -> None:
    if not waiting.done():
        waiting.set_exception(error)
