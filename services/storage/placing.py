"""RenameFile and MoveFile."""

from collections.abc import Callable
from datetime import datetime

from shared.core.errors import NotFound
from shared.core.file import File, LockMismatch
from shared.core.files import (
    Moved,
    NameIllegal,
    NameTaken,
    Renamed,
    decide_move_file,
    decide_put_back,
    decide_rename_file,
)
from shared.core.names import candidates, file_name_fault, renamed_file_name, suggested_file_name
from shared.messages.commands import MoveFile, Naming, RenameFile
from shared.ports.metadata import Metadata, NameInUse
from shared.service.naming import free_name, take_free_name
from shared.service.transact import resume, transact, undo
from shared.service.tree import has_strayed, put_back, require_open


class FilePlacing:
    """Answers RenameFile and MoveFile."""

    def __init__(self, metadata: Metadata, now: Callable[[], datetime]) -> None:
        self._files = metadata.files
        self._containers = metadata.containers
        self._now = now

    async def rename(self, command: RenameFile) -> Renamed | LockMismatch | NameTaken | NameIllegal:
        """Spec: Files > RenameFile."""
        file, answer = await resume(self._files, command.file_id, command)
        return answer if answer is not None else await self._renamed(command, file)

    async def _renamed(self, command: RenameFile, file: File) -> Renamed | LockMismatch | NameTaken | NameIllegal:
        now = self._now()

        async def take(name: str) -> Renamed | LockMismatch:
            return await transact(
                self._files,
                command.file_id,
                lambda file: decide_rename_file(file, name, command.lock_id, now),
                now,
                command,
            )

        if command.naming is Naming.SUGGESTED:
            names = candidates(renamed_file_name(command.name, file.name))
            return await take_free_name(self._files, file.container_id, names, take, file.name)
        fault = file_name_fault(command.name)
        if fault is not None:
            return NameIllegal(fault, await self._free_name(file.container_id, command.name, file))
        try:
            return await take(command.name)
        except NameInUse:
            return NameTaken(command.name, await self._free_name(file.container_id, command.name, file))

    async def move(self, command: MoveFile) -> Moved | LockMismatch | NameTaken | NameIllegal:
        """Put the file into another container."""
        file, answer = await resume(self._files, command.file_id, command)
        outcome = answer if answer is not None else await self._moved(command, file)
        is_new = answer is None and file.container_id != command.container_id
        if isinstance(outcome, Moved) and await has_strayed(self._containers, command.container_id, is_new=is_new):
            await self._put_back(command, file)
            raise NotFound("there is no such container")
        return outcome

    async def _moved(self, command: MoveFile, file: File) -> Moved | LockMismatch | NameTaken | NameIllegal:
        await require_open(self._containers, command.container_id)
        name = command.name if command.name is not None else file.name
        fault = file_name_fault(name)
        if fault is not None:
            return NameIllegal(fault, await self._free_name(command.container_id, name, file))
        now = self._now()
        try:
            return await transact(
                self._files,
                command.file_id,
                lambda file: decide_move_file(file, command.container_id, name, now),
                now,
                command,
            )
        except NameInUse:
            return NameTaken(name, await self._free_name(command.container_id, name, file))

    async def _free_name(self, container_id: str, name: str, file: File) -> str:
        own_name = file.name if container_id == file.container_id else None
        return await free_name(self._files, container_id, candidates(suggested_file_name(name)), own_name)

    async def _put_back(self, command: MoveFile, former: File) -> None:
        async def place(stray_in: str, home: str) -> Moved | None:
            now = self._now()
            return await take_free_name(
                self._files,
                home,
                candidates(former.name),
                lambda name: undo(
                    self._files,
                    command.file_id,
                    lambda file: decide_put_back(file, stray_in, home, name, now),
                    now,
                    command,
                ),
            )

        await put_back(self._containers, command.container_id, former.container_id, place)
