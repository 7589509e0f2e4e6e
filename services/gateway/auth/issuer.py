"""What an OpenID Connect issuer says of itself: its endpoints, and the keys that its tokens are signed with.

Both are read when they are first needed, kept for an hour, and read again sooner when a token names a key that isn't
known: issuers rotate their keys without notice. Strangers can make up key ids, so that there is a pause between two
reads. While the issuer is away, what was read last stays good for a day.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

import aiohttp
import jwt
import msgspec
import orjson

from shared.core.errors import Unavailable

FRESH_FOR: Final = timedelta(hours=1)
"""How long what the issuer said isn't asked for again."""
STALE_FOR: Final = timedelta(days=1)
"""How long what the issuer said counts while it doesn't answer."""
REREAD_PAUSE: Final = timedelta(seconds=5)
"""Least time between two reads."""
READ_TIMEOUT_SECONDS: Final = 5
DOCUMENT_MAX_BYTES: Final = 1024 * 1024
ALGORITHMS: Final = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "EC": ("ES256", "ES384", "ES512"),
    "OKP": ("EdDSA",),
}
"""Signatures that are accepted, by key type. Asymmetric ones alone: a public key must never work as a shared secret."""

DocumentT = TypeVar("DocumentT")


@dataclass(frozen=True, slots=True)
class IssuerDocument:
    """The part that is needed of /.well-known/openid-configuration; an endpoint that isn't there is ""."""

    issuer: str
    jwks_uri: str
    authorization_endpoint: str = ""
    token_endpoint: str = ""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A public key, for one of the algorithms that it can be used with."""

    key_id: str | None
    algorithm: str
    key: jwt.PyJWK


@dataclass(frozen=True, slots=True)
class Known:
    """What the issuer said at `read_at`."""

    document: IssuerDocument
    keys: tuple[SigningKey, ...]
    read_at: datetime


@dataclass(frozen=True, slots=True)
class _KeySet:
    keys: list[dict[str, Any]]


class Issuer:
    """Reads and keeps what the issuer says. `url` is its name, letter by letter as in its tokens."""

    def __init__(self, url: str, now: Callable[[], datetime]) -> None:
        self.url = url
        self._now = now
        self._session: aiohttp.ClientSession | None = None
        self._turn = asyncio.Lock()
        self._known: Known | None = None
        self._tried_at: datetime | None = None
        self._fault = ""

    async def close(self) -> None:
        """Let go of connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def known(self) -> Known:
        """What the issuer says, an hour old at most unless it is away. Raises Unavailable."""
        known = self._known
        if known is not None and self._now() - known.read_at < FRESH_FOR:
            return known
        try:
            return await self.newer_than(known)
        except Unavailable:
            if known is not None and self._now() - known.read_at < STALE_FOR:
                return known
            raise

    async def newer_than(self, known: Known | None) -> Known:
        """What the issuer says now; `known` itself if that was read a moment ago. Raises Unavailable."""
        async with self._turn:
            if self._known is not None and self._known is not known:  # another request has read it meanwhile
                return self._known
            if self._tried_at is not None and self._now() - self._tried_at < REREAD_PAUSE:
                if known is None or self._fault:
                    raise Unavailable(self._fault or "the identity provider's answer is awaited")
                return known
            self._tried_at = self._now()
            try:
                self._known = await self._read()
            except Unavailable as fault:
                self._fault = str(fault)
                raise
            self._fault = ""
            return self._known

    async def _read(self) -> Known:
        read_at = self._now()
        address = self.url.rstrip("/") + "/.well-known/openid-configuration"
        document = await self._fetched(address, IssuerDocument)
        if document.issuer != self.url:
            raise Unavailable(f"the identity provider calls itself {document.issuer!r}, not {self.url!r}")
        key_set = await self._fetched(document.jwks_uri, _KeySet)
        keys = tuple(key for jwk in key_set.keys for key in _signing_keys(jwk))
        return Known(document, keys, read_at)

    async def _fetched(self, url: str, expected: type[DocumentT]) -> DocumentT:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=READ_TIMEOUT_SECONDS))
        try:
            async with self._session.get(url, headers={"Accept": "application/json"}) as response:
                if response.status != 200:  # noqa: PLR2004 - the one status that brings a document
                    raise Unavailable(f"the identity provider answers {response.status} at {url}")
                raw = b""
                async for chunk in response.content.iter_any():
                    raw += chunk
                    if len(raw) > DOCUMENT_MAX_BYTES:
                        raise Unavailable(f"the identity provider's answer at {url} is too long")
            return msgspec.convert(orjson.loads(raw), expected)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable(f"the identity provider doesn't answer at {url}: {type(error).__name__}") from error
        except (ValueError, msgspec.ValidationError) as error:
            raise Unavailable(f"the identity provider's answer at {url} can't be understood") from error


def _signing_keys(jwk: dict[str, Any]) -> Iterator[SigningKey]:
    """The key once for each algorithm that it can verify; a key for encryption or of an unknown kind gives none."""
    if jwk.get("use", "sig") != "sig":
        return
    stated = jwk.get("alg")
    for algorithm in ALGORITHMS.get(str(jwk.get("kty")), ()):
        if stated is None or stated == algorithm:
            try:
                key = jwt.PyJWK(jwk, algorithm)
            except jwt.PyJWTError:
                continue  # a curve that doesn't belong to this algorithm, or a broken key
            yield SigningKey(jwk.get("kid"), algorithm, key)
