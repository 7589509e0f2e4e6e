"""Files on MongoDB: the head as the document's body, former versions in a list beside it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, Final

import msgspec
import orjson
from pymongo import ASCENDING, DESCENDING

from shared.adapters.distributed.mongo_client import micros, mongo_reached
from shared.adapters.distributed.mongo_documents import HAS_NAME, Document, MongoDocuments
from shared.core.file import File, FileHead, Version
from shared.core.names import name_key

_HEAD_FIELDS: Final = tuple(field.name for field in fields(FileHead))
_HEAD: Final = msgspec.json.Decoder(FileHead)
_VERSION: Final = msgspec.json.Decoder(Version)
_FOREVER: Final = 2**63 - 1


class MongoFiles(MongoDocuments[File, FileHead]):
    """FileStore on MongoDB."""

    async def prepare(self) -> None:
        """Make the indexes; those that are there already stay."""
        await super().prepare()
        async with mongo_reached():
            for field in ("lock_expires_at", "saved_at", "content_key"):
                await self._index(field)
            for field in ("former.key", "former.saved_at"):
                await self._collection.create_index([(field, ASCENDING)])

    async def in_container(
        self, container_id: str, *, after: str | None = None, limit: int | None = None
    ) -> Sequence[FileHead]:
        """Files directly in the container, in the order of their name keys; `after` is the name of the last one had."""
        return await self._siblings(container_id, after, limit)

    async def locked(self, *, expired_by: datetime | None = None, limit: int = 1000) -> Sequence[FileHead]:
        """Files with a lock, those that expire soonest first; with `expired_by` only those whose time was up by then."""
        until = _FOREVER if expired_by is None else micros(expired_by)
        return await self._find({"lock_expires_at": {"$lte": until}}, ("lock_expires_at", ASCENDING), limit)

    async def saved_since(self, since: datetime, limit: int = 1000) -> Sequence[FileHead]:
        """Files whose current content was saved at or after `since`, the latest first."""
        return await self._find({"saved_at": {"$gte": micros(since)}}, ("saved_at", DESCENDING), limit)

    async def with_former_before(self, before: datetime, limit: int) -> Sequence[str]:
        """Ids of files that keep a former version saved before that time."""
        query = {"former.saved_at": {"$lt": micros(before)}}
        async with mongo_reached():
            documents = await self._collection.find(query, {"_id": 1}).limit(limit).to_list(limit)
        return [document["_id"] for document in documents]

    async def content_in_use(self, keys: Collection[str]) -> frozenset[str]:
        """Those of `keys` that a file refers to, in its content or in a former version."""
        asked = list(keys)
        query = {"$or": [{"content_key": {"$in": asked}}, {"former.key": {"$in": asked}}]}
        async with mongo_reached():
            documents = await self._collection.find(query, {"content_key": 1, "former.key": 1}).to_list(None)
        used = {document.get("content_key") for document in documents}
        used |= {version["key"] for document in documents for version in document.get("former", ())}
        return frozenset(used.intersection(asked))

    async def count(self) -> int:
        """How many files there are."""
        async with mongo_reached():
            count: int = await self._collection.count_documents(HAS_NAME)
        return count

    async def count_locked(self) -> int:
        """How many of them carry a lock, with those whose time is up."""
        async with mongo_reached():
            count: int = await self._collection.count_documents({"lock_expires_at": {"$exists": True}})
        return count

    def _id(self, state: File) -> str:
        return state.file_id

    def _deleted_at(self, state: File) -> datetime | None:
        return state.deleted_at

    def _living(self, state: File) -> Document:
        return {
            "parent_id": state.container_id,
            "name_key": name_key(state.name),
            "content_key": state.current.content.key,
            "saved_at": micros(state.current.saved_at),
            "lock_expires_at": micros(state.lock.expires_at) if state.lock else None,
        }

    def _body(self, state: File) -> str:
        return orjson.dumps({name: getattr(state, name) for name in _HEAD_FIELDS}).decode()

    def _lists(self, state: File) -> Mapping[str, Sequence[Version]]:
        return {"former": state.former}

    def _item(self, item: Version) -> Document:
        return {
            "key": item.content.key,
            "saved_at": micros(item.saved_at),
            "body": orjson.dumps(item).decode(),
        }

    def _shown(self, document: Mapping[str, Any]) -> FileHead:
        return _HEAD.decode(document["body"])

    def _whole(self, document: Mapping[str, Any]) -> File:
        head = self._shown(document)
        former = tuple(_VERSION.decode(version["body"]) for version in document["former"])
        return File(**{name: getattr(head, name) for name in _HEAD_FIELDS}, former=former)
