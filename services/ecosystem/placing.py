"""RenameContainer and MoveContainer."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from shared.core.containers import (
    MAX_DEPTH,
    Container,
    ContainerNamed,
    ContainerPlaced,
    RootStays,
    WouldLoop,
    decide_move_container,
    decide_put_container_back,
    decide_rename_container,
)
from shared.core.errors import NotFound
from shared.core.files import NameIllegal, NameTaken
from shared.core.names import candidates, container_name_fault, suggested_container_name
from shared.messages.commands import Command, MoveContainer, RenameContainer
from shared.ports.metadata import Metadata, NameInUse
from shared.service.naming import free_name, take_free_name
from shared.service.transact import resume, transact, undo
from shared.service.tree import has_strayed, put_back

Placed = ContainerPlaced | NameTaken | NameIllegal | RootStays | WouldLoop


class ContainerPlacing:
    """Answers RenameContainer and MoveContainer."""

    def __init__(self, metadata: Metadata, now: Callable[[], datetime]) -> None:
        self._containers = metadata.containers
        self._now = now

    async def rename(self, command: RenameContainer) -> ContainerNamed | NameTaken | NameIllegal:
        """Spec: Containers > RenameContainer."""
        container, answer = await resume(self._containers, command.container_id, command)
        return answer if answer is not None else await self._renamed(command, container)

    async def _renamed(
        self, command: RenameContainer, container: Container
    ) -> ContainerNamed | NameTaken | NameIllegal:
        fault = container_name_fault(command.name)
        if fault is not None:
            return NameIllegal(fault, await self._free_name(container.parent_id, command.name, container))
        try:
            return await transact(
                self._containers,
                command.container_id,
                lambda container: decide_rename_container(container, command.name),
                self._now(),
                command,
            )
        except NameInUse:
            return NameTaken(command.name, await self._free_name(container.parent_id, command.name, container))

    async def move(self, command: MoveContainer) -> Placed:
        """Put the container, with all below it, into another one."""
        container, answer = await resume(self._containers, command.container_id, command)
        outcome = answer if answer is not None else await self._moved(command, container)
        is_new = answer is None and container.parent_id != command.parent_id
        if isinstance(outcome, ContainerPlaced) and await has_strayed(
            self._containers, command.parent_id, is_new=is_new
        ):
            await self.put_back(container, command.parent_id, command)
            raise NotFound("there is no such container")
        return outcome

    async def _moved(self, command: MoveContainer, container: Container) -> Placed:
        target_chain = await self._containers.chain(command.parent_id)
        if not target_chain or not target_chain[-1].is_open:
            raise NotFound("there is no such container")
        name = command.name if command.name is not None else container.name
        fault = container_name_fault(name)
        if fault is not None:
            return NameIllegal(fault, await self._free_name(command.parent_id, name, container))
        height = await self._height(container)
        try:
            return await transact(
                self._containers,
                command.container_id,
                lambda container: decide_move_container(container, target_chain, name, height),
                self._now(),
                command,
            )
        except NameInUse:
            return NameTaken(name, await self._free_name(command.parent_id, name, container))

    async def _height(self, container: Container) -> int:
        """How many levels of containers there are from this one down, itself included; no more than MAX_DEPTH."""
        level, height = [container.container_id], 0
        while level and height < MAX_DEPTH:
            height += 1
            below = [await self._containers.children(one) for one in level]
            level = [child.container_id for children in below for child in children]
        return height

    async def _free_name(self, parent_id: str, name: str, container: Container) -> str:
        own_name = container.name if parent_id == container.parent_id else None
        return await free_name(self._containers, parent_id, _names(name), own_name)

    async def put_back(self, former: Container, stray_in: str, command: Command[Any]) -> None:
        """Put a container that `command` has put into the closed container `stray_in` back where it was before."""

        async def place(stray_in: str, home: str) -> ContainerPlaced | None:
            return await take_free_name(
                self._containers,
                home,
                candidates(former.name, is_file=False),
                lambda name: undo(
                    self._containers,
                    former.container_id,
                    lambda container: decide_put_container_back(container, stray_in, home, name),
                    self._now(),
                    command,
                ),
            )

        await put_back(self._containers, stray_in, former.parent_id, place)


def _names(wish: str) -> Iterator[str]:
    return candidates(suggested_container_name(wish), is_file=False)
