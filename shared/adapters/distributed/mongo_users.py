"""Users on MongoDB: one document each, a field for each of the user's."""

from dataclasses import asdict
from typing import Any, Final

import msgspec
from pymongo.errors import DuplicateKeyError

from shared.adapters.distributed.mongo_client import mongo_reached, sayable
from shared.core.users import User

_KEPT: Final = frozenset({"user_info", "base_role"})
"""What stays as it is when a user who is known registers again."""


class MongoUsers:
    """UserStore on MongoDB."""

    def __init__(self, collection: Any) -> None:
        self._collection = collection

    async def find(self, user_id: str) -> User | None:
        """The user; None if the host doesn't know them."""
        async with mongo_reached():
            document = await self._collection.find_one({"_id": sayable(user_id)})
        return None if document is None else msgspec.convert({"user_id": user_id, **document}, User)

    async def register(self, user: User) -> bool:
        """Make the user known, or change all but their UserInfo and base role; True if they weren't known before."""
        values = _fields(user)
        kept = {name: value for name, value in values.items() if name in _KEPT}
        told = {name: value for name, value in values.items() if name not in _KEPT}
        return await self._put(user.user_id, told, kept)

    async def put_user_info(self, user_id: str, user_info: str) -> None:
        """Keep the user's UserInfo; a user not known yet becomes known by their id."""
        begun = _fields(User(user_id, user_id, user_id))
        del begun["user_info"]
        await self._put(user_id, {"user_info": user_info}, begun)

    async def _put(self, user_id: str, values: dict[str, Any], begun: dict[str, Any]) -> bool:
        """Change the user's fields, with those of `begun` as well if they weren't known; whether they weren't."""
        update = {"$set": values, "$setOnInsert": begun}
        async with mongo_reached():
            try:
                result = await self._collection.update_one({"_id": user_id}, update, upsert=True)
            except DuplicateKeyError:
                # Of two that make one user known at once, the second finds them known.
                result = await self._collection.update_one({"_id": user_id}, update, upsert=True)
        return result.upserted_id is not None


def _fields(user: User) -> dict[str, Any]:
    values = asdict(user)
    del values["user_id"]
    return values | {"base_role": int(user.base_role)}
