"""The connection to MongoDB: one database, by one of two drivers that the stores use alike.

Both drivers' calls are coroutines of the same names, so that the stores are written once. What differs (how a client is
made and closed) is here; what they'd do differently (aggregations) the stores leave alone.

Writes are acknowledged by a majority, from the journal; reads come from the primary and see what a majority has. A
standalone server is a majority of one.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from shared.core.errors import Unavailable

Driver = Literal["motor", "pymongo"]
DATABASE: Final = "lectern"
"""The database, unless the URL names another one."""
OPERATION_SECONDS: Final = 5.0
"""Longest time that one call of a store takes; the server being away is noticed sooner."""
SELECTION_SECONDS: Final = 3.0

_OPTIONS: Final[dict[str, Any]] = {
    "appname": "lectern",
    "connectTimeoutMS": 2000,
    "journal": True,
    "readConcernLevel": "majority",
    "readPreference": "primary",
    "serverSelectionTimeoutMS": round(SELECTION_SECONDS * 1000),
    "timeoutMS": round(OPERATION_SECONDS * 1000),
    "tz_aware": True,
    "w": "majority",
}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def micros(moment: datetime) -> int:
    """Microseconds since 1970: MongoDB's own dates know no more than milliseconds."""
    return (moment - _EPOCH) // _MICROSECOND


def moment_of(microseconds: int) -> datetime:
    """What `micros` was made from."""
    return _EPOCH + timedelta(microseconds=microseconds)


def sayable(text: str) -> str:
    """The text as MongoDB can be asked for it: what has no form in UTF-8 becomes "?", which is in no name and no id."""
    return text.encode("utf-8", "replace").decode()


@asynccontextmanager
async def mongo_reached() -> AsyncIterator[None]:
    """Raises Unavailable if MongoDB doesn't do in time what is asked of it inside."""
    try:
        async with asyncio.timeout(OPERATION_SECONDS + 1):
            yield
    except TimeoutError as error:
        raise Unavailable("MongoDB did not answer in time") from error
    except PyMongoError as error:
        raise Unavailable(f"MongoDB can't be used right now ({type(error).__name__})") from error


class MongoConnection:
    """One client, for the event loop that it's used in. Connects when it's first needed, and again whenever it has to."""

    def __init__(self, url: str, driver: Driver = "motor") -> None:
        self._driver = driver
        make: Any = AsyncIOMotorClient if driver == "motor" else AsyncMongoClient
        self._client: Any = make(url, **_OPTIONS)
        self.database: Final[Any] = self._client.get_default_database(DATABASE)

    async def is_ready(self) -> None:
        """Returns if the server answers; raises Unavailable with the reason if not."""
        async with mongo_reached():
            await self.database.command("ping")

    async def close(self) -> None:
        """Let go of all connections."""
        if self._driver == "motor":
            await asyncio.to_thread(self._client.close)  # it waits for threads of its own
        else:
            await self._client.close()
