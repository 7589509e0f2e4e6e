"""The port of content: immutable bytes under keys that are never used twice.

Promises that every adapter keeps:

- `write` returns after the bytes are durable; a write that fails or is cancelled leaves nothing that `open` would find.
- Memory stays constant, whatever the size.
- A reader that is open goes on to read its bytes even if the key is deleted meanwhile.
- A server or disk that doesn't answer, or is full, raises Unavailable.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.core.errors import LecternError
from shared.core.file import Content


class ContentTooLarge(LecternError):
    """The bytes went past the limit; none are kept."""

    status = 413


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key that holds bytes, finished or not, and when it was last written to."""

    key: str
    written_at: datetime


class ContentReader(Protocol):
    """Bytes of one key, open for reading."""

    @property
    def size_bytes(self) -> int:
        """All bytes of the key."""

    def chunks(self, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `stop` (not included; None: to the end), in pieces of a good size to send."""


class ContentStore(Protocol):
    """Contents by key."""

    async def write(self, chunks: AsyncIterator[bytes], max_size_bytes: int, size_bytes: int | None = None) -> Content:
        """Keep the bytes under a new key, hashed on the way. No bytes give EMPTY_CONTENT, and no key.

        `size_bytes` says how many there will be, if that's known; some stores are faster then.
        Raises ContentTooLarge as soon as the limit is passed, and whatever `chunks` raises.
        """

    def open(self, content: Content) -> AbstractAsyncContextManager[ContentReader]:
        """Open for reading. EMPTY_CONTENT can be read as well.

        Raises NotFound if the key holds nothing, and Unavailable if it holds more or fewer bytes than it should.
        """

    async def delete(self, key: str) -> None:
        """Remove the bytes, if they are there."""

    def keys(self, written_before: datetime) -> AsyncIterator[Sequence[StoredKey]]:
        """All keys, unfinished writes included, that were last written to before that time, in batches."""

    async def is_ready(self) -> None:
        """Returns if the disk or server answers and takes bytes; raises Unavailable with the reason if not."""
