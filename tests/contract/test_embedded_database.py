"""What the database of the embedded host promises beyond its ports: shared commits, indexes, bounds, recovery."""

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from shared.adapters.embedded.data_folder import FolderInUse
from shared.adapters.embedded.sqlite_cache import Recent
from shared.adapters.embedded.sqlite_database import Database
from shared.adapters.embedded.sqlite_metadata import FILE_NAME, SqliteMetadata
from shared.core.containers import ROOT_ID
from shared.core.errors import Unavailable
from shared.core.users import User
from shared.ports.metadata import Change
from tests.contract.values import (
    MINUTE,
    NOW,
    applied_of,
    content_of,
    draft_of,
    event_of,
    file_of,
    inserted,
    lock_until,
    version_of,
)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteMetadata]:
    async with SqliteMetadata(tmp_path) as store:
        yield store


def connections(store: SqliteMetadata) -> tuple[sqlite3.Connection, sqlite3.Connection]:
    opened = store._database._opened
    assert opened is not None
    return opened.reader, opened.writer


@contextmanager
def statements(connection: sqlite3.Connection) -> Iterator[list[str]]:
    """All that the connection runs meanwhile."""
    seen: list[str] = []
    connection.set_trace_callback(seen.append)
    yield seen
    connection.set_trace_callback(None)


# --- commits


async def test_every_commit_waits_for_the_disk(store: SqliteMetadata) -> None:
    _, writer = connections(store)

    assert writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert writer.execute("PRAGMA synchronous").fetchone() == (2,)


async def test_writers_at_once_share_their_commits(store: SqliteMetadata) -> None:
    files = store.metadata.files
    loaded = [await inserted(files, file_of(f"f{number}")) for number in range(64)]
    changes = [Change(replace(one.state, lock=lock_until(NOW)), (event_of(one.state.file_id, 1),)) for one in loaded]

    with statements(connections(store)[1]) as seen:
        done = await asyncio.gather(*(files.replace(one, change) for one, change in zip(loaded, changes, strict=True)))

    assert done == [True] * 64
    assert seen.count("COMMIT") <= 2


async def test_losers_of_a_race_wait_for_no_commit(store: SqliteMetadata) -> None:
    files = store.metadata.files
    loaded = await inserted(files, file_of())
    assert await files.replace(loaded, Change(replace(loaded.state, owner_id="bob")))

    with statements(connections(store)[1]) as seen:
        assert not await files.replace(loaded, Change(replace(loaded.state, owner_id="carol")))

    assert "COMMIT" not in seen


async def test_a_lock_change_writes_neither_versions_nor_remembered_commands(store: SqliteMetadata) -> None:
    files = store.metadata.files
    remembered = tuple(applied_of(f"c{number}") for number in range(100))
    former = tuple(version_of(number) for number in range(1, 100))
    file = replace(file_of(version=100), former=former)
    assert await files.insert(Change(file, applied=remembered))
    loaded = await files.load("f1")

    with statements(connections(store)[1]) as seen:
        locked = Change(replace(file, lock=lock_until(NOW)), applied=(*remembered, applied_of("new")))
        assert await files.replace(loaded, locked)

    changes = [one for one in seen if one.startswith(("INSERT", "UPDATE", "DELETE"))]
    assert len(changes) == 2
    assert not any("former_versions" in one or "name_key" in one or "content_key" in one for one in changes)


async def test_a_write_that_fails_does_not_take_others_along(tmp_path: Path) -> None:
    database = Database(tmp_path / FILE_NAME)
    database.open()

    def good(number: int) -> None:
        _ = number

    def job(number: int) -> object:
        def run(connection: sqlite3.Connection) -> int:
            _ = connection.execute("INSERT INTO users VALUES (?, x'')", (str(number),))
            if number == 7:
                raise ZeroDivisionError
            return number

        return run

    outcomes = await asyncio.gather(
        *(database.write(job(number), good) for number in range(20)), return_exceptions=True
    )

    assert isinstance(outcomes.pop(7), ZeroDivisionError)
    assert outcomes == [number for number in range(20) if number != 7]
    assert database.rows("SELECT count(*) FROM users") == [(19,)]
    await database.close()


# --- a disk that is full


async def test_a_full_disk_is_unavailable_and_changes_nothing_until_there_is_room_again(store: SqliteMetadata) -> None:
    files, (_, writer) = store.metadata.files, connections(store)
    loaded = await inserted(files, file_of())
    size = writer.execute("PRAGMA page_count").fetchone()[0]
    _ = writer.execute(f"PRAGMA max_page_count = {size}").fetchone()
    large = [Change(file_of(f"g{number}", "x" * 250 + f"{number}.docx")) for number in range(200)]

    outcomes = await asyncio.gather(*(files.insert(change) for change in large), return_exceptions=True)

    refused = [number for number, outcome in enumerate(outcomes) if isinstance(outcome, Unavailable)]
    assert refused
    assert [outcome for outcome in outcomes if not isinstance(outcome, Unavailable)] == [True] * (200 - len(refused))
    assert await files.count() == 201 - len(refused)
    assert await files.find(f"g{refused[0]}") is None
    assert await files.load("f1") == loaded
    _ = writer.execute("PRAGMA max_page_count = 1000000").fetchone()
    assert await files.insert(large[refused[0]])


