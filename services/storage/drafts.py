"""Drafts: kept, restored, discarded.

A draft's bytes have a key of their own: what a restored draft becomes is a copy, so that no key is shared and each can
go by itself.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from services.storage.releasing import lets_upload_go, release, unreferenced
from shared.core.contents import Retention, Saved, VersionChanged, decide_overwrite
from shared.core.decision import Decision
from shared.core.drafts import Draft, DraftDiscarded, DraftKept, is_same, needs_no_draft, outlived
from shared.core.errors import DeadlinePassed, NotFound
from shared.core.file import Content, File, LockMismatch
from shared.messages.commands import DiscardDraft, KeepDraft, RestoreDraft
from shared.ports.content import ContentStore
from shared.ports.metadata import DraftStore, Metadata
from shared.service.transact import resume, transition


class Drafts:
    """Answers the commands about drafts."""

    def __init__(
        self,
        metadata: Metadata,
        content: ContentStore,
        retention: Retention,
        max_age: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self._files = metadata.files
        self._drafts = metadata.drafts
        self._content = content
        self._retention = retention
        self._max_age = max_age
        self._now = now

    async def keep(self, command: KeepDraft) -> DraftKept:
        """Keep the bytes, unless the file or an equal draft has them. From here on the key is this service's to remove.

        The file may be deleted by now: its last editor's work is kept all the same.
        """
        file = (await self._files.load(command.file_id)).state
        if needs_no_draft(file, command.content):
            await self._release_unless_used(file, command.content)
            return DraftKept("", is_new=False)
        drafts = await self._drafts.of_file(command.file_id)
        equal = next((draft for draft in drafts if is_same(draft.content, command.content)), None)
        if equal is not None and equal.draft_id == command.draft_id:
            return DraftKept(equal.draft_id, is_new=True)
        if equal is not None:
            await self._release_unless_used(file, command.content, equal)
            return DraftKept(equal.draft_id, is_new=False)
        await self._insert(command, file)
        return DraftKept(command.draft_id, is_new=True)

    async def _insert(self, command: KeepDraft, file: File) -> None:
        now = self._now()
        async with self._content.open(command.content):  # a save that came through may have let go of it since
            await self._drafts.insert(
                Draft(
                    draft_id=command.draft_id,
                    file_id=command.file_id,
                    file_name=file.name,
                    base_version=file.current.number,
                    content=command.content,
                    saved_by=command.caller,
                    refused_at=now,
                    reason=command.reason,
                )
            )
        for draft in outlived(await self._drafts.of_file(command.file_id), self._max_age, now):
            await let_go(self._drafts, self._content, draft)

    async def _release_unless_used(self, file: File, content: Content, draft: Draft | None = None) -> None:
        in_use = file.content_keys() | ({draft.content.key} if draft else set())
        await release(self._content, {content.key} - in_use - {""})

    async def restore(self, command: RestoreDraft) -> Saved | LockMismatch | VersionChanged:
        """Make a copy of the draft's bytes the file's content, and let go of the draft."""
        file, answer = await resume(self._files, command.file_id, command)
        outcome = answer if answer is not None else await self._restored(command, file)
        if isinstance(outcome, Saved):
            await self._let_go_of(command.draft_id, command.file_id)
        return outcome

    async def _restored(self, command: RestoreDraft, file: File) -> Saved | LockMismatch | VersionChanged:
        draft = await self._drafts.find(command.draft_id)
        if draft is None or draft.file_id != command.file_id:
            raise NotFound("there is no such draft")
        editors = (draft.saved_by.user_id,)

        def decide(file: File, content: Content) -> Decision[File, Saved | LockMismatch | VersionChanged]:
            return decide_overwrite(
                file,
                content,
                command.caller,
                self._retention,
                self._now(),
                expected_version=command.expected_version,
                editors=editors,
            )

        expected = decide(file, draft.content).outcome
        if not isinstance(expected, Saved):
            return expected  # nothing need be copied for a refusal
        copy = await self._copy_of(draft, command.deadline)
        done = await transition(
            self._files, command.file_id, lambda file: decide(file, copy), self._now(), command, lets_upload_go
        )
        # The copy is of this handler's making, so that it goes after a refusal as well.
        await release(self._content, unreferenced(done, copy))
        return done.outcome

    async def _copy_of(self, draft: Draft, deadline: datetime) -> Content:
        async with self._content.open(draft.content) as reader:
            copy = await self._content.write(reader.chunks(), draft.content.size_bytes, draft.content.size_bytes)
        if self._now() >= deadline:
            await release(self._content, [copy.key])
            raise DeadlinePassed("copying the draft took longer than the request may take")
        return copy

    async def discard(self, command: DiscardDraft) -> DraftDiscarded:
        """Let go of a draft; one that is gone already is no error."""
        await self._let_go_of(command.draft_id, command.file_id)
        return DraftDiscarded()

    async def _let_go_of(self, draft_id: str, file_id: str) -> None:
        draft = await self._drafts.find(draft_id)
        if draft is not None and draft.file_id == file_id:
            await let_go(self._drafts, self._content, draft)


async def let_go(drafts: DraftStore, content: ContentStore, draft: Draft) -> None:
    """Remove a draft and its bytes."""
    await drafts.delete(draft.draft_id)
    await release(content, [draft.content.key])
