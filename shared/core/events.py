"""Facts about files and containers, as the rules state them.

A fact says only what happened; who, when, in which order and under which correlation id is added where the change is
saved (`shared.service.transact`), and the public form is CloudEvents (`shared.messages.events`). No fact carries a lock
id, a token or a user's UserInfo. `type` is the public name of the event.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FileCreated:
    """A file came into being; `version` is its first."""

    type: ClassVar[str] = "file.created"
    name: str
    container_id: str
    version: int
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class FileContentChanged:
    """A save switched the file to new bytes. `restored_from` is the former version whose bytes came back, if any."""

    type: ClassVar[str] = "file.content_changed"
    name: str
    version: int
    size_bytes: int
    sha256: str
    editors: tuple[str, ...] = ()
    restored_from: int | None = None


@dataclass(frozen=True, slots=True)
class FileRenamed:
    """The file has another name; its id and version are as before."""

    type: ClassVar[str] = "file.renamed"
    name: str
    former_name: str
    version: int


@dataclass(frozen=True, slots=True)
class FileMoved:
    """The file is in another container; its id and version are as before."""

    type: ClassVar[str] = "file.moved"
    name: str
    container_id: str
    former_container_id: str
    version: int


@dataclass(frozen=True, slots=True)
class FileDeleted:
    """The file and its former versions are gone."""

    type: ClassVar[str] = "file.deleted"
    name: str
    container_id: str
    version: int


@dataclass(frozen=True, slots=True)
class FileLocked:
    """A client locked the file until `expires_at`, unless it refreshes or releases the lock before."""

    type: ClassVar[str] = "file.locked"
    version: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class FileRelocked:
    """The lock was swapped for another one in one step (UnlockAndRelock)."""

    type: ClassVar[str] = "file.relocked"
    version: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class FileUnlocked:
    """The lock was released; `forced` by a person instead of the client that held it, for `reason`."""

    type: ClassVar[str] = "file.unlocked"
    version: int
    forced: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class FileLockExpired:
    """The lock's time was up at `expired_at`."""

    type: ClassVar[str] = "file.lock_expired"
    version: int
    expired_at: datetime


@dataclass(frozen=True, slots=True)
class FileGrantChanged:
    """A user's role on this file is now `role`: "owner", "editor", "viewer", "none", or "inherited" from above again."""

    type: ClassVar[str] = "file.grant_changed"
    grantee_id: str
    role: str


@dataclass(frozen=True, slots=True)
class FileActivityAdded:
    """A client reported an activity (AddActivities); `activity` is its JSON text as the client gave it."""

    type: ClassVar[str] = "file.activity_added"
    activity_id: str
    activity_type: str
    activity: str


@dataclass(frozen=True, slots=True)
class ContainerCreated:
    """A container came into being; the root's `parent_id` is empty."""

    type: ClassVar[str] = "container.created"
    name: str
    parent_id: str


@dataclass(frozen=True, slots=True)
class ContainerRenamed:
    """The container has another name; its id is as before."""

    type: ClassVar[str] = "container.renamed"
    name: str
    former_name: str


@dataclass(frozen=True, slots=True)
class ContainerMoved:
    """The container, with all below it, is in another container."""

    type: ClassVar[str] = "container.moved"
    name: str
    parent_id: str
    former_parent_id: str


@dataclass(frozen=True, slots=True)
class ContainerDeleted:
    """The empty container is gone."""

    type: ClassVar[str] = "container.deleted"
    name: str
    parent_id: str


@dataclass(frozen=True, slots=True)
class ContainerGrantChanged:
    """A user's role on this container and below is now `role`; as in FileGrantChanged."""

    type: ClassVar[str] = "container.grant_changed"
    grantee_id: str
    role: str


FileFact = (
    FileCreated
    | FileContentChanged
    | FileRenamed
    | FileMoved
    | FileDeleted
    | FileLocked
    | FileRelocked
    | FileUnlocked
    | FileLockExpired
    | FileGrantChanged
    | FileActivityAdded
)
ContainerFact = ContainerCreated | ContainerRenamed | ContainerMoved | ContainerDeleted | ContainerGrantChanged
Fact = FileFact | ContainerFact
