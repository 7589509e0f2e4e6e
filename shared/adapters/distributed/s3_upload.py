"""Bytes on their way into a bucket.

S3 wants to know how many bytes a request will bring. If the sender says, they are passed on as they come, in one request.
If not, they are gathered: little goes up in one request, more in parts.
"""

import asyncio
import hashlib
from base64 import b64encode
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Final
from xml.sax.saxutils import escape

from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import Payload

from shared.adapters.distributed.s3_client import S3Client, text_in
from shared.core.errors import LecternError, Unavailable
from shared.ports.content import ContentTooLarge

PART: Final = 5 * 1024 * 1024
"""Bytes of a part: S3's least. No more is in memory, but for what the sender has."""
PARTS_MAX: Final = 10_000
WHOLE_MAX: Final = 5 * 1024**3
"""Most bytes that S3 takes in one request."""
_HASHED_IN_LOOP: Final = 512 * 1024
_PIECE: Final = 64 * 1024


class WrongSize(LecternError):
    """The sender said how many bytes there would be, and there were others."""

    status = 400


class Counted:
    """Passes chunks on, counts and hashes them; they can be gone through once.

    Raises ContentTooLarge as soon as there are too many bytes, and WrongSize if there are others than announced.
    """

    def __init__(self, chunks: AsyncIterator[bytes], max_size_bytes: int, announced_bytes: int | None = None) -> None:
        self._chunks = chunks
        self._max_size_bytes = max_size_bytes
        self._announced_bytes = announced_bytes
        self._hash = hashlib.sha256()
        self.size_bytes = 0
        self.fault: BaseException | None = None
        """What broke the chunks off: whoever sends them on may have wrapped it in something of their own."""

    async def passed_on(self) -> AsyncGenerator[bytes, None]:
        """The chunks, each after it was counted."""
        if self.size_bytes:
            raise Unavailable("the connection to the content server broke off")
        try:
            async for chunk in self._chunks:
                self._count(len(chunk))
                if len(chunk) > _HASHED_IN_LOOP:
                    await asyncio.to_thread(self._hash.update, chunk)
                else:
                    self._hash.update(chunk)
                yield chunk
            self._check_end()
        except Exception as error:
            self.fault = error
            raise

    def _count(self, size_bytes: int) -> None:
        self.size_bytes += size_bytes
        if self.size_bytes > self._max_size_bytes:
            raise ContentTooLarge(f"the file is larger than {self._max_size_bytes} bytes")
        if self._announced_bytes is not None and self.size_bytes > self._announced_bytes:
            raise WrongSize(f"more than the {self._announced_bytes} bytes came that were announced")

    def _check_end(self) -> None:
        if self._announced_bytes is not None and self.size_bytes < self._announced_bytes:
            raise WrongSize(f"only {self.size_bytes} of the {self._announced_bytes} bytes came that were announced")

    @property
    def sha256(self) -> str:
        """Base64 of the SHA-256 of what has passed."""
        return b64encode(self._hash.digest()).decode()


async def put_whole(client: S3Client, key: str, counted: Counted, size_bytes: int) -> None:
    """Send the bytes, of which there are that many, in one request, as they come."""
    headers = {"Content-Length": str(size_bytes)}
    async with aclosing(counted.passed_on()) as chunks:
        # The server is asked first: a connection that turns out to be dead hasn't cost any of the bytes.
        response = await client.send("PUT", key, headers=headers, body=chunks, asks_first=True)
    response.release()


async def put_gathered(client: S3Client, key: str, counted: Counted, max_size_bytes: int) -> None:
    """Send what comes, until it ends; nothing at all leaves no key."""
    part_size = max(PART, -(-max_size_bytes // PARTS_MAX))
    parts: _Parts | None = None
    gathered = Gathered()
    try:
        async for chunk in counted.passed_on():
            view = memoryview(chunk)
            while view:
                if gathered.size_bytes == part_size:
                    parts = parts or await _Parts.begun(client, key)
                    await parts.send(gathered)
                    gathered = Gathered()
                room = part_size - gathered.size_bytes
                gathered.add(chunk if len(view) == len(chunk) <= room else view[:room])
                view = view[room:]
        if parts is not None:
            await parts.send(gathered)
            await parts.finish()
        elif gathered.size_bytes:
            response = await client.send("PUT", key, body=gathered.payload())
            response.release()
    except BaseException:
        if parts is not None:
            await asyncio.shield(give_up_upload(client, key, parts.upload_id))
        raise


class Gathered:
    """Bytes that wait to be sent, in pieces: small ones are put together, large ones stay as they are."""

    def __init__(self) -> None:
        self._pieces: list[bytes | bytearray | memoryview] = []
        self.size_bytes = 0

    def add(self, piece: bytes | memoryview) -> None:
        """Add the next bytes."""
        self.size_bytes += len(piece)
        last = self._pieces[-1] if self._pieces else b""
        if isinstance(last, bytearray) and len(last) + len(piece) <= _PIECE:
            last += piece
        else:
            self._pieces.append(bytearray(piece) if len(piece) < _PIECE else piece)

    def payload(self) -> Payload:
        """The bytes as the body of a request."""
        return _Pieces(self._pieces, self.size_bytes)


class _Pieces(Payload):
    """A body that can be sent again, should its connection turn out to be dead."""

    _autoclose = True

    def __init__(self, pieces: Sequence[bytes | bytearray | memoryview], size_bytes: int) -> None:
        super().__init__(pieces)
        self._pieces = pieces
        self._size = size_bytes

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """The bytes as text."""
        return b"".join(self._pieces).decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Send the bytes."""
        for piece in self._pieces:
            await writer.write(piece)


class _Parts:
    """A multipart upload."""

    def __init__(self, client: S3Client, key: str, upload_id: str) -> None:
        self._client = client
        self._key = key
        self.upload_id = upload_id
        self._tags: list[str] = []

    @classmethod
    async def begun(cls, client: S3Client, key: str) -> "_Parts":
        """A new upload."""
        _, answer = await client.ask("POST", key, {"uploads": ""})
        return cls(client, key, text_in(answer, "UploadId"))

    async def send(self, part: Gathered) -> None:
        """Send the next part."""
        query = {"partNumber": str(len(self._tags) + 1), "uploadId": self.upload_id}
        response = await self._client.send("PUT", self._key, query, body=part.payload())
        response.release()
        self._tags.append(response.headers.get("ETag", ""))

    async def finish(self) -> None:
        """Make one object of the parts."""
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(tag)}</ETag></Part>"
            for number, tag in enumerate(self._tags, start=1)
        )
        body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        await self._client.ask("POST", self._key, {"uploadId": self.upload_id}, body)


async def give_up_upload(client: S3Client, key: str, upload_id: str) -> None:
    """Drop a multipart upload, if it's there and the server can be reached."""
    try:
        await client.ask("DELETE", key, {"uploadId": upload_id})
    except LecternError:
        return
