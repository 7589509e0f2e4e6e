"""One attempt to deliver one event: a signed POST to an address that may be called.

Where a name leads is looked up for each connection, and the addresses that come out are those that are connected to, so
that a name can't lead to one address when it's checked and to another when it's used. Redirects are not followed, what
the receiver answers is not read, proxies of the environment are not asked.
Spec: CloudEvents 1.0 > HTTP protocol binding (structured mode); Standard Webhooks 1.0.
"""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Final, Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from shared.core.webhooks import Networks, Webhook, may_be_called, signatures

CONTENT_TYPE: Final = "application/cloudevents+json; charset=utf-8"
_GONE: Final = 410
_LOOKUPS: Final = 16
"""Names that are looked up at once: a name server that doesn't answer holds up no more than these."""
_REDIRECTS: Final = range(300, 400)
_REFUSED: Final = "the address isn't public, and LECTERN_WEBHOOK_NETWORKS doesn't name it"


@dataclass(frozen=True, slots=True)
class Attempt:
    """How an attempt ended."""

    failure: str = ""
    """What went wrong; empty if the receiver took the event."""
    status: int | None = None
    retry_after: timedelta | None = None
    """The pause that the receiver asked for."""

    @property
    def is_gone(self) -> bool:
        """Whether the receiver wants no more events at all."""
        return self.status == _GONE


class _GuardedResolver(AbstractResolver):
    """Looks up names, in threads of its own, and gives only addresses that may be called."""

    def __init__(self, allowed: Networks) -> None:
        self._allowed = allowed
        self._threads = ThreadPoolExecutor(_LOOKUPS, thread_name_prefix="lectern-webhooks")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a host. Raises OSError if it has none that may be called."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        )
        results = [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST,
            )
            for kind, _, protocol, _, address in found
            if may_be_called(ip_address(str(address[0]).partition("%")[0]), self._allowed)
        ]
        if not results:
            raise OSError(None, _REFUSED)
        return results

    async def close(self) -> None:
        """Let go of the threads; a look-up under way ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class Caller:
    """Delivers events. Use as an async context manager."""

    def __init__(self, allowed: Networks, timeout: timedelta) -> None:
        """`allowed` are networks that may be called though they aren't public."""
        self._allowed = allowed
        self._resolver = _GuardedResolver(allowed)
        self._timeout = timeout.total_seconds()
        self._opened: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        # How many connections there are is bounded by those who call: nobody waits here for another's.
        connector = aiohttp.TCPConnector(limit=0, resolver=self._resolver, use_dns_cache=False)
        self._opened = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=self._timeout),
            headers={"User-Agent": "Lectern-Webhooks/1", "Accept-Encoding": "identity"},
            auto_decompress=False,
            trust_env=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._opened is not None:
            await self._opened.close()
        await self._resolver.close()

    async def call(self, hook: Webhook, event_id: str, body: bytes, now: datetime) -> Attempt:
        """Deliver the event, whose CloudEvent is `body`; says how it went, whatever happens."""
        if self._opened is None:
            raise RuntimeError("not entered yet")
        url = URL(hook.url, encoded=True)
        if not self._may_be_tried(url.host):
            return Attempt(_REFUSED)
        headers = {
            "Content-Type": CONTENT_TYPE,
            "webhook-id": event_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signatures(hook, event_id, now, body),
        }
        try:
            async with self._opened.post(url, data=body, headers=headers, allow_redirects=False) as response:
                return _judged(response)
        except TimeoutError:
            return Attempt("the receiver didn't answer in time")
        except aiohttp.ClientConnectorDNSError as error:
            refused = _REFUSED in str(error.os_error)
            return Attempt(_REFUSED if refused else "the name of the receiver's host leads nowhere")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Attempt(f"the receiver can't be reached ({type(error).__name__})")

    def _may_be_tried(self, host: str | None) -> bool:
        """False for a literal address that may not be called, or is oddly spelled: those aren't looked up."""
        host = host or ""
        try:
            address = ip_address(host)
        except ValueError:
            return ":" not in host and not host.replace(".", "").isdigit()
        return may_be_called(address, self._allowed)


def _judged(response: aiohttp.ClientResponse) -> Attempt:
    status = response.status
    if 200 <= status < 300:  # noqa: PLR2004 - success, in HTTP
        return Attempt(status=status)
    what = "a redirect, which isn't followed" if status in _REDIRECTS else f"status {status}"
    return Attempt(f"the receiver answered with {what}", status, _pause_asked_for(response))


def _pause_asked_for(response: aiohttp.ClientResponse) -> timedelta | None:
    """Retry-After, if it's a number of seconds."""
    text = response.headers.get("Retry-After", "")
    return timedelta(seconds=int(text)) if text.isascii() and text.isdigit() and len(text) < 7 else None  # noqa: PLR2004
