"""The part of a WOPI client that a host sees without being asked: it publishes discovery, and signs its requests."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache

from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

from shared.core.proof import signed_bytes

GARBAGE = base64.b64encode(b"INVALID").decode()
"""What the protocol's validator sends for a signature that is none."""


@cache
def private_key(name: str) -> RSAPrivateKey:
    """A key of this run of the tests."""
    return generate_private_key(65537, 2048)


def _base64(number: int) -> str:
    return base64.b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).decode()


def discovery_document(
    urlsrc: str = "https://client.example/edit?", *, current: str | None = None, old: str | None = None
) -> bytes:
    """A document that offers one action, with the named keys."""
    attributes = {}
    for prefix, name in (("", current), ("old", old)):
        if name is not None:
            numbers = private_key(name).public_key().public_numbers()
            attributes |= {f"{prefix}modulus": _base64(numbers.n), f"{prefix}exponent": _base64(numbers.e)}
    keys = " ".join(f'{attribute}="{value}"' for attribute, value in attributes.items())
    return (
        f'<wopi-discovery><net-zone name="external-https"><app name="Word">'
        f'<action name="edit" ext="docx" urlsrc="{urlsrc}"/></app></net-zone>'
        f"{f'<proof-key {keys}/>' if keys else ''}</wopi-discovery>"
    ).encode()


def signature(key: str, url: str, token: str, ticks: int, *, as_written: bool = False) -> str:
    """What a client that holds the key sends in X-WOPI-Proof."""
    signed = signed_bytes(token, url, ticks, as_written=as_written)
    return base64.b64encode(private_key(key).sign(signed, PKCS1v15(), SHA256())).decode()


@dataclass
class Publisher:
    """Serves a discovery document that a test can exchange."""

    document: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    url: str = ""
    reads: int = 0
    """How many times the document was asked for."""
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    """Cleared, the server lets its clients wait."""

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        self.reads += 1
        await self.answers.wait()
        return web.Response(status=self.status, body=self.document, headers=self.headers)


@asynccontextmanager
async def publishing(document: bytes) -> AsyncIterator[Publisher]:
    """The document at an address of its own."""
    publisher = Publisher(document)
    publisher.answers.set()
    app = web.Application()
    app.router.add_get("/hosting/discovery", publisher.serve)
    server = TestServer(app)
    await server.start_server()
    try:
        publisher.url = str(server.make_url("/hosting/discovery"))
        yield publisher
    finally:
        publisher.answers.set()
        await server.close()
