"""Proof keys: what a WOPI client signs, with which key, and for how long a signature counts.

The signature itself is checked where cryptography is at hand; here are the bytes, the times and the keys' two forms.
Spec: tokens and proof keys > Signed buffer, byte for byte; Keys from discovery; Verification.
"""

import base64
import binascii
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Final

MAX_AGE: Final = timedelta(minutes=20)
"""A proof is refused if its timestamp is older."""
MAX_AHEAD: Final = timedelta(minutes=20)
"""How far the client's clock may be ahead of ours."""

X_WOPI_PROOF: Final = "X-WOPI-Proof"
X_WOPI_PROOF_OLD: Final = "X-WOPI-ProofOld"
X_WOPI_TIMESTAMP: Final = "X-WOPI-TimeStamp"

_DOTNET_EPOCH: Final = datetime(1, 1, 1, tzinfo=UTC)
_TICKS_PER_MICROSECOND: Final = 10
_MICROSECOND: Final = timedelta(microseconds=1)
_LENGTH: Final = struct.Struct(">I")
_TIMESTAMP: Final = struct.Struct(">Iq")
_TIMESTAMP_BYTES: Final = 8

_BLOB_HEAD: Final = struct.Struct("<BBHI4sII")
_PUBLIC_KEY_BLOB: Final = 6
_BLOB_VERSION: Final = 2
_RSA_ALGORITHMS: Final = frozenset({0xA400, 0x2400})
_BASE64_MAX: Final = 4096
_MODULUS_BITS: Final = range(1024, 8193)
_EXPONENTS: Final = range(3, 2**32, 2)


@dataclass(frozen=True, slots=True)
class RsaKey:
    """A public key, as two numbers."""

    modulus: int
    exponent: int


@dataclass(frozen=True, slots=True)
class ProofKeys:
    """The keys that a client's discovery document names; `old` is the one before the last rotation, if it's named."""

    current: RsaKey
    old: RsaKey | None = None


class Combination(Enum):
    """A header and the key that its signature may be made with. The old signature by the old key is never accepted.

    Spec: tokens and proof keys > Accepted combinations.
    """

    NORMAL = (X_WOPI_PROOF, "current")
    CLIENT_HAS_ROTATED = (X_WOPI_PROOF_OLD, "current")
    """Our copy of discovery is stale."""
    CLIENT_WILL_ROTATE = (X_WOPI_PROOF, "old")
    """Our copy of discovery is newer than that machine of the client."""

    def key_of(self, keys: ProofKeys) -> RsaKey | None:
        """The key to check with; None if the discovery document doesn't name it."""
        return keys.current if self.value[1] == "current" else keys.old

    @property
    def header(self) -> str:
        """Name of the header that holds the signature."""
        return self.value[0]


def signed_bytes(token: str, url: str, ticks: int, *, as_written: bool = False) -> bytes:
    """What is signed: token, upper-case URL and timestamp, each after its length.

    Only ASCII letters are raised: others don't occur in a request target. `as_written` leaves the URL as it is, as old
    Collabora Online does. Spec: tokens and proof keys > Signed buffer, byte for byte.
    """
    token_bytes = token.encode("utf-8", "surrogateescape")
    url_bytes = url.encode("utf-8", "surrogateescape")
    if not as_written:
        url_bytes = url_bytes.upper()
    return b"".join(
        (
            _LENGTH.pack(len(token_bytes)),
            token_bytes,
            _LENGTH.pack(len(url_bytes)),
            url_bytes,
            _TIMESTAMP.pack(_TIMESTAMP_BYTES, ticks),
        )
    )


def ticks_of(moment: datetime) -> int:
    """.NET ticks: units of 100 ns since the year 1, in UTC."""
    return (moment - _DOTNET_EPOCH) // _MICROSECOND * _TICKS_PER_MICROSECOND


def moment_of(ticks: int) -> datetime | None:
    """The moment that .NET ticks stand for, in whole microseconds; None if there is no such moment."""
    try:
        return _DOTNET_EPOCH + timedelta(microseconds=ticks // _TICKS_PER_MICROSECOND)
    except OverflowError:
        return None


def timestamp_ticks(text: str | None) -> int | None:
    """The ticks in X-WOPI-TimeStamp; None if it isn't a number that fits."""
    if not text or not text.isascii() or not text.isdecimal() or len(text) > len(str(2**63)):
        return None
    ticks = int(text)
    return ticks if ticks < 2**63 else None


def timestamp_fault(ticks: int, now: datetime) -> str | None:
    """Why a proof of that time doesn't count at `now`, as a sentence; None if it does. Spec: Verification > Time."""
    moment = moment_of(ticks)
    if moment is None:
        return "the proof's timestamp is no moment in time"
    if now - moment > MAX_AGE:
        return f"the proof is older than {MAX_AGE // timedelta(minutes=1)} minutes"
    if moment - now > MAX_AHEAD:
        return "the proof's timestamp lies in the future"
    return None


def decoded_base64(text: str | None) -> bytes | None:
    """The bytes in `text`; None if it's missing, too long or not base64."""
    if not text or len(text) > _BASE64_MAX:
        return None
    try:
        return base64.b64decode(text.strip(), validate=True) or None
    except (binascii.Error, ValueError):
        return None


def key_of_numbers(modulus: str | None, exponent: str | None) -> RsaKey | None:
    """The key from discovery's modulus and exponent: base64 of big-endian integers. None if there is none in them."""
    modulus_bytes, exponent_bytes = decoded_base64(modulus), decoded_base64(exponent)
    if modulus_bytes is None or exponent_bytes is None:
        return None
    return _usable(RsaKey(int.from_bytes(modulus_bytes, "big"), int.from_bytes(exponent_bytes, "big")))


def key_of_blob(value: str | None) -> RsaKey | None:
    """The key from discovery's value: base64 of a PUBLICKEYBLOB, which is little-endian. None if there is none in it."""
    blob = decoded_base64(value)
    if blob is None or len(blob) < _BLOB_HEAD.size:
        return None
    kind, version, _, algorithm, magic, bits, exponent = _BLOB_HEAD.unpack_from(blob)
    modulus = blob[_BLOB_HEAD.size :]
    is_rsa = (kind, version, magic) == (_PUBLIC_KEY_BLOB, _BLOB_VERSION, b"RSA1") and algorithm in _RSA_ALGORITHMS
    if not is_rsa or bits != len(modulus) * 8:
        return None
    return _usable(RsaKey(int.from_bytes(modulus, "little"), exponent))


def _usable(key: RsaKey) -> RsaKey | None:
    """The key, if signatures can be checked with it and mean anything."""
    is_usable = key.modulus.bit_length() in _MODULUS_BITS and key.modulus % 2 and key.exponent in _EXPONENTS
    return key if is_usable else None
