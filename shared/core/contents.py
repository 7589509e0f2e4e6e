"""PutFile, PutRelativeFile onto an existing file, versions and their retention.

One PutFile rule set serves all clients at once: those of the protocol's pages, and Collabora Online and ONLYOFFICE with
their timestamp header. Check and switch to the new content are one step on the aggregate.
Spec: Files > PutFile, Files > PutRelativeFile; clients > The one PutFile rule set that serves all clients.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from shared.core.decision import Decision
from shared.core.events import Fact, FileContentChanged
from shared.core.file import Caller, Content, File, LockMismatch, Version, without_expired_lock
from shared.core.locks import NOT_LOCKED, OTHER_LOCK

_TICK: Final = timedelta(microseconds=1)


@lru_cache(maxsize=4096)
def last_modified_time(saved_at: datetime) -> str:
    """The one text of LastModifiedTime: UTC, ISO 8601 with seven decimals. Clients compare it as text.

    Spec: CheckFileInfo > Other; clients > PutFile.
    """
    return saved_at.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "0Z"


def item_version(version: Version) -> str:
    """The one text of a version: CheckFileInfo's Version and X-WOPI-ItemVersion. Spec: X-WOPI-ItemVersion duties."""
    return str(version.number)


@dataclass(frozen=True, slots=True)
class Retention:
    """How many former versions are kept, and for how long after newer bytes took their place.

    A version goes when either limit is passed.
    """

    max_versions: int = 100
    max_age: timedelta = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Save:
    """What a PutFile presents besides the bytes."""

    lock_id: str | None
    """X-WOPI-Lock; None if absent or empty."""
    timestamp: str | None
    """X-COOL-WOPI-Timestamp or its older twin: the LastModifiedTime that the client last knew; None if absent."""
    editors: tuple[str, ...] = ()
    locks_advertised: bool = True
    """False for a client that was told SupportsLocks false, and so can't hold a lock."""
    numbers_each_save: bool = True
    """Whether the client expects every save to have a version of its own, even one of equal bytes.

    The protocol's pages promise that. Clients that send X-COOL-WOPI- headers go by LastModifiedTime instead, and open
    and close a document by saving it as it was: to them, a new version would be a change that nobody made.
    """


@dataclass(frozen=True, slots=True)
class Saved:
    """The file has the new bytes, or had equal ones already (`is_new_version` False: nothing refers to the new key)."""

    version: int
    last_modified_time: str
    is_new_version: bool


@dataclass(frozen=True, slots=True)
class DocumentChanged:
    """Refused with 409 and the client's own code for it: the document isn't the one that the client last knew."""

    current_lock_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class TooLarge:
    """Refused with 413: the content is larger than `max_size_bytes`."""

    max_size_bytes: int


SaveRefused = LockMismatch | DocumentChanged


def refusal_of(file: File, save: Save, now: datetime) -> SaveRefused | None:
    """Why `save` may not switch the file's content at `now`; None if it may.

    Spec: clients > The one PutFile rule set, 2 to 5.
    """
    held = file.lock_at(now)
    held_id = held.lock_id if held is not None else ""
    if held is not None and save.lock_id != held_id:
        return LockMismatch(held_id, OTHER_LOCK)
    is_known = save.timestamp == last_modified_time(file.current.saved_at)
    if save.timestamp is not None and not is_known:
        return DocumentChanged(held_id, "the document was changed by someone else")
    if held is not None or file.current.content.size_bytes == 0 or not save.locks_advertised:
        return None
    # Some clients unlock before their last save, or never lock: they prove by the timestamp that nothing was between.
    if save.lock_id is not None and is_known:
        return None
    return LockMismatch("", NOT_LOCKED)


def decide_put_file(
    file: File, content: Content, save: Save, caller: Caller, retention: Retention, now: datetime
) -> Decision[File, Saved | SaveRefused]:
    """Switch the file to new bytes, if the lock and the timestamp allow it. The former bytes are kept as a version.

    Bytes equal to the present ones are no new content: LastModifiedTime stays and nothing is kept as a former version.
    Only the version's number goes up then, and that only for a client that expects it. The lock's time is not restarted.

    Spec: Files > PutFile, X-WOPI-ItemVersion duties; clients > PutFile.
    """
    refused = refusal_of(file, save, now)
    if refused is not None:
        return Decision(file, refused)
    if _has_bytes_of(file, content):
        if save.numbers_each_save:
            file = replace(file, current=replace(file.current, number=file.current.number + 1))
        return Decision(file, _as_before(file))
    return _with_content(file, content, caller, save.editors, retention, now)


