"""Webhooks on SQLite."""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import msgspec

from shared.adapters.embedded.sqlite_database import Database
from shared.adapters.embedded.sqlite_schema import micros
from shared.core.webhooks import DeadLetter, Progress, Webhook

_encode: Final = msgspec.json.Encoder().encode
_WEBHOOK: Final = msgspec.json.Decoder(Webhook)
_PROGRESS: Final = msgspec.json.Decoder(Progress)
_LETTER: Final = msgspec.json.Decoder(DeadLetter)
_LETTERS: Final = """
SELECT body, waiting FROM dead_letters
WHERE webhook_id = ?1 AND waiting >= ?3
  AND number > ifnull((SELECT number FROM dead_letters WHERE webhook_id = ?1 AND letter_id = ?2), ?4)
ORDER BY number LIMIT ?5
"""
_BURY: Final = """
INSERT INTO dead_letters (webhook_id, letter_id, failed_at, waiting, body) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (webhook_id, letter_id) DO UPDATE
SET failed_at = excluded.failed_at, waiting = excluded.waiting, body = excluded.body
"""
_CLAIM: Final = """
INSERT INTO webhook_progress VALUES (?1, ?2, ?4, ?5)
ON CONFLICT (id) DO UPDATE SET holder = ?2, held_until = ?4 WHERE holder = ?2 OR held_until <= ?3
"""
_END: Final = 2**63 - 1


class SqliteWebhooks:
    """WebhookStore on SQLite."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, hook: Webhook) -> bool:
        """Keep the webhook; False if one of that id is there."""
        values = (hook.webhook_id, hook.revision, micros(hook.created_at), _encode(hook))
        return await self._changes("INSERT INTO webhooks VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", *values) > 0

    async def find(self, webhook_id: str) -> Webhook | None:
        """The webhook; None if there is none."""
        row = self._database.row("SELECT body FROM webhooks WHERE id = ?", webhook_id)
        return None if row is None else _WEBHOOK.decode(row[0])

    async def all(self) -> Sequence[Webhook]:
        """All webhooks, the oldest first."""
        rows = self._database.rows("SELECT body FROM webhooks ORDER BY created_at, id")
        return [_WEBHOOK.decode(body) for (body,) in rows]

    async def replace(self, former: Webhook, hook: Webhook) -> bool:
        """Put `hook` in place of `former`; False if it's another one now."""
        revision = former.revision + 1
        statement = "UPDATE webhooks SET revision = ?, body = ? WHERE id = ? AND revision = ?"
        values = (revision, _encode(replace(hook, revision=revision)), former.webhook_id, former.revision)
        return await self._changes(statement, *values) > 0

    async def delete(self, webhook_id: str) -> None:
        """Let go of the webhook, its progress and its dead letters."""

        def job(connection: sqlite3.Connection) -> None:
            for statement in (
                "DELETE FROM webhooks WHERE id = ?",
                "DELETE FROM webhook_progress WHERE id = ?",
                "DELETE FROM dead_letters WHERE webhook_id = ?",
            ):
                _ = connection.execute(statement, (webhook_id,))

        await self._database.write(job)

    async def claim(self, webhook_id: str, holder: str, now: datetime, until: datetime) -> Progress | None:
        """Hold the webhook until that time; None if somebody else holds it now."""
        values = (webhook_id, holder, micros(now), micros(until), _encode(Progress()))
        return await self.progress(webhook_id) if await self._changes(_CLAIM, *values) else None

    async def release(self, webhook_id: str, holder: str) -> None:
        """Hold it no more."""
        statement = "UPDATE webhook_progress SET held_until = 0 WHERE id = ? AND holder = ?"
        _ = await self._changes(statement, webhook_id, holder)

    async def save_progress(self, webhook_id: str, holder: str, progress: Progress) -> bool:
        """Keep the progress; False if somebody else holds the webhook."""
        statement = "UPDATE webhook_progress SET body = ? WHERE id = ? AND holder = ?"
        return await self._changes(statement, _encode(progress), webhook_id, holder) > 0

    async def progress(self, webhook_id: str) -> Progress:
        """How far delivery has come."""
        row = self._database.row("SELECT body FROM webhook_progress WHERE id = ?", webhook_id)
        return Progress() if row is None else _PROGRESS.decode(row[0])

    async def bury(self, letter: DeadLetter) -> None:
        """Keep the dead letter."""
        values = (letter.webhook_id, letter.letter_id, micros(letter.failed_at), letter.is_waiting, _encode(letter))
        _ = await self._changes(_BURY, *values)

    async def letter(self, webhook_id: str, letter_id: str) -> DeadLetter | None:
        """The dead letter; None if there is none."""
        row = self._database.row(
            "SELECT body, waiting FROM dead_letters WHERE webhook_id = ? AND letter_id = ?", webhook_id, letter_id
        )
        return None if row is None else _letter_of(*row)

    async def letters(
        self, webhook_id: str, *, after: str | None = None, limit: int = 100, waiting: bool = False
    ) -> Sequence[DeadLetter]:
        """Dead letters in the order in which they failed first."""
        begin = 0 if after is None else _END
        rows = self._database.rows(_LETTERS, webhook_id, after, int(waiting), begin, limit)
        return [_letter_of(*row) for row in rows]

    async def retry(self, webhook_id: str, letter_id: str | None) -> int:
        """Have the dead letter, or all of the webhook, tried once more; says how many."""
        statement = "UPDATE dead_letters SET waiting = 1 WHERE webhook_id = ?1 AND (?2 IS NULL OR letter_id = ?2)"
        return await self._changes(statement, webhook_id, letter_id)

    async def drop(self, webhook_id: str, letter_id: str) -> None:
        """Let go of the dead letter."""
        statement = "DELETE FROM dead_letters WHERE webhook_id = ? AND letter_id = ?"
        _ = await self._changes(statement, webhook_id, letter_id)

    async def count_letters(self, webhook_id: str | None = None) -> int:
        """How many dead letters there are, of one webhook or of all."""
        statement = "SELECT count(*) FROM dead_letters"
        rows = (
            self._database.rows(statement)
            if webhook_id is None
            else self._database.rows(f"{statement} WHERE webhook_id = ?", webhook_id)
        )
        return int(rows[0][0])

    async def forget_letters(self, before: datetime) -> int:
        """Let go of those that failed before that time; says how many."""
        return await self._changes("DELETE FROM dead_letters WHERE failed_at < ?", micros(before))

    async def _changes(self, statement: str, *values: Any) -> int:
        """Run one statement that writes; says how many rows it touched."""

        def job(connection: sqlite3.Connection) -> int:
            return connection.execute(statement, values).rowcount

        return await self._database.write(job)


def _letter_of(body: bytes, waiting: int) -> DeadLetter:
    return replace(_LETTER.decode(body), is_waiting=bool(waiting))
