"""What the stores of files and containers share: documents with a revision, a name among siblings, and events."""

import asyncio
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

import msgspec
import orjson

from shared.adapters.embedded.sqlite_cache import Recent
from shared.adapters.embedded.sqlite_database import Database
from shared.adapters.embedded.sqlite_events import SqliteEvents, encoded
from shared.adapters.embedded.sqlite_schema import micros, moment
from shared.adapters.embedded.sqlite_statements import statements
from shared.core.errors import NotFound
from shared.core.names import name_key
from shared.ports.metadata import Applied, Change, Loaded, NameInUse

StateT = TypeVar("StateT")
ShownT = TypeVar("ShownT")
Columns = dict[str, Any]

_encode: Final = msgspec.json.Encoder().encode  # for dataclasses with slots a third of what orjson takes
_SHOWN_MAX: Final = 10_000
_LOADED_MAX_WEIGHT: Final = 40_000
_PAGE: Final = 100
"""Rows that are decoded in one go: listings let others have the loop in between."""


class SqliteDocuments(ABC, Generic[StateT, ShownT]):
    """AggregateStore on SQLite. `ShownT` is what reads see of a document, and what its row holds as JSON."""

    def __init__(self, database: Database, events: SqliteEvents, table: str, columns: Sequence[str]) -> None:
        self._database = database
        self._events = events
        self._sql = statements(table, columns)
        self._shown_recently: Recent[ShownT] = Recent(_SHOWN_MAX)
        self._loaded_recently: Recent[Loaded[StateT]] = Recent(_LOADED_MAX_WEIGHT, self._weight)

    @abstractmethod
    def _id(self, state: StateT) -> str:
        """The document's id."""

    @abstractmethod
    def _is_deleted(self, state: StateT | ShownT) -> bool:
        """Whether it's only what is left of a deleted resource."""

    @abstractmethod
    def _show(self, state: StateT) -> ShownT:
        """What reads see of it."""

    @abstractmethod
    def _columns(self, state: StateT | ShownT) -> Columns:
        """What the document is found by, besides its id."""

    @abstractmethod
    def _decoded(self, body: bytes) -> ShownT:
        """What is in a row."""

    @abstractmethod
    def _whole(self, shown: ShownT) -> StateT:
        """The document that reads see this of, read together from all its rows."""

    def _write_more(self, connection: sqlite3.Connection, before: StateT | None, after: StateT) -> None:
        """Write what isn't in the document's own row."""

    def _weight(self, loaded: Loaded[StateT]) -> int:
        return 1 + len(loaded.applied)

    # --- changes

    async def load(self, key: str) -> Loaded[StateT]:
        """The document for a change, even if the resource is deleted. Raises NotFound if there never was one."""
        known = self._loaded_recently.get(key)
        if known is not None:
            return known
        row = self._database.row(self._sql.load, key)
        if row is None:
            raise NotFound("there is no such resource")
        revision, sequence, body = row
        applied = tuple(
            Applied(command_id, moment(applied_at), outcome)
            for command_id, applied_at, outcome in self._database.rows(self._sql.applied, key)
        )
        loaded = Loaded(self._whole(self._decoded(body)), revision, sequence, applied)
        self._loaded_recently.add(key, loaded)
        return loaded

    async def insert(self, change: Change[StateT]) -> bool:
        """Begin a document. False, and nothing is changed, if one of that id exists; raises NameInUse."""
        key, shown = self._id(change.state), self._show(change.state)
        sequence = change.events[-1].sequence if change.events else 0
        values = (key, sequence, _encode(shown), *self._columns(change.state).values())
        events = encoded(change.events)

        def job(connection: sqlite3.Connection) -> bool:
            if connection.execute(self._sql.exists, (key,)).fetchall():
                return False
            _ = _unless_name_in_use(connection, self._sql.insert, values)
            self._write_more(connection, None, change.state)
            self._write_applied(connection, key, 1, (), change.applied)
            self._events.add(connection, events)
            self._hold(key)
            return True

        def then(is_done: bool) -> None:
            if is_done:
                self._committed(change, Loaded(change.state, 1, sequence, change.applied), shown)

        return await self._database.write(job, then, lambda: self._let_go(key))

    async def replace(self, loaded: Loaded[StateT], change: Change[StateT]) -> bool:
        """Put `change` in place of `loaded`, in one durable step; False if it isn't at that revision any more."""
        key, shown = self._id(loaded.state), self._show(change.state)
        sequence = change.events[-1].sequence if change.events else loaded.sequence
        revision = loaded.revision + 1
        update, values = self._update(loaded, change.state, sequence, _encode(shown))
        events = encoded(change.events)

        def job(connection: sqlite3.Connection) -> bool:
            if _unless_name_in_use(connection, update, values) == 0:
                return False
            self._write_more(connection, loaded.state, change.state)
            self._write_applied(connection, key, revision, loaded.applied, change.applied)
            self._events.add(connection, events)
            self._hold(key)
            return True

        def then(is_done: bool) -> None:
            if is_done:
                self._committed(change, Loaded(change.state, revision, sequence, change.applied), shown)

        return await self._database.write(job, then, lambda: self._let_go(key))

    async def names_taken(self, parent_id: str, names: Collection[str]) -> frozenset[str]:
        """Those of `names` that a sibling in the container `parent_id` has."""
        keys = {name: name_key(name) for name in names}
        rows = self._database.rows(self._sql.names_taken, parent_id, orjson.dumps(list(keys.values())).decode())
        taken = {key for (key,) in rows}
        return frozenset(name for name, key in keys.items() if key in taken)

    async def forget_deleted(self, before: datetime, limit: int) -> int:
        """Remove what is left of resources deleted before that time; says how many."""

        gone: list[str] = []

        def job(connection: sqlite3.Connection) -> int:
            rows = connection.execute(self._sql.remove_deleted, (micros(before), limit)).fetchall()
            gone[:] = [key for (key,) in rows]
            _ = connection.executemany(self._sql.remove_applied, rows)
            self._hold(*gone)
            return len(gone)

        return await self._database.write(job, lambda _: self._let_go(*gone), lambda: self._let_go(*gone))

    def _update(self, loaded: Loaded[StateT], after: StateT, sequence: int, body: bytes) -> tuple[str, tuple[Any, ...]]:
        # An index costs only if a column of it is named: changing a lock touches one of five.
        before = self._columns(loaded.state)
        changed = {name: value for name, value in self._columns(after).items() if value != before[name]}
        statement = self._sql.update.replace("COLUMNS", "".join(f", {name} = ?" for name in changed))
        return statement, (sequence, body, *changed.values(), self._id(after), loaded.revision)

    def _write_applied(
        self,
        connection: sqlite3.Connection,
        key: str,
        revision: int,
        before: tuple[Applied, ...],
        after: tuple[Applied, ...],
    ) -> None:
        gone = _outdated(before, after)
        if gone:
            commands = ((key, one.command_id) for one in before[:gone])
            _ = connection.executemany(self._sql.forget_command, commands)
        for place, one in enumerate(after[len(before) - gone :]):
            row = (key, revision, place, one.command_id, micros(one.applied_at), one.outcome)
            _ = connection.execute(self._sql.remember, row)

    def _hold(self, *keys: str) -> None:
        for key in keys:
            self._loaded_recently.hold(key)
            self._shown_recently.hold(key)

    def _let_go(self, *keys: str) -> None:
        for key in keys:
            self._loaded_recently.let_go(key)
            self._shown_recently.let_go(key)

    def _committed(self, change: Change[StateT], loaded: Loaded[StateT], shown: ShownT) -> None:
        key = self._id(change.state)
        self._loaded_recently.let_go(key, loaded)
        self._shown_recently.let_go(key, None if self._is_deleted(change.state) else shown)
        if change.events:
            self._events.announce()

    # --- reads

    async def find(self, key: str) -> ShownT | None:
        """The resource for a read; None if there is none."""
        return self._find(key)

    def _find(self, key: str) -> ShownT | None:
        known = self._shown_recently.get(key)
        if known is not None:
            return known
        row = self._database.row(self._sql.load, key)
        if row is None:
            return None
        shown = self._decoded(row[2])
        if self._is_deleted(shown):
            return None
        self._shown_recently.add(key, shown)
        return shown

    async def by_name(self, parent_id: str, name: str) -> ShownT | None:
        """The resource of that name in the container; None if there is none."""
        row = self._database.row(self._sql.by_name, parent_id, name_key(name))
        return self._of_row(*row) if row is not None else None

    async def _siblings(self, parent_id: str, after: str | None, limit: int | None) -> Sequence[ShownT]:
        found: list[ShownT] = []
        last = name_key(after) if after is not None else ""
        while limit is None or len(found) < limit:
            wanted = _PAGE if limit is None else min(_PAGE, limit - len(found))
            rows = self._database.rows(self._sql.siblings, parent_id, last, wanted)
            found += [self._of_row(key, body) for key, body, _ in rows]
            if len(rows) < wanted:
                break
            last = rows[-1][2]
            await asyncio.sleep(0)
        return found

    def _of_row(self, key: str, body: bytes) -> ShownT:
        known = self._shown_recently.get(key)
        return self._decoded(body) if known is None else known


def _outdated(before: tuple[Applied, ...], after: tuple[Applied, ...]) -> int:
    """How many of `before` go, the oldest, so that the others lead `after`; all of them if no such others do."""
    for gone, one in enumerate(before):
        if after and (one is after[0] or one == after[0]):
            return gone if before[gone:] == after[: len(before) - gone] else len(before)
    return len(before)


def _unless_name_in_use(connection: sqlite3.Connection, statement: str, values: tuple[Any, ...]) -> int:
    """Run the first change of a job; says how many rows it touched. Raises NameInUse, and nothing is changed."""
    try:
        return connection.execute(statement, values).rowcount
    except sqlite3.IntegrityError as error:
        raise NameInUse("another one in the same container has this name") from error
