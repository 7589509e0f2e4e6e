"""Lock, UnlockAndRelock, RefreshLock, Unlock: the lock state machine. Spec: Files > The lock state machine (complete).

Lock ids are opaque and compared exactly. A lock whose time is up counts as absent in every rule; the change that meets
it tells subscribers that it expired, before its own news.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from shared.core.decision import Decision
from shared.core.events import FileLocked, FileRelocked, FileUnlocked
from shared.core.file import LOCK_LIFETIME, Caller, File, Lock, LockMismatch, without_expired_lock

NOT_LOCKED = "the file isn't locked"
OTHER_LOCK = "the file is locked with another lock id"


@dataclass(frozen=True, slots=True)
class Locked:
    """The file is locked as asked; `version` is its current one, unchanged by locking."""

    version: int


@dataclass(frozen=True, slots=True)
class Unlocked:
    """The file isn't locked any more; `version` is its current one."""

    version: int


def _refreshed(lock: Lock, caller: Caller, now: datetime) -> Lock:
    return replace(lock, expires_at=now + LOCK_LIFETIME, refreshed_at=now, refreshed_by=caller)


def _taken(lock_id: str, caller: Caller, now: datetime) -> Lock:
    return Lock(lock_id, now + LOCK_LIFETIME, now, caller, now, caller)


def decide_lock(file: File, lock_id: str, caller: Caller, now: datetime) -> Decision[File, Locked | LockMismatch]:
    """Lock a file, or extend the lock that is already there under the same id, whoever took it.

    Spec: Files > Lock.
    """
    held = file.lock_at(now)
    if held is not None:
        if held.lock_id != lock_id:
            return Decision(file, LockMismatch(held.lock_id, OTHER_LOCK))
        # Extending a lock is not news: subscribers hear of a lock once.
        return Decision(replace(file, lock=_refreshed(held, caller, now)), Locked(file.current.number))
    file, expired = without_expired_lock(file, now)
    lock = _taken(lock_id, caller, now)
    locked = FileLocked(file.current.number, lock.expires_at)
    return Decision(replace(file, lock=lock), Locked(file.current.number), (*expired, locked))


def decide_unlock_and_relock(
    file: File, lock_id: str, old_lock_id: str, caller: Caller, now: datetime
) -> Decision[File, Locked | LockMismatch]:
    """Swap the lock `old_lock_id` for `lock_id` in one step.

    Spec: Files > UnlockAndRelock.
    """
    held = file.lock_at(now)
    if held is None:
        return Decision(file, LockMismatch("", NOT_LOCKED))
    if held.lock_id != old_lock_id:
        return Decision(file, LockMismatch(held.lock_id, OTHER_LOCK))
    lock = _taken(lock_id, caller, now)
    relocked = FileRelocked(file.current.number, lock.expires_at)
    return Decision(replace(file, lock=lock), Locked(file.current.number), (relocked,))


def decide_refresh_lock(
    file: File, lock_id: str, caller: Caller, now: datetime
) -> Decision[File, Locked | LockMismatch]:
    """Restart the lock's time. A refusal changes nothing: clients probe with made-up ids to learn the current one.

    Spec: Files > RefreshLock.
    """
    held = file.lock_at(now)
    if held is None:
        return Decision(file, LockMismatch("", NOT_LOCKED))
    if held.lock_id != lock_id:
        return Decision(file, LockMismatch(held.lock_id, OTHER_LOCK))
    return Decision(replace(file, lock=_refreshed(held, caller, now)), Locked(file.current.number))


def decide_unlock(file: File, lock_id: str, now: datetime) -> Decision[File, Unlocked | LockMismatch]:
    """Release the lock.

    Spec: Files > Unlock.
    """
    held = file.lock_at(now)
    if held is None:
        return Decision(file, LockMismatch("", NOT_LOCKED))
    if held.lock_id != lock_id:
        return Decision(file, LockMismatch(held.lock_id, OTHER_LOCK))
    return Decision(replace(file, lock=None), Unlocked(file.current.number), (FileUnlocked(file.current.number),))


@dataclass(frozen=True, slots=True)
class NotThatLock:
    """Refused: the lock that the operator looked at is gone, or has been replaced by another one since."""

    reason: str


def decide_force_unlock(
    file: File, taken_at: datetime, reason: str, now: datetime
) -> Decision[File, Unlocked | NotThatLock]:
    """Break the lock that was taken at `taken_at`, as somebody's deliberate act.

    A refresh in the meantime doesn't save the lock, but a new lock is never broken in place of the one that was
    looked at. The client that held it meets 409 with an empty X-WOPI-Lock at its next step.
    """
    held = file.lock_at(now)
    if held is None:
        return Decision(file, NotThatLock(NOT_LOCKED))
    if held.taken_at != taken_at:
        return Decision(file, NotThatLock("the file has been locked anew since"))
    unlocked = FileUnlocked(file.current.number, forced=True, reason=reason)
    return Decision(replace(file, lock=None), Unlocked(file.current.number), (unlocked,))


def decide_expire_lock(file: File, now: datetime) -> Decision[File, bool]:
    """Take away a lock whose time is up, so that subscribers hear of it even if nobody touches the file again."""
    unlocked, expired = without_expired_lock(file, now)
    return Decision(unlocked, bool(expired), expired)
