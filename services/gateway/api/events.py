"""The stream of events, as server-sent events that a subscriber can leave and come back to.

Each event's `id` is its place in the stream: a client that reconnects sends the last one it had, and misses nothing.
Spec: CloudEvents 1.0 (JSON format); HTML > Server-sent events.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Final

import msgspec
from aiohttp import web
from msgspec import UNSET

from services.gateway.api.inputs import EventsQuery, NoBody
from services.gateway.api.operations import NO_STORE, Call, Form
from services.gateway.api.problems import Kind, Refused
from shared.messages.events import cloud_event
from shared.ports.bus import EventStream, Positioned

CLOSING: Final = web.AppKey("closing", asyncio.Event)
"""Set when the host shuts down: streams end, and clients come back to the next one."""
LATEST: Final = "latest"
QUIET: Final = b":\n\n"
QUIET_SECONDS: Final = 15
"""After so long without an event a comment tells proxies and clients that the stream is alive."""


async def follow_events(call: Call[EventsQuery, NoBody]) -> web.StreamResponse:
    """Follow the events of all files and containers."""
    request, events = call.request, call.gateway.events
    given = "" if call.query.after is UNSET else call.query.after
    after = await position_in(events, request.headers.get("Last-Event-ID") or given or None)
    response = web.StreamResponse(headers=NO_STORE | {"X-Accel-Buffering": "no"})
    response.content_type = Form.EVENTS.value
    await response.prepare(request)
    patience = call.gateway.rules.upload_timeout.total_seconds()
    stream = _pieces(events, after, request.app[CLOSING], call.gateway.addresses.public_url, live=call.query.follow)
    try:
        async with aclosing(stream):
            async for piece in stream:
                async with asyncio.timeout(patience):
                    await response.write(piece)
    except TimeoutError:
        _abort(request)  # the subscriber doesn't read on
    except Exception:
        _abort(request)  # the answer has begun, so that a broken connection is all that can be told
        raise
    return response


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


async def position_in(events: EventStream, after: str | None) -> str | None:
    """The position to go on after. Raises Refused for what is none."""
    if after == LATEST:
        return await events.latest()
    if after is not None:
        probe = events.follow(after, live=False)
        try:
            await anext(probe, None)
        except ValueError:
            raise Refused(Kind.BAD_REQUEST, "that is no position in the stream of events") from None
        finally:
            await _closed(probe)
    return after


async def _pieces(
    events: EventStream, after: str | None, closing: asyncio.Event, source: str, *, live: bool
) -> AsyncGenerator[bytes, None]:
    """The stream's text, piece by piece, until it ends or the host closes."""
    stream = events.follow(after, live=live)
    closed = asyncio.ensure_future(closing.wait())
    coming = asyncio.ensure_future(anext(stream, None))
    yield QUIET  # so that the answer's head goes out at once
    try:
        while not closing.is_set():
            await asyncio.wait({coming, closed}, timeout=QUIET_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if not coming.done():
                yield QUIET
                continue
            positioned = coming.result()
            if positioned is None:
                return
            coming = asyncio.ensure_future(anext(stream, None))
            yield _message(positioned, source)
    finally:
        for task in (coming, closed):
            task.cancel()
        await asyncio.gather(coming, closed, return_exceptions=True)
        await _closed(stream)


async def _closed(stream: AsyncIterator[Positioned]) -> None:
    if isinstance(stream, AsyncGenerator):
        await stream.aclose()


def _message(positioned: Positioned, source: str) -> bytes:
    event = cloud_event(positioned.event, source)
    head = f"id: {positioned.position}\nevent: {event['type']}\ndata: "
    return head.encode() + msgspec.json.encode(event) + b"\n\n"
