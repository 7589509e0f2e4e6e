"""Users on SQLite."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import msgspec
import orjson

from shared.adapters.embedded.sqlite_cache import Recent
from shared.adapters.embedded.sqlite_database import Database
from shared.core.users import User

_KNOWN_MAX: Final = 10_000
_USER: Final = msgspec.json.Decoder(User)
_FIND: Final = "SELECT body FROM users WHERE id = ?"


class SqliteUsers:
    """UserStore on SQLite."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._recently: Recent[User] = Recent(_KNOWN_MAX)

    async def find(self, user_id: str) -> User | None:
        """The user; None if the host doesn't know them."""
        known = self._recently.get(user_id)
        if known is not None:
            return known
        row = self._database.row(_FIND, user_id)
        if row is None:
            return None
        user = _USER.decode(row[0])
        self._recently.add(user_id, user)
        return user

    async def register(self, user: User) -> bool:
        """Make the user known, or change all but their UserInfo and base role; True if they weren't known before."""

        def registered(known: User | None) -> User:
            return user if known is None else replace(user, user_info=known.user_info, base_role=known.base_role)

        return await self._change(user.user_id, registered)

    async def put_user_info(self, user_id: str, user_info: str) -> None:
        """Keep the user's UserInfo; a user not known yet becomes known by their id."""

        def informed(known: User | None) -> User:
            return replace(known or User(user_id, user_id, user_id), user_info=user_info)

        _ = await self._change(user_id, informed)

    async def _change(self, user_id: str, decide: Callable[[User | None], User]) -> bool:
        """Put what `decide` makes of the user in their place; True if they weren't known before."""

        def job(connection: sqlite3.Connection) -> bool:
            rows = connection.execute(_FIND, (user_id,)).fetchall()
            known = _USER.decode(rows[0][0]) if rows else None
            user = decide(known)
            if user != known:
                self._recently.hold(user_id)
                _ = connection.execute("INSERT OR REPLACE INTO users VALUES (?, ?)", (user_id, orjson.dumps(user)))
            return known is None

        return await self._database.write(
            job, lambda _: self._recently.let_go(user_id), lambda: self._recently.let_go(user_id)
        )
