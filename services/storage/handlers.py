"""The storage service: files and their contents, drafts, and what is known of users.

A command that brings bytes brings their key. If the command is accepted the key is this service's: it is either
referred to or removed. After a refusal it stays the sender's, who may keep the bytes as a draft.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from services.storage.creating import FileCreation
from services.storage.drafts import Drafts
from services.storage.placing import FilePlacing
from services.storage.releasing import lets_upload_go, release, unreferenced
from shared.core.contents import (
    DocumentChanged,
    NoSuchVersion,
    Retention,
    Saved,
    VersionChanged,
    decide_overwrite,
    decide_put_file,
    decide_restore_version,
)
from shared.core.file import LockMismatch
from shared.core.files import (
    ActivitiesAdded,
    Deleted,
    GrantSet,
    decide_add_activities,
    decide_delete_file,
    decide_set_file_grant,
)
from shared.core.users import UserInfoKept, UserKnown
from shared.messages.commands import (
    AddActivities,
    CommitContent,
    CreateFile,
    DeleteFile,
    DiscardDraft,
    KeepDraft,
    MoveFile,
    OverwriteContent,
    PutUserInfo,
    RegisterUser,
    RenameFile,
    RestoreDraft,
    RestoreVersion,
    SetFileGrant,
)
from shared.ports.bus import Handlers
from shared.ports.content import ContentStore
from shared.ports.metadata import Metadata
from shared.service.transact import transact, transition


class StorageHandlers:
    """Answers the commands of the storage service."""

    def __init__(
        self,
        metadata: Metadata,
        content: ContentStore,
        retention: Retention,
        drafts_max_age: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self._files = metadata.files
        self._users = metadata.users
        self._content = content
        self._retention = retention
        self._now = now
        self._creation = FileCreation(metadata, content, retention, now)
        self._placing = FilePlacing(metadata, now)
        self._drafts = Drafts(metadata, content, retention, drafts_max_age, now)

    def table(self) -> Handlers:
        """Which method answers which command."""
        return {
            CommitContent: self.commit_content,
            OverwriteContent: self.overwrite_content,
            CreateFile: self._creation.create,
            RenameFile: self._placing.rename,
            MoveFile: self._placing.move,
            DeleteFile: self.delete_file,
            RestoreVersion: self.restore_version,
            SetFileGrant: self.set_file_grant,
            AddActivities: self.add_activities,
            KeepDraft: self._drafts.keep,
            RestoreDraft: self._drafts.restore,
            DiscardDraft: self._drafts.discard,
            PutUserInfo: self.put_user_info,
            RegisterUser: self.register_user,
        }

    async def commit_content(self, command: CommitContent) -> Saved | LockMismatch | DocumentChanged:
        """Spec: Files > PutFile."""
        now = self._now()
        done = await transition(
            self._files,
            command.file_id,
            lambda file: decide_put_file(file, command.content, command.save, command.caller, self._retention, now),
            now,
            command,
            lets_upload_go,
        )
        if isinstance(done.outcome, Saved):
            await release(self._content, unreferenced(done, command.content))
        return done.outcome

    async def overwrite_content(self, command: OverwriteContent) -> Saved | LockMismatch | VersionChanged:
        """Switch a file that isn't locked to new bytes, if it's still the expected version."""
        now = self._now()
        done = await transition(
            self._files,
            command.file_id,
            lambda file: decide_overwrite(
                file,
                command.content,
                command.caller,
                self._retention,
                now,
                expected_version=command.expected_version,
            ),
            now,
            command,
            lets_upload_go,
        )
        if isinstance(done.outcome, Saved):
            await release(self._content, unreferenced(done, command.content))
        return done.outcome

    async def restore_version(self, command: RestoreVersion) -> Saved | LockMismatch | VersionChanged | NoSuchVersion:
        """Bring a former version's bytes back; they keep their key."""
        now = self._now()
        done = await transition(
            self._files,
            command.file_id,
            lambda file: decide_restore_version(
                file, command.version, command.expected_version, command.caller, self._retention, now
            ),
            now,
            command,
        )
        await release(self._content, unreferenced(done))
        return done.outcome

    async def delete_file(self, command: DeleteFile) -> Deleted | LockMismatch:
        """Spec: Files > DeleteFile."""
        now = self._now()
        done = await transition(self._files, command.file_id, lambda file: decide_delete_file(file, now), now, command)
        await release(self._content, unreferenced(done))
        return done.outcome

    async def set_file_grant(self, command: SetFileGrant) -> GrantSet:
        """Give a user a role on the file, or take it away."""
        return await transact(
            self._files,
            command.file_id,
            lambda file: decide_set_file_grant(file, command.user_id, command.role),
            self._now(),
            command,
        )

    async def add_activities(self, command: AddActivities) -> ActivitiesAdded:
        """Spec: chunked file transfer > AddActivities."""
        return await transact(
            self._files,
            command.file_id,
            lambda file: decide_add_activities(file, command.activities),
            self._now(),
            command,
        )

    async def put_user_info(self, command: PutUserInfo) -> UserInfoKept:
        """Spec: Files > PutUserInfo."""
        await self._users.put_user_info(command.user_id, command.user_info)
        return UserInfoKept()

    async def register_user(self, command: RegisterUser) -> UserKnown:
        """Make a user known, or take note of a changed name."""
        return UserKnown(is_new=await self._users.register(command.user))
