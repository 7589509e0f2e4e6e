"""CreateFile: a new file under an exact, a free, or somebody's name.

A redelivered command is recognised by the file that it made (`new_file_id`) or overwrote. The container is looked at
before and after: see `shared.service.tree`.
"""

from collections.abc import Callable
from datetime import datetime

from services.storage.releasing import lets_upload_go, release, unreferenced
from shared.core.contents import Retention, Saved, decide_overwrite
from shared.core.decision import Decision
from shared.core.errors import Contended, LecternError, NotFound
from shared.core.file import File, LockMismatch
from shared.core.files import Created, Deleted, NameIllegal, NameTaken, decide_take_back_file, new_file
from shared.core.names import candidates, file_name_fault, name_key, suggested_file_name
from shared.messages.commands import CreateFile, Naming
from shared.ports.content import ContentStore
from shared.ports.metadata import Metadata, NameInUse
from shared.service.naming import free_name, take_free_name
from shared.service.transact import MAX_ATTEMPTS, Origin, change_of, pause_before, resume, transition, undo
from shared.service.tree import has_strayed, require_open

Outcome = Created | NameTaken | NameIllegal | LockMismatch


class FileCreation:
    """Answers CreateFile."""

    def __init__(
        self, metadata: Metadata, content: ContentStore, retention: Retention, now: Callable[[], datetime]
    ) -> None:
        self._files = metadata.files
        self._containers = metadata.containers
        self._content = content
        self._retention = retention
        self._now = now

    async def create(self, command: CreateFile) -> Outcome:
        """Spec: Files > PutRelativeFile, Containers > CreateChildFile."""
        made = await self._made_before(command)
        outcome = made if made is not None else await self._made(command)
        is_ours = isinstance(outcome, Created) and outcome.file_id == command.new_file_id
        if is_ours and await has_strayed(self._containers, command.container_id, is_new=made is None):
            await self._take_back(command)
        return outcome

    async def _made_before(self, command: CreateFile) -> Created | None:
        """The answer that was given to this command if it has made its file; None if it hasn't."""
        try:
            file, answer = await resume(self._files, command.new_file_id, command)
        except NotFound:
            return None
        if isinstance(answer, Created):
            return answer
        # Its changes since have pushed the command out of the file's memory. Nobody else can have chosen its id.
        return Created(file.file_id, file.name, 1)

    async def _made(self, command: CreateFile) -> Outcome:
        await require_open(self._containers, command.container_id)
        if command.naming is Naming.SUGGESTED:
            names = candidates(suggested_file_name(command.name))
            return await take_free_name(
                self._files, command.container_id, names, lambda name: self._insert(command, name)
            )
        fault = file_name_fault(command.name)
        if fault is not None:
            return NameIllegal(fault, await self._free_name(command))
        if command.naming is Naming.OVERWRITE:
            return await self._overwrite_or_insert(command)
        try:
            return await self._insert(command, command.name)
        except NameInUse:
            return NameTaken(command.name, await self._free_name(command))

    async def _free_name(self, command: CreateFile) -> str:
        return await free_name(self._files, command.container_id, candidates(suggested_file_name(command.name)))

    async def _insert(self, command: CreateFile, name: str) -> Created:
        now = self._now()
        decision = new_file(command.new_file_id, command.container_id, name, command.content, command.caller, now)
        origin = Origin(command.caller.user_id, command.correlation_id)
        change = change_of(decision, command.new_file_id, now, origin, command_id=command.command_id)
        if await self._files.insert(change):
            return decision.outcome
        made = await self._made_before(command)
        if made is None:
            raise NotFound("there is no such container")  # the file was made before, and taken back
        return made

    async def _overwrite_or_insert(self, command: CreateFile) -> Outcome:
        for attempt in range(MAX_ATTEMPTS):
            target = await self._files.by_name(command.container_id, command.name)
            if target is not None:
                outcome = await self._overwrite(command, target.file_id)
                if outcome is not None:
                    return outcome
            else:
                await self._refuse_used_content(command)
                try:
                    return await self._insert(command, command.name)
                except NameInUse:
                    pass  # somebody else has made it just now: overwrite that
            await pause_before(attempt + 1)
        raise Contended("too many files of that name come and go; try again")

    async def _overwrite(self, command: CreateFile, file_id: str) -> Created | LockMismatch | None:
        """Switch the file to the content; None if it doesn't have the name any more."""
        now = self._now()

        def decide(file: File) -> Decision[File, Created | LockMismatch | None]:
            place = (command.container_id, name_key(command.name))
            if (file.container_id, name_key(file.name)) != place:
                return Decision(file, None)
            decision = decide_overwrite(file, command.content, command.caller, self._retention, now)
            match decision.outcome:
                case Saved(version, _, is_new_version):
                    created = Created(file.file_id, file.name, version, is_new_version)
                    return Decision(decision.state, created, decision.facts)
                case LockMismatch() as refused:
                    return Decision(file, refused)
                case _:
                    return Decision(file, None)

        try:
            done = await transition(self._files, file_id, decide, now, command, lets_upload_go)
        except NotFound:
            return None
        if isinstance(done.outcome, Created):
            await release(self._content, unreferenced(done, command.content))
        return done.outcome

    async def _refuse_used_content(self, command: CreateFile) -> None:
        """Raises LecternError if the command has overwritten a file before, which has got another name since."""
        key = command.content.key
        if not key:
            return
        used = bool(await self._files.content_in_use([key]))
        try:
            async with self._content.open(command.content):
                pass
        except NotFound:
            used = True
        if used:
            raise LecternError("the upload has been used for a file that has another name by now")

    async def _take_back(self, command: CreateFile) -> None:
        """Undo the making of the file and raise NotFound, unless somebody has moved it elsewhere already."""
        now = self._now()
        taken_back: frozenset[str] = frozenset()

        def decide(file: File) -> Decision[File, Deleted | None]:
            nonlocal taken_back
            if file.container_id != command.container_id:
                return Decision(file, None)
            taken_back = file.content_keys()
            return decide_take_back_file(file, now)

        if await undo(self._files, command.new_file_id, decide, now, command) is not None:
            await release(self._content, taken_back)
            raise NotFound("there is no such container")