# --- cost


async def test_no_read_or_sweep_looks_at_all_rows(store: SqliteMetadata) -> None:
    metadata, (reader, writer) = store.metadata, connections(store)
    file = replace(file_of(version=9), lock=lock_until(NOW), former=(version_of(1),))
    assert await metadata.files.insert(Change(file, (event_of("f1", 1),), (applied_of("c1"),)))
    await metadata.drafts.insert(draft_of("d1"))
    keys, later = [content_of(1).key], NOW + timedelta(days=1)

    with statements(reader) as read, statements(writer) as written:
        loaded = await metadata.files.load("f1")
        _ = await metadata.files.find("f1")
        _ = await metadata.files.by_name(ROOT_ID, "f1.docx")
        _ = await metadata.files.in_container(ROOT_ID, after="a", limit=5)
        _ = await metadata.files.names_taken(ROOT_ID, ["a"])
        _ = await metadata.files.locked()
        _ = await metadata.files.locked(expired_by=later)
        _ = await metadata.files.saved_since(NOW)
        _ = await metadata.files.with_former_before(later, 5)
        _ = await metadata.files.content_in_use(keys)
        _ = await metadata.files.count()
        _ = await metadata.files.replace(loaded, Change(replace(file, name="b.docx", former=())))
        _ = await metadata.files.forget_deleted(later, 5)
        _ = await metadata.containers.children(ROOT_ID)
        _ = await metadata.containers.closing()
        _ = await metadata.users.find("alice")
        _ = await metadata.users.register(User("alice", "alice", "Alice"))
        _ = await metadata.drafts.of_file("f1")
        _ = await metadata.drafts.all(before=later)
        _ = await metadata.drafts.content_in_use(keys)
        _ = await metadata.drafts.delete("d1")
        _ = [one async for one in store.events.follow(None, live=False)]
        _ = await store.events.latest()
        _ = await store.prune_events(later)

    plans = {one: [row[3] for row in reader.execute(f"EXPLAIN QUERY PLAN {one}")] for one in _plannable(read + written)}
    assert len(plans) >= 20
    scans = {
        one: step
        for one, plan in plans.items()
        for step in plan
        if step.startswith("SCAN")
        and not step.startswith(("SCAN json_each", "SCAN (subquery", "SCAN CONSTANT"))
        # Reads from one end of the table up to a limit; an index of nothing but what is looked for; tables of one row.
        and not (step == "SCAN events" and ("LIMIT" in one or "max(" in one))
        and not step.endswith(("INDEX containers_closing", "sqlite_sequence", "totals"))
    }
    assert scans == {}


def _plannable(seen: list[str]) -> set[str]:
    return {one for one in seen if one.startswith(("SELECT", "UPDATE", "DELETE")) and "SELECT 1 FROM events" not in one}


def test_what_is_kept_in_memory_is_bounded() -> None:
    recent: Recent[str] = Recent(10, weigh=len)
    for number in range(1000):
        recent.add(str(number), "abc")
        _ = recent.get("0")

    assert [key for key in map(str, range(1000)) if recent.get(key) is not None] == ["0", "998", "999"]
    recent.add("large", "x" * 11)
    assert [key for key in ("0", "999", "large") if recent.get(key) is not None] == []


def test_nothing_is_kept_of_a_document_while_it_is_being_changed() -> None:
    recent: Recent[str] = Recent(10)
    recent.add("f1", "old")

    recent.hold("f1")
    recent.add("f1", "old")
    assert recent.get("f1") is None

    recent.let_go("f1", "new")
    assert recent.get("f1") == "new"


# --- events


async def test_old_events_go_and_the_stream_goes_on(store: SqliteMetadata) -> None:
    many = [event_of("f1", number, occurred_at=NOW + number * MINUTE) for number in range(1, 1301)]
    assert await store.metadata.files.insert(Change(file_of(), tuple(many)))
    positions = [one.position async for one in store.events.follow(None, live=False)]

    assert await store.prune_events(NOW + 1201 * MINUTE) == 1200
    assert await store.prune_events(NOW + 1201 * MINUTE) == 0

    kept = [one async for one in store.events.follow(None, live=False)]
    assert [one.event for one in kept] == many[1200:]
    assert [one async for one in store.events.follow(positions[3], live=False)] == kept
    assert await store.prune_events(NOW + 9999 * MINUTE) == 100
    assert await store.events.latest() is None
    assert [one async for one in store.events.follow(positions[-1], live=False)] == []


