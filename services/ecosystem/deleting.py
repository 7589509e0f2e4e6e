"""DeleteContainer. For the order of its steps see `shared.core.containers`."""

from collections.abc import Callable
from datetime import datetime

from shared.core.containers import (
    Closed,
    Container,
    NotEmpty,
    RootStays,
    decide_close_container,
    decide_finish_delete,
)
from shared.core.decision import Decision
from shared.core.errors import Contended, NotFound
from shared.core.files import Deleted
from shared.messages.commands import DeleteContainer
from shared.ports.metadata import Metadata
from shared.service.transact import MAX_ATTEMPTS, Origin, change_of, pause_before, remembered


class ContainerDeletion:
    """Answers DeleteContainer."""

    def __init__(self, metadata: Metadata, now: Callable[[], datetime]) -> None:
        self._files = metadata.files
        self._containers = metadata.containers
        self._now = now

    async def delete(self, command: DeleteContainer) -> Deleted | NotEmpty | RootStays:
        """Spec: Containers > DeleteContainer."""
        origin = Origin(command.caller.user_id, command.correlation_id)
        return await self.delete_if_empty(command.container_id, origin, command)

    async def delete_if_empty(
        self, container_id: str, origin: Origin, command: DeleteContainer | None = None
    ) -> Deleted | NotEmpty | RootStays:
        """Close the container, look for children, delete it or open it again.

        That there are no children counts only for the very revision that was loaded before they were looked for: since
        then nobody can have opened the container, put a child into it, and closed it again.
        """
        for attempt in range(MAX_ATTEMPTS):
            loaded = await self._containers.load(container_id)
            answer: Deleted | NotEmpty | RootStays | None = remembered(loaded, command)
            if answer is not None:
                return answer
            if loaded.state.deleted_at is not None:
                raise NotFound("there is no such container")
            decision = self._next_step(loaded.state, await self._has_children(container_id))
            outcome = decision.outcome
            if decision.state is loaded.state and not isinstance(outcome, Closed):
                return outcome
            command_id = None if command is None or isinstance(outcome, Closed) else command.command_id
            change = change_of(decision, container_id, self._now(), origin, loaded, command_id)
            if not await self._containers.replace(loaded, change):
                await pause_before(attempt + 1)
            elif not isinstance(outcome, Closed):
                return outcome
        raise Contended("the container is being changed too often; try again")

    def _next_step(
        self, container: Container, has_children: bool
    ) -> Decision[Container, Closed | Deleted | NotEmpty | RootStays]:
        if container.closing:
            return decide_finish_delete(container, has_children, self._now())
        if has_children:  # a refusal that needs no closing disturbs nobody who is creating something
            return Decision(container, NotEmpty())
        return decide_close_container(container)

    async def _has_children(self, container_id: str) -> bool:
        return bool(
            await self._files.in_container(container_id, limit=1)
            or await self._containers.children(container_id, limit=1)
        )
