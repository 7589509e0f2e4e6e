"""A file of the content folder that is open for reading."""

import asyncio
import os
from collections.abc import AsyncIterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from shared.core.errors import Unavailable

PIECE: Final = 256 * 1024
"""Bytes that are read at once."""
SMALL: Final = 64 * 1024
"""Bytes that are read in the loop even if they aren't in memory."""


class FolderReader:
    """ContentReader of one file."""

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
        """The descriptor of the open file, for sending it while the reader is open; -1 for no bytes."""
        return self._descriptor

    async def chunks(self, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `stop` (not included; None: to the end)."""
        end = self._size_bytes if stop is None else min(stop, self._size_bytes)
        while start < end:
            piece = await self._read(min(PIECE, end - start), start)
            if not piece:
                raise Unavailable("the content of this file has been cut short on the disk")
            start += len(piece)
            yield piece

    def close(self) -> None:
        """Close the file as soon as no thread reads it: its number could belong to another file at once."""
        reading, self._reading = self._reading, None
        if reading is None:
            self._close()
        else:
            reading.add_done_callback(lambda _: self._close())

    async def _read(self, length: int, offset: int) -> bytes:
        try:
            if length <= SMALL or self._is_in_memory(length, offset):
                return os.pread(self._descriptor, length, offset)
            self._reading = self._disk.submit(os.pread, self._descriptor, length, offset)
            return await asyncio.wrap_future(self._reading)
        except OSError as error:
            raise unavailable(error) from error

    def _is_in_memory(self, length: int, offset: int) -> bool:
        """Whether the first and the last byte, and so very likely all between, can be had without the disk."""
        byte = bytearray(1)
        try:
            for place in (offset, offset + length - 1):
                _ = os.preadv(self._descriptor, [byte], place, os.RWF_NOWAIT)
        except (OSError, AttributeError):  # it isn't, or the system can't say
            return False
        return True

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def unavailable(error: OSError) -> Unavailable:
    """What a failure of the disk is to callers."""
    return Unavailable(f"the disk that holds the content of files fails: {error.strerror}")
