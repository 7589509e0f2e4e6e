"""The lock service: WOPI locks, and an operator's way to break one."""

from collections.abc import Callable
from datetime import datetime

from shared.core.file import LockMismatch
from shared.core.locks import (
    Locked,
    NotThatLock,
    Unlocked,
    decide_force_unlock,
    decide_lock,
    decide_refresh_lock,
    decide_unlock,
    decide_unlock_and_relock,
)
from shared.messages.commands import ForceUnlock, LockFile, RefreshLock, UnlockAndRelock, UnlockFile
from shared.ports.bus import Handlers
from shared.ports.metadata import Metadata
from shared.service.transact import transact


class LockHandlers:
    """Answers the commands of the lock service."""

    def __init__(self, metadata: Metadata, now: Callable[[], datetime]) -> None:
        self._files = metadata.files
        self._now = now

    def table(self) -> Handlers:
        """Which method answers which command."""
        return {
            LockFile: self.lock,
            UnlockAndRelock: self.unlock_and_relock,
            RefreshLock: self.refresh_lock,
            UnlockFile: self.unlock,
            ForceUnlock: self.force_unlock,
        }

    async def lock(self, command: LockFile) -> Locked | LockMismatch:
        """Spec: Files > Lock."""
        now = self._now()
        return await transact(
            self._files,
            command.file_id,
            lambda file: decide_lock(file, command.lock_id, command.caller, now),
            now,
            command,
        )

    async def unlock_and_relock(self, command: UnlockAndRelock) -> Locked | LockMismatch:
        """Spec: Files > UnlockAndRelock."""
        now = self._now()
        return await transact(
            self._files,
            command.file_id,
            lambda file: decide_unlock_and_relock(file, command.lock_id, command.old_lock_id, command.caller, now),
            now,
            command,
        )

    async def refresh_lock(self, command: RefreshLock) -> Locked | LockMismatch:
        """Spec: Files > RefreshLock."""
        now = self._now()
        return await transact(
            self._files,
            command.file_id,
            lambda file: decide_refresh_lock(file, command.lock_id, command.caller, now),
            now,
            command,
        )

    async def unlock(self, command: UnlockFile) -> Unlocked | LockMismatch:
        """Spec: Files > Unlock."""
        now = self._now()
        return await transact(
            self._files, command.file_id, lambda file: decide_unlock(file, command.lock_id, now), now, command
        )

    async def force_unlock(self, command: ForceUnlock) -> Unlocked | NotThatLock:
        """Break a lock; the event that tells of it says who did and why."""
        now = self._now()
        return await transact(
            self._files,
            command.file_id,
            lambda file: decide_force_unlock(file, command.taken_at, command.reason, now),
            now,
            command,
        )
