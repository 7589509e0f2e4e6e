"""Drafts on MongoDB."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
import orjson
from pymongo import ASCENDING
from pymongo.errors import DuplicateKeyError

from shared.adapters.distributed.mongo_client import micros, mongo_reached, sayable
from shared.core.drafts import Draft

_DRAFT: Final = msgspec.json.Decoder(Draft)
_OLDEST_FIRST: Final = [("refused_at", ASCENDING), ("_id", ASCENDING)]


class MongoDrafts:
    """DraftStore on MongoDB."""

    def __init__(self, collection: Any) -> None:
        self._collection = collection

    async def prepare(self) -> None:
        """Make the indexes; those that are there already stay."""
        async with mongo_reached():
            await self._collection.create_index([("file_id", ASCENDING), ("refused_at", ASCENDING)])
            await self._collection.create_index(_OLDEST_FIRST)
            await self._collection.create_index([("content_key", ASCENDING)])

    async def insert(self, draft: Draft) -> None:
        """Keep the draft; one of that id already there stays as it is."""
        document = {
            "_id": draft.draft_id,
            "file_id": draft.file_id,
            "refused_at": micros(draft.refused_at),
            "content_key": draft.content.key,
            "body": orjson.dumps(draft).decode(),
        }
        async with mongo_reached():
            try:
                await self._collection.insert_one(document)
            except DuplicateKeyError:
                return

    async def find(self, draft_id: str) -> Draft | None:
        """The draft; None if there is none."""
        async with mongo_reached():
            document = await self._collection.find_one({"_id": sayable(draft_id)}, {"body": 1})
        return None if document is None else _DRAFT.decode(document["body"])

    async def of_file(self, file_id: str) -> Sequence[Draft]:
        """The drafts of a file, the oldest first."""
        return await self._find({"file_id": sayable(file_id)}, 0)

    async def all(self, *, before: datetime | None = None, limit: int = 1000) -> Sequence[Draft]:
        """Drafts of all files, the oldest first; with `before` only those refused before that time."""
        if limit == 0:
            return []
        return await self._find({} if before is None else {"refused_at": {"$lt": micros(before)}}, limit)

    async def count(self) -> int:
        """How many drafts there are."""
        async with mongo_reached():
            count: int = await self._collection.count_documents({})
        return count

    async def _find(self, query: dict[str, Any], limit: int) -> Sequence[Draft]:
        async with mongo_reached():
            cursor = self._collection.find(query, {"_id": 0, "body": 1}).sort(_OLDEST_FIRST).limit(limit)
            documents = await cursor.to_list(None)
        return [_DRAFT.decode(document["body"]) for document in documents]

    async def delete(self, draft_id: str) -> None:
        """Let go of the draft, if it's there."""
        async with mongo_reached():
            await self._collection.delete_one({"_id": sayable(draft_id)})

    async def content_in_use(self, keys: Collection[str]) -> frozenset[str]:
        """Those of `keys` that a draft refers to."""
        query = {"content_key": {"$in": list(keys)}}
        async with mongo_reached():
            documents = await self._collection.find(query, {"_id": 0, "content_key": 1}).to_list(None)
        return frozenset(document["content_key"] for document in documents)
