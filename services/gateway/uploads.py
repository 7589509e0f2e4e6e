"""Bodies of uploads: taken in piece by piece, within limits, and given up when nothing arrives any more.

An upload is refused by what is known before its body is read, where that can be: a client that waits for
`100 Continue` is only told to go on when the reading begins.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import HttpVersion11, web

from services.gateway.context import GATEWAY
from services.gateway.requests import BadRequest
from shared.core.errors import LecternError
from shared.core.file import Content
from shared.ports.content import ContentTooLarge
from shared.service.metrics import Direction

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_EXPECTED: Final = web.RequestKey("expected", bool)


class UploadStalled(LecternError):
    """No byte arrived for too long."""

    status = 408


class UploadBroken(BadRequest):
    """The connection ended before the body did, or the body isn't encoded as its headers say."""


async def expect_later(request: web.Request) -> None:
    """For a route's `expect_handler`: says `100 Continue` when the body is read, and not before.

    An expectation that isn't understood is overlooked, and so is any in HTTP/1.0, which knows no such answer.
    Spec: RFC 9110, 10.1.1.
    """
    is_understood = request.version >= HttpVersion11
    request[_EXPECTED] = is_understood and request.headers.get("Expect", "").lower() == "100-continue"


async def pieces(request: web.Request) -> AsyncIterator[bytes]:
    """The request's body as it arrives. Raises UploadStalled, and UploadBroken for a body that isn't whole."""
    idle_seconds = request.app[GATEWAY].rules.upload_timeout.total_seconds()
    if request.pop(_EXPECTED, False) and request.transport is not None:
        request.transport.write(_CONTINUE)
    try:
        while True:
            async with asyncio.timeout(idle_seconds):
                piece = await request.content.readany()
            if not piece:
                return
            yield piece
    except TimeoutError:
        raise UploadStalled(f"no byte arrived for {idle_seconds:g} seconds") from None
    except (ConnectionError, web.RequestPayloadError, web.PayloadAccessError) as error:
        raise UploadBroken("the request's body ended too early or is malformed") from error


def refuse_too_large(request: web.Request) -> None:
    """Raises ContentTooLarge if the request announces more than a file may hold."""
    limit = request.app[GATEWAY].rules.max_file_size_bytes
    if (request.content_length or 0) > limit:
        raise ContentTooLarge(f"a file must not be larger than {limit} bytes")


async def received(request: web.Request) -> Content:
    """The request's body, kept durably under a new key that nothing refers to yet.

    Raises ContentTooLarge, UploadStalled, UploadBroken and Unavailable; then nothing is kept.
    """
    gateway = request.app[GATEWAY]
    refuse_too_large(request)
    # What is encoded is decoded on the way: its length says nothing.
    size = None if "Content-Encoding" in request.headers else request.content_length
    content = await gateway.content.write(pieces(request), gateway.rules.max_file_size_bytes, size)
    gateway.metrics.content(Direction.RECEIVED, content.size_bytes)
    return content


async def small_body(request: web.Request, max_size_bytes: int) -> bytes:
    """The request's whole body. Raises ContentTooLarge, UploadStalled and UploadBroken."""
    body = b""
    async for piece in pieces(request):
        body += piece
        if len(body) > max_size_bytes:
            raise ContentTooLarge(f"the body must not be larger than {max_size_bytes} bytes")
    return body


async def drained(request: web.Request) -> None:
    """Take the body in and forget it, up to the size of a file, so that its sender gets to read the answer."""
    left = request.app[GATEWAY].rules.max_file_size_bytes
    async for piece in pieces(request):
        left -= len(piece)
        if left < 0:
            return
