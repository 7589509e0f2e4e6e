"""Content in a bucket that speaks S3: one object for each key.

The bucket keeps what is deleted for a day (see `s3_bucket`), so that a reader, which names the object's version, reads on
whatever happens to the key. Deleting a key drops its unfinished multipart upload as well.
"""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Final
from xml.etree.ElementTree import Element

import aiohttp

from shared.adapters.distributed.s3_client import S3Client, elements, s3_reached, text_in
from shared.adapters.distributed.s3_upload import (
    PART,
    WHOLE_MAX,
    Counted,
    give_up_upload,
    put_gathered,
    put_whole,
)
from shared.core.errors import LecternError, NotFound, Unavailable
from shared.core.file import EMPTY_CONTENT, Content
from shared.ports.content import StoredKey

_SMALL: Final = 256 * 1024
"""Bytes that are read at once when the key is opened."""
_RESUMED_MAX: Final = 3
"""Times that reading is taken up again without a byte having come in between."""
_PIECE: Final = 128 * 1024
_KEY: Final = re.compile(r"[0-9a-f]{32}")
_PROBE: Final = "probe"


class S3Content:
    """ContentStore in a bucket, which must be there (see `s3_bucket`)."""

    def __init__(self, client: S3Client) -> None:
        self._client = client

    async def write(self, chunks: AsyncIterator[bytes], max_size_bytes: int, size_bytes: int | None = None) -> Content:
        """Keep the bytes under a new key, hashed on the way. No bytes give EMPTY_CONTENT, and no key.

        `size_bytes`, if it's known how many there will be, saves gathering them. Raises ContentTooLarge, Unavailable,
        WrongSize, and whatever `chunks` raises.
        """
        key = uuid.uuid4().hex
        counted = Counted(chunks, max_size_bytes, size_bytes)
        try:
            if size_bytes is not None and PART < size_bytes <= min(WHOLE_MAX, max_size_bytes):
                await put_whole(self._client, key, counted, size_bytes)
            else:
                await put_gathered(self._client, key, counted, max_size_bytes)
        except BaseException as error:
            if counted.fault is None:
                # It may have arrived, with only the answer lost.
                await asyncio.shield(self._delete_quietly(key))
                raise
            if counted.fault is error:
                raise
            raise counted.fault from error
        return Content(key, counted.size_bytes, counted.sha256) if counted.size_bytes else EMPTY_CONTENT

    @asynccontextmanager
    async def open(self, content: Content) -> AsyncIterator["S3Reader"]:
        """Open for reading.

        Raises NotFound if the key holds nothing, and Unavailable if it holds more or fewer bytes than it should.
        """
        if not content.size_bytes:
            yield S3Reader(self._client, "", {}, 0, b"")
            return
        if not _KEY.fullmatch(content.key):
            raise NotFound("there is no such content")
        response = await self._client.send("GET", content.key)
        if response.content_length != content.size_bytes:
            response.close()
            raise Unavailable("the content is damaged: it isn't as long as it should be")
        reader = await _reader(self._client, content.key, response)
        try:
            yield reader
        finally:
            reader.close()

    async def delete(self, key: str) -> None:
        """Remove the bytes, if they are there."""
        if not _KEY.fullmatch(key):
            return
        with suppress(NotFound):
            await self._client.ask("DELETE", key)
        _, answer = await self._client.ask("GET", query={"uploads": "", "prefix": key})
        for entry in elements(answer, "Upload"):
            await give_up_upload(self._client, key, text_in(entry, "UploadId"))

    async def keys(self, written_before: datetime) -> AsyncIterator[Sequence[StoredKey]]:
        """All keys, unfinished writes included, that were last written to before that time, in batches."""
        async for batch in self._finished():
            if old := [one for one in batch if one.written_at < written_before]:
                yield old
        async for batch in self._unfinished(written_before):
            if batch:
                yield batch

    async def is_ready(self) -> None:
        """Returns if the bucket takes bytes; raises Unavailable with the reason if not."""
        try:
            async with asyncio.timeout(3):
                _, answer = await self._client.ask("POST", _PROBE, {"uploads": ""})
                await give_up_upload(self._client, _PROBE, text_in(answer, "UploadId"))
        except TimeoutError as error:
            raise Unavailable("the content server did not answer in time") from error

    async def _finished(self) -> AsyncIterator[list[StoredKey]]:
        query = {"list-type": "2"}
        while True:
            _, answer = await self._client.ask("GET", query=query)
            yield [
                StoredKey(text_in(entry, "Key"), _moment(entry, "LastModified"))
                for entry in elements(answer, "Contents")
            ]
            following = text_in(answer, "NextContinuationToken")
            if not following:
                return
            query["continuation-token"] = following

    async def _unfinished(self, begun_before: datetime) -> AsyncIterator[list[StoredKey]]:
        query = {"uploads": ""}
        while True:
            _, answer = await self._client.ask("GET", query=query)
            batch = []
            for entry in elements(answer, "Upload"):
                key, upload_id = text_in(entry, "Key"), text_in(entry, "UploadId")
                begun = _moment(entry, "Initiated")
                if begun < begun_before and (written := await self._last_written(key, upload_id, begun)) < begun_before:
                    batch.append(StoredKey(key, written))
            yield batch
            if text_in(answer, "IsTruncated") != "true":
                return
            query["key-marker"] = text_in(answer, "NextKeyMarker")
            query["upload-id-marker"] = text_in(answer, "NextUploadIdMarker")

    async def _last_written(self, key: str, upload_id: str, begun: datetime) -> datetime:
        latest, query = begun, {"uploadId": upload_id}
        with suppress(NotFound):
            while True:
                _, answer = await self._client.ask("GET", key, query)
                latest = max([latest, *(_moment(part, "LastModified") for part in elements(answer, "Part"))])
                if text_in(answer, "IsTruncated") != "true":
                    break
                query["part-number-marker"] = text_in(answer, "NextPartNumberMarker")
        return latest

    async def _delete_quietly(self, key: str) -> None:
        try:
            await self.delete(key)
        except LecternError:
            return


