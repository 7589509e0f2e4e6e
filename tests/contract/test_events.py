"""What every EventStream promises: each change's events, in order, once there and for as long as they are kept."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import get_args

import pytest

from shared.core import events as facts
from shared.core.events import ContainerFact, FileFact
from shared.messages.events import Event
from shared.ports.bus import EventStream, Positioned
from shared.ports.metadata import Change, ContainerStore, FileStore
from tests.contract.conftest import Stores
from tests.contract.values import NOW, container_of, created, event_of, file_of

EVERY_FACT = [
    facts.FileCreated("Größe.docx", "root", 1, 0, "x"),
    facts.FileContentChanged("a.docx", 2, 2**40, "x", ("alice", "bob"), restored_from=1),
    facts.FileRenamed("b.docx", "a.docx", 2),
    facts.FileMoved("b.docx", "c1", "root", 2),
    facts.FileLocked(2, NOW),
    facts.FileRelocked(2, NOW),
    facts.FileUnlocked(2, forced=True, reason="left for the day"),
    facts.FileLockExpired(2, NOW),
    facts.FileGrantChanged("bob", "none"),
    facts.FileActivityAdded("a1", "Comment", '{"x":[1,"é"]}'),
    facts.FileDeleted("b.docx", "c1", 2),
    facts.ContainerCreated("c", "root"),
    facts.ContainerRenamed("d", "c"),
    facts.ContainerMoved("d", "c2", "root"),
    facts.ContainerGrantChanged("bob", "inherited"),
    facts.ContainerDeleted("d", "c2"),
]


async def save(files: FileStore, file_id: str, *events: Event) -> None:
    """Begin or change a file with these events."""
    if events[0].sequence == 1:
        assert await files.insert(Change(file_of(file_id), events))
    else:
        loaded = await files.load(file_id)
        assert await files.replace(loaded, Change(loaded.state, events))


async def backlog(events: EventStream, after: str | None = None) -> list[Positioned]:
    return [one async for one in events.follow(after, live=False)]


async def first(stream: AsyncIterator[Positioned], count: int) -> list[Event]:
    async with asyncio.timeout(10):
        return [(await anext(stream)).event for _ in range(count)]


async def test_a_stream_without_events_is_empty(events: EventStream) -> None:
    assert await backlog(events) == []
    assert await events.latest() is None


async def test_every_kind_of_event_comes_out_as_it_went_in(files: FileStore, events: EventStream) -> None:
    assert {type(fact) for fact in EVERY_FACT} == {*get_args(FileFact), *get_args(ContainerFact)}
    numbered = [event_of("f1", number, fact) for number, fact in enumerate(EVERY_FACT, start=1)]

    await save(files, "f1", *numbered)

    assert [one.event for one in await backlog(events)] == numbered


async def test_a_stream_goes_on_after_any_position(files: FileStore, events: EventStream) -> None:
    numbered = [event_of("f1", number) for number in range(1, 6)]
    await save(files, "f1", *numbered)
    every = await backlog(events)

    for place, one in enumerate(every):
        assert await backlog(events, one.position) == every[place + 1 :]
    assert await events.latest() == every[-1].position


async def test_a_long_backlog_comes_whole_and_in_order(
    files: FileStore, containers: ContainerStore, events: EventStream
) -> None:
    for start in range(1, 400, 40):
        _ = await asyncio.gather(
            *(save(files, f"f{file}", *(event_of(f"f{file}", start + one) for one in range(40))) for file in range(5))
        )
    assert await containers.insert(created(container_of("c1")))

    every = [one.event for one in await backlog(events)]

    assert len(every) == 5 * 400 + 1
    for file in range(5):
        assert [one.sequence for one in every if one.resource_id == f"f{file}"] == list(range(1, 401))


async def test_a_live_stream_brings_the_backlog_and_then_each_event_as_it_comes(
    files: FileStore, events: EventStream
) -> None:
    await save(files, "f1", event_of("f1", 1))
    stream = events.follow(None)
    assert await first(stream, 1) == [event_of("f1", 1)]

    for number in range(2, 10):
        waiting = asyncio.create_task(first(stream, 1))
        await asyncio.sleep(0)
        await save(files, "f1", event_of("f1", number))
        assert await waiting == [event_of("f1", number)]


async def test_all_followers_get_all_events(files: FileStore, events: EventStream) -> None:
    streams = [asyncio.create_task(first(events.follow(None), 20)) for _ in range(20)]

    for number in range(1, 21):
        await save(files, "f1", event_of("f1", number))

    expected = [event_of("f1", number) for number in range(1, 21)]
    assert await asyncio.gather(*streams) == [expected] * 20


async def test_a_follower_that_goes_away_takes_nothing_along(files: FileStore, events: EventStream) -> None:
    gone, stays = (asyncio.create_task(first(events.follow(None), 1)) for _ in range(2))
    await asyncio.sleep(0)
    _ = gone.cancel()
    _ = await asyncio.wait({gone})

    await save(files, "f1", event_of("f1", 1))

    assert await stays == [event_of("f1", 1)]


async def test_a_change_that_lost_its_race_brings_no_events(files: FileStore, events: EventStream) -> None:
    await save(files, "f1", event_of("f1", 1))
    loaded = await files.load("f1")

    changes = [Change(replace(loaded.state, owner_id=str(n)), (event_of("f1", 2),)) for n in range(20)]
    won = await asyncio.gather(*(files.replace(loaded, change) for change in changes))

    assert won.count(True) == 1
    assert [one.event.sequence for one in await backlog(events)] == [1, 2]


@pytest.mark.parametrize("position", ["", "x", "-1", " 1", "1.5", "٣", "9" * 30, "999"])
async def test_what_is_no_position_is_refused(files: FileStore, events: EventStream, position: str) -> None:
    await save(files, "f1", event_of("f1", 1))

    for live in (True, False):
        with pytest.raises(ValueError, match="position"):
            _ = await anext(events.follow(position, live=live))


async def test_a_stream_goes_on_after_a_restart(
    open_stores: Callable[[], AbstractAsyncContextManager[Stores]],
) -> None:
    async with open_stores() as stores:
        await save(stores.metadata.files, "f1", event_of("f1", 1), event_of("f1", 2))
        one, two = await backlog(stores.events)

    async with open_stores() as stores:
        assert await backlog(stores.events, one.position) == [two]
        assert await stores.events.latest() == two.position
        await save(stores.metadata.files, "f1", event_of("f1", 3))
        assert [one.event.sequence for one in await backlog(stores.events, two.position)] == [3]