def _has_bytes_of(file: File, content: Content) -> bool:
    present = file.current.content
    return (content.sha256, content.size_bytes) == (present.sha256, present.size_bytes)


def _as_before(file: File) -> Saved:
    return Saved(file.current.number, last_modified_time(file.current.saved_at), is_new_version=False)


def _with_content(
    file: File,
    content: Content,
    caller: Caller,
    editors: tuple[str, ...],
    retention: Retention,
    now: datetime,
    restored_from: int | None = None,
) -> Decision[File, Saved]:
    file, expired = without_expired_lock(file, now)
    # A clock that was set back must not make two versions look alike to clients that compare times.
    saved_at = max(now, file.current.saved_at + _TICK)
    version = Version(file.current.number + 1, content, saved_at, caller, editors)
    former = file.former
    if file.current.content.size_bytes:
        former = (*former, replace(file.current, replaced_at=saved_at))
    changed = FileContentChanged(
        file.name, version.number, content.size_bytes, content.sha256, editors, restored_from=restored_from
    )
    news: tuple[Fact, ...] = (*expired, changed)
    file = replace(file, current=version, former=retained(former, retention, now))
    return Decision(file, Saved(version.number, last_modified_time(saved_at), is_new_version=True), news)


def retained(former: tuple[Version, ...], retention: Retention, now: datetime) -> tuple[Version, ...]:
    """The former versions that `retention` keeps, oldest first."""
    young = tuple(one for one in former if now - (one.replaced_at or one.saved_at) <= retention.max_age)
    return young[max(0, len(young) - retention.max_versions) :]


def decide_prune_versions(file: File, retention: Retention, now: datetime) -> Decision[File, int]:
    """Let go of former versions past their retention; the outcome is how many."""
    kept = retained(file.former, retention, now)
    gone = len(file.former) - len(kept)
    return Decision(replace(file, former=kept) if gone else file, gone)


@dataclass(frozen=True, slots=True)
class VersionChanged:
    """Refused: the file's version isn't the expected one any more."""

    current_version: int


def decide_overwrite(
    file: File,
    content: Content,
    caller: Caller,
    retention: Retention,
    now: datetime,
    *,
    expected_version: int | None = None,
    editors: tuple[str, ...] = (),
) -> Decision[File, Saved | LockMismatch | VersionChanged]:
    """Switch an existing file to new bytes without a lock id: only an unlocked file may be overwritten.

    For PutRelativeFile and CreateChildFile with X-WOPI-OverwriteRelativeTarget, and for uploads of the host's own API,
    which may name the version that the caller looked at.
    Spec: Files > PutRelativeFile.
    """
    held = file.lock_at(now)
    if held is not None:
        return Decision(file, LockMismatch(held.lock_id, "the file is locked"))
    if expected_version is not None and expected_version != file.current.number:
        return Decision(file, VersionChanged(file.current.number))
    if _has_bytes_of(file, content):
        return Decision(file, _as_before(file))
    return _with_content(file, content, caller, editors, retention, now)


@dataclass(frozen=True, slots=True)
class NoSuchVersion:
    """Refused: the file keeps no such version."""

    version: int


def decide_restore_version(
    file: File, number: int, expected_version: int | None, caller: Caller, retention: Retention, now: datetime
) -> Decision[File, Saved | LockMismatch | VersionChanged | NoSuchVersion]:
    """Bring the bytes of a former version back, as a new version. Not while a client holds the lock.

    `expected_version` is the current version that the caller looked at, so that a save in between is not undone unseen.
    """
    held = file.lock_at(now)
    if held is not None:
        return Decision(file, LockMismatch(held.lock_id, "the file is locked"))
    if expected_version is not None and expected_version != file.current.number:
        return Decision(file, VersionChanged(file.current.number))
    for version in file.former:
        if version.number == number:
            if _has_bytes_of(file, version.content):
                return Decision(file, _as_before(file))
            return _with_content(file, version.content, caller, version.editors, retention, now, number)
    return Decision(file, NoSuchVersion(number))
