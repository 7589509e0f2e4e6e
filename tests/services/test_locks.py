"""The lock service: races for one lock, saves that race with locks, and what subscribers hear."""

import asyncio
from datetime import timedelta

from services.lock.sweeper import sweep
from shared.core.contents import Saved
from shared.core.file import LOCK_LIFETIME, LockMismatch
from shared.core.locks import Locked, NotThatLock, Unlocked
from shared.messages.commands import ForceUnlock, LockFile, RefreshLock, UnlockAndRelock, UnlockFile
from shared.service.metrics import Swept
from tests.services.conftest import Services


async def test_of_fifty_clients_racing_for_one_lock_exactly_one_wins(services: Services) -> None:
    file_id = await services.file()

    outcomes = await asyncio.gather(*(services.lock(file_id, f"lock {number}") for number in range(50)))

    lock = (await services.head(file_id)).lock
    assert lock is not None
    assert [outcome for outcome in outcomes if isinstance(outcome, Locked)] == [Locked(1)]
    losers = [outcome for outcome in outcomes if isinstance(outcome, LockMismatch)]
    assert {loser.current_lock_id for loser in losers} == {lock.lock_id}
    assert isinstance(outcomes[int(lock.lock_id.removeprefix("lock "))], Locked)
    assert (await services.news_types(file_id)).count("file.locked") == 1


async def test_of_fifty_clients_swapping_one_lock_exactly_one_wins(services: Services) -> None:
    file_id = await services.file()
    await services.lock(file_id, "old")

    outcomes = await asyncio.gather(
        *(
            services.ask(
                UnlockAndRelock(file_id=file_id, lock_id=f"new {number}", old_lock_id="old", **services.envelope())
            )
            for number in range(50)
        )
    )

    lock = (await services.head(file_id)).lock
    assert lock is not None
    assert sum(isinstance(outcome, Locked) for outcome in outcomes) == 1
    losers = [outcome for outcome in outcomes if isinstance(outcome, LockMismatch)]
    assert {loser.current_lock_id for loser in losers} == {lock.lock_id}


async def test_a_save_that_races_with_a_swap_of_its_lock_either_comes_first_or_is_refused(services: Services) -> None:
    for number in range(20):
        file_id = await services.file(f"{number}.docx")
        await services.lock(file_id, "a")
        save = await services.saving(file_id, b"new", "a")
        swap = UnlockAndRelock(file_id=file_id, lock_id="b", old_lock_id="a", **services.envelope())

        saved, swapped = await asyncio.gather(services.ask(save), services.ask(swap))

        assert swapped in {Locked(1), Locked(2)}
        if isinstance(saved, Saved):
            assert saved.version == 2
        else:
            assert saved == LockMismatch("b", saved.reason)
        assert (await services.news_types(file_id)).count("file.content_changed") == isinstance(saved, Saved)


async def test_a_lock_that_was_delivered_twice_is_taken_once(services: Services) -> None:
    file_id = await services.file()
    command = LockFile(file_id=file_id, lock_id="a", **services.envelope())

    first = await services.ask(command)
    await services.ask(UnlockFile(file_id=file_id, lock_id="a", **services.envelope()))
    second = await services.ask(command)

    assert first == second == Locked(1)
    assert (await services.head(file_id)).lock is None


async def test_a_refresh_prolongs_the_lock_and_a_release_ends_it(services: Services) -> None:
    file_id = await services.file()
    await services.lock(file_id, "a")
    services.clock.move(timedelta(minutes=20))

    refreshed = await services.ask(RefreshLock(file_id=file_id, lock_id="a", **services.envelope()))
    lock = (await services.head(file_id)).lock
    released = await services.ask(UnlockFile(file_id=file_id, lock_id="a", **services.envelope()))

    assert lock is not None
    assert lock.expires_at == services.clock() + LOCK_LIFETIME
    assert (refreshed, released) == (Locked(1), Unlocked(1))
    assert await services.news_types(file_id) == ["file.created", "file.locked", "file.unlocked"]


async def test_a_forced_unlock_is_told_with_who_did_it_and_why(services: Services) -> None:
    file_id = await services.file()
    await services.lock(file_id, "a")
    taken_at = services.clock()

    outcome = await services.ask(
        ForceUnlock(file_id=file_id, taken_at=taken_at, reason="client crashed", **services.envelope("operator"))
    )

    event = (await services.news(file_id))[-1]
    assert outcome == Unlocked(1)
    assert (event.user_id, event.correlation_id) == ("operator", "test")
    assert (event.fact.forced, event.fact.reason) == (True, "client crashed")


async def test_a_forced_unlock_never_breaks_another_lock_than_the_one_looked_at(services: Services) -> None:
    file_id = await services.file()
    await services.lock(file_id, "a")
    taken_at = services.clock()
    await services.ask(UnlockFile(file_id=file_id, lock_id="a", **services.envelope()))
    services.clock.move(timedelta(seconds=1))
    await services.lock(file_id, "b")

    outcome = await services.ask(
        ForceUnlock(file_id=file_id, taken_at=taken_at, reason="late", **services.envelope("operator"))
    )

    assert isinstance(outcome, NotThatLock)
    lock = (await services.head(file_id)).lock
    assert lock is not None
    assert lock.lock_id == "b"


async def test_the_sweeper_takes_away_locks_whose_time_is_up_and_no_others(services: Services) -> None:
    old = await asyncio.gather(*(services.file(f"old {number}.docx") for number in range(105)))
    await asyncio.gather(*(services.lock(file_id, "a") for file_id in old))
    services.clock.move(LOCK_LIFETIME - timedelta(seconds=1))
    young = await services.file("young.docx")
    await services.lock(young, "b")
    services.clock.move(timedelta(seconds=1))

    gone = await sweep(services.metadata, services.clock())
    again = await sweep(services.metadata, services.clock())

    assert (gone, again) == ({Swept.EXPIRED_LOCKS: 105}, {Swept.EXPIRED_LOCKS: 0})
    assert [head.file_id for head in await services.metadata.files.locked()] == [young]
    assert await services.news_types(old[0]) == ["file.created", "file.locked", "file.lock_expired"]
    assert (await services.news(old[0]))[-1].user_id == ""
