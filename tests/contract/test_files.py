"""What every FileStore promises: documents that change in one durable step, found by name, lock, age and content."""

import asyncio
import unicodedata
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.core.containers import ROOT_ID
from shared.core.errors import NotFound
from shared.core.file import EMPTY_CONTENT, File
from shared.core.permissions import Grant, Role
from shared.ports.bus import EventStream
from shared.ports.metadata import Change, FileStore, NameInUse
from tests.contract.conftest import Stores
from tests.contract.values import (
    MINUTE,
    NOW,
    applied_of,
    changed,
    content_of,
    event_of,
    file_of,
    head_of,
    ids,
    inserted,
    lock_until,
    version_of,
)

FULL = replace(
    file_of(name="Größe 100 € 📄.docx", version=4),
    lock=lock_until(NOW + MINUTE, '{"S":"é","F":4}'),
    grants=(Grant("bob", Role.VIEWER), Grant("carol", Role.NONE)),
    former=(version_of(1), version_of(3)),
)


async def test_a_file_is_loaded_as_it_was_put_in(files: FileStore) -> None:
    loaded = await inserted(files, FULL)

    assert loaded.state == FULL
    assert (loaded.sequence, loaded.applied) == (0, ())


async def test_a_read_finds_the_head_of_a_file(files: FileStore) -> None:
    _ = await inserted(files, FULL)

    assert await files.find("f1") == head_of(FULL)
    assert await files.by_name(ROOT_ID, FULL.name) == head_of(FULL)


async def test_what_was_never_there_is_not_found(files: FileStore) -> None:
    assert await files.find("f1") is None
    assert await files.by_name(ROOT_ID, "f1.docx") is None
    with pytest.raises(NotFound):
        _ = await files.load("f1")


@pytest.mark.parametrize("text", ["", "\udcff", "x" * 10_000, "'; DROP TABLE files; --", "a\0b"])
async def test_any_text_can_be_asked_for(files: FileStore, text: str) -> None:
    _ = await inserted(files, file_of())

    assert await files.find(text) is None
    assert await files.by_name(ROOT_ID, text) is None
    assert await files.names_taken(text, ["f1.docx"]) == frozenset()
    with pytest.raises(NotFound):
        _ = await files.load(text)


async def test_of_two_files_with_one_id_the_second_changes_nothing(files: FileStore) -> None:
    first = await inserted(files, file_of())

    assert not await files.insert(Change(file_of(name="other.docx"), (event_of("f1", 1),)))

    assert await files.load("f1") == first
    assert await files.by_name(ROOT_ID, "other.docx") is None


async def test_of_two_saves_on_one_revision_the_second_changes_nothing(files: FileStore, events: EventStream) -> None:
    loaded = await inserted(files, file_of())
    first, second = replace(loaded.state, current=version_of(2)), replace(loaded.state, current=version_of(3))

    assert await files.replace(loaded, Change(first, (event_of("f1", 1),), (applied_of("c1"),)))
    assert not await files.replace(loaded, Change(second, (event_of("f1", 1),), (applied_of("c2"),)))

    after = await files.load("f1")
    assert (after.state, after.sequence, after.applied) == (first, 1, (applied_of("c1"),))
    assert await files.find("f1") == head_of(first)
    assert len([event async for event in events.follow(None, live=False)]) == 1


async def test_of_many_racing_for_one_revision_exactly_one_wins(files: FileStore) -> None:
    loaded = await inserted(files, file_of())
    locks = [lock_until(NOW + MINUTE, f"lock {number}") for number in range(100)]

    won = await asyncio.gather(*(files.replace(loaded, Change(replace(loaded.state, lock=lock))) for lock in locks))

    assert won.count(True) == 1
    assert (await files.load("f1")).state.lock == locks[won.index(True)]


async def test_each_change_is_seen_by_the_next_read(files: FileStore) -> None:
    _ = await inserted(files, file_of())
    for number in range(2, 40):
        before = await files.find("f1")
        loaded = await files.load("f1")
        file = replace(loaded.state, current=version_of(number), former=(*loaded.state.former, loaded.state.current))

        assert await files.replace(loaded, Change(file))

        assert before == head_of(loaded.state)
        assert await files.find("f1") == head_of(file)
        assert (await files.load("f1")).state == file


