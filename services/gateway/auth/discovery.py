"""Discovery documents of the WOPI clients: fetched, checked, kept for half a day, and read again when keys rotate.

The document comes from another server and is taken as such: limited in size and time, without entities or other files.
What was read well last stays in use for as long as a newer one can't be had.
Spec: discovery and host page > Discovery (cache); tokens and proof keys > Key rotation.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final, Self
from xml.etree.ElementTree import ParseError

import aiohttp
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from shared.core.discovery import Discovery, DiscoveryInvalid, discovery_of
from shared.core.tokens import Dialect
from shared.service.logging import get_logger

MAX_AGE: Final = timedelta(hours=12)
"""After this time the document is read again."""
PAUSE: Final = timedelta(minutes=2)
"""Least time between two reads while a good document is there, so that forged proofs can't make us hammer a client."""
RETRY_PAUSE: Final = timedelta(seconds=10)
"""Least time between two reads while there is none."""
SIZE_MAX: Final = 4 * 1024**2
"""Largest document that is read, in bytes."""
TIMEOUT: Final = timedelta(seconds=10)
"""Longest time that reading a document may take."""

_PIECE: Final = 64 * 1024
# A compressed document could be a bomb, and is small enough as it is.
_HEADERS: Final = {"Accept": "application/xml, text/xml", "Accept-Encoding": "identity"}

log = get_logger()


class Discoveries:
    """The discovery documents by dialect. Use as an async context manager, or call `start` and `close`."""

    def __init__(
        self,
        urls: Mapping[str, str],
        zone: str | None,
        now: Callable[[], datetime],
        timeout: timedelta = TIMEOUT,
    ) -> None:
        """`urls` go by dialect in lower case; under "" the one for all dialects that have none of their own."""
        self._sources = {dialect: _Source(url, zone, now, timeout) for dialect, url in urls.items()}

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Begin to read all documents; doesn't wait for them."""
        for source in self._sources.values():
            source.refresh_soon()

    async def close(self) -> None:
        """Stop reading."""
        for source in self._sources.values():
            await source.close()

    async def of(self, dialect: Dialect) -> Discovery | None:
        """The document of that kind of client; None if none is configured, or none could be read so far."""
        source = self._source(dialect)
        return await source.current() if source is not None else None

    async def refresh(self, dialect: Dialect) -> Discovery | None:
        """Read the document again, unless that was done a moment ago; the one to use from now on."""
        source = self._source(dialect)
        return await source.refresh() if source is not None else None

    def refresh_soon(self, dialect: Dialect) -> None:
        """As `refresh`, without waiting for it."""
        source = self._source(dialect)
        if source is not None:
            source.refresh_soon()

    def _source(self, dialect: Dialect) -> "_Source | None":
        return self._sources.get(dialect.name.lower()) or self._sources.get("")


class _Source:
    """One address, and what was read from it."""

    def __init__(self, url: str, zone: str | None, now: Callable[[], datetime], timeout: timedelta) -> None:
        self._url = url
        self._zone = zone
        self._now = now
        self._timeout = timeout
        self._last_good: Discovery | None = None
        self._read_at: datetime | None = None
        self._tried_at: datetime | None = None
        self._one_at_a_time = asyncio.Lock()
        self._task: asyncio.Task[Discovery | None] | None = None

    async def current(self) -> Discovery | None:
        if self._last_good is None:
            return await self.refresh()
        if self._read_at is not None and self._now() - self._read_at >= MAX_AGE:
            self.refresh_soon()
        return self._last_good

    def refresh_soon(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self.refresh())

    async def refresh(self) -> Discovery | None:
        async with self._one_at_a_time:
            now = self._now()
            pause = PAUSE if self._last_good is not None else RETRY_PAUSE
            if self._tried_at is not None and now - self._tried_at < pause:
                return self._last_good
            self._tried_at = now
            try:
                discovery = await self._read()
            except (DiscoveryInvalid, aiohttp.ClientError, TimeoutError, OSError) as error:
                reason = str(error) or type(error).__name__
                log.warning("discovery_not_read", url=self._url, reason=reason, kept=self._last_good is not None)
                return self._last_good
            if discovery.proof_keys is None:
                log.warning("discovery_without_proof_key", url=self._url)
            self._last_good, self._read_at = discovery, now
            return discovery

    async def close(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _read(self) -> Discovery:
        async with asyncio.timeout(self._timeout.total_seconds()):
            document = await self._download()
            return await asyncio.to_thread(_parsed, document, self._zone)

    async def _download(self) -> bytes:
        document = bytearray()
        # Read twice a day at most: a connection of its own is dearer than none, and leaves nothing open in between.
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.get(self._url, headers=_HEADERS, raise_for_status=True) as response,
        ):
            async for piece in response.content.iter_chunked(_PIECE):
                document += piece
                if len(document) > SIZE_MAX:
                    raise DiscoveryInvalid(f"the document is larger than {SIZE_MAX} bytes")
        return bytes(document)


def _parsed(document: bytes, zone: str | None) -> Discovery:
    try:
        root = fromstring(document, forbid_dtd=True)
    except DefusedXmlException as error:
        raise DiscoveryInvalid("the document declares a DTD, entities or other files") from error
    except (ParseError, ValueError, LookupError) as error:
        raise DiscoveryInvalid(f"the document is not XML: {error}") from error
    return discovery_of(root, zone)
