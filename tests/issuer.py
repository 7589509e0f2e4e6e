"""A small OpenID Connect issuer on loopback: it publishes its document and keys, and signs what a test wants signed."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Self

import jwt
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

AUDIENCE = "lectern"


class Issuer:
    """The issuer at `url`. Its present key is `key_id`; `published` are all that it tells of."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self.url = ""
        self.reads = 0
        self.published: list[dict[str, Any]] = []
        self.document_more: dict[str, Any] = {}
        self.is_broken = False
        self.stop: Callable[[], Awaitable[None]]
        self.rotate()

    @classmethod
    @asynccontextmanager
    async def running(cls, now: Callable[[], datetime]) -> AsyncIterator[Self]:
        """One that answers on a free port of loopback."""
        issuer = cls(now)
        app = web.Application()
        app.router.add_get("/realm/.well-known/openid-configuration", issuer._document)
        app.router.add_get("/realm/keys", issuer._keys)
        async with TestServer(app, host="127.0.0.1") as server:
            issuer.url = str(server.make_url("/realm"))
            issuer.stop = server.close  # from here on nobody answers
            yield issuer

    def rotate(self) -> None:
        """Sign with a new key from now on; the former one is told of no longer."""
        self.key_id = uuid.uuid4().hex
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.published = [self._public(self.key, "ES256", self.key_id)]

    def add_rsa_key(self, key_id: str) -> rsa.RSAPrivateKey:
        """Tell of an RSA key besides."""
        key = rsa.generate_private_key(65537, 2048)
        self.published.append(self._public(key, "RS256", key_id))
        return key

    def claims(self, **changed: Any) -> dict[str, Any]:
        """What a good token of Ada's says, with changes; a claim that is changed to None is left out."""
        good = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "4711-ada",
            "exp": int((self.now() + timedelta(minutes=5)).timestamp()),
            "preferred_username": "ada@example.com",
            "name": "Ada Lovelace",
        }
        return {name: value for name, value in (good | changed).items() if value is not None}

    def token(self, **changed: Any) -> str:
        """A token, signed with the present key."""
        return self.signed(self.claims(**changed))

    def signed(self, claims: dict[str, Any], **headers: Any) -> str:
        """Those claims, signed with the present key, under those headers."""
        return jwt.encode(claims, self.key, "ES256", headers={"kid": self.key_id} | headers)

    def public_pem(self) -> bytes:
        """The present public key as text: what a confused verifier would take for a shared secret."""
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    @staticmethod
    def _public(key: Any, algorithm: str, key_id: str) -> dict[str, Any]:
        handler = jwt.get_algorithm_by_name(algorithm)
        return {**handler.to_jwk(key.public_key(), as_dict=True), "kid": key_id, "use": "sig", "alg": algorithm}

    async def _document(self, request: web.Request) -> web.Response:
        self.reads += 1
        if self.is_broken:
            return web.Response(status=503)
        document = {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/keys",
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
        }
        return web.json_response(document | self.document_more)

    async def _keys(self, request: web.Request) -> web.Response:
        return web.json_response({"keys": self.published})
