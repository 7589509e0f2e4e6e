"""Content in a folder: one file for each key.

A key is random, and given out only when its bytes are on the disk. What a broken-off write leaves is therefore never
read: it's just a key that nobody refers to, found by `keys` and removed by the sweeper. Files are spread over
subfolders by the first two digits of their keys.

Whatever waits for the disk runs in the threads of this store. A descriptor is only ever closed when no thread works
with it.
"""

import asyncio
import os
import re
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self, TypeVar

from shared.adapters.embedded.data_folder import make_folder, sync_folder
from shared.adapters.embedded.folder_reader import FolderReader, unavailable
from shared.adapters.embedded.folder_writing import LARGE, Writing, leave_memory
from shared.core.errors import NotFound, Unavailable
from shared.core.file import Content
from shared.ports.content import ContentTooLarge, StoredKey

ResultT = TypeVar("ResultT")

BLOCK: Final = 1024 * 1024
"""Bytes that are gathered before a thread writes them: twice as much is in memory at most."""
WARM_MAX: Final = 256 * 1024 * 1024
"""Bytes of large files that stay in memory after they were written. Who has just saved is likely to read it again; past
that, the pages of the oldest serve the next upload, at a third less than new ones cost."""
_THREADS: Final = 8
_BATCH: Final = 200
_KEY: Final = re.compile(r"[0-9a-f]{32}")


class FolderContent:
    """ContentStore in a folder, which is made if it isn't there. Raises Unavailable if that fails."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._root = str(folder)
        self._disk = ThreadPoolExecutor(_THREADS, thread_name_prefix="lectern-content")
        self._warm: deque[Content] = deque()
        self._warm_bytes = 0
        try:
            make_folder(folder)
            _make_subfolders(folder)
        except OSError as error:
            raise unavailable(error) from error

    async def write(
        self,
        chunks: AsyncIterator[bytes],
        max_size_bytes: int,
        size_bytes: int | None = None,
    ) -> Content:
        """Keep the bytes under a new key, hashed on the way. No bytes give EMPTY_CONTENT, and no key."""
        writing = Writing(Path(self._path(uuid.uuid4().hex)))
        try:
            return await self._write(writing, chunks, max_size_bytes)
        except BaseException:
            # The thread removes the file even if our caller is cancelled again meanwhile.
            with suppress(Unavailable):
                await asyncio.shield(self._in_thread(writing.give_up))
            raise

    async def _write(self, writing: Writing, chunks: AsyncIterator[bytes], max_size_bytes: int) -> Content:
        size = gathered_bytes = 0
        gathered: list[bytes] = []
        under_way: asyncio.Future[None] | None = None
        try:
            async for chunk in chunks:
                size += len(chunk)
                if size > max_size_bytes:
                    raise ContentTooLarge(f"the content is larger than {max_size_bytes} bytes")
                gathered.append(chunk)
                gathered_bytes += len(chunk)
                if gathered_bytes >= BLOCK:
                    if under_way is not None:
                        await under_way
                    under_way = self._in_thread(writing.append, gathered)
                    gathered, gathered_bytes = [], 0
            if under_way is not None:
                await under_way
            content = await self._in_thread(writing.finish, gathered)
            self._keep_warm(content)
            return content
        finally:
            # Nobody is to be told how a write ended that is given up.
            if under_way is not None:
                _ = under_way.cancel()

    def _keep_warm(self, content: Content) -> None:
        if content.size_bytes < LARGE:
            return
        self._warm.append(content)
        self._warm_bytes += content.size_bytes
        while self._warm_bytes > WARM_MAX:
            oldest = self._warm.popleft()
            self._warm_bytes -= oldest.size_bytes
            with suppress(RuntimeError):  # the store is being closed
                self._disk.submit(leave_memory, self._path(oldest.key))

    def open(self, content: Content) -> "_Opening":
        """Open for reading: NotFound if the key holds nothing, Unavailable if its bytes are damaged."""
        return _Opening(self._path(content.key), content, self._disk)

    async def delete(self, key: str) -> None:
        """Remove the bytes, if they are there."""
        if _KEY.fullmatch(key):
            await self._in_thread(lambda: Path(self._path(key)).unlink(missing_ok=True))

    async def keys(self, written_before: datetime) -> AsyncIterator[Sequence[StoredKey]]:
        """All keys, unfinished writes included, that were last written to before that time, in batches."""
        for subfolder in _subfolders(self._folder):
            found = await self._in_thread(_stored, subfolder, written_before)
            for start in range(0, len(found), _BATCH):
                yield found[start : start + _BATCH]

    async def is_ready(self) -> None:
        """Returns if the disk takes bytes; raises Unavailable with the reason if not."""
        await self._in_thread(_probe, self._folder / f"probe-{uuid.uuid4().hex}")

    async def close(self) -> None:
        """Wait for the threads to finish. Everything after that raises Unavailable."""
        await asyncio.to_thread(self._disk.shutdown)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _path(self, key: str) -> str:
        return f"{self._root}/{key[:2]}/{key}"

    def _in_thread(self, job: Callable[..., ResultT], *values: object) -> "asyncio.Future[ResultT]":
        try:
            return asyncio.wrap_future(self._disk.submit(_on_disk, job, *values))
        except RuntimeError as error:
            raise Unavailable("the host is shutting down") from error


class _Opening:
    """The opening and closing of one reader."""

    def __init__(self, path: str, content: Content, disk: ThreadPoolExecutor) -> None:
        self._path = path
        self._content = content
        self._disk = disk
        self._reader: FolderReader | None = None

    async def __aenter__(self) -> FolderReader:
        self._reader = FolderReader(*self._opened(), self._disk)
        return self._reader

    async def __aexit__(self, *_: object) -> None:
        if self._reader is not None:
            self._reader.close()

    def _opened(self) -> tuple[int, int]:
        if not self._content.size_bytes:
            return -1, 0
        if not _KEY.fullmatch(self._content.key):
            raise NotFound("there is no such content")
        try:
            descriptor = os.open(self._path, os.O_RDONLY)
        except FileNotFoundError as error:
            raise NotFound("there is no such content") from error
        except OSError as error:
            raise unavailable(error) from error
        size = os.fstat(descriptor).st_size
        if size != self._content.size_bytes:
            os.close(descriptor)
            raise Unavailable("the content of this file is damaged: it has another size than when it was written")
        return descriptor, size


def _subfolders(folder: Path) -> Iterator[Path]:
    return (folder / f"{number:02x}" for number in range(256))


def _make_subfolders(folder: Path) -> None:
    for subfolder in _subfolders(folder):
        if not subfolder.is_dir():
            subfolder.mkdir(mode=0o700, exist_ok=True)
    # Also when nothing was missing: the one who made them may have been killed before this.
    sync_folder(folder)


def _stored(subfolder: Path, written_before: datetime) -> list[StoredKey]:
    found = []
    with os.scandir(subfolder) as entries:
        for entry in entries:
            # A file may be deleted while we look at it.
            with suppress(FileNotFoundError):
                written_at = datetime.fromtimestamp(entry.stat().st_mtime, UTC)
                if written_at < written_before and _KEY.fullmatch(entry.name):
                    found.append(StoredKey(entry.name, written_at))
    return found


def _probe(path: Path) -> None:
    try:
        _ = path.write_bytes(b"ready")
    finally:
        path.unlink(missing_ok=True)


def _on_disk(job: Callable[..., ResultT], *values: object) -> ResultT:
    try:
        return job(*values)
    except OSError as error:
        raise unavailable(error) from error
