"""Contents as answers: whole or one range of them, in constant memory, never with a byte too few.

Spec: Files > GetFile; RFC 9110, 14 (range requests).
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from aiohttp import web

from services.gateway.context import GATEWAY
from shared.core.file import Content
from shared.ports.content import ContentReader
from shared.service.metrics import Direction

OCTET_STREAM: Final = "application/octet-stream"

_SMALL: Final = 256 * 1024
"""Up to this many bytes an answer is put together before it is sent: one write, no back and forth."""
_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes from `start` up to `stop`, which is not included."""

    start: int
    stop: int


class Unsatisfiable(Exception):
    """The range lies outside of the content."""


def span_of(header: str | None, size_bytes: int) -> Span | None:
    """The range that a Range header asks for; None for the whole: no range, several, or one that isn't well-formed.

    Raises Unsatisfiable.
    """
    found = _RANGE.fullmatch(header.strip()) if header else None
    if found is None:
        return None
    first, last = found.groups()
    if not first:
        if not last:
            return None
        start, stop = max(0, size_bytes - int(last)), size_bytes
    else:
        start, stop = int(first), min(size_bytes, int(last) + 1) if last else size_bytes
        if last and int(last) < int(first):
            return None
    if start >= size_bytes or start >= stop:
        raise Unsatisfiable
    return Span(start, stop)


def attachment(name: str) -> str:
    """The Content-Disposition of a file that is to be kept, not shown. Spec: RFC 6266."""
    plain = "".join(one if " " <= one <= "~" and one not in '"\\%' else "_" for one in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


async def serve_content(
    request: web.Request, content: Content, headers: Mapping[str, str], content_type: str = OCTET_STREAM
) -> web.StreamResponse:
    """The content, or the range of it that the request asks for: 200, 206 or 416. For HEAD, what GET would say.

    An If-Range that isn't the ETag among `headers` makes it the whole. Raises NotFound if the bytes are gone.
    """
    if_range = request.headers.get("If-Range")
    is_partial = request.method == "GET" and (if_range is None or if_range == headers.get("ETag"))
    size = content.size_bytes
    try:
        span = span_of(request.headers.get("Range"), size) if is_partial else None
    except Unsatisfiable:
        return web.Response(status=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    all_headers = {**headers, "Accept-Ranges": "bytes", "Content-Type": content_type}
    if span is not None:
        all_headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{size}"
    status, span = (200, Span(0, size)) if span is None else (206, span)
    request.app[GATEWAY].metrics.content(Direction.SENT, 0 if request.method == "HEAD" else span.stop - span.start)
    async with request.app[GATEWAY].content.open(content) as reader:
        if request.method != "HEAD" and span.stop - span.start <= _SMALL:
            body = b"".join([piece async for piece in reader.chunks(span.start, span.stop)])
            return web.Response(status=status, headers=all_headers, body=body)
        return await _streamed(request, reader, span, status, all_headers)


async def _streamed(
    request: web.Request, reader: ContentReader, span: Span, status: int, headers: Mapping[str, str]
) -> web.StreamResponse:
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = span.stop - span.start
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    idle_seconds = request.app[GATEWAY].rules.upload_timeout.total_seconds()
    try:
        async for piece in reader.chunks(span.start, span.stop):
            async with asyncio.timeout(idle_seconds):
                await response.write(piece)
        await response.write_eof()
    except BaseException as error:
        # The answer has begun and can't be taken back: a broken connection is how the client learns that bytes lack.
        if request.transport is not None:
            request.transport.abort()
        if isinstance(error, TimeoutError):
            raise ConnectionResetError("the client took no bytes for too long") from None
        raise
    return response