async def test_readers_never_see_an_older_state_after_a_newer_one(files: FileStore) -> None:
    loaded = await inserted(files, file_of())
    others = [await inserted(files, file_of(f"other{number}")) for number in range(8)]
    confirmed, is_over = 1, False

    async def write() -> None:
        nonlocal loaded, confirmed, is_over
        for number in range(2, 60):
            assert await files.replace(loaded, Change(replace(loaded.state, current=version_of(number))))
            confirmed = number
            loaded = await files.load("f1")
        is_over = True

    async def write_others() -> None:
        while not is_over:
            _ = await asyncio.gather(*(files.replace(one, Change(one.state)) for one in others))

    async def read() -> list[int]:
        seen = []
        while not is_over:
            least = confirmed
            head, by_name = await files.find("f1"), await files.by_name(ROOT_ID, "f1.docx")
            assert head is not None
            assert by_name is not None
            assert min(head.current.number, by_name.current.number) >= least
            seen += [head.current.number, by_name.current.number]
            await asyncio.sleep(0)
        return seen

    _, _, *seen = await asyncio.gather(write(), write_others(), read(), read())

    assert all(numbers == sorted(numbers) for numbers in seen)


async def test_former_versions_come_and_go(files: FileStore) -> None:
    _ = await inserted(files, FULL)

    loaded = await changed(files, "f1", current=version_of(5), former=(version_of(3), version_of(4)))

    assert loaded.state.former == (version_of(3), version_of(4))
    keys = [content_of(number).key for number in range(7)]
    assert await files.content_in_use(keys) == {keys[3], keys[4], keys[5]}


async def test_commands_are_remembered_in_order_until_they_are_let_go(files: FileStore) -> None:
    one, two, three = applied_of("c1"), applied_of("c2"), applied_of("c3", b'{"type":"Locked","data":{"version":7}}')
    assert await files.insert(Change(file_of(), applied=(one,)))

    for applied in [(one, two), (one, two, three), (three,)]:
        loaded = await files.load("f1")
        assert await files.replace(loaded, Change(replace(loaded.state, owner_id=str(len(applied))), applied=applied))
        assert (await files.load("f1")).applied == applied


async def test_the_number_of_the_last_event_is_kept(files: FileStore) -> None:
    assert await files.insert(Change(file_of(), (event_of("f1", 1), event_of("f1", 2))))
    loaded = await files.load("f1")
    assert loaded.sequence == 2

    assert await files.replace(loaded, Change(replace(loaded.state, owner_id="bob")))

    assert (await files.load("f1")).sequence == 2


async def test_events_alone_are_a_change(files: FileStore) -> None:
    loaded = await inserted(files, file_of())

    assert await files.replace(loaded, Change(loaded.state, (event_of("f1", 1),)))

    assert (await files.load("f1")).sequence == 1
    assert not await files.replace(loaded, Change(loaded.state, (event_of("f1", 1),)))


# --- names


async def test_a_name_is_unique_in_its_container(files: FileStore, events: EventStream) -> None:
    _ = await inserted(files, file_of("f1", "a.docx"))

    with pytest.raises(NameInUse):
        _ = await files.insert(Change(file_of("f2", "a.docx"), (event_of("f2", 1),), (applied_of("c1"),)))

    assert await files.find("f2") is None
    assert await events.latest() is None
    assert await files.insert(Change(file_of("f2", "a.docx", container_id="c2")))


async def test_equal_text_in_another_normal_form_is_the_same_name(files: FileStore) -> None:
    composed, decomposed = unicodedata.normalize("NFC", "é.docx"), unicodedata.normalize("NFD", "é.docx")
    _ = await inserted(files, file_of("f1", decomposed))

    with pytest.raises(NameInUse):
        _ = await files.insert(Change(file_of("f2", composed)))

    found = await files.by_name(ROOT_ID, composed)
    assert found is not None
    assert found.name == decomposed
    assert await files.names_taken(ROOT_ID, [composed, decomposed, "e.docx"]) == {composed, decomposed}


async def test_names_differ_by_the_case_of_letters(files: FileStore) -> None:
    _ = await inserted(files, file_of("f1", "Plan.docx"))

    assert await files.insert(Change(file_of("f2", "plan.docx")))


async def test_a_rename_onto_a_taken_name_changes_nothing(files: FileStore, events: EventStream) -> None:
    _ = await inserted(files, file_of("f1", "a.docx"))
    loaded = await inserted(files, file_of("f2", "b.docx"))
    renamed = replace(loaded.state, name="a.docx", current=version_of(2), former=(loaded.state.current,))

    with pytest.raises(NameInUse):
        _ = await files.replace(loaded, Change(renamed, (event_of("f2", 1),), (applied_of("c1"),)))

    assert await files.load("f2") == loaded
    assert await events.latest() is None


