"""An HTTP/1.1 client that costs little, so that it takes as little as possible of the machine that it measures on.

One connection, one request at a time, answers with a Content-Length only: what the servers measured here give. A status
other than the expected one is an error, so that a fast refusal never passes for a fast answer.
"""

import asyncio
from dataclasses import dataclass
from typing import Any


class WrongAnswer(Exception):
    """The server answered something that isn't what is measured."""


@dataclass(slots=True)
class Answer:
    """The head of an answer, and its body unless it was only to be counted."""

    status: int
    head: bytes
    body: bytes
    size: int


class Connection(asyncio.Protocol):
    """One connection to 127.0.0.1."""

    def __init__(self) -> None:
        self._transport: Any = None
        self._waiter: asyncio.Future[Answer] | None = None
        self._head = b""
        self._pieces: list[bytes] = []
        self._left = 0
        self._size = 0
        self._keeps = True
        self._answer_head = b""

    @classmethod
    async def opened(cls, port: int) -> "Connection":
        """A connection to that port."""
        _, connection = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return connection

    def connection_made(self, transport: Any) -> None:
        """Called by the event loop."""
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(WrongAnswer(f"the connection was lost ({exc})"))

    async def request(self, head: bytes, *body: bytes | memoryview, keeps: bool = True) -> Answer:
        """Send a request and wait for the whole answer; with `keeps` False its body is counted only."""
        self._waiter = asyncio.get_running_loop().create_future()
        self._head, self._pieces, self._answer_head, self._size, self._keeps = b"", [], b"", 0, keeps
        self._transport.write(head)
        for part in body:
            self._transport.write(part)
        return await self._waiter

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        if not self._answer_head:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            self._answer_head, data = self._head[:end], self._head[end + 4 :]
            self._left = _content_length(self._answer_head)
        if self._keeps and data:
            self._pieces.append(data)
        self._size += len(data)
        self._left -= len(data)
        if self._left <= 0 and self._waiter is not None and not self._waiter.done():
            status = int(self._answer_head[9:12])
            self._waiter.set_result(Answer(status, self._answer_head, b"".join(self._pieces), self._size))

    def close(self) -> None:
        """Hang up."""
        self._transport.close()


def _content_length(head: bytes) -> int:
    low = head.lower()
    start = low.find(b"\r\ncontent-length:")
    if start < 0:
        raise WrongAnswer(f"an answer without Content-Length: {head[:200]!r}")
    end = low.find(b"\r\n", start + 2)
    return int(low[start + 17 : end if end >= 0 else len(low)])


def request_head(method: str, target: str, headers: dict[str, str], size: int | None = None) -> bytes:
    """The head of a request, with what office clients send along."""
    lines = [
        f"{method} {target} HTTP/1.1",
        "Host: 127.0.0.1",
        "User-Agent: lectern-benchmark",
        "Accept: */*",
        "X-WOPI-CorrelationId: 8dd7e2a1-5f0c-4b0e-9c62-0a1f5e4d3c2b",
        "X-WOPI-SessionId: 3b1f0a1f-0000-4b0e-9c62-0a1f5e4d3c2b",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    if size is not None:
        lines.append(f"Content-Length: {size}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
