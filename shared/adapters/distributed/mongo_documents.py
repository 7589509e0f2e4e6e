"""What the stores of files and containers share: a document with a revision, a name among siblings, and an outbox.

A document holds the state as JSON text (`body`), beside it the values that indexes need, and the lists that grow and
shrink on their own: applied commands and events to be published. What is left of a deleted resource has none of the
indexed values but `deleted_at`, so that no read but `load` comes upon it.

A write whose answer is lost with the connection is sent once more. Each carries a mark of its own (`change`), by which it
recognises that the first sending arrived.
"""

import secrets
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from pymongo import ASCENDING, ReturnDocument
from pymongo.errors import ConnectionFailure, DuplicateKeyError

from shared.adapters.distributed.mongo_client import micros, moment_of, mongo_reached, sayable
from shared.adapters.distributed.mongo_outbox import MongoOutbox, entries
from shared.core.errors import NotFound
from shared.core.names import name_key
from shared.ports.metadata import Applied, Change, Loaded, NameInUse

StateT = TypeVar("StateT")
ShownT = TypeVar("ShownT")
ResultT = TypeVar("ResultT")
Document = dict[str, Any]

HAS_NAME: Final = {"name_key": {"$exists": True}}
_UNLOADED: Final = {"outbox": 0}
_FORGET_BATCH: Final = 1000


