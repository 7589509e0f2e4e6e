"""Events that are saved inside their documents and wait there to be published.

An event lies in the `outbox` of its document from the step that made it true until it's known to be published; taking it
out changes neither the document's revision nor its state, so that nobody loses a race to a publisher.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pymongo import ASCENDING, UpdateOne, WriteConcern

from shared.adapters.distributed.mongo_client import micros, mongo_reached
from shared.messages.codec import decode_event, encode_event
from shared.messages.events import Event

News = Callable[[str, Sequence[Event]], None]
Entry = Mapping[str, Any]

# If this is lost in a crash, an event is published twice, which subscribers can tell.
_QUICK: Final = WriteConcern(w=1, j=False)


def entries(events: Sequence[Event]) -> list[dict[str, Any]]:
    """The events as they lie in an outbox."""
    return [
        {"sequence": event.sequence, "at": micros(event.occurred_at), "event": encode_event(event).decode()}
        for event in events
    ]


def _events(document: Mapping[str, Any]) -> list[Event]:
    return [decode_event(entry["event"].encode()) for entry in document.get("outbox", ())]


class MongoOutbox:
    """The outboxes of one collection's documents."""

    def __init__(self, collection: Any) -> None:
        self._collection = collection
        self._quickly = collection.with_options(write_concern=_QUICK)
        self._listener: News | None = None

    async def prepare(self) -> None:
        """Make the index that `waiting` needs."""
        await self._collection.create_index([("outbox.at", ASCENDING)])

    def listen(self, listener: News) -> None:
        """From now on tell `listener` of a document's unpublished events whenever this process has added some."""
        self._listener = listener

    def announce(self, key: str, document: Mapping[str, Any]) -> None:
        """The document, which has just been saved, holds these events."""
        if self._listener is not None:
            self._listener(key, _events(document))

    async def waiting(self, before: datetime, limit: int) -> Sequence[tuple[str, Sequence[Event]]]:
        """Documents with events that have waited since before that time, and all their events in order."""
        async with mongo_reached():
            query = {"outbox.at": {"$lt": micros(before)}}
            documents = await self._collection.find(query, {"outbox": 1}).limit(limit).to_list(limit)
        return [(document["_id"], _events(document)) for document in documents]

    async def published(self, upto: Mapping[str, int]) -> None:
        """Take out the events of these documents, each up to and including that number."""
        removals = [
            UpdateOne({"_id": key}, {"$pull": {"outbox": {"sequence": {"$lte": sequence}}}})
            for key, sequence in upto.items()
        ]
        async with mongo_reached():
            await self._quickly.bulk_write(removals, ordered=False)

    async def depth(self) -> int:
        """How many documents have events that are not published yet."""
        async with mongo_reached():
            count: int = await self._collection.count_documents({"outbox.at": {"$gt": 0}})
        return count
