"""A file of the content folder that is being written: hashed and written in threads, while the loop receives more."""

import hashlib
import os
import sys
from base64 import b64encode
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Final

from shared.adapters.embedded.data_folder import sync_folder
from shared.core.file import EMPTY_CONTENT, Content

_LARGE: Final = 8 * 1024 * 1024
"""From this many bytes on, what is on the disk isn't kept in memory as well."""


class Writing:
    """One new file. Its methods wait for the disk; threads may call them at once and take turns.

    The file comes into being with its first byte. Once it's given up it stays away, whatever is still appended.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1
        self._size = 0
        self._hash = hashlib.sha256()
        self._is_given_up = False
        self._turn = Lock()

    def append(self, chunks: Sequence[bytes]) -> None:
        """Write and hash these bytes."""
        with self._turn:
            self._append(chunks)

    def finish(self, chunks: Sequence[bytes]) -> Content:
        """Write the last bytes and make all durable: first the bytes, then the name."""
        with self._turn:
            self._append(chunks)
            if not self._size:
                return EMPTY_CONTENT
            os.fsync(self._descriptor)
            if self._size >= _LARGE:
                # Its pages serve the next upload, at less than new ones cost; a reader has the disk.
                _advise_not_needed(self._descriptor, 0, self._size)
            self._close()
            sync_folder(self._path.parent)
            return Content(self._path.name, self._size, b64encode(self._hash.digest()).decode())

    def give_up(self) -> None:
        """Remove what was written."""
        with self._turn:
            self._is_given_up = True
            self._close()
            if self._size:
                self._path.unlink(missing_ok=True)

    def _append(self, chunks: Sequence[bytes]) -> None:
        block = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        if not block or self._is_given_up:
            return
        if self._descriptor < 0:
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        start, self._size = self._size, self._size + len(block)
        rest = memoryview(block)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        # Lets the disk work while more bytes arrive, so that less is left for the fsync at the end.
        _advise_not_needed(self._descriptor, start, len(block))
        self._hash.update(block)

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def _advise_not_needed(descriptor: int, start: int, length: int) -> None:
    """On Linux, bytes that aren't on the disk yet begin to be written and stay in memory; the others leave it."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.posix_fadvise(descriptor, start, length, os.POSIX_FADV_DONTNEED)
