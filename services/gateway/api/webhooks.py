"""Webhooks: who is told of events, how that goes, and what was given up. For the operator."""

import os
import uuid
from typing import Any

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from services.gateway.api.events import LATEST, position_in
from services.gateway.api.inputs import LettersQuery, NewWebhook, NoBody, NoQuery, ReplayWish, WebhookChange
from services.gateway.api.operations import AnyCall, Call, json_response, no_content
from services.gateway.api.problems import Kind, Refused
from services.gateway.api.resources import (
    CloudEvent,
    DeadLetterResource,
    DeadLetters,
    RetriedLetters,
    WebhookResource,
    Webhooks,
    WebhookSecret,
)
from services.gateway.requests import envelope
from shared.core.errors import NotFound
from shared.core.webhooks import SECRET_BYTES, DeadLetter, TooManyWebhooks, Webhook, new_secret, types_fault, url_fault
from shared.messages.codec import decode_event
from shared.messages.commands import (
    ChangeWebhook,
    DropDeadLetter,
    RegisterWebhook,
    RemoveWebhook,
    ReplayEvents,
    RetryDeadLetters,
)
from shared.messages.events import FACT_TYPES, cloud_event


async def list_webhooks(call: Call[NoQuery, NoBody]) -> web.Response:
    """List all webhooks, the oldest first."""
    hooks = await call.gateway.metadata.webhooks.all()
    return json_response(Webhooks(items=[await _resource(call, hook) for hook in hooks]))


async def create_webhook(call: Call[NoQuery, NewWebhook]) -> web.Response:
    """Register a webhook. The answer alone tells its secret.

    It's told of what happens from now on, or after a position in the stream of events.
    """
    wish, events = call.body, call.gateway.events
    _refuse_illegal(wish.url, wish.types)
    hook = Webhook(
        webhook_id=uuid.uuid4().hex,
        url=wish.url,
        secret=new_secret(os.urandom(SECRET_BYTES)),
        created_at=call.gateway.now(),
        types=tuple(wish.types),
        description=wish.description,
        begin=await position_in(events, LATEST if wish.after is UNSET else wish.after or None),
    )
    command = RegisterWebhook(webhook_id=hook.webhook_id, hook=hook, **envelope(call.request))
    outcome = await call.gateway.bus.request(command)
    if isinstance(outcome, TooManyWebhooks):
        raise Refused(Kind.TOO_MANY, outcome.reason)
    headers = {"Location": call.address(f"/webhooks/{hook.webhook_id}")}
    return json_response(WebhookSecret(id=hook.webhook_id, secret=hook.secret), status=201, headers=headers)


async def get_webhook(call: Call[NoQuery, NoBody]) -> web.Response:
    """Read what a webhook is, and how delivery goes."""
    return json_response(await _resource(call, await _webhook(call)))


async def change_webhook(call: Call[NoQuery, WebhookChange]) -> web.Response:
    """Change a webhook, pause it, or have it go on."""
    hook, wish = await _webhook(call), call.body
    url, types = _given(wish.url), _given(wish.types)
    _refuse_illegal(hook.url if url is None else url, types or ())
    command = ChangeWebhook(
        webhook_id=hook.webhook_id,
        url=url,
        types=None if types is None else tuple(types),
        description=_given(wish.description),
        is_active=_given(wish.is_active),
        **envelope(call.request),
    )
    await call.gateway.bus.request(command)
    return json_response(await _resource(call, await _webhook(call)))


async def delete_webhook(call: Call[NoQuery, NoBody]) -> web.Response:
    """Let go of a webhook and its dead letters."""
    hook = await _webhook(call)
    await call.gateway.bus.request(RemoveWebhook(webhook_id=hook.webhook_id, **envelope(call.request)))
    return no_content()


async def change_webhook_secret(call: Call[NoQuery, NoBody]) -> web.Response:
    """Give a webhook a new secret. For a day, deliveries are signed with the one before as well."""
    hook, secret = await _webhook(call), new_secret(os.urandom(SECRET_BYTES))
    command = ChangeWebhook(webhook_id=hook.webhook_id, secret=secret, **envelope(call.request))
    await call.gateway.bus.request(command)
    return json_response(WebhookSecret(id=hook.webhook_id, secret=secret))


