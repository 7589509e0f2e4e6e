"""What the in-process bus promises beyond its port: an orderly end, and a bound on what waits."""

import asyncio

import pytest

from shared.adapters.embedded import memory_bus
from shared.adapters.embedded.memory_bus import MemoryBus
from shared.core.errors import Unavailable
from shared.core.locks import Locked
from shared.messages.commands import LockFile, Service
from tests.contract.test_bus import lock
from tests.contract.values import Clock


async def test_closing_waits_for_what_was_sent_and_takes_no_more() -> None:
    bus, go_on = MemoryBus(Clock()), asyncio.Event()

    async def handle(_: LockFile) -> Locked:
        _ = await go_on.wait()
        return Locked(1)

    bus.serve(Service.LOCK, {LockFile: handle})
    sent = [asyncio.create_task(bus.request(lock())) for _ in range(3)]
    await asyncio.sleep(0)
    closing = asyncio.create_task(bus.close())
    await asyncio.sleep(0)

    with pytest.raises(Unavailable, match="shutting down"):
        _ = await bus.request(lock())
    with pytest.raises(Unavailable, match="shutting down"):
        await bus.is_ready()
    go_on.set()
    await closing

    assert await asyncio.gather(*sent) == [Locked(1)] * 3


async def test_closing_stops_what_does_not_end_in_time() -> None:
    bus = MemoryBus(Clock())

    async def hang(_: LockFile) -> Locked:
        _ = await asyncio.Event().wait()
        return Locked(1)

    bus.serve(Service.LOCK, {LockFile: hang})
    sent = [asyncio.create_task(bus.request(lock())) for _ in range(3)]
    await asyncio.sleep(0)

    await bus.close(timeout_seconds=0.01)

    outcomes = await asyncio.gather(*sent, return_exceptions=True)
    assert [str(one) for one in outcomes] == ["the host is shutting down"] * 3


async def test_more_than_can_wait_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_bus, "WAITING_MAX", 5)
    bus, go_on = MemoryBus(Clock()), asyncio.Event()

    async def handle(_: LockFile) -> Locked:
        _ = await go_on.wait()
        return Locked(1)

    bus.serve(Service.LOCK, {LockFile: handle})
    sent = [asyncio.create_task(bus.request(lock())) for _ in range(8)]
    await asyncio.sleep(0.01)
    go_on.set()

    outcomes = await asyncio.gather(*sent, return_exceptions=True)

    assert [isinstance(one, Unavailable) for one in outcomes] == [False] * 5 + [True] * 3
    assert await bus.request(lock()) == Locked(1)


async def test_nothing_is_kept_of_commands_that_are_done() -> None:
    async with MemoryBus(Clock()) as bus:

        async def handle(_: LockFile) -> Locked:
            return Locked(1)

        bus.serve(Service.LOCK, {LockFile: handle})
        _ = await asyncio.gather(*(bus.request(lock(f"f{number % 10}")) for number in range(100)))
        await asyncio.sleep(0)

        assert (bus._queues, bus._tasks, bus._count) == ({}, set(), 0)
