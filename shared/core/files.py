"""What else happens to a file as a whole: it is created, renamed, moved, deleted, and grants on it change.

Whether a name is free is known only to the store that holds all files; these rules say which names to try.
Spec: Files > RenameFile, Files > DeleteFile, Containers > CreateChildFile.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from shared.core.contents import last_modified_time
from shared.core.decision import Decision
from shared.core.events import (
    Fact,
    FileActivityAdded,
    FileCreated,
    FileDeleted,
    FileGrantChanged,
    FileMoved,
    FileRenamed,
)
from shared.core.file import Caller, Content, File, LockMismatch, Version, without_expired_lock
from shared.core.locks import OTHER_LOCK
from shared.core.permissions import Role, with_grant


@dataclass(frozen=True, slots=True)
class Created:
    """A new file (or, after an overwrite, an existing one) holds the content under this id and name."""

    file_id: str
    name: str
    version: int
    is_new_content: bool = True
    """False if an existing file already had equal bytes: nothing refers to the new content key."""


@dataclass(frozen=True, slots=True)
class NameTaken:
    """Refused with 409: the container has a file (for a container: a container) of that name. `free_name` would do."""

    name: str
    free_name: str


@dataclass(frozen=True, slots=True)
class NameIllegal:
    """Refused with 400: `reason` says why; `legal_name` would do."""

    reason: str
    legal_name: str


def new_file(
    file_id: str, container_id: str, name: str, content: Content, caller: Caller, now: datetime
) -> Decision[File, Created]:
    """A file that is about to be put into a container. Its first version is 1."""
    file = File(
        file_id=file_id,
        container_id=container_id,
        name=name,
        owner_id=caller.user_id,
        created_at=now,
        current=Version(1, content, now, caller),
    )
    created = FileCreated(name, container_id, 1, content.size_bytes, content.sha256)
    return Decision(file, Created(file_id, name, 1), (created,))


@dataclass(frozen=True, slots=True)
class Renamed:
    """The file's name is now `name`, with extension; content and LastModifiedTime are as before."""

    name: str
    last_modified_time: str


def lock_in_the_way(file: File, lock_id: str | None, now: datetime) -> LockMismatch | None:
    """The refusal for a change that a lock holder alone may make while the file is locked; None if it may go on."""
    held = file.lock_at(now)
    if held is None or held.lock_id == lock_id:
        return None
    return LockMismatch(held.lock_id, OTHER_LOCK)


def decide_rename_file(
    file: File, name: str, lock_id: str | None, now: datetime
) -> Decision[File, Renamed | LockMismatch]:
    """Give the file the name `name`. The id stays, and so does the lock.

    Spec: Files > RenameFile.
    """
    refused = lock_in_the_way(file, lock_id, now)
    if refused is not None:
        return Decision(file, refused)
    outcome = Renamed(name, last_modified_time(file.current.saved_at))
    if name == file.name:
        return Decision(file, outcome)
    file, expired = without_expired_lock(file, now)
    renamed = FileRenamed(name, file.name, file.current.number)
    return Decision(replace(file, name=name), outcome, (*expired, renamed))


@dataclass(frozen=True, slots=True)
class Moved:
    """The file is in `container_id`, under `name`."""

    container_id: str
    name: str


def decide_move_file(file: File, container_id: str, name: str, now: datetime) -> Decision[File, Moved | LockMismatch]:
    """Put the file into another container, under `name`. Not while it is locked."""
    refused = lock_in_the_way(file, None, now)
    if refused is not None:
        return Decision(file, refused)
    return _placed(file, container_id, name, now)


def decide_put_back(
    file: File, stray_in: str, container_id: str, name: str, now: datetime
) -> Decision[File, Moved | None]:
    """Put a file back that was moved into a container which closed meanwhile; None if it isn't in there any more.

    It stays locked if it is: nobody has been told that it moved.
    """
    if file.container_id != stray_in:
        return Decision(file, None)
    return _placed(file, container_id, name, now)


def _placed(file: File, container_id: str, name: str, now: datetime) -> Decision[File, Moved]:
    file, expired = without_expired_lock(file, now)
    facts: tuple[Fact, ...] = expired
    if name != file.name:
        facts = (*facts, FileRenamed(name, file.name, file.current.number))
    if container_id != file.container_id:
        facts = (*facts, FileMoved(name, container_id, file.container_id, file.current.number))
    if not facts:
        return Decision(file, Moved(container_id, name))
    return Decision(replace(file, container_id=container_id, name=name), Moved(container_id, name), facts)


@dataclass(frozen=True, slots=True)
class Deleted:
    """The resource is gone."""


def decide_take_back_file(file: File, now: datetime) -> Decision[File, Deleted]:
    """Undo the making of a file whose container closed meanwhile: nobody has been told that it's there."""
    return _deleted(file, now)


def decide_delete_file(file: File, now: datetime) -> Decision[File, Deleted | LockMismatch]:
    """Delete the file with its former versions. Any lock is in the way: there is no way to present one.

    Spec: Files > DeleteFile.
    """
    held = file.lock_at(now)
    if held is not None:
        return Decision(file, LockMismatch(held.lock_id, "the file is locked"))
    return _deleted(file, now)


def _deleted(file: File, now: datetime) -> Decision[File, Deleted]:
    file, expired = without_expired_lock(file, now)
    gone = FileDeleted(file.name, file.container_id, file.current.number)
    return Decision(replace(file, former=(), grants=(), deleted_at=now), Deleted(), (*expired, gone))


@dataclass(frozen=True, slots=True)
class GrantSet:
    """The user's grant on the resource is as asked."""


def role_name(role: Role | None) -> str:
    """The public name of a role: "owner", "editor", "viewer", "none"; "inherited" if there is no grant."""
    return "inherited" if role is None else role.name.lower()


def decide_set_file_grant(file: File, user_id: str, role: Role | None) -> Decision[File, GrantSet]:
    """Give `user_id` the role on this file, or take the grant away (None)."""
    grants = with_grant(file.grants, user_id, role)
    if set(grants) == set(file.grants):
        return Decision(file, GrantSet())
    return Decision(replace(file, grants=grants), GrantSet(), (FileGrantChanged(user_id, role_name(role)),))


@dataclass(frozen=True, slots=True)
class Activity:
    """One activity as a client reported it: `body` is its JSON text."""

    activity_id: str
    activity_type: str
    body: str


@dataclass(frozen=True, slots=True)
class ActivitiesAdded:
    """The activities are on their way to subscribers."""


def decide_add_activities(file: File, activities: tuple[Activity, ...]) -> Decision[File, ActivitiesAdded]:
    """Tell subscribers of the activities; they are kept as events, not with the file.

    Spec: chunked file transfer > AddActivities.
    """
    facts = tuple(FileActivityAdded(one.activity_id, one.activity_type, one.body) for one in activities)
    return Decision(file, ActivitiesAdded(), facts)