async def replay_events(call: Call[NoQuery, ReplayWish]) -> web.Response:
    """Deliver again what is kept, after a position or from a time on, and then what comes."""
    hook, wish = await _webhook(call), call.body
    command = ReplayEvents(
        webhook_id=hook.webhook_id,
        after=await position_in(call.gateway.events, _given(wish.after) or None),
        since=_given(wish.since),
        **envelope(call.request),
    )
    await call.gateway.bus.request(command)
    return json_response(await _resource(call, await _webhook(call)))


async def list_dead_letters(call: Call[LettersQuery, NoBody]) -> web.Response:
    """List the events that were given up, in the order in which they failed first."""
    hook = await _webhook(call)
    letters = await call.gateway.metadata.webhooks.letters(
        hook.webhook_id, after=_given(call.query.after) or None, limit=call.query.limit
    )
    return json_response(DeadLetters(items=[_letter_resource(call, letter) for letter in letters]))


async def retry_dead_letters(call: Call[NoQuery, NoBody]) -> web.Response:
    """Try all dead letters of a webhook once more, soon."""
    return await _retried(call, (await _webhook(call)).webhook_id, None)


async def retry_dead_letter(call: Call[NoQuery, NoBody]) -> web.Response:
    """Try a dead letter once more, soon. It goes when the receiver takes it."""
    letter = await _letter(call)
    return await _retried(call, letter.webhook_id, letter.letter_id)


async def drop_dead_letter(call: Call[NoQuery, NoBody]) -> web.Response:
    """Let go of a dead letter."""
    letter = await _letter(call)
    command = DropDeadLetter(webhook_id=letter.webhook_id, letter_id=letter.letter_id, **envelope(call.request))
    await call.gateway.bus.request(command)
    return no_content()


async def _webhook(call: AnyCall) -> Webhook:
    hook = await call.gateway.metadata.webhooks.find(call.id("webhook_id"))
    if hook is None:
        raise NotFound("there is no such webhook")
    return hook


async def _letter(call: AnyCall) -> DeadLetter:
    hook = await _webhook(call)
    letter = await call.gateway.metadata.webhooks.letter(hook.webhook_id, call.id("letter_id"))
    if letter is None:
        raise NotFound("the webhook has no such dead letter")
    return letter


async def _retried(call: AnyCall, webhook_id: str, letter_id: str | None) -> web.Response:
    command = RetryDeadLetters(webhook_id=webhook_id, letter_id=letter_id, **envelope(call.request))
    waiting = await call.gateway.bus.request(command)
    return json_response(RetriedLetters(count=waiting.count))


def _refuse_illegal(url: str, types: tuple[str, ...] | list[str]) -> None:
    fault = url_fault(url) or types_fault(types, FACT_TYPES)
    if fault is not None:
        raise Refused(Kind.BAD_REQUEST, fault)


async def _resource(call: AnyCall, hook: Webhook) -> WebhookResource:
    webhooks = call.gateway.metadata.webhooks
    progress = await webhooks.progress(hook.webhook_id)
    is_begun = progress.generation == hook.generation
    return WebhookResource(
        id=hook.webhook_id,
        url=hook.url,
        types=list(hook.types),
        description=hook.description,
        created=hook.created_at,
        is_active=hook.is_active,
        stopped_because=hook.stopped_because or UNSET,
        position=(progress.position if is_begun else hook.begin) or UNSET,
        last_delivery=progress.delivered_at or UNSET,
        failing_since=progress.failing_since or UNSET,
        last_failure=progress.failure or UNSET,
        dead_letters=await webhooks.count_letters(hook.webhook_id),
    )


def _letter_resource(call: AnyCall, letter: DeadLetter) -> DeadLetterResource:
    event = cloud_event(decode_event(letter.event.encode()), call.gateway.addresses.public_url)
    return DeadLetterResource(
        id=letter.letter_id,
        event=msgspec.convert(event, CloudEvent),
        failed_at=letter.failed_at,
        attempts=letter.attempts,
        reason=letter.reason,
        is_waiting=letter.is_waiting,
    )


def _given(value: Any | UnsetType) -> Any:
    """None for what the caller left out."""
    return None if value is UNSET else value