async def test_of_many_creating_one_name_exactly_one_does(files: FileStore) -> None:
    changes = [Change(file_of(f"f{number}", "new.docx")) for number in range(100)]

    done = await asyncio.gather(*(files.insert(change) for change in changes), return_exceptions=True)

    assert done.count(True) == 1
    assert sum(isinstance(outcome, NameInUse) for outcome in done) == 99
    assert await files.count() == 1


async def test_a_renamed_file_is_found_by_its_new_name_alone(files: FileStore) -> None:
    _ = await inserted(files, file_of("f1", "a.docx"))

    loaded = await changed(files, "f1", name="b.docx", container_id="c2")

    assert await files.by_name("c2", "b.docx") == head_of(loaded.state)
    assert await files.by_name(ROOT_ID, "a.docx") is None
    assert await files.by_name(ROOT_ID, "b.docx") is None
    assert await files.insert(Change(file_of("f2", "a.docx")))


# --- deletion


async def test_a_deleted_file_is_seen_by_load_alone(files: FileStore) -> None:
    _ = await inserted(files, replace(FULL, name="a.docx"))

    deleted = await changed(files, "f1", former=(), grants=(), deleted_at=NOW)

    assert (await files.load("f1")).state == deleted.state
    assert await files.find("f1") is None
    assert await files.by_name(ROOT_ID, "a.docx") is None
    assert await files.in_container(ROOT_ID) == []
    assert await files.names_taken(ROOT_ID, ["a.docx"]) == frozenset()
    assert await files.locked() == []
    assert await files.count_locked() == 0
    assert await files.saved_since(NOW - MINUTE) == []
    assert await files.with_former_before(NOW + timedelta(days=1), 10) == []
    assert await files.content_in_use([content_of(number).key for number in range(7)]) == frozenset()
    assert await files.count() == 0
    assert await files.insert(Change(file_of("f2", "a.docx")))


async def test_what_is_left_of_a_deleted_file_goes_in_time(files: FileStore) -> None:
    for number in range(5):
        _ = await inserted(files, file_of(f"f{number}"))
        _ = await changed(files, f"f{number}", deleted_at=NOW + number * MINUTE)
    _ = await inserted(files, file_of("lives"))

    assert await files.forget_deleted(NOW + 3 * MINUTE, limit=2) == 2
    assert await files.forget_deleted(NOW + 3 * MINUTE, limit=2) == 1
    assert await files.forget_deleted(NOW + 3 * MINUTE, limit=2) == 0

    for gone in ("f0", "f1", "f2"):
        with pytest.raises(NotFound):
            _ = await files.load(gone)
    assert (await files.load("f3")).state.deleted_at == NOW + 3 * MINUTE
    assert await files.find("lives") is not None


async def test_an_id_that_is_forgotten_begins_anew(files: FileStore) -> None:
    assert await files.insert(Change(file_of(), applied=(applied_of("c1"),)))
    _ = await changed(files, "f1", deleted_at=NOW)
    assert await files.forget_deleted(NOW + MINUTE, limit=10) == 1

    again = await inserted(files, file_of(name="again.docx"))

    assert (again.state.name, again.sequence, again.applied) == ("again.docx", 0, ())


# --- listings


async def test_a_container_is_listed_by_name_key_page_by_page(files: FileStore) -> None:
    names = ["b.docx", "a.docx", "Z.docx", "é.docx", "ab.docx", "📄.docx", "10.docx", "9.docx"]
    for number, name in enumerate(names):
        _ = await inserted(files, file_of(f"f{number}", name))
    _ = await inserted(files, file_of("elsewhere", container_id="c2"))

    listed = [file.name for file in await files.in_container(ROOT_ID)]

    assert listed == sorted(names)
    paged: list[str] = []
    while page := await files.in_container(ROOT_ID, after=paged[-1] if paged else None, limit=3):
        assert len(page) <= 3
        paged += [file.name for file in page]
    assert paged == listed
    assert await files.in_container(ROOT_ID, after=listed[-1]) == []


async def test_a_large_container_is_listed_whole(files: FileStore) -> None:
    expected = [f"f{number:04}" for number in range(1050)]
    for start in range(0, len(expected), 50):
        _ = await asyncio.gather(*(files.insert(Change(file_of(one))) for one in expected[start : start + 50]))

    assert ids(await files.in_container(ROOT_ID)) == expected
    assert ids(await files.in_container(ROOT_ID, after="f0099.docx", limit=500)) == expected[100:600]


