"""Containers on MongoDB."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
import orjson
from pymongo import ASCENDING

from shared.adapters.distributed.mongo_client import mongo_reached, sayable
from shared.adapters.distributed.mongo_documents import HAS_NAME, Document, MongoDocuments
from shared.core.containers import MAX_DEPTH, Container
from shared.core.errors import Contended
from shared.core.names import name_key

_CONTAINER: Final = msgspec.json.Decoder(Container)
_GUESSES_MAX: Final = 10_000


class MongoContainers(MongoDocuments[Container, Container]):
    """ContainerStore on MongoDB."""

    def __init__(self, collection: Any) -> None:
        super().__init__(collection)
        self._guesses: OrderedDict[str, tuple[str, ...]] = OrderedDict()

    async def prepare(self) -> None:
        """Make the indexes; those that are there already stay."""
        await super().prepare()
        async with mongo_reached():
            await self._index("closing")

    async def chain(self, container_id: str) -> tuple[Container, ...]:
        """The containers from the root down to this one, itself included; () if there is no such container.

        Where it led to the last time is a guess at what to ask for in one go; what counts is what the documents say.
        """
        found = await self._all_of(self._guesses.get(container_id, (container_id,)))
        upwards: list[Container] = []
        above = container_id
        while above:
            container = found.get(above) or await self.find(above)
            if container is None:
                return ()
            if len(upwards) > MAX_DEPTH:
                # Documents read one after the other, while somebody moved them, may even form a ring.
                raise Contended("containers are being moved; try again")
            upwards.append(container)
            above = container.parent_id
        self._guess(container_id, tuple(container.container_id for container in upwards))
        upwards.reverse()
        return tuple(upwards)

    def _guess(self, container_id: str, ids: tuple[str, ...]) -> None:
        self._guesses[container_id] = ids
        self._guesses.move_to_end(container_id)
        if len(self._guesses) > _GUESSES_MAX:
            self._guesses.popitem(last=False)

    async def _all_of(self, ids: Sequence[str]) -> dict[str, Container]:
        async with mongo_reached():
            query = {"_id": {"$in": [sayable(one) for one in ids]}, **HAS_NAME}
            documents = await self._collection.find(query, {"body": 1}).to_list(None)
        return {document["_id"]: self._shown(document) for document in documents}

    async def children(
        self, container_id: str, *, after: str | None = None, limit: int | None = None
    ) -> Sequence[Container]:
        """Containers directly in the container, in the order of their name keys; `after` as for files."""
        return await self._siblings(container_id, after, limit)

    async def closing(self) -> Sequence[Container]:
        """Containers that are marked as closing: their deletion broke off, if it isn't under way."""
        return await self._find({"closing": True}, ("_id", ASCENDING), None)

    def _id(self, state: Container) -> str:
        return state.container_id

    def _deleted_at(self, state: Container) -> datetime | None:
        return state.deleted_at

    def _living(self, state: Container) -> Document:
        return {
            "parent_id": state.parent_id,
            "name_key": name_key(state.name),
            "closing": True if state.closing else None,
        }

    def _body(self, state: Container) -> str:
        return orjson.dumps(state).decode()

    def _shown(self, document: Mapping[str, Any]) -> Container:
        return _CONTAINER.decode(document["body"])

    def _whole(self, document: Mapping[str, Any]) -> Container:
        return self._shown(document)
