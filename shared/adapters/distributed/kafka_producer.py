"""The sending side of Kafka: one idempotent producer of a process, which comes back by itself.

A message is acknowledged once all replicas in sync have it. The driver sends again whatever a broken connection may have
swallowed, without doubling it, for as long as it takes. What it can't mend (it lost count of its messages, its own task
died) is mended by a new producer.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from shared.core.errors import Unavailable

Headers = Sequence[tuple[str, bytes]]
RETRY_SECONDS: Final = 0.5
"""Between two attempts to reach a broker."""
REQUEST_TIMEOUT_MS: Final = 10_000
CLOSE_SECONDS: Final = 5.0
_READY_SECONDS: Final = 3.0
_REFUSED: Final = (MessageSizeTooLargeError, ValueError, TypeError)
"""Faults of one message, not of the producer."""


class KafkaProducer:
    """Sends messages. Use `open` and `close` in the event loop it's used in."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._producer: Any = None
        self._is_started = asyncio.Event()
        self._starting: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to connect; returns at once, so that a host starts while its broker is away."""
        self._restart()

    async def close(self) -> None:
        """Send what waits to be sent, as far as a broker is there, and let go of all connections."""
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait([self._starting])
        self._is_started.clear()
        if self._producer is not None:
            await _stop(self._producer)

    async def send(
        self, topic: str, key: bytes | None, value: bytes, headers: Headers = (), partition: int | None = None
    ) -> "asyncio.Future[Any]":
        """Hand a message to the producer; what comes back is done when the message is acknowledged, or has failed.

        Messages of one partition are sent in the order of these calls.
        """
        if not self._is_started.is_set():
            await self._is_started.wait()
        producer = self._producer
        try:
            sent: asyncio.Future[Any] = await producer.send(
                topic, value, key=key, headers=list(headers), partition=partition
            )
        except _REFUSED:
            raise
        except KafkaError as error:
            self._mend(producer)
            raise Unavailable("the message can't be sent right now") from error
        sent.add_done_callback(lambda done: self._sent(producer, done))
        return sent

    async def is_ready(self) -> None:
        """Returns if a broker answers; raises Unavailable if not."""
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await self._is_started.wait()
                await self._producer.client.fetch_all_metadata()
        except (KafkaError, OSError, TimeoutError) as error:
            raise Unavailable("no Kafka broker answers") from error

    def _sent(self, producer: Any, done: "asyncio.Future[Any]") -> None:
        if not done.cancelled() and isinstance(done.exception(), KafkaError):
            self._mend(producer)

    def _mend(self, broken: Any) -> None:
        if broken is self._producer and self._is_started.is_set():
            self._restart()

    def _restart(self) -> None:
        self._is_started.clear()
        self._starting = asyncio.get_running_loop().create_task(self._start())

    async def _start(self) -> None:
        if self._producer is not None:
            await _stop(self._producer)
        while True:
            self._producer = AIOKafkaProducer(
                bootstrap_servers=self._bootstrap,
                enable_idempotence=True,
                acks="all",
                linger_ms=0,
                request_timeout_ms=REQUEST_TIMEOUT_MS,
                retry_backoff_ms=100,
            )
            try:
                await start_client(self._producer)
            except (KafkaError, OSError):
                await _stop(self._producer)
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self._is_started.set()
                return


async def start_client(client: Any) -> None:
    """Start a producer or consumer. If cancelled, see the attempt through first: the driver would forget a connection."""
    starting = asyncio.ensure_future(client.start())
    try:
        await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait([starting], timeout=CLOSE_SECONDS)
        starting.cancel()
        await asyncio.wait([starting])
        if not starting.cancelled():
            starting.exception()
        raise


async def _stop(producer: Any) -> None:
    """Stop it, without what it can't get rid of in time."""
    stopping = asyncio.ensure_future(producer.stop())
    await asyncio.wait([stopping], timeout=CLOSE_SECONDS)
    if not stopping.done():
        # It waits for messages that no broker takes; it has no public way to give them up.
        producer._message_accumulator.fail_all(KafkaError("the producer is closed"))  # noqa: SLF001
        await asyncio.wait([stopping], timeout=CLOSE_SECONDS)
    if not stopping.done():
        stopping.cancel()
        await asyncio.wait([stopping])
        await producer.client.close()
    with suppress(KafkaError, OSError, asyncio.CancelledError):
        stopping.result()