async def test_locked_files_come_by_the_end_of_their_locks(files: FileStore) -> None:
    for file_id, minutes in [("f1", 30), ("f2", 10), ("f3", 20)]:
        _ = await inserted(files, replace(file_of(file_id), lock=lock_until(NOW + minutes * MINUTE)))
    _ = await inserted(files, file_of("free"))

    assert ids(await files.locked()) == ["f2", "f3", "f1"]
    assert ids(await files.locked(limit=1)) == ["f2"]
    assert await files.count_locked() == 3
    assert ids(await files.locked(expired_by=NOW + 20 * MINUTE)) == ["f2", "f3"]
    assert ids(await files.locked(expired_by=NOW + 20 * MINUTE - timedelta(microseconds=1))) == ["f2"]


async def test_a_released_lock_is_not_listed(files: FileStore) -> None:
    _ = await inserted(files, replace(file_of(), lock=lock_until(NOW)))

    _ = await changed(files, "f1", lock=None)

    assert await files.locked() == []
    assert await files.count_locked() == 0


async def test_saves_come_latest_first(files: FileStore) -> None:
    for number in range(1, 5):
        _ = await inserted(files, file_of(f"f{number}", version=number))

    assert ids(await files.saved_since(NOW + 2 * MINUTE)) == ["f4", "f3", "f2"]
    assert ids(await files.saved_since(NOW, limit=2)) == ["f4", "f3"]
    assert await files.saved_since(NOW + 4 * MINUTE + timedelta(microseconds=1)) == []


async def test_files_with_old_versions_are_found(files: FileStore) -> None:
    former = {number: replace(version_of(number), replaced_at=NOW + number * MINUTE) for number in range(1, 6)}
    _ = await inserted(files, replace(file_of("f1", version=9), former=(former[1], former[2], former[5])))
    _ = await inserted(files, replace(file_of("f2", version=9), former=(former[4],)))
    _ = await inserted(files, file_of("f3", version=1))

    assert await files.with_former_before(NOW + 3 * MINUTE, 10) == ["f1"]
    assert set(await files.with_former_before(NOW + 5 * MINUTE, 10)) == {"f1", "f2"}
    assert len(await files.with_former_before(NOW + 9 * MINUTE, 1)) == 1
    assert await files.with_former_before(NOW + MINUTE, 10) == []


async def test_content_in_use_is_that_of_all_versions_of_all_files(files: FileStore) -> None:
    _ = await inserted(files, FULL)
    _ = await inserted(files, file_of("f2", version=7))
    _ = await inserted(files, replace(file_of("empty"), current=replace(version_of(1), content=EMPTY_CONTENT)))
    keys = [content_of(number).key for number in range(10)]

    assert await files.content_in_use(keys) == {keys[number] for number in (1, 3, 4, 7)}
    assert await files.content_in_use([]) == frozenset()


async def test_files_are_counted(files: FileStore) -> None:
    for number in range(4):
        _ = await inserted(files, file_of(f"f{number}"))
        assert await files.count() == number + 1

    _ = await changed(files, "f0", deleted_at=NOW)
    _ = await changed(files, "f1", name="renamed.docx")

    assert await files.count() == 3


# --- durability


async def test_all_is_there_after_a_restart(
    open_stores: Callable[[], AbstractAsyncContextManager[Stores]],
) -> None:
    async with open_stores() as stores:
        files = stores.metadata.files
        assert await files.insert(Change(FULL, (event_of("f1", 1),), (applied_of("c1"),)))
        before = await files.load("f1")
        _ = await inserted(files, file_of("f2"))

    async with open_stores() as stores:
        files = stores.metadata.files
        assert await files.load("f1") == before
        assert await files.find("f1") == head_of(FULL)
        assert await files.count() == 2
        assert [one.event async for one in stores.events.follow(None, live=False)] == [event_of("f1", 1)]
        assert await files.replace(before, Change(replace(before.state, owner_id="bob")))


async def test_a_writer_that_goes_away_leaves_all_or_nothing(files: FileStore) -> None:
    loaded = await inserted(files, file_of())
    change = Change(replace(loaded.state, owner_id="bob"), (event_of("f1", 1),))
    writer = asyncio.create_task(files.replace(loaded, change))
    await asyncio.sleep(0)
    _ = writer.cancel()
    _ = await asyncio.wait({writer})

    other = await files.insert(Change(file_of("f2")))

    after = await files.load("f1")
    assert other
    assert (after.state.owner_id, after.sequence) in {("alice", 0), ("bob", 1)}
    found = await files.find("f1")
    assert found is not None
    assert found.owner_id == after.state.owner_id


def test_a_file_is_more_than_its_head() -> None:
    assert set(File.__dataclass_fields__) - set(type(head_of(FULL)).__dataclass_fields__) == {"former"}
