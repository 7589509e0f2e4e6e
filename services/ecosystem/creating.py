"""CreateContainer: a new container under an exact or a free name.

A redelivered command is recognised by the container that it made (`new_container_id`). The parent is looked at before
and after: see `shared.service.tree`.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from services.ecosystem.deleting import ContainerDeletion
from services.ecosystem.placing import ContainerPlacing
from shared.core.containers import (
    ContainerMade,
    NotEmpty,
    WouldLoop,
    decide_close_container,
    depth_fault,
    new_container,
)
from shared.core.errors import NotFound
from shared.core.files import NameIllegal, NameTaken
from shared.core.names import candidates, container_name_fault, suggested_container_name
from shared.messages.commands import CreateContainer, Naming
from shared.ports.metadata import Metadata, NameInUse
from shared.service.naming import free_name, take_free_name
from shared.service.transact import Origin, change_of, resume, undo
from shared.service.tree import has_strayed

Outcome = ContainerMade | NameTaken | NameIllegal | WouldLoop


class ContainerCreation:
    """Answers CreateContainer."""

    def __init__(
        self,
        metadata: Metadata,
        deletion: ContainerDeletion,
        placing: ContainerPlacing,
        now: Callable[[], datetime],
    ) -> None:
        self._containers = metadata.containers
        self._deletion = deletion
        self._placing = placing
        self._now = now

    async def create(self, command: CreateContainer) -> Outcome:
        """Spec: Containers > CreateChildContainer."""
        made = await self._made_before(command)
        outcome = made if made is not None else await self._made(command)
        if isinstance(outcome, ContainerMade) and await has_strayed(
            self._containers, command.container_id, is_new=made is None
        ):
            await self._take_back(command)
            raise NotFound("there is no such container")
        return outcome

    async def _made_before(self, command: CreateContainer) -> ContainerMade | None:
        """The answer that was given to this command if it has made its container; None if it hasn't."""
        try:
            container, answer = await resume(self._containers, command.new_container_id, command)
        except NotFound:
            return None
        if isinstance(answer, ContainerMade):
            return answer
        # Its changes since have pushed the command out of its memory. Nobody else can have chosen its id.
        return ContainerMade(container.container_id, container.name)

    async def _made(self, command: CreateContainer) -> Outcome:
        chain = await self._containers.chain(command.container_id)
        if not chain or not chain[-1].is_open:
            raise NotFound("there is no such container")
        too_deep = depth_fault(chain)
        if too_deep is not None:
            return too_deep
        if command.naming is Naming.SUGGESTED:
            return await take_free_name(
                self._containers, command.container_id, self._names(command), lambda name: self._insert(command, name)
            )
        fault = container_name_fault(command.name)
        if fault is not None:
            return NameIllegal(fault, await self._free_name(command))
        try:
            return await self._insert(command, command.name)
        except NameInUse:
            return NameTaken(command.name, await self._free_name(command))

    @staticmethod
    def _names(command: CreateContainer) -> Iterator[str]:
        return candidates(suggested_container_name(command.name), is_file=False)

    async def _free_name(self, command: CreateContainer) -> str:
        return await free_name(self._containers, command.container_id, self._names(command))

    async def _insert(self, command: CreateContainer, name: str) -> ContainerMade:
        now = self._now()
        decision = new_container(command.new_container_id, command.container_id, name, command.caller.user_id, now)
        origin = Origin(command.caller.user_id, command.correlation_id)
        change = change_of(decision, command.new_container_id, now, origin, command_id=command.command_id)
        if await self._containers.insert(change):
            return decision.outcome
        made = await self._made_before(command)
        if made is None:
            raise NotFound("there is no such container")  # this one was made before, and taken back
        return made

    async def _take_back(self, command: CreateContainer) -> None:
        """Delete the new container; if somebody has put something into it already, find it another place."""
        made, _ = await resume(self._containers, command.new_container_id, command)
        if made.parent_id != command.container_id:
            return
        await undo(self._containers, made.container_id, decide_close_container, self._now(), command)
        origin = Origin(command.caller.user_id, command.correlation_id)
        if isinstance(await self._deletion.delete_if_empty(made.container_id, origin), NotEmpty):
            await self._placing.put_back(made, command.container_id, command)