class S3Reader:
    """ContentReader of one object. `whole` are its bytes if they are few, else they come from `response`."""

    def __init__(
        self,
        client: S3Client,
        key: str,
        version: Mapping[str, str],
        size_bytes: int,
        whole: bytes | None = None,
        response: aiohttp.ClientResponse | None = None,
    ) -> None:
        self._client = client
        self._key = key
        self._version = version
        self._size_bytes = size_bytes
        self._whole = whole
        self._response = response

    @property
    def size_bytes(self) -> int:
        """All bytes of the key."""
        return self._size_bytes

    async def chunks(self, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `stop`, as they come; taken up again where they break off."""
        stop = self._size_bytes if stop is None else min(stop, self._size_bytes)
        if start >= stop:
            return
        if self._whole is not None:
            yield self._whole[start:stop]
            return
        failures = 0
        while start < stop:
            try:
                async for chunk in self._streamed(start, stop):
                    start += len(chunk)
                    failures = 0
                    yield chunk
            except Unavailable:
                failures += 1
                if failures > _RESUMED_MAX:
                    raise

    async def _streamed(self, start: int, stop: int) -> AsyncIterator[bytes]:
        response, self._response = self._response, None
        if response is None or (start, stop) != (0, self._size_bytes):
            if response is not None:
                response.close()
            wanted = {"Range": f"bytes={start}-{stop - 1}"}
            response = await self._client.send("GET", self._key, self._version, wanted)
        try:
            while piece := await _piece(response.content):
                yield piece
        finally:
            response.close()

    def close(self) -> None:
        """Let go of the connection."""
        if self._response is not None:
            self._response.close()


async def _reader(client: S3Client, key: str, response: aiohttp.ClientResponse) -> S3Reader:
    size = response.content_length or 0
    version = response.headers.get("x-amz-version-id", "")
    named = {"versionId": version} if version else {}
    if size > _SMALL:
        return S3Reader(client, key, named, size, None, response)
    with s3_reached():
        async with response:
            return S3Reader(client, key, named, size, await response.read())


async def _piece(stream: aiohttp.StreamReader) -> bytes:
    """The next bytes, enough of them to be worth sending; none at the end."""
    chunks: list[bytes] = []
    size = 0
    while size < _PIECE:
        with s3_reached():
            chunk = await stream.readany()
        if not chunk:
            break
        chunks.append(chunk)
        size += len(chunk)
    return b"".join(chunks)


def _moment(entry: Element, name: str) -> datetime:
    return datetime.fromisoformat(text_in(entry, name))
