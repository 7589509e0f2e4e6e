"""Webhooks on MongoDB: one collection each of what they are, how far they have come, and what was given up."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import msgspec
import orjson
from pymongo import ASCENDING
from pymongo.errors import DuplicateKeyError

from shared.adapters.distributed.mongo_client import micros, mongo_reached, sayable
from shared.core.webhooks import DeadLetter, Progress, Webhook

_WEBHOOK: Final = msgspec.json.Decoder(Webhook)
_PROGRESS: Final = msgspec.json.Decoder(Progress)
_LETTER: Final = msgspec.json.Decoder(DeadLetter)
_OLDEST_FIRST: Final = [("first_failed_at", ASCENDING), ("_id", ASCENDING)]


class MongoWebhooks:
    """WebhookStore on MongoDB."""

    def __init__(self, hooks: Any, progress: Any, letters: Any) -> None:
        self._hooks = hooks
        self._progress = progress
        self._letters = letters

    async def prepare(self) -> None:
        """Make the indexes; those that are there already stay."""
        async with mongo_reached():
            await self._letters.create_index([("webhook_id", ASCENDING), *_OLDEST_FIRST])
            await self._letters.create_index([("failed_at", ASCENDING)])

    async def insert(self, hook: Webhook) -> bool:
        """Keep the webhook; False if one of that id is there."""
        document = {
            "_id": hook.webhook_id,
            "revision": hook.revision,
            "created_at": micros(hook.created_at),
            "body": orjson.dumps(hook).decode(),
        }
        async with mongo_reached():
            try:
                await self._hooks.insert_one(document)
            except DuplicateKeyError:
                return False
        return True

    async def find(self, webhook_id: str) -> Webhook | None:
        """The webhook; None if there is none."""
        async with mongo_reached():
            document = await self._hooks.find_one({"_id": sayable(webhook_id)}, {"body": 1})
        return None if document is None else _WEBHOOK.decode(document["body"])

    async def all(self) -> Sequence[Webhook]:
        """All webhooks, the oldest first."""
        async with mongo_reached():
            cursor = self._hooks.find({}, {"body": 1}).sort([("created_at", ASCENDING), ("_id", ASCENDING)])
            documents = await cursor.to_list(None)
        return [_WEBHOOK.decode(document["body"]) for document in documents]

    async def replace(self, former: Webhook, hook: Webhook) -> bool:
        """Put `hook` in place of `former`; False if it's another one now."""
        revision = former.revision + 1
        body = orjson.dumps(replace(hook, revision=revision)).decode()
        async with mongo_reached():
            result = await self._hooks.update_one(
                {"_id": former.webhook_id, "revision": former.revision}, {"$set": {"revision": revision, "body": body}}
            )
        return bool(result.matched_count)

    async def delete(self, webhook_id: str) -> None:
        """Let go of the webhook, its progress and its dead letters."""
        async with mongo_reached():
            await self._hooks.delete_one({"_id": sayable(webhook_id)})
            await self._progress.delete_one({"_id": sayable(webhook_id)})
            await self._letters.delete_many({"webhook_id": sayable(webhook_id)})

    async def claim(self, webhook_id: str, holder: str, now: datetime, until: datetime) -> Progress | None:
        """Hold the webhook until that time; None if somebody else holds it now."""
        free = {"_id": webhook_id, "$or": [{"holder": holder}, {"held_until": {"$lte": micros(now)}}]}
        update = {
            "$set": {"holder": holder, "held_until": micros(until)},
            "$setOnInsert": {"body": orjson.dumps(Progress()).decode()},
        }
        async with mongo_reached():
            try:
                await self._progress.update_one(free, update, upsert=True)
            except DuplicateKeyError:  # it's there, and not free
                return None
        return await self.progress(webhook_id)

    async def release(self, webhook_id: str, holder: str) -> None:
        """Hold it no more."""
        async with mongo_reached():
            await self._progress.update_one({"_id": webhook_id, "holder": holder}, {"$set": {"held_until": 0}})

    async def save_progress(self, webhook_id: str, holder: str, progress: Progress) -> bool:
        """Keep the progress; False if somebody else holds the webhook."""
        body = orjson.dumps(progress).decode()
        async with mongo_reached():
            result = await self._progress.update_one({"_id": webhook_id, "holder": holder}, {"$set": {"body": body}})
        return bool(result.matched_count)

    async def progress(self, webhook_id: str) -> Progress:
        """How far delivery has come."""
        async with mongo_reached():
            document = await self._progress.find_one({"_id": sayable(webhook_id)}, {"body": 1})
        return Progress() if document is None else _PROGRESS.decode(document["body"])

    async def bury(self, letter: DeadLetter) -> None:
        """Keep the dead letter."""
        failed_at = micros(letter.failed_at)
        values = {
            "webhook_id": letter.webhook_id,
            "failed_at": failed_at,
            "waiting": letter.is_waiting,
            "body": orjson.dumps(letter).decode(),
        }
        update = {"$set": values, "$setOnInsert": {"first_failed_at": failed_at}}
        async with mongo_reached():
            await self._letters.update_one({"_id": letter.letter_id}, update, upsert=True)

    async def letter(self, webhook_id: str, letter_id: str) -> DeadLetter | None:
        """The dead letter; None if there is none."""
        document = await self._found(webhook_id, letter_id)
        return None if document is None else _letter_of(document)

    async def letters(
        self, webhook_id: str, *, after: str | None = None, limit: int = 100, waiting: bool = False
    ) -> Sequence[DeadLetter]:
        """Dead letters in the order in which they failed first."""
        query: dict[str, Any] = {"webhook_id": sayable(webhook_id)} | ({"waiting": True} if waiting else {})
        if after is not None:
            last = await self._found(webhook_id, after)
            if last is None:
                return []
            first = last["first_failed_at"]
            query["$or"] = [
                {"first_failed_at": {"$gt": first}},
                {"first_failed_at": first, "_id": {"$gt": last["_id"]}},
            ]
        async with mongo_reached():
            documents = await self._letters.find(query).sort(_OLDEST_FIRST).limit(limit).to_list(None)
        return [_letter_of(document) for document in documents]

    async def retry(self, webhook_id: str, letter_id: str | None) -> int:
        """Have the dead letter, or all of the webhook, tried once more; says how many."""
        query = {"webhook_id": sayable(webhook_id)} | ({} if letter_id is None else {"_id": sayable(letter_id)})
        async with mongo_reached():
            result = await self._letters.update_many(query, {"$set": {"waiting": True}})
        return int(result.matched_count)

    async def drop(self, webhook_id: str, letter_id: str) -> None:
        """Let go of the dead letter."""
        async with mongo_reached():
            await self._letters.delete_one({"_id": sayable(letter_id), "webhook_id": sayable(webhook_id)})

    async def count_letters(self, webhook_id: str | None = None) -> int:
        """How many dead letters there are, of one webhook or of all."""
        query = {} if webhook_id is None else {"webhook_id": sayable(webhook_id)}
        async with mongo_reached():
            count: int = await self._letters.count_documents(query)
        return count

    async def forget_letters(self, before: datetime) -> int:
        """Let go of those that failed before that time; says how many."""
        async with mongo_reached():
            result = await self._letters.delete_many({"failed_at": {"$lt": micros(before)}})
        return int(result.deleted_count)

    async def _found(self, webhook_id: str, letter_id: str) -> Any:
        async with mongo_reached():
            return await self._letters.find_one({"_id": sayable(letter_id), "webhook_id": sayable(webhook_id)})


def _letter_of(document: Any) -> DeadLetter:
    return replace(_LETTER.decode(document["body"]), is_waiting=document["waiting"])
