"""A small receiver of webhooks on this machine, which does as a test says and remembers what it was sent."""

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from services.listening import bound_socket, url_of

Answering = Callable[["Received"], Awaitable[web.Response | int] | web.Response | int]


@dataclass(frozen=True)
class Received:
    """One request."""

    headers: Any
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        """The CloudEvent."""
        event: dict[str, Any] = orjson.loads(self.body)
        return event

    @property
    def place(self) -> tuple[str, int]:
        """Which event of which resource."""
        return self.event["subject"], self.event["data"]["sequence"]

    def is_signed_with(self, secret: str) -> bool:
        """Whether one of the signatures is made with that secret."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        content = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.body
        expected = "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        return expected in self.headers["webhook-signature"].split(" ")


@dataclass
class Receiver:
    """Takes events at `url`, and answers as `answering` says."""

    url: str
    answering: Answering = lambda _: 204
    received: list[Received] = field(default_factory=list)
    taken: list[Received] = field(default_factory=list)
    """Those that were answered with success."""

    async def handle(self, request: web.Request) -> web.Response:
        """Any request."""
        received = Received(request.headers, await request.read())
        self.received.append(received)
        answer = self.answering(received)
        if isinstance(answer, Awaitable):
            answer = await answer
        response = web.Response(status=answer) if isinstance(answer, int) else answer
        if response.status < 300:
            self.taken.append(received)
        return response


@asynccontextmanager
async def running_receiver(answering: Answering = lambda _: 204) -> AsyncIterator[Receiver]:
    """A receiver on a free port of this machine."""
    with bound_socket("127.0.0.1", 0) as listener:
        receiver = Receiver(f"{url_of(listener)}/hook", answering)
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", receiver.handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.SockSite(runner, listener).start()
            yield receiver
        finally:
            await runner.cleanup()
