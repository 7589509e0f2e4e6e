"""Proof keys at the border: whether a request really comes from the WOPI client that it claims to come from.

The URL that was signed is put together from the configured public address, or the one that a trusted proxy tells, and
the raw request target: what the request says of its own host and scheme, and what decoding and encoding anew would make
of its path, are both worth nothing here.
Spec: tokens and proof keys > Verification.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256

from services.gateway.auth.forwarding import forwarded_base
from services.gateway.context import Gateway
from shared.core.errors import LecternError
from shared.core.proof import (
    X_WOPI_PROOF,
    X_WOPI_PROOF_OLD,
    X_WOPI_TIMESTAMP,
    Combination,
    ProofKeys,
    RsaKey,
    decoded_base64,
    signed_bytes,
    timestamp_fault,
    timestamp_ticks,
)
from shared.core.tokens import Claims, Dialect
from shared.core.urls import Addresses

_SIGNATURE_HEADERS: Final = (X_WOPI_PROOF, X_WOPI_PROOF_OLD)


class ProofFailed(LecternError):
    """The request's proof is missing, malformed, too old, or made with another key. Nothing has been done for it.

    Spec: tokens and proof keys > Failure.
    """

    status = 500


@dataclass(frozen=True, slots=True)
class SentProof:
    """What a request presents."""

    signatures: dict[str, bytes]
    """By header; one that is absent or no base64 is left out."""
    signed: tuple[bytes, ...]
    """What may have been signed, the likeliest first: clients differ in how they write token and URL."""


async def check_proof(request: web.Request, gateway: Gateway, claims: Claims, token: str) -> None:
    """Return if the request may be served as far as proof keys go. `token` is the access token as it was sent.

    Without a proof key in the client's discovery document no proof can be demanded.

    Raises ProofFailed.
    """
    mode = gateway.rules.proof_mode
    if mode == "off":
        return
    is_sent = any(request.headers.get(name) for name in _SIGNATURE_HEADERS)
    if mode == "if-sent" and not is_sent:
        return
    discovery = await gateway.discoveries.of(claims.dialect)
    if discovery is None:
        raise ProofFailed("the proof keys of this client are not known at the moment")
    if discovery.proof_keys is None:
        if is_sent:
            gateway.discoveries.refresh_soon(claims.dialect)
        return
    sent = _sent_proof(request, gateway, claims.dialect, token)
    combination = accepted(discovery.proof_keys, sent)
    if combination is None:
        combination = await _accepted_by_newer_keys(gateway, claims.dialect, discovery.proof_keys, sent)
    if combination is not Combination.NORMAL:
        gateway.discoveries.refresh_soon(claims.dialect)


async def _accepted_by_newer_keys(gateway: Gateway, dialect: Dialect, keys: ProofKeys, sent: SentProof) -> Combination:
    """Look whether the keys have been rotated since discovery was read. Raises ProofFailed."""
    discovery = await gateway.discoveries.refresh(dialect)
    if discovery is not None and discovery.proof_keys is not None and discovery.proof_keys != keys:
        combination = accepted(discovery.proof_keys, sent)
        if combination is not None:
            return combination
    raise ProofFailed("the proof was not made with a key of this client")


def accepted(keys: ProofKeys, sent: SentProof) -> Combination | None:
    """The combination of header and key that proves the request; None if there is none.

    Spec: tokens and proof keys > Accepted combinations.
    """
    for signed in sent.signed:
        for combination in Combination:
            key, signature = combination.key_of(keys), sent.signatures.get(combination.header)
            if key is not None and signature is not None and _verifies(key, signature, signed):
                return combination
    return None


def _sent_proof(request: web.Request, gateway: Gateway, dialect: Dialect, token: str) -> SentProof:
    ticks = timestamp_ticks(request.headers.get(X_WOPI_TIMESTAMP))
    if ticks is None:
        raise ProofFailed(f"{X_WOPI_TIMESTAMP} is missing or not a number")
    fault = timestamp_fault(ticks, gateway.now())
    if fault is not None:
        raise ProofFailed(fault)
    signatures = {name: decoded_base64(request.headers.get(name)) for name in _SIGNATURE_HEADERS}
    present = {name: signature for name, signature in signatures.items() if signature is not None}
    if not present:
        raise ProofFailed(f"{X_WOPI_PROOF} is missing or not base64")
    forwarded = forwarded_base(request, gateway.rules.trusted_proxies)
    urls = tuple(dict.fromkeys(_urls(gateway.addresses, forwarded, request.raw_path)))
    return SentProof(present, tuple(_signed(urls, dialect, token, ticks)))


def _signed(urls: Sequence[str], dialect: Dialect, token: str, ticks: int) -> Iterator[bytes]:
    """All that the client may have signed if it asked for one of `urls`, each once, the likeliest first."""
    tokens = dict.fromkeys((token, unquote(token)))
    for url in urls:
        for one in tokens:
            yield signed_bytes(one, url, ticks)
    if dialect is Dialect.COLLABORA:
        for url in urls:
            for one in tokens:
                yield signed_bytes(one, url, ticks, as_written=True)


def _urls(addresses: Addresses, forwarded: str | None, target: str) -> Iterator[str]:
    """The public URLs that a request target may stand for: a proxy may have taken the public path away, or left it."""
    if not target.startswith("/"):  # a proxy may send the whole URL as the target
        target = "/" + "/".join(target.split("/")[3:])
    yield addresses.public_url + target
    if addresses.path and target.startswith(addresses.path + "/"):
        yield addresses.origin + target
    if forwarded is not None:
        yield forwarded + target


def _verifies(key: RsaKey, signature: bytes, signed: bytes) -> bool:
    try:
        _public_key(key).verify(signature, signed, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=64)
def _public_key(key: RsaKey) -> RSAPublicKey:
    return RSAPublicNumbers(key.exponent, key.modulus).public_key()
