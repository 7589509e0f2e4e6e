"""The File aggregate: everything about one file that changes in one step.

`FileHead` is what a read needs (CheckFileInfo, GetLock, a listing); `File` adds the former versions, which only the
rules of saving need. Both are frozen; a change is a new object.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

from shared.core.events import FileLockExpired
from shared.core.permissions import Grant

LOCK_LIFETIME: Final = timedelta(minutes=30)
"""From the last successful Lock, RefreshLock or UnlockAndRelock. Spec: Files > Locks: concept."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks for a change, and through what: kept with locks and versions for the people who look after them."""

    user_id: str
    client: str = ""
    """What the client calls itself, such as its User-Agent; "" if it didn't say."""
    session_id: str = ""
    """X-WOPI-SessionId; "" if it didn't say."""


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes in the content store. Immutable: new bytes get a new key. No bytes need no place, so their key is ""."""

    key: str
    size_bytes: int
    sha256: str
    """Base64 of the SHA-256, as in CheckFileInfo."""


EMPTY_CONTENT: Final = Content(key="", size_bytes=0, sha256="47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")


@dataclass(frozen=True, slots=True)
class Version:
    """One state of a file's content: which bytes, since when, by whom."""

    number: int
    """Grows with every change of the content and never comes back."""
    content: Content
    saved_at: datetime
    """LastModifiedTime. Strictly later than that of the version before it."""
    saved_by: Caller
    editors: tuple[str, ...] = ()
    """User ids of everyone whose changes are in this save (X-WOPI-Editors)."""
    replaced_at: datetime | None = None
    """When newer bytes took its place; None for the current version."""


@dataclass(frozen=True, slots=True)
class Lock:
    """A WOPI lock. It binds no user and no session: whoever presents `lock_id` and may write holds it."""

    lock_id: str
    expires_at: datetime
    taken_at: datetime
    taken_by: Caller
    refreshed_at: datetime
    refreshed_by: Caller


@dataclass(frozen=True, slots=True)
class FileHead:
    """A file without its former versions."""

    file_id: str
    container_id: str
    name: str
    """With extension, without path."""
    owner_id: str
    created_at: datetime
    current: Version
    lock: Lock | None = None
    """May be past its time: ask `lock_at`."""
    grants: tuple[Grant, ...] = ()
    deleted_at: datetime | None = None
    """Set on what is left of a deleted file until its last events are out."""

    def lock_at(self, now: datetime) -> Lock | None:
        """The lock that holds at `now`; one whose time is up counts as absent."""
        return self.lock if self.lock is not None and now < self.lock.expires_at else None


@dataclass(frozen=True, slots=True)
class File(FileHead):
    """The whole aggregate."""

    former: tuple[Version, ...] = field(default=())
    """Former versions that are kept, oldest first."""

    def content_keys(self) -> frozenset[str]:
        """Keys of all content that this file refers to; what is left of a deleted file refers to none."""
        if self.deleted_at is not None:
            return frozenset()
        keys = {version.content.key for version in (self.current, *self.former)}
        return frozenset(keys - {""})


FileT = TypeVar("FileT", bound=FileHead)


def without_expired_lock(file: FileT, now: datetime) -> tuple[FileT, tuple[FileLockExpired, ...]]:
    """`file` as it is at `now`, and the news of an expiry if its lock's time is up."""
    if file.lock is None or now < file.lock.expires_at:
        return file, ()
    return replace(file, lock=None), (FileLockExpired(file.current.number, file.lock.expires_at),)


@dataclass(frozen=True, slots=True)
class LockMismatch:
    """Refused with 409. The client is shown `current_lock_id`: "" when the file isn't locked.

    Clients steer by that value. Spec: Files > Which id goes into X-WOPI-Lock on a 409.
    """

    current_lock_id: str
    reason: str
    """For people, in X-WOPI-LockFailureReason."""
