"""Delivery to one webhook: follows the stream from the webhook's own position, each resource's events in order.

At least once, and in bounded memory: how far all is done is saved soon after it is, and a worker that begins anew
repeats what was done since. A receiver that doesn't answer stops nothing but its own window.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from time import perf_counter
from typing import Final

import msgspec

from services.ecosystem.calling import Attempt, Caller
from services.ecosystem.webhooks import replace_webhook
from services.ecosystem.window import Parcel, Window
from shared.core.errors import LecternError, NotFound, Unavailable
from shared.core.webhooks import DeadLetter, Pace, Progress, Webhook, is_given_up, is_wanted, pause_after
from shared.messages.codec import decode_event, encode_event
from shared.messages.events import Event, cloud_event
from shared.ports.bus import EventStream, Positioned
from shared.ports.webhooks import WebhookStore
from shared.service.logging import get_logger
from shared.service.metrics import Delivery, Metrics

SIDE_BY_SIDE: Final = 8
"""Most attempts at one webhook at once."""
SAVE_SECONDS: Final = 0.5
"""How long progress may go unsaved, and dead letters that wait unseen."""
AGAIN_SECONDS: Final = 2.0
"""The pause before a store or stream that doesn't answer is asked again."""
_LETTERS: Final = 20
_GONE: Final = "the receiver answered with 410: it wants no more events"

_log: Final = get_logger()


@dataclass(frozen=True, slots=True)
class Ground:
    """What delivery to any webhook works with."""

    webhooks: WebhookStore
    events: EventStream
    caller: Caller
    pace: Pace
    source: str
    """The host's public address."""
    holder: str
    metrics: Metrics
    now: Callable[[], datetime]


class Superseded(LecternError):
    """Another worker holds the webhook now."""


