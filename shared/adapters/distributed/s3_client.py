"""One bucket of a server that speaks S3: requests signed by the MinIO library, bodies streamed by aiohttp.

Bodies are not signed (each content has its own SHA-256), so that they can be sent as they come.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote, urlsplit
from xml.etree.ElementTree import Element

import aiohttp
from defusedxml.ElementTree import ParseError, fromstring
from minio.credentials.credentials import Credentials
from minio.signer import sign_v4_s3
from yarl import URL

from shared.core.errors import NotFound, Unavailable

_CONNECTIONS: Final = 256
_BUFFER: Final = 256 * 1024
_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=3, sock_read=20)
"""Of each step; how long a whole transfer takes is up to its size and to the client at its other end."""
_ANSWER_MAX: Final = 8 * 1024 * 1024
_UNSIGNED: Final = "UNSIGNED-PAYLOAD"
_NAMESPACE: Final = "{http://s3.amazonaws.com/doc/2006-03-01/}"


class S3Client:
    """Requests to one bucket. Use it with `async with`, or `open` and `close` it, in the event loop it's used in."""

    def __init__(self, endpoint: str, access_key: str, secret_key: str, bucket: str, region: str = "us-east-1") -> None:
        """`endpoint` is an absolute URL. A `region` that is given needn't be looked up at each request."""
        self._base = f"{endpoint.rstrip('/')}/{bucket}"
        self._host = urlsplit(endpoint).netloc
        self._credentials = Credentials(access_key, secret_key)
        self._region = region
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Get ready to send requests; connects when it's first needed."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=_CONNECTIONS),
            timeout=_TIMEOUT,
            auto_decompress=False,
            read_bufsize=_BUFFER,
        )

    async def close(self) -> None:
        """Let go of all connections."""
        if self._session is not None:
            await self._session.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def send(
        self,
        method: str,
        key: str = "",
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        *,
        asks_first: bool = False,
    ) -> aiohttp.ClientResponse:
        """The response to a request, if it's a success; to be released or closed by the caller.

        With `asks_first` the body is only touched after the server has said that it wants it.
        Raises NotFound for what isn't there, Unavailable if the server doesn't answer or refuses.
        """
        if self._session is None:
            raise Unavailable("the content store is closed")
        url = self._url(key, query or {})
        with s3_reached():
            response = await self._session.request(
                method,
                URL(url, encoded=True),
                headers=self._signed(method, url, headers or {}),
                data=body,
                expect100=asks_first,
                skip_auto_headers=("Content-Type", "User-Agent"),
                allow_redirects=False,
            )
        if response.ok:
            return response
        await self._refuse(response)
        raise AssertionError("unreachable")

    async def ask(
        self, method: str, key: str = "", query: Mapping[str, str] | None = None, body: Any = None
    ) -> tuple[Mapping[str, str], Element | None]:
        """The headers of a response and the XML in it; raises as `send` does, and Unavailable for an error in it."""
        response = await self.send(method, key, query, None, body)
        with s3_reached():
            async with response:
                raw = await _read(response, _ANSWER_MAX)
        try:
            answer = fromstring(raw) if raw.strip() else None
        except ParseError as error:
            raise Unavailable("the content server gave an answer that can't be read") from error
        if answer is not None and answer.tag.endswith("Error"):
            raise Unavailable(f"the content server refused ({text_in(answer, 'Code')})")
        return response.headers, answer

    def _url(self, key: str, query: Mapping[str, str]) -> str:
        path = f"{self._base}/{quote(key, safe='/~')}" if key else self._base
        asked = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query.items())
        return f"{path}?{asked}" if asked else path

    def _signed(self, method: str, url: str, headers: Mapping[str, str]) -> Mapping[str, str]:
        now = datetime.now(UTC)
        to_sign: dict[str, str | list[str] | tuple[str]] = {
            "Accept-Encoding": "identity",
            "Host": self._host,
            "x-amz-content-sha256": _UNSIGNED,
            "x-amz-date": now.strftime("%Y%m%dT%H%M%SZ"),
        }
        signed = sign_v4_s3(
            method=method,
            url=urlsplit(url),
            region=self._region,
            headers=to_sign,
            credentials=self._credentials,
            content_sha256=_UNSIGNED,
            date=now,
        )
        return {**{name: str(value) for name, value in signed.items()}, **headers}

    @staticmethod
    async def _refuse(response: aiohttp.ClientResponse) -> None:
        with s3_reached():
            async with response:
                raw = await _read(response, _BUFFER)
        try:
            code = text_in(fromstring(raw), "Code")
        except ParseError:
            code = ""
        if response.status == HTTPStatus.NOT_FOUND and code != "NoSuchBucket":
            raise NotFound("there is no such content")
        raise Unavailable(f"the content server refused ({response.status} {code})".replace(" )", ")"))


async def _read(response: aiohttp.ClientResponse, limit_bytes: int) -> bytes:
    """All of the response's body, or what is within the limit."""
    raw = b""
    while len(raw) < limit_bytes and (chunk := await response.content.readany()):
        raw += chunk
    return raw


class s3_reached:  # noqa: N801 - used like a function
    """Raises Unavailable if the server doesn't do what is asked of it inside."""

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, (aiohttp.ClientError, asyncio.TimeoutError, ConnectionError)):
            raise Unavailable(f"the content server can't be used right now ({type(error).__name__})") from error


def elements(answer: Element | None, name: str) -> list[Element]:
    """The elements of that name directly in the answer."""
    return [] if answer is None else answer.findall(f"{_NAMESPACE}{name}") + answer.findall(name)


def text_in(answer: Element | None, name: str) -> str:
    """The text of the first element of that name directly in the answer; "" if there is none."""
    found = elements(answer, name)
    return (found[0].text or "") if found else ""
