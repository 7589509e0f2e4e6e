"""Serving: a socket, the application behind it, and an end that finishes the requests in hand.

The socket is bound before anything is put together, because the host's own address is part of what it says (with port 0
it's known only then); it begins to listen when everything is ready to answer.
"""

import asyncio
import resource
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from services.gateway.server_log import server_logger
from shared.core.errors import LecternError

SHUTDOWN_SECONDS: Final = 25
"""How long requests in hand may take to finish once the host has been told to stop; container engines kill after 30."""
_LAST_SECONDS: Final = 2
"""How long the last answers may take to be sent after that."""
LINE_MAX_BYTES: Final = 64 * 1024
"""Longest request line: room for a long path of names in any script, percent-encoded in a query."""
_BACKLOG: Final = 1024
_KEEPALIVE_SECONDS: Final = 75
_ANY_ADDRESS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - looked for, not listened on


class AddressUnusable(LecternError):
    """The host can't listen where it's told to."""


def bound_socket(host: str, port: int) -> socket.socket:
    """A TCP socket that has the address but doesn't listen yet; port 0 takes any free one. Raises AddressUnusable."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise AddressUnusable(f"LECTERN_HOST {host} is no address of this machine: {error.strerror}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise AddressUnusable(
            f"can't listen on {host}, port {port}: {error.strerror}; another port is taken with --port or LECTERN_PORT"
        ) from error
    return listener


def url_of(listener: socket.socket) -> str:
    """The base URL at which this machine reaches the socket."""
    host, port = listener.getsockname()[:2]
    host = _ANY_ADDRESS.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def allow_many_connections() -> None:
    """Let this process have as many open connections and files as the system lets it ask for.

    What processes are given unasked is often 1024: as many idle connections, and no save would find a file to go to.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # where the system says more than it gives, what there is has to do
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class _InHand:
    """Counts the requests that are being answered.

    aiohttp's own way to stop doesn't read on what a request in hand still sends, so that every upload under way would
    break off: all requests have to be answered before it is told to stop.
    """

    def __init__(self) -> None:
        self._count = 0
        self._is_stopping = False
        self._none = asyncio.Event()
        self._none.set()

    @web.middleware
    async def counted(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The outermost middleware."""
        self._count += 1
        self._none.clear()
        try:
            response = await handler(request)
            if self._is_stopping and not response.prepared:
                response.force_close()
            return response
        finally:
            self._count -= 1
            if not self._count:
                self._none.set()

    async def finished(self, patience_seconds: float) -> None:
        """Returns when no request is in hand any more, or after that time."""
        self._is_stopping = True
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_seconds):
                await self._none.wait()


@asynccontextmanager
async def served(app: web.Application, listener: socket.socket) -> AsyncIterator[None]:
    """Answer requests until the end; then take no new ones, and give those in hand SHUTDOWN_SECONDS to finish."""
    in_hand = _InHand()
    app.middlewares.insert(0, in_hand.counted)
    runner = web.AppRunner(
        app,
        access_log=None,
        logger=server_logger(),
        keepalive_timeout=_KEEPALIVE_SECONDS,
        max_line_size=LINE_MAX_BYTES,
        shutdown_timeout=_LAST_SECONDS,
    )
    await runner.setup()
    try:
        site = web.SockSite(runner, listener, backlog=_BACKLOG)
        await site.start()
        yield
        await site.stop()
        await app.shutdown()  # whoever follows a stream is told to come back later
        await in_hand.finished(SHUTDOWN_SECONDS)
    finally:
        await runner.cleanup()


async def told_to_stop() -> None:
    """Returns at the first SIGTERM or SIGINT. The next one ends the process at once."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    signals = (signal.SIGTERM, signal.SIGINT)
    for one in signals:
        loop.add_signal_handler(one, stop.set)
    try:
        await stop.wait()
    finally:
        for one in signals:
            loop.remove_signal_handler(one)
