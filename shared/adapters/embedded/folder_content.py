"""Content in a folder: one file for each key.

A key is random and given out only when its bytes are on the disk, so that a file that a broken-off write has left is
never read: it's just a key that nobody refers to, found by `keys` and removed by the sweeper. Files are spread over
subfolders by the first two digits of their keys.

Whatever waits for the disk runs in threads of this store: writing and hashing, while the loop goes on receiving; reading
what isn't in memory. A descriptor is only ever closed when no thread works with it: else the number could already belong
to another file.
"""

import asyncio
import hashlib
import os
import re
import uuid
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Final, TypeVar

from shared.adapters.embedded.data_folder import make_folder, sync_folder
from shared.core.errors import NotFound, Unavailable
from shared.core.file import EMPTY_CONTENT, Content
from shared.ports.content import ContentTooLarge, StoredKey

ResultT = TypeVar("ResultT")

BLOCK: Final = 1024 * 1024
"""Bytes that are gathered before a thread writes them: twice as much is in memory at most, and what the sender has."""
PIECE: Final = 256 * 1024
"""Bytes that are read at once."""
SMALL: Final = 64 * 1024
"""Bytes that are read in the loop even if they aren't in memory."""
_THREADS: Final = 8
_KEY: Final = re.compile(r"[0-9a-f]{32}")


class FolderContent:
    """ContentStore in a folder, which is made if it isn't there. Raises Unavailable if that fails."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._disk = ThreadPoolExecutor(_THREADS, thread_name_prefix="lectern-content")
        try:
            make_folder(folder)
            _make_subfolders(folder)
        except OSError as error:
            raise _unavailable(error) from error

    async def write(self, chunks: AsyncIterator[bytes], max_size_bytes: int) -> Content:
        """Keep the bytes under a new key, hashed on the way. No bytes give EMPTY_CONTENT, and no key."""
        writing = _Writing(self._path(uuid.uuid4().hex))
        try:
            await self._write_all(writing, chunks, max_size_bytes)
            return await self._in_thread(writing.finish)
        except BaseException:
            # Even a caller that is cancelled again leaves nothing behind.
            await asyncio.shield(self._in_thread(writing.give_up))
            raise

    async def _write_all(self, writing: "_Writing", chunks: AsyncIterator[bytes], max_size_bytes: int) -> None:
        size = gathered_bytes = 0
        gathered: list[bytes] = []
        under_way: asyncio.Future[None] | None = None
        async for chunk in chunks:
            size += len(chunk)
            if size > max_size_bytes:
                raise ContentTooLarge(f"the file is larger than {max_size_bytes} bytes")
            gathered.append(chunk)
            gathered_bytes += len(chunk)
            if gathered_bytes >= BLOCK:
                if under_way is not None:
                    await under_way
                under_way = self._in_thread(writing.append, gathered)
                gathered, gathered_bytes = [], 0
        if under_way is not None:
            await under_way
        writing.rest = gathered

    @asynccontextmanager
    async def open(self, content: Content) -> AsyncIterator["FolderReader"]:
        """Open for reading; raises NotFound if the key holds nothing."""
        if not content.size_bytes:
            yield FolderReader(-1, 0, self._disk)
            return
        if not _KEY.fullmatch(content.key):
            raise NotFound("there is no such content")
        try:
            descriptor = os.open(self._path(content.key), os.O_RDONLY)
        except FileNotFoundError as error:
            raise NotFound("there is no such content") from error
        except OSError as error:
            raise _unavailable(error) from error
        reader = FolderReader(descriptor, os.fstat(descriptor).st_size, self._disk)
        try:
            yield reader
        finally:
            reader.close()

    async def delete(self, key: str) -> None:
        """Remove the bytes, if they are there."""
        if _KEY.fullmatch(key):
            await self._in_thread(lambda: self._path(key).unlink(missing_ok=True))

    async def keys(self, written_before: datetime) -> AsyncIterator[Sequence[StoredKey]]:
        """All keys, unfinished writes included, that were last written to before that time, in batches."""
        for subfolder in _subfolders(self._folder):
            batch = await self._in_thread(_stored, subfolder, written_before)
            if batch:
                yield batch

    async def is_ready(self) -> None:
        """Returns if the disk takes bytes; raises Unavailable with the reason if not."""
        await self._in_thread(_probe, self._folder / "probe")

    async def close(self) -> None:
        """Wait for the threads to finish."""
        await asyncio.to_thread(self._disk.shutdown)

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / key

    def _in_thread(self, job: Callable[..., ResultT], *values: object) -> "asyncio.Future[ResultT]":
        return asyncio.wrap_future(self._disk.submit(_on_disk, job, *values))


class FolderReader:
    """ContentReader of an open file. `fileno` may be used to send it, as long as the reader is open."""

    def __init__(self, descriptor: int, size_bytes: int, disk: ThreadPoolExecutor) -> None:
        self._descriptor = descriptor
        self._size_bytes = size_bytes
        self._disk = disk
        self._reading: Future[bytes] | None = None

    @property
    def size_bytes(self) -> int:
        """All bytes of the key."""
        return self._size_bytes

    def fileno(self) -> int:
        """The descriptor of the open file; -1 for no bytes."""
        return self._descriptor

    async def chunks(self, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `stop` (not included; None: to the end)."""
        end = self._size_bytes if stop is None else min(stop, self._size_bytes)
        while start < end:
            piece = await self._read(min(PIECE, end - start), start)
            if not piece:
                raise Unavailable("the content is shorter than it was")
            start += len(piece)
            yield piece

    async def _read(self, length: int, offset: int) -> bytes:
        try:
            if length <= SMALL or self._is_in_memory(length, offset):
                return os.pread(self._descriptor, length, offset)
            self._reading = self._disk.submit(os.pread, self._descriptor, length, offset)
            return await asyncio.wrap_future(self._reading)
        except OSError as error:
            raise _unavailable(error) from error

    def _is_in_memory(self, length: int, offset: int) -> bool:
        """Whether the first and last byte, and so very likely all between, can be had without waiting for the disk."""
        byte = bytearray(1)
        try:
            for place in (offset, offset + length - 1):
                _ = os.preadv(self._descriptor, [byte], place, os.RWF_NOWAIT)
        except (OSError, AttributeError):  # not in memory, or a system that can't say
            return False
        return True

    def close(self) -> None:
        """Close the file, as soon as no thread reads it any more."""
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.add_done_callback(lambda _: self._close())
        else:
            self._close()

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


