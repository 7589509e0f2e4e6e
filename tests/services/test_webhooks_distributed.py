"""Webhooks over Kafka and MongoDB: workers share them, and one goes on where another ended."""

import asyncio
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import pytest

from services.ecosystem.telling import telling
from shared.core.webhooks import Pace, Webhook, new_secret
from shared.ports.bus import EventStream
from shared.ports.metadata import Change, Metadata
from shared.service.metrics import Metrics
from tests.builders import NOON
from tests.contract import distributed
from tests.contract.values import event_of, file_of
from tests.receiver import Receiver, running_receiver
from tests.servers import are_there

pytestmark = pytest.mark.skipif(not are_there(), reason="needs Kafka and MongoDB, or what it takes to make them")
EVENTS = 5


def worker(metadata: Metadata, events: EventStream) -> AbstractAsyncContextManager[None]:
    loopback = [ip_network("127.0.0.0/8")]
    source = "https://docs.example.com"
    return telling(metadata.webhooks, events, loopback, Pace(), source, Metrics(), lambda: datetime.now(UTC))


async def happening(metadata: Metadata, file_id: str) -> None:
    """Five events of one file."""
    assert await metadata.files.insert(Change(file_of(file_id), (event_of(file_id, 1),)))
    for sequence in range(2, EVENTS + 1):
        loaded = await metadata.files.load(file_id)
        assert await metadata.files.replace(loaded, Change(loaded.state, (event_of(file_id, sequence),)))


async def told(receiver: Receiver, files: int) -> None:
    """Returns when the receiver has taken all events of so many files."""
    async with asyncio.timeout(60):
        while len({one.place for one in receiver.taken}) < files * EVENTS:  # noqa: ASYNC110 - polls another's state
            await asyncio.sleep(0.02)


async def test_workers_share_webhooks_and_go_on_where_others_ended(tmp_path: Path) -> None:
    async with distributed.mongo_stores("motor")(tmp_path) as (metadata, events), running_receiver() as receiver:
        await metadata.webhooks.insert(Webhook("w1", receiver.url, new_secret(bytes(32)), NOON))
        async with worker(metadata, events):
            async with worker(metadata, events):
                await asyncio.gather(*(happening(metadata, f"f{number}") for number in range(5)))
                await told(receiver, 5)
            await happening(metadata, "last")
            await told(receiver, 6)

        for file_id in (*(f"f{number}" for number in range(5)), "last"):
            numbers = [one.place[1] for one in receiver.taken if one.place[0] == file_id]
            assert sorted(set(numbers)) == [1, 2, 3, 4, 5]
            assert numbers == sorted(numbers)
    await distributed.remove_stores(tmp_path)