class Following:
    """Delivery to one webhook, for as long as the webhook stays as it is."""

    def __init__(self, hook: Webhook, progress: Progress, ground: Ground) -> None:
        self.hook = hook
        self._ground = ground
        is_new = progress.generation != hook.generation
        self._progress = Progress(hook.generation, hook.begin) if is_new else progress
        self._saved = progress
        self._window = Window(self._progress.position)
        self._read = self._progress.position
        self._is_stopping = False
        self._turns = asyncio.Semaphore(SIDE_BY_SIDE)

    async def run(self) -> None:
        """Deliver until it's cancelled, which keeps the progress made. Raises Superseded."""
        try:
            async with asyncio.TaskGroup() as group:
                _ = group.create_task(self._read_on(group))
                _ = group.create_task(self._save_on())
                _ = group.create_task(self._retry_letters())
        except* Superseded:
            raise Superseded("another worker delivers to this webhook") from None
        finally:
            # The worker gives this a moment even while it shuts down.
            await self._save()

    # --- reading

    async def _read_on(self, group: asyncio.TaskGroup) -> None:
        while True:
            try:
                await self._read_stream(group)
            except ValueError:
                _log.warning("webhook_position_lost", webhook_id=self.hook.webhook_id, position=self._read)
                self._read = None
            except Unavailable as error:
                _log.warning("webhook_stream_broken", webhook_id=self.hook.webhook_id, reason=str(error))
                await asyncio.sleep(AGAIN_SECONDS)

    async def _read_stream(self, group: asyncio.TaskGroup) -> None:
        stream = self._ground.events.follow(self._read)
        try:
            async for positioned in stream:
                self._read = positioned.position
                self._take(positioned, group)
                await self._window.room()
                # A long stretch that isn't wanted is read without a pause by some streams.
                await asyncio.sleep(0)
        finally:
            await _closed(stream)

    def _take(self, positioned: Positioned, group: asyncio.TaskGroup) -> None:
        event = positioned.event
        if not is_wanted(self.hook, event.fact.type, event.occurred_at):
            self._window.skip(positioned.position)
        elif self._window.add(Parcel(positioned.position, event, self._body(event))):
            _ = group.create_task(self._deliver_lane(event.resource_id))

    def _body(self, event: Event) -> bytes:
        return msgspec.json.encode(cloud_event(event, self._ground.source))

    # --- delivering

    async def _deliver_lane(self, resource_id: str) -> None:
        while (parcel := self._window.next(resource_id)) is not None:
            await self._deliver(parcel)
            self._window.done(parcel)

    async def _deliver(self, parcel: Parcel) -> None:
        """Returns when the event is delivered, or kept as a dead letter."""
        pace, since = self._ground.pace, self._ground.now()
        attempts = 0
        while True:
            attempt = await self._attempt(parcel.event, parcel.body, attempts + 1)
            attempts += 1
            if not attempt.failure:
                return
            now = self._ground.now()
            delivered_at = self._progress.delivered_at
            others_pass = delivered_at is not None and delivered_at >= since
            if is_given_up(pace, attempts, now - since, others_pass=others_pass):
                self._ground.metrics.given_up(parcel.event.fact.type.partition(".")[0])
                await self._bury(_letter(self.hook, parcel.event, now, attempts, attempt.failure))
                return
            pause = pause_after(attempts, pace, random.random(), attempt.retry_after)  # noqa: S311 - keeps no secret
            await asyncio.sleep(pause.total_seconds())

    async def _attempt(self, event: Event, body: bytes, number: int) -> Attempt:
        ground = self._ground
        async with self._turns:
            begun, at = perf_counter(), ground.now()
            attempt = await ground.caller.call(self.hook, event.event_id, body, at)
            seconds = perf_counter() - begun
        now = ground.now()
        outcome = Delivery.FAILED if attempt.failure else Delivery.DELIVERED
        ground.metrics.delivery(outcome, seconds)
        _log.info(
            "webhook_delivery",
            webhook_id=self.hook.webhook_id,
            event_id=event.event_id,
            type=event.fact.type,
            correlation_id=event.correlation_id,
            attempt=number,
            outcome=outcome.value,
            status=attempt.status,
            reason=attempt.failure or None,
            duration_ms=round(seconds * 1000, 1),
        )
        if not attempt.failure:
            self._progress = replace(self._progress, delivered_at=now, failing_since=None)
        else:
            failing_since = self._progress.failing_since or now
            self._progress = replace(self._progress, failing_since=failing_since, failure=attempt.failure)
        if attempt.is_gone:
            await self._stop()
        return attempt

    async def _stop(self) -> None:
        """The receiver wants no more. Never returns: the worker ends what is going on for a webhook that isn't active."""
        if self._is_stopping:
            await asyncio.Event().wait()
        self._is_stopping = True
        _log.warning("webhook_stopped", webhook_id=self.hook.webhook_id, reason=_GONE)

        async def stopped() -> None:
            await replace_webhook(
                self._ground.webhooks,
                self.hook.webhook_id,
                lambda hook: replace(hook, is_active=False, stopped_because=_GONE),
            )

        while True:
            try:
                await stopped()
            except NotFound:
                pass
            except LecternError:
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            await asyncio.Event().wait()

    async def _bury(self, letter: DeadLetter) -> None:
        """Keep the dead letter, however long that takes: an event that is neither delivered nor kept would be lost."""
        _log.warning(
            "webhook_dead_letter",
            webhook_id=letter.webhook_id,
            event_id=letter.event_id,
            attempts=letter.attempts,
            reason=letter.reason,
        )
        while True:
            try:
                return await self._ground.webhooks.bury(letter)
            except LecternError:
                await asyncio.sleep(AGAIN_SECONDS)

    # --- dead letters that are tried once more

    async def _retry_letters(self) -> None:
        while True:
            try:
                letters = await self._ground.webhooks.letters(self.hook.webhook_id, limit=_LETTERS, waiting=True)
                for letter in letters:
                    await self._retry_letter(letter)
            except LecternError as error:
                _log.warning("webhook_letters_unread", webhook_id=self.hook.webhook_id, reason=str(error))
                letters = ()
            if len(letters) < _LETTERS:
                await asyncio.sleep(SAVE_SECONDS)

    async def _retry_letter(self, letter: DeadLetter) -> None:
        event = decode_event(letter.event.encode())
        attempt = await self._attempt(event, self._body(event), letter.attempts + 1)
        if attempt.failure:
            again = _letter(self.hook, event, self._ground.now(), letter.attempts + 1, attempt.failure)
            await self._ground.webhooks.bury(again)
        else:
            await self._ground.webhooks.drop(letter.webhook_id, letter.letter_id)

    # --- saving

    async def _save_on(self) -> None:
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            await self._save()

    async def _save(self) -> None:
        self._progress = progress = replace(self._progress, position=self._window.mark)
        if progress == self._saved:
            return
        try:
            is_ours = await self._ground.webhooks.save_progress(self.hook.webhook_id, self._ground.holder, progress)
        except LecternError as error:
            _log.warning("webhook_progress_unsaved", webhook_id=self.hook.webhook_id, reason=str(error))
            return
        if not is_ours:
            raise Superseded("another worker delivers to this webhook")
        self._saved = progress


def _letter(hook: Webhook, event: Event, failed_at: datetime, attempts: int, reason: str) -> DeadLetter:
    return DeadLetter(hook.webhook_id, event.event_id, encode_event(event).decode(), failed_at, attempts, reason)


async def _closed(stream: AsyncIterator[Positioned]) -> None:
    if isinstance(stream, AsyncGenerator):
        await stream.aclose()
