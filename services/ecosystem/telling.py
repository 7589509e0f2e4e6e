"""The worker that tells receivers of events: one delivery for each active webhook, begun and ended as webhooks change.

Any number of workers share the webhooks: each webhook is held by one of them for a while, again and again; when a worker
dies, the others take over what it held.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.ecosystem.calling import Caller
from services.ecosystem.following import Following, Ground, Superseded
from shared.core.errors import LecternError
from shared.core.webhooks import Networks, Pace, Webhook
from shared.ports.bus import EventStream
from shared.ports.webhooks import WebhookStore
from shared.service.logging import get_logger
from shared.service.metrics import Metrics

HELD_FOR: Final = timedelta(seconds=30)
"""How long a webhook is held without its worker saying so again."""
_RENEWED_AFTER: Final = HELD_FOR / 3
LOOK_SECONDS: Final = 1.0
"""The pause between two looks at what webhooks there are."""

_log: Final = get_logger()


@dataclass(slots=True)
class _Running:
    """One delivery that is going on."""

    hook: Webhook
    task: asyncio.Task[None]
    claimed_at: datetime


@asynccontextmanager
async def telling(
    webhooks: WebhookStore,
    events: EventStream,
    allowed: Networks,
    pace: Pace,
    source: str,
    metrics: Metrics,
    now: Callable[[], datetime],
) -> AsyncIterator[None]:
    """Deliver events to the webhooks for as long as the context lasts; at its end progress is saved."""
    async with Caller(allowed, pace.timeout) as caller:
        ground = Ground(webhooks, events, caller, pace, source, uuid.uuid4().hex, metrics, now)
        worker = Worker(ground)
        task = asyncio.create_task(worker.run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


class Worker:
    """Holds webhooks and delivers to them."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._running: dict[str, _Running] = {}

    async def run(self) -> None:
        """Work until it's cancelled."""
        try:
            while True:
                try:
                    await self.look()
                except LecternError as error:
                    _log.warning("webhooks_unread", reason=str(error))
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            _ = await asyncio.gather(*map(self._end, list(self._running)))

    async def look(self) -> None:
        """Begin and end deliveries, so that they are those of the webhooks that there are now."""
        active = {hook.webhook_id: hook for hook in await self._ground.webhooks.all() if hook.is_active}
        outdated = [
            webhook_id
            for webhook_id, running in self._running.items()
            if running.task.done() or active.get(webhook_id) != running.hook
        ]
        _ = await asyncio.gather(*map(self._end, outdated))
        for hook in active.values():
            await self._hold(hook)

    async def _hold(self, hook: Webhook) -> None:
        ground, now = self._ground, self._ground.now()
        running = self._running.get(hook.webhook_id)
        if running is not None and now - running.claimed_at < _RENEWED_AFTER:
            return
        progress = await ground.webhooks.claim(hook.webhook_id, ground.holder, now, now + HELD_FOR)
        if progress is None:
            if running is not None:
                await self._end(hook.webhook_id)
        elif running is not None:
            running.claimed_at = now
        else:
            task = asyncio.create_task(_followed(Following(hook, progress, ground)))
            self._running[hook.webhook_id] = _Running(hook, task, now)

    async def _end(self, webhook_id: str) -> None:
        running = self._running.pop(webhook_id)
        running.task.cancel()
        with suppress(asyncio.CancelledError):
            await running.task
        with suppress(LecternError):
            await self._ground.webhooks.release(webhook_id, self._ground.holder)


async def _followed(following: Following) -> None:
    try:
        await following.run()
    except Superseded as error:
        _log.info("webhook_superseded", webhook_id=following.hook.webhook_id, reason=str(error))
    except Exception:  # noqa: BLE001 - one webhook's fault stays its own; the next look begins it anew
        _log.exception("webhook_failed", webhook_id=following.hook.webhook_id)
