"""Files on SQLite: a row for the head, and one for each former version."""

import sqlite3
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

import msgspec
import orjson

from shared.adapters.embedded.sqlite_database import Database
from shared.adapters.embedded.sqlite_documents import Columns, SqliteDocuments
from shared.adapters.embedded.sqlite_events import SqliteEvents
from shared.adapters.embedded.sqlite_schema import micros
from shared.core.file import File, FileHead, Version
from shared.core.names import name_key
from shared.ports.metadata import Loaded

_COLUMNS: Final = ("parent_id", "name_key", "deleted_at", "content_key", "saved_at", "lock_expires_at")
_HEAD: Final = msgspec.json.Decoder(FileHead)
_VERSION: Final = msgspec.json.Decoder(Version)


class SqliteFiles(SqliteDocuments[File, FileHead]):
    """FileStore on SQLite."""

    def __init__(self, database: Database, events: SqliteEvents) -> None:
        super().__init__(database, events, "files", _COLUMNS)

    async def in_container(
        self, container_id: str, *, after: str | None = None, limit: int | None = None
    ) -> Sequence[FileHead]:
        """Files directly in the container, in the order of their name keys."""
        return await self._siblings(container_id, after, limit)

    async def locked(self, *, expired_by: datetime | None = None, limit: int = 1000) -> Sequence[FileHead]:
        """Files with a lock, those that expire soonest first; with `expired_by` only those whose time was up by then."""
        rows = self._database.rows(
            "SELECT id, body FROM files WHERE deleted_at IS NULL AND lock_expires_at IS NOT NULL"
            " AND lock_expires_at <= ? ORDER BY lock_expires_at LIMIT ?",
            _FOREVER if expired_by is None else micros(expired_by),
            limit,
        )
        return [self._of_row(*row) for row in rows]

    async def saved_since(self, since: datetime, limit: int = 1000) -> Sequence[FileHead]:
        """Files whose current content was saved at or after `since`, the latest first."""
        rows = self._database.rows(
            "SELECT id, body FROM files WHERE deleted_at IS NULL AND saved_at >= ? ORDER BY saved_at DESC LIMIT ?",
            micros(since),
            limit,
        )
        return [self._of_row(*row) for row in rows]

    async def with_former_before(self, before: datetime, limit: int) -> Sequence[str]:
        """Ids of files that keep a former version that was replaced before that time."""
        rows = self._database.rows(
            # Left to itself, SQLite goes through all versions in the order of their files.
            "SELECT DISTINCT file_id FROM former_versions INDEXED BY former_versions_by_age"
            " WHERE replaced_at < ? LIMIT ?",
            micros(before),
            limit,
        )
        return [file_id for (file_id,) in rows]

    async def content_in_use(self, keys: Collection[str]) -> frozenset[str]:
        """Those of `keys` that a file refers to, in its content or in a former version."""
        asked = orjson.dumps(list(keys)).decode()
        rows = self._database.rows(
            "SELECT content_key FROM files"
            " WHERE deleted_at IS NULL AND content_key IN (SELECT value FROM json_each(?))"
            " UNION SELECT content_key FROM former_versions WHERE content_key IN (SELECT value FROM json_each(?))",
            asked,
            asked,
        )
        return frozenset(key for (key,) in rows)

    async def count(self) -> int:
        """How many files there are."""
        ((count,),) = self._database.rows("SELECT files FROM totals")
        return int(count)

    async def count_locked(self) -> int:
        """How many of them carry a lock, with those whose time is up."""
        ((count,),) = self._database.rows(
            "SELECT count(*) FROM files WHERE deleted_at IS NULL AND lock_expires_at IS NOT NULL"
        )
        return int(count)

    def _id(self, state: File) -> str:
        return state.file_id

    def _is_deleted(self, state: FileHead) -> bool:
        return state.deleted_at is not None

    def _show(self, state: File) -> FileHead:
        return FileHead(
            state.file_id,
            state.container_id,
            state.name,
            state.owner_id,
            state.created_at,
            state.current,
            state.lock,
            state.grants,
            state.deleted_at,
        )

    def _columns(self, state: FileHead) -> Columns:
        return {
            "parent_id": state.container_id,
            "name_key": name_key(state.name),
            "deleted_at": micros(state.deleted_at) if state.deleted_at else None,
            "content_key": state.current.content.key,
            "saved_at": micros(state.current.saved_at),
            "lock_expires_at": micros(state.lock.expires_at) if state.lock else None,
        }

    def _decoded(self, body: bytes) -> FileHead:
        return _HEAD.decode(body)

    def _whole(self, shown: FileHead) -> File:
        rows = self._database.rows("SELECT body FROM former_versions WHERE file_id = ? ORDER BY number", shown.file_id)
        former = tuple(_VERSION.decode(body) for (body,) in rows)
        return File(
            shown.file_id,
            shown.container_id,
            shown.name,
            shown.owner_id,
            shown.created_at,
            shown.current,
            shown.lock,
            shown.grants,
            shown.deleted_at,
            former,
        )

    def _write_more(self, connection: sqlite3.Connection, before: File | None, after: File) -> None:
        more = (after.deleted_at is None) - (before is not None and before.deleted_at is None)
        if more:
            _ = connection.execute("UPDATE totals SET files = files + ?", (more,))
        had = before.former if before is not None else ()
        if after.former is had:
            return
        known, keeps = {version.number: version for version in had}, {version.number for version in after.former}
        _ = connection.executemany(
            "DELETE FROM former_versions WHERE file_id = ? AND number = ?",
            ((after.file_id, number) for number in known.keys() - keeps),
        )
        _ = connection.executemany(
            "INSERT OR REPLACE INTO former_versions VALUES (?, ?, ?, ?, ?)",
            (
                (after.file_id, one.number, micros(one.replaced_at or one.saved_at), one.content.key, orjson.dumps(one))
                for one in after.former
                if known.get(one.number) != one
            ),
        )

    def _weight(self, loaded: Loaded[File]) -> int:
        return 1 + len(loaded.applied) + len(loaded.state.former)


_FOREVER: Final = 2**63 - 1
