"""The event stream of the embedded host: the table that events are committed to, followed live."""

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import datetime
from typing import Final

from shared.adapters.embedded.sqlite_database import Database
from shared.adapters.embedded.sqlite_schema import micros
from shared.messages.codec import decode_event, encode_event
from shared.messages.events import Event
from shared.ports.bus import Positioned

_BATCH: Final = 64
_PRUNE_BATCH: Final = 500
_POSITION: Final = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)


class SqliteEvents:
    """EventStream on SQLite. An event is in the stream as soon as the change that it tells of is durable."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._news: asyncio.Event = asyncio.Event()

    @staticmethod
    def add(connection: sqlite3.Connection, events: Iterable[tuple[int, bytes]]) -> None:
        """Write events, as `encoded` made them, in the transaction of the change that they tell of."""
        _ = connection.executemany("INSERT INTO events (occurred_at, body) VALUES (?, ?)", events)

    def announce(self) -> None:
        """Wake those who wait for new events."""
        self._news.set()
        self._news = asyncio.Event()

    async def follow(self, after: str | None, *, live: bool = True) -> AsyncIterator[Positioned]:
        """Events after that position, then, if `live`, new ones as they come."""
        position = self._number(after)
        end = None if live else self._newest()
        while True:
            news = self._news
            batch = self._database.rows(
                "SELECT position, body FROM events WHERE position > ? ORDER BY position LIMIT ?", position, _BATCH
            )
            for number, body in batch:
                if end is not None and number > end:
                    return
                position = number
                yield Positioned(str(number), decode_event(body))
            if not batch:
                if not live:
                    return
                _ = await news.wait()

    async def latest(self) -> str | None:
        """Position of the newest event; None if there is none."""
        newest = self._newest()
        return str(newest) if newest else None

    async def prune(self, before: datetime) -> int:
        """Let go of events that occurred before that time, the oldest first; says how many.

        The stream keeps no gaps: an event stays as long as an older one in it has to.
        """
        limit, gone = micros(before), 0
        while True:
            oldest = self._database.rows(
                "SELECT position, occurred_at FROM events ORDER BY position LIMIT ?", _PRUNE_BATCH
            )
            stays = next((index for index, (_, occurred_at) in enumerate(oldest) if occurred_at >= limit), len(oldest))
            if stays == 0:
                return gone
            gone += await self._database.write(_removal(oldest[stays - 1][0]))
            if stays < _PRUNE_BATCH:
                return gone

    def _newest(self) -> int:
        ((newest,),) = self._database.rows("SELECT ifnull(max(position), 0) FROM events")
        return int(newest)

    def _number(self, position: str | None) -> int:
        if position is None:
            return 0
        given_out = self._database.row("SELECT seq FROM sqlite_sequence WHERE name = 'events'")
        if not _POSITION.fullmatch(position) or given_out is None or int(position) > given_out[0]:
            raise ValueError("there is no such position in the stream of events")
        return int(position)


def _removal(last: int) -> Callable[[sqlite3.Connection], int]:
    def job(connection: sqlite3.Connection) -> int:
        return connection.execute("DELETE FROM events WHERE position <= ?", (last,)).rowcount

    return job


def encoded(events: Iterable[Event]) -> list[tuple[int, bytes]]:
    """Events as `SqliteEvents.add` takes them."""
    return [(micros(event.occurred_at), encode_event(event)) for event in events]
