"""Access tokens: what they say, and how they are signed.

A token is bound to one user and one resource and expires by itself; what its user may do is looked up at each request.
It is the hex form of version, claims and a truncated HMAC-SHA256, so that it consists of letters and digits alone: no
client, proxy or proof computation can then encode it in two ways. Spec: tokens and proof keys > Access tokens.
"""

import hashlib
import hmac
import re
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Final

TOKEN_MAX: Final = 800
"""Longest token that is looked at, in characters."""
_VERSION: Final = 1
_MAC_BYTES: Final = 20
_HEAD: Final = struct.Struct(">BBBBqB")
_HEX: Final = re.compile(r"(?:[0-9a-f]{2})+")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


class Resource(IntEnum):
    """The kind of resource that a token is for."""

    FILE = 1
    CONTAINER = 2
    ECOSYSTEM = 3
    """Has no id: the token's `resource_id` is empty."""
    DOWNLOAD = 4
    """The newest content of one file, by FileUrl or DownloadUrl, and nothing else."""


class Dialect(IntEnum):
    """The kind of client that a token is for: CheckFileInfo speaks to each in its own way."""

    OFFICE = 1
    COLLABORA = 2
    ONLYOFFICE = 3


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says."""

    resource: Resource
    resource_id: str
    user_id: str
    expires_at: datetime
    """Whole milliseconds."""
    dialect: Dialect = Dialect.OFFICE
    may_write: bool = True
    """False for a token that only ever reads, whatever its user may do."""
    supports_locks: bool = True
    """False for a client that is told SupportsLocks false and saves without a lock."""

    @property
    def expires_at_ms(self) -> int:
        """access_token_ttl: the moment of expiry in milliseconds since 1970-01-01 UTC."""
        return (self.expires_at - _EPOCH) // _MILLISECOND


def expiry(now: datetime, lifetime: timedelta) -> datetime:
    """`lifetime` from `now`, in whole milliseconds."""
    return _EPOCH + (now + lifetime - _EPOCH) // _MILLISECOND * _MILLISECOND


def traded(claims: Claims, resource: Resource, resource_id: str) -> Claims:
    """Claims of a token that is minted for the bearer of `claims`: another resource, the same user, moment and limits.

    Spec: tokens and proof keys > Token trading.
    """
    # Spelled out, for a listing trades once for each child: `replace` takes four times as long.
    return Claims(
        resource,
        resource_id,
        claims.user_id,
        claims.expires_at,
        claims.dialect,
        claims.may_write,
        claims.supports_locks,
    )


class TokenSigner:
    """Signs claims and reads them back. Tokens that a former secret signed stay valid until they expire."""

    def __init__(self, secret: bytes, former_secrets: tuple[bytes, ...] = ()) -> None:
        self._keys = tuple(
            hashlib.sha256(b"lectern access token\0" + one).digest() for one in (secret, *former_secrets)
        )
        self._known: dict[str, Claims] = {}

    def sign(self, claims: Claims) -> str:
        """The token: lower-case hex."""
        flags = claims.may_write | claims.supports_locks << 1
        resource_id = claims.resource_id.encode()
        head = _HEAD.pack(_VERSION, claims.resource, claims.dialect, flags, claims.expires_at_ms, len(resource_id))
        body = head + resource_id + claims.user_id.encode()
        return (body + self._mac(self._keys[0], body)).hex()

    def read(self, token: str, now: datetime) -> Claims | None:
        """The claims; None if nobody here signed the token or it has expired."""
        claims = self._known.get(token)
        if claims is None:
            claims = self._verified(token)
            if claims is None:
                return None
            if len(self._known) >= _KNOWN_MAX:
                self._known.clear()
            self._known[token] = claims
        return claims if now < claims.expires_at else None

    def _verified(self, token: str) -> Claims | None:
        if len(token) > TOKEN_MAX or not _HEX.fullmatch(token):
            return None
        raw = bytes.fromhex(token)
        body, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        if len(body) < _HEAD.size or not any(hmac.compare_digest(self._mac(key, body), mac) for key in self._keys):
            return None
        version, resource, dialect, flags, expires_at_ms, id_length = _HEAD.unpack_from(body)
        if version != _VERSION:
            return None
        id_end = _HEAD.size + id_length
        return Claims(
            resource=Resource(resource),
            resource_id=body[_HEAD.size : id_end].decode(),
            user_id=body[id_end:].decode(),
            expires_at=_EPOCH + expires_at_ms * _MILLISECOND,
            dialect=Dialect(dialect),
            may_write=bool(flags & 1),
            supports_locks=bool(flags & 2),
        )

    @staticmethod
    def _mac(key: bytes, body: bytes) -> bytes:
        return hmac.digest(key, body, "sha256")[:_MAC_BYTES]


_KNOWN_MAX: Final = 10_000
"""Tokens whose signature has been checked and is remembered."""
