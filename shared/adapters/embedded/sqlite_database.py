"""One SQLite file: reads in the event loop, and writes that share their commits.

A read by key costs microseconds, and so do the statements of a write, for they only touch memory: both run in the
loop. What waits for the disk is the commit, and it runs in a thread of its own. Writes that come meanwhile wait and
share the next commit, so that sixty-four writers at once pay for one.
"""

import asyncio
import os
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from shared.adapters.embedded.data_folder import sync_folder
from shared.adapters.embedded.sqlite_schema import connect, prepare
from shared.core.errors import LecternError, Unavailable

ResultT = TypeVar("ResultT")

GROUP_MAX: Final = 64
"""Most writes that share a commit: bounds how long their statements keep the loop."""


_QUIET_TURNS: Final = 3
"""Turns of the loop that a request takes from its arrival to its write."""


def _nothing(*_: Any) -> None:
    """For a write that nothing else depends on."""


@dataclass(slots=True)
class _Write(Generic[ResultT]):
    """One caller's write: `job` may run more than once, but takes effect once."""

    job: Callable[[sqlite3.Connection], ResultT]
    then: Callable[[ResultT], None]
    otherwise: Callable[[], None]
    reply: asyncio.Future[ResultT]
    refusal: LecternError | None = None
    result: ResultT | None = None

    def run(self, connection: sqlite3.Connection) -> None:
        self.refusal = None
        try:
            self.result = self.job(connection)
        except LecternError as refusal:
            self.refusal = refusal

    def settle(self) -> None:
        if self.refusal is not None:
            self.fail(self.refusal)
            return
        # Without a refusal the job has run, and `result` is what it gave: None only if that is what it gives.
        try:
            self.then(self.result)  # type: ignore[arg-type]
        except Exception as error:  # noqa: BLE001 - the others of the group must hear of their commit
            self.fail(error)
        if not self.reply.done():
            self.reply.set_result(self.result)  # type: ignore[arg-type]

    def fail(self, error: BaseException) -> None:
        if not self.reply.done():
            self.reply.set_exception(error)


@dataclass(frozen=True, slots=True)
class _Opened:
    """What an open database works with."""

    reader: sqlite3.Connection
    writer: sqlite3.Connection
    disk: ThreadPoolExecutor


class Database:
    """The database of one host. `open` it in the loop that uses it, `close` it when all is done."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened: _Opened | None = None
        self._waiting: deque[_Write[Any]] = deque()
        self._worker: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Open the file, or make it; what an interrupted process left is put right on the way.

        Raises Unavailable if it can't be used.
        """
        with ExitStack() as undo:
            try:
                _make_private(self._path)
                writer = undo.enter_context(closing(connect(self._path)))
                prepare(writer)
                sync_folder(self._path.parent)
                reader = undo.enter_context(closing(connect(self._path)))
                _ = reader.execute("PRAGMA query_only = ON")
            except (sqlite3.Error, OSError) as error:
                raise Unavailable(f"the database {self._path} can't be opened: {error}") from error
            _ = undo.pop_all()
        self._opened = _Opened(reader, writer, ThreadPoolExecutor(1, thread_name_prefix="lectern-commit"))

    async def close(self) -> None:
        """Finish the writes under way and close the file. Everything after that raises Unavailable."""
        opened, self._opened = self._opened, None
        if opened is None:
            return
        if self._worker is not None:
            _ = await asyncio.wait({self._worker})
        opened.disk.shutdown()
        opened.reader.close()
        opened.writer.close()

    def rows(self, statement: str, *values: Any) -> Sequence[Any]:
        """All rows of a read, as of the last commit. Raises Unavailable."""
        if self._opened is None:
            raise Unavailable("the database is closed")
        try:
            return self._opened.reader.execute(statement, values).fetchall()
        except UnicodeEncodeError:
            # Somebody asks for a text that has no UTF-8 form: no row holds one.
            return []
        except sqlite3.Error as error:
            raise Unavailable(f"the database can't be read: {error}") from error

    def row(self, statement: str, *values: Any) -> Any | None:
        """The first row of a read, if there is one. Raises Unavailable."""
        rows = self.rows(statement, *values)
        return rows[0] if rows else None

    async def write(
        self,
        job: Callable[[sqlite3.Connection], ResultT],
        then: Callable[[ResultT], None] = _nothing,
        otherwise: Callable[[], None] = _nothing,
    ) -> ResultT:
        """Run the statements of `job` and return its result once they are durable.

        `then` is called between commit and return, `otherwise` whenever a job that ran is rolled back: both even if the
        caller went away. A job that raises a LecternError must do so before its first change. Raises Unavailable if the disk refuses.
        """
        if self._opened is None:
            raise Unavailable("the database is closed")
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[ResultT] = loop.create_future()
        self._waiting.append(_Write(job, then, otherwise, reply))
        if self._worker is None:
            self._worker = loop.create_task(self._work(self._opened))
        return await reply

    async def is_ready(self) -> None:
        """Returns if the database can be read and written; raises Unavailable with the reason if not."""
        _ = self.rows("SELECT 1 FROM events LIMIT 1")
        await self.write(_nothing)

    async def _work(self, opened: _Opened) -> None:
        try:
            while self._waiting:
                await self._gathered()
                group = [self._waiting.popleft() for _ in range(min(len(self._waiting), GROUP_MAX))]
                if not await _commit(opened, group):
                    # One of them spoils it for all: let each stand for itself.
                    for write in group:
                        _ = await _commit(opened, [write])
        finally:
            self._worker = None

    async def _gathered(self) -> None:
        """Returns when no more writes come at once: waiting for those is cheaper than a commit of their own."""
        known, quiet_turns = 0, 0
        while len(self._waiting) < GROUP_MAX and quiet_turns < _QUIET_TURNS:
            quiet_turns = 0 if len(self._waiting) > known else quiet_turns + 1
            known = len(self._waiting)
            await asyncio.sleep(0)


def _make_private(path: Path) -> None:
    """Make the file, if it isn't there, for this user alone; SQLite gives the files beside it the same mode."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


async def _commit(opened: _Opened, group: list[_Write[Any]]) -> bool:
    """Run and settle the group; False if it failed and nobody in it was told anything."""
    writer = opened.writer
    try:
        _ = writer.execute("BEGIN IMMEDIATE")
        before = writer.total_changes
        for write in group:
            write.run(writer)
        if writer.total_changes == before:
            writer.rollback()
        else:
            await asyncio.get_running_loop().run_in_executor(opened.disk, writer.commit)
    except Exception as error:  # noqa: BLE001 - whatever it was belongs to the one who caused it
        _roll_back(writer)
        for write in group:
            write.otherwise()
        if len(group) > 1:
            return False
        group[0].fail(_told(error))
        return True
    for write in group:
        write.settle()
    return True


def _roll_back(writer: sqlite3.Connection) -> None:
    # SQLite may have rolled back by itself, as it does when the disk is full.
    with suppress(sqlite3.Error):
        writer.rollback()


def _told(error: Exception) -> Exception:
    if not isinstance(error, sqlite3.Error):
        return error
    unavailable = Unavailable(f"the database can't be written: {error}")
    unavailable.__cause__ = error
    return unavailable
