"""What the operator does with webhooks. Each command says what is to be, so that its redelivery changes nothing more."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

from shared.core.errors import Contended, NotFound
from shared.core.webhooks import (
    FORMER_SECRET_LIFETIME,
    WEBHOOKS_MAX,
    LetterDropped,
    LettersWaiting,
    TooManyWebhooks,
    Webhook,
    WebhookKept,
    WebhookRemoved,
)
from shared.messages.commands import (
    ChangeWebhook,
    DropDeadLetter,
    RegisterWebhook,
    RemoveWebhook,
    ReplayEvents,
    RetryDeadLetters,
)
from shared.ports.bus import Handlers
from shared.ports.webhooks import WebhookStore

_ATTEMPTS: Final = 20


class WebhookHandlers:
    """Answers the commands about webhooks."""

    def __init__(self, webhooks: WebhookStore, now: Callable[[], datetime]) -> None:
        self._webhooks = webhooks
        self._now = now

    def table(self) -> Handlers:
        """Which method answers which command."""
        return {
            RegisterWebhook: self.register,
            ChangeWebhook: self.change,
            ReplayEvents: self.replay,
            RemoveWebhook: self.remove,
            RetryDeadLetters: self.retry,
            DropDeadLetter: self.drop,
        }

    async def register(self, command: RegisterWebhook) -> WebhookKept | TooManyWebhooks:
        """Keep a new webhook."""
        hooks = await self._webhooks.all()
        if len(hooks) >= WEBHOOKS_MAX and command.webhook_id not in {hook.webhook_id for hook in hooks}:
            return TooManyWebhooks()
        await self._webhooks.insert(command.hook)
        return WebhookKept()

    async def change(self, command: ChangeWebhook) -> WebhookKept:
        """Change a webhook."""
        return await self._replace(command.webhook_id, lambda hook: _changed(hook, command, self._now()))

    async def replay(self, command: ReplayEvents) -> WebhookKept:
        """Begin anew at another place in the stream."""

        def begun(hook: Webhook) -> Webhook:
            return replace(hook, begin=command.after, since=command.since, generation=hook.generation + 1)

        return await self._replace(command.webhook_id, begun)

    async def remove(self, command: RemoveWebhook) -> WebhookRemoved:
        """Let go of a webhook."""
        await self._webhooks.delete(command.webhook_id)
        return WebhookRemoved()

    async def retry(self, command: RetryDeadLetters) -> LettersWaiting:
        """Have dead letters tried once more."""
        return LettersWaiting(await self._webhooks.retry(command.webhook_id, command.letter_id))

    async def drop(self, command: DropDeadLetter) -> LetterDropped:
        """Let go of a dead letter."""
        await self._webhooks.drop(command.webhook_id, command.letter_id)
        return LetterDropped()

    async def _replace(self, webhook_id: str, change: Callable[[Webhook], Webhook]) -> WebhookKept:
        await replace_webhook(self._webhooks, webhook_id, change)
        return WebhookKept()


async def replace_webhook(webhooks: WebhookStore, webhook_id: str, change: Callable[[Webhook], Webhook]) -> None:
    """Put what `change` makes of a webhook in its place. Raises NotFound, and Contended after many lost races."""
    for _ in range(_ATTEMPTS):
        hook = await webhooks.find(webhook_id)
        if hook is None:
            raise NotFound("there is no such webhook")
        if await webhooks.replace(hook, change(hook)):
            return
    raise Contended("too many changes of the webhook at once; try again")


def _changed(hook: Webhook, command: ChangeWebhook, now: datetime) -> Webhook:
    if command.url is not None:
        hook = replace(hook, url=command.url)
    if command.types is not None:
        hook = replace(hook, types=command.types)
    if command.description is not None:
        hook = replace(hook, description=command.description)
    if command.is_active is not None:
        hook = replace(hook, is_active=command.is_active, stopped_because="")
    if command.secret is not None and command.secret != hook.secret:
        until = now + FORMER_SECRET_LIFETIME
        hook = replace(hook, secret=command.secret, former_secret=hook.secret, former_secret_until=until)
    return hook