class MongoDocuments(ABC, Generic[StateT, ShownT]):
    """AggregateStore on one collection. `ShownT` is what reads see of a document."""

    _indexed: tuple[str, ...] = ()
    """Names of the values beside the body that queries ask for."""

    def __init__(self, collection: Any) -> None:
        self._collection = collection
        self.outbox: Final = MongoOutbox(collection)

    async def prepare(self) -> None:
        """Make the indexes; those that are there already stay."""
        siblings = [("parent_id", ASCENDING), ("name_key", ASCENDING)]
        async with mongo_reached():
            await self._collection.create_index(siblings, unique=True, partialFilterExpression=HAS_NAME)
            await self._index("deleted_at")
            await self.outbox.prepare()

    async def _index(self, field: str) -> None:
        await self._collection.create_index([(field, ASCENDING)], partialFilterExpression={field: {"$exists": True}})

    @abstractmethod
    def _id(self, state: StateT) -> str:
        """The document's id."""

    @abstractmethod
    def _deleted_at(self, state: StateT) -> datetime | None:
        """When the resource was deleted."""

    @abstractmethod
    def _living(self, state: StateT) -> Document:
        """The indexed values of a resource that exists; those that are None are left out."""

    @abstractmethod
    def _body(self, state: StateT) -> str:
        """The state as text."""

    @abstractmethod
    def _shown(self, document: Mapping[str, Any]) -> ShownT:
        """What reads see of a document."""

    @abstractmethod
    def _whole(self, document: Mapping[str, Any]) -> StateT:
        """The state in a document."""

    def _lists(self, state: StateT) -> Mapping[str, Sequence[Any]]:
        """Parts of the state that are kept beside the body, as lists whose items come and go one by one."""
        return {}

    def _item(self, item: Any) -> Document:
        """One item of such a list, as it's kept."""
        raise NotImplementedError

    # --- changes

    async def load(self, key: str) -> Loaded[StateT]:
        """The document for a change, even if the resource is deleted. Raises NotFound if there never was one."""
        async with mongo_reached():
            document = await self._collection.find_one({"_id": sayable(key)}, _UNLOADED)
        if document is None:
            raise NotFound("there is no such resource")
        applied = tuple(
            Applied(one["command_id"], moment_of(one["at"]), bytes(one["outcome"])) for one in document["applied"]
        )
        return Loaded(self._whole(document), document["revision"], document["sequence"], applied)

    async def insert(self, change: Change[StateT]) -> bool:
        """Begin a document. False, and nothing is changed, if one of that id exists; raises NameInUse."""
        key, mark = self._id(change.state), secrets.token_hex(8)
        document = {
            "_id": key,
            "change": mark,
            "revision": 1,
            "sequence": change.events[-1].sequence if change.events else 0,
            "body": self._body(change.state),
            **self._values(change.state),
            **{name: [self._item(item) for item in items] for name, items in self._lists(change.state).items()},
            "applied": [_applied(one) for one in change.applied],
            "outbox": entries(change.events),
        }
        async with mongo_reached():
            try:
                await _sent_again_if_lost(lambda: self._collection.insert_one(document))
            except DuplicateKeyError as error:
                present = await self._collection.find_one({"_id": key}, {"change": 1})
                if present is None:
                    raise NameInUse("another one in the same container has this name") from error
                if present["change"] != mark:
                    return False
        if change.events:
            self.outbox.announce(key, document)
        return True

    async def replace(self, loaded: Loaded[StateT], change: Change[StateT]) -> bool:
        """Put `change` in place of `loaded`, in one durable step; False if it isn't at that revision any more."""
        key, mark = self._id(loaded.state), secrets.token_hex(8)
        update = self._update(loaded, change, mark)
        if change.events:
            update.setdefault("$push", {})["outbox"] = {"$each": entries(change.events)}
        query = {"_id": key, "revision": loaded.revision}
        async with mongo_reached():
            try:
                document = await _sent_again_if_lost(
                    lambda: self._collection.find_one_and_update(
                        query, update, projection={"outbox": 1}, return_document=ReturnDocument.AFTER
                    )
                )
            except DuplicateKeyError as error:
                raise NameInUse("another one in the same container has this name") from error
            if document is None:
                document = await self._collection.find_one({"_id": key, "change": mark}, {"outbox": 1})
        if document is not None and change.events:
            self.outbox.announce(key, document)
        return document is not None

    def _update(self, loaded: Loaded[StateT], change: Change[StateT], mark: str) -> Document:
        sets: Document = {"change": mark}
        pushes: Document = {}
        if change.events:
            sets["sequence"] = change.events[-1].sequence
        if (body := self._body(change.state)) != self._body(loaded.state):
            sets["body"] = body
        before, after = self._values(loaded.state), self._values(change.state)
        sets |= {name: value for name, value in after.items() if before.get(name) != value}
        had = self._lists(loaded.state)
        for name, items in self._lists(change.state).items():
            _change_list(name, had[name], items, self._item, sets, pushes)
        _change_list("applied", loaded.applied, change.applied, _applied, sets, pushes)
        update: Document = {"$set": sets, "$inc": {"revision": 1}}
        if pushes:
            update["$push"] = pushes
        if gone := before.keys() - after.keys():
            update["$unset"] = dict.fromkeys(gone, "")
        return update

    def _values(self, state: StateT) -> Document:
        deleted_at = self._deleted_at(state)
        if deleted_at is not None:
            return {"deleted_at": micros(deleted_at)}
        return {name: value for name, value in self._living(state).items() if value is not None}

    async def names_taken(self, parent_id: str, names: Collection[str]) -> frozenset[str]:
        """Those of `names` that a sibling in the container `parent_id` has."""
        keys = {name: sayable(name_key(name)) for name in names}
        query = {"parent_id": sayable(parent_id), "name_key": {"$in": list(keys.values())}}
        async with mongo_reached():
            siblings = await self._collection.find(query, {"_id": 0, "name_key": 1}).to_list(None)
        taken = {sibling["name_key"] for sibling in siblings}
        return frozenset(name for name, key in keys.items() if key in taken)

    async def forget_deleted(self, before: datetime, limit: int) -> int:
        """Remove what is left of resources deleted before that time, if their events are out; says how many."""
        query = {"deleted_at": {"$lt": micros(before)}, "outbox": []}
        async with mongo_reached():
            gone = await self._collection.find(query, {"_id": 1}).limit(limit).to_list(limit)
            if not gone:
                return 0
            result = await self._collection.delete_many({"_id": {"$in": [one["_id"] for one in gone]}, **query})
        count: int = result.deleted_count
        return count

    # --- reads

    async def find(self, key: str) -> ShownT | None:
        """The resource for a read; None if there is none."""
        return await self._find_one({"_id": sayable(key), **HAS_NAME})

    async def by_name(self, parent_id: str, name: str) -> ShownT | None:
        """The resource of that name in the container; None if there is none."""
        return await self._find_one({"parent_id": sayable(parent_id), "name_key": sayable(name_key(name))})

    async def _find_one(self, query: Document) -> ShownT | None:
        async with mongo_reached():
            document = await self._collection.find_one(query, {"_id": 0, "body": 1})
        return None if document is None else self._shown(document)

    async def _find(self, query: Document, order: tuple[str, int], limit: int | None) -> Sequence[ShownT]:
        if limit == 0:
            return []
        async with mongo_reached():
            cursor = self._collection.find(query, {"_id": 0, "body": 1}).sort([order]).limit(limit or 0)
            documents = await cursor.to_list(None)
        return [self._shown(document) for document in documents]

    async def _siblings(self, parent_id: str, after: str | None, limit: int | None) -> Sequence[ShownT]:
        last = "" if after is None else sayable(name_key(after))
        query = {"parent_id": sayable(parent_id), "name_key": {"$gt": last}}
        return await self._find(query, ("name_key", ASCENDING), limit)


async def _sent_again_if_lost(send: Callable[[], Awaitable[ResultT]]) -> ResultT:
    try:
        return await send()
    except ConnectionFailure:
        return await send()


def _applied(one: Applied) -> Document:
    return {"command_id": one.command_id, "at": micros(one.applied_at), "outcome": one.outcome}


def _change_list(
    name: str,
    had: Sequence[Any],
    keeps: Sequence[Any],
    item: Callable[[Any], Document],
    sets: Document,
    pushes: Document,
) -> None:
    """Add what turns the list `had` into `keeps`: usually a few items at its end, with some of the oldest gone."""
    if had == keeps:
        return
    for dropped in range(len(had) + 1):
        stays = had[dropped:]
        if keeps[: len(stays)] == stays and len(keeps) > len(stays):
            pushes[name] = {"$each": [item(one) for one in keeps[len(stays) :]], "$slice": -len(keeps)}
            return
    sets[name] = [item(one) for one in keeps]
