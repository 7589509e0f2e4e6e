"""Drafts on SQLite."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

import msgspec
import orjson

from shared.adapters.embedded.sqlite_database import Database
from shared.adapters.embedded.sqlite_schema import micros
from shared.core.drafts import Draft

_DRAFT: Final = msgspec.json.Decoder(Draft)
_FOREVER: Final = 2**63 - 1


class SqliteDrafts:
    """DraftStore on SQLite."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, draft: Draft) -> None:
        """Keep the draft; one of that id already there stays as it is."""
        row = (draft.draft_id, draft.file_id, micros(draft.refused_at), draft.content.key, orjson.dumps(draft))
        _ = await self._database.write(
            lambda connection: connection.execute(
                "INSERT INTO drafts (id, file_id, refused_at, content_key, body) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (id) DO NOTHING",
                row,
            )
        )

    async def find(self, draft_id: str) -> Draft | None:
        """The draft; None if there is none."""
        row = self._database.row("SELECT body FROM drafts WHERE id = ?", draft_id)
        return _DRAFT.decode(row[0]) if row is not None else None

    async def of_file(self, file_id: str) -> Sequence[Draft]:
        """The drafts of a file, the oldest first."""
        rows = self._database.rows("SELECT body FROM drafts WHERE file_id = ? ORDER BY refused_at, number", file_id)
        return [_DRAFT.decode(body) for (body,) in rows]

    async def all(self, *, before: datetime | None = None, limit: int = 1000) -> Sequence[Draft]:
        """Drafts of all files, the oldest first; with `before` only those refused before that time."""
        rows = self._database.rows(
            "SELECT body FROM drafts WHERE refused_at < ? ORDER BY refused_at, number LIMIT ?",
            _FOREVER if before is None else micros(before),
            limit,
        )
        return [_DRAFT.decode(body) for (body,) in rows]

    async def count(self) -> int:
        """How many drafts there are."""
        ((count,),) = self._database.rows("SELECT count(*) FROM drafts")
        return int(count)

    async def delete(self, draft_id: str) -> None:
        """Let go of the draft, if it's there."""
        _ = await self._database.write(
            lambda connection: connection.execute("DELETE FROM drafts WHERE id = ?", (draft_id,))
        )

    async def content_in_use(self, keys: Collection[str]) -> frozenset[str]:
        """Those of `keys` that a draft refers to."""
        rows = self._database.rows(
            "SELECT content_key FROM drafts WHERE content_key IN (SELECT value FROM json_each(?))",
            orjson.dumps(list(keys)).decode(),
        )
        return frozenset(key for (key,) in rows)