class _Writing:
    """A file that is being written. Its methods run in threads, one at a time."""

    def __init__(self, path: Path) -> None:
        self.rest: list[bytes] = []
        self._path = path
        self._descriptor = -1
        self._size = 0
        self._hash = hashlib.sha256()
        self._is_given_up = False
        self._lock = Lock()

    def append(self, chunks: list[bytes]) -> None:
        with self._lock:
            self._append(chunks)

    def finish(self) -> Content:
        """Make all durable: first the bytes, then the name."""
        with self._lock:
            self._append(self.rest)
            if not self._size:
                return EMPTY_CONTENT
            os.fsync(self._descriptor)
            self._close()
            sync_folder(self._path.parent)
            return Content(self._path.name, self._size, b64encode(self._hash.digest()).decode())

    def give_up(self) -> None:
        with self._lock:
            self._is_given_up = True
            self._close()
            self._path.unlink(missing_ok=True)

    def _append(self, chunks: list[bytes]) -> None:
        block = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        if not block or self._is_given_up:
            return
        if self._descriptor < 0:
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._hash.update(block)
        rest = memoryview(block)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        self._size += len(block)

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def _subfolders(folder: Path) -> Iterator[Path]:
    return (folder / f"{number:02x}" for number in range(256))


def _make_subfolders(folder: Path) -> None:
    missing = [subfolder for subfolder in _subfolders(folder) if not subfolder.is_dir()]
    for subfolder in missing:
        subfolder.mkdir(mode=0o700, exist_ok=True)
    if missing:
        sync_folder(folder)


def _stored(subfolder: Path, written_before: datetime) -> list[StoredKey]:
    limit, found = written_before.timestamp(), []
    with os.scandir(subfolder) as entries:
        for entry in entries:
            # A file may be deleted while we look at it.
            with suppress(FileNotFoundError):
                written_at = entry.stat().st_mtime
                if written_at < limit and _KEY.fullmatch(entry.name):
                    found.append(StoredKey(entry.name, datetime.fromtimestamp(written_at, UTC)))
    return found


def _probe(path: Path) -> None:
    path.write_bytes(b"ready")
    path.unlink(missing_ok=True)


def _on_disk(job: Callable[..., ResultT], *values: object) -> ResultT:
    try:
        return job(*values)
    except OSError as error:
        raise _unavailable(error) from error


def _unavailable(error: OSError) -> Unavailable:
    return Unavailable(f"the disk that holds the files' contents fails: {error.strerror}")
