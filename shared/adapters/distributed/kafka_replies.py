"""The way back: outcomes from the services to the gateway that asked.

Each gateway reads one partition of `wopi.replies`, picked by chance, and names it in its commands. Nothing has to be made
or removed when gateways come and go. Two that picked the same partition tell their replies apart by the gateway's id, and
whoever sees a stranger's reply moves to another partition.
"""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from shared.adapters.distributed.kafka_producer import CLOSE_SECONDS, REQUEST_TIMEOUT_MS, RETRY_SECONDS, start_client

REPLY_TO: Final = "reply_to"
REPLY_PARTITION: Final = "reply_partition"
REQUEST_ID: Final = "request_id"
_LINGERS_SECONDS: Final = 60.0
"""How long a gateway that moved still reads where it was: longer than a command lives."""

Receive = Callable[[str, bytes], None]
"""Takes the id of a request, and the outcome as bytes."""


class Replies:
    """Receives the replies to one gateway, whose id is `gateway_id`."""

    def __init__(self, bootstrap: str, topic: str, receive: Receive) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._receive = receive
        self._is_open = asyncio.Event()
        self._readers: set[asyncio.Task[None]] = set()
        self.gateway_id: Final = secrets.token_hex(8)
        self.partition = -1

    def open(self) -> None:
        """Begin to read; returns at once."""
        self._add_reader()

    async def close(self) -> None:
        """Stop reading."""
        for reader in self._readers:
            reader.cancel()
        if self._readers:
            await asyncio.wait(self._readers)

    async def opened(self) -> None:
        """Returns when replies can be received at `partition`."""
        if not self._is_open.is_set():
            await self._is_open.wait()

    def _add_reader(self) -> None:
        reader = asyncio.get_running_loop().create_task(self._read())
        self._readers.add(reader)
        reader.add_done_callback(self._readers.discard)

    async def _read(self) -> None:
        """Read one partition until a stranger turns up there, and for a while longer."""
        while True:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._bootstrap,
                request_timeout_ms=REQUEST_TIMEOUT_MS,
                retry_backoff_ms=100,
                auto_offset_reset="latest",
                enable_auto_commit=False,
            )
            try:
                await start_client(consumer)
                await self._read_partition(consumer, await self._pick(consumer))
            except (KafkaError, OSError):
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return
            finally:
                await stop_consumer(consumer)

    async def _pick(self, consumer: Any) -> TopicPartition:
        """Another partition than the one before, with its end as the place to read from."""
        await consumer._client._wait_on_metadata(self._topic)  # noqa: SLF001 - `partitions_for_topic` doesn't ask
        present = sorted(consumer.partitions_for_topic(self._topic) or {0})
        others = [one for one in present if one != self.partition] or present
        picked = TopicPartition(self._topic, secrets.choice(others))
        consumer.assign([picked])
        await consumer.seek_to_end(picked)
        await consumer.position(picked)
        self.partition = picked.partition
        self._is_open.set()
        return picked

    async def _read_partition(self, consumer: Any, picked: TopicPartition) -> None:
        leave_at: float | None = None
        clock = asyncio.get_running_loop().time
        while leave_at is None or clock() < leave_at:
            batches = await consumer.getmany(timeout_ms=1000)
            for record in batches.get(picked, ()):
                headers = dict(record.headers)
                if headers.get(REPLY_TO) == self.gateway_id.encode():
                    self._receive(headers.get(REQUEST_ID, b"").decode(), record.value)
                elif leave_at is None:
                    leave_at = clock() + _LINGERS_SECONDS
                    self._add_reader()


async def stop_consumer(consumer: Any) -> None:
    """Stop it, whether or not a broker is there."""
    stopping = asyncio.ensure_future(consumer.stop())
    await asyncio.wait([stopping], timeout=CLOSE_SECONDS)
    if not stopping.done():
        stopping.cancel()
        await asyncio.wait([stopping])
        await consumer._client.close()  # noqa: SLF001 - stopping has no deadline of its own
    with suppress(KafkaError, OSError, asyncio.CancelledError):
        stopping.result()