async def test_no_event_goes_before_an_older_one(store: SqliteMetadata) -> None:
    # A clock that was set back must not tear a hole into the stream.
    minutes = [5, 1, 9, 2]
    many = [event_of("f1", n, occurred_at=NOW + minute * MINUTE) for n, minute in enumerate(minutes, start=1)]
    assert await store.metadata.files.insert(Change(file_of(), tuple(many)))

    assert await store.prune_events(NOW + 6 * MINUTE) == 2

    assert [one.event.sequence async for one in store.events.follow(None, live=False)] == [3, 4]


async def test_positions_are_not_used_again_after_all_events_are_gone(store: SqliteMetadata) -> None:
    loaded = await inserted(store.metadata.files, file_of())
    assert await store.metadata.files.replace(loaded, Change(loaded.state, (event_of("f1", 1),)))
    last = await store.events.latest()
    _ = await store.prune_events(NOW + timedelta(days=1))
    loaded = await store.metadata.files.load("f1")

    assert await store.metadata.files.replace(loaded, Change(loaded.state, (event_of("f1", 2),)))

    assert [one.event.sequence async for one in store.events.follow(last, live=False)] == [2]


async def test_followers_are_told_when_the_store_closes(tmp_path: Path) -> None:
    async with SqliteMetadata(tmp_path) as store:
        follower = asyncio.create_task(anext(store.events.follow(None)))
        await asyncio.sleep(0)

    async with asyncio.timeout(10):
        with pytest.raises(Unavailable):
            _ = await follower


# --- the folder and the file


async def test_two_hosts_cannot_use_one_folder(store: SqliteMetadata, tmp_path: Path) -> None:
    with pytest.raises(FolderInUse):
        await SqliteMetadata(tmp_path).open()

    other = (
        "import asyncio, pathlib, sys\n"
        "from shared.adapters.embedded.sqlite_metadata import SqliteMetadata\n"
        "asyncio.run(SqliteMetadata(pathlib.Path(sys.argv[1])).open())\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", other, str(tmp_path), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    _, said = await process.communicate()
    assert b"FolderInUse" in said
    assert await store.metadata.files.insert(Change(file_of()))


async def test_a_closed_store_is_unavailable_and_its_folder_free(tmp_path: Path) -> None:
    async with SqliteMetadata(tmp_path) as store:
        await store.metadata.is_ready()

    with pytest.raises(Unavailable):
        await store.metadata.is_ready()
    with pytest.raises(Unavailable):
        _ = await store.metadata.files.insert(Change(file_of()))
    with pytest.raises(Unavailable):
        _ = await store.metadata.files.in_container(ROOT_ID)
    async with SqliteMetadata(tmp_path) as again:
        await again.metadata.is_ready()


async def test_metadata_is_for_the_hosts_user_alone(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    async with SqliteMetadata(folder) as store:
        assert await store.metadata.files.insert(Change(file_of()))

        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


async def test_what_is_no_database_of_ours_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    _ = path.write_bytes(b"not a database" * 100)
    with pytest.raises(Unavailable, match="can't be opened"):
        await SqliteMetadata(tmp_path).open()

    path.unlink()
    with closing(sqlite3.connect(path)) as foreign:
        _ = foreign.execute("CREATE TABLE theirs (x)")
    with pytest.raises(Unavailable, match="not one of Lectern's"):
        await SqliteMetadata(tmp_path).open()


async def test_a_database_of_an_older_release_is_completed_and_keeps_what_it_has(tmp_path: Path) -> None:
    async with SqliteMetadata(tmp_path) as store:
        assert await store.metadata.users.register(User("ann", "ann", "Ann"))
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as older:
        for table in ("webhooks", "webhook_progress", "dead_letters"):
            _ = older.execute(f"DROP TABLE {table}")
        _ = older.execute("PRAGMA user_version = 1")

    async with SqliteMetadata(tmp_path) as store:
        assert await store.metadata.users.find("ann") == User("ann", "ann", "Ann")
        assert list(await store.metadata.webhooks.all()) == []


async def test_a_database_of_a_newer_release_is_left_alone(tmp_path: Path) -> None:
    async with SqliteMetadata(tmp_path):
        pass
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as newer:
        _ = newer.execute("PRAGMA user_version = 99")

    with pytest.raises(Unavailable, match="form 99"):
        await SqliteMetadata(tmp_path).open()


async def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    _ = (tmp_path / "file").write_bytes(b"")

    with pytest.raises(Unavailable):
        await SqliteMetadata(tmp_path / "file" / "data").open()


async def test_an_empty_file_left_by_a_killed_first_start_becomes_a_database(tmp_path: Path) -> None:
    os.close(os.open(tmp_path / FILE_NAME, os.O_CREAT))

    async with SqliteMetadata(tmp_path) as store:
        assert await store.metadata.files.insert(Change(file_of()))
