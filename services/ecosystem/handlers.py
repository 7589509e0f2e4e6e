"""The ecosystem service: the tree of containers, and who is told what happens in it."""

from collections.abc import Callable
from datetime import datetime

from services.ecosystem.creating import ContainerCreation
from services.ecosystem.deleting import ContainerDeletion
from services.ecosystem.placing import ContainerPlacing
from services.ecosystem.webhooks import WebhookHandlers
from shared.core.containers import decide_set_container_grant
from shared.core.files import GrantSet
from shared.messages.commands import (
    CreateContainer,
    DeleteContainer,
    MoveContainer,
    RenameContainer,
    SetContainerGrant,
)
from shared.ports.bus import Handlers
from shared.ports.metadata import Metadata
from shared.service.transact import transact


class EcosystemHandlers:
    """Answers the commands of the ecosystem service."""

    def __init__(self, metadata: Metadata, now: Callable[[], datetime]) -> None:
        self._containers = metadata.containers
        self._now = now
        self._deletion = ContainerDeletion(metadata, now)
        self._placing = ContainerPlacing(metadata, now)
        self._creation = ContainerCreation(metadata, self._deletion, self._placing, now)
        self._webhooks = WebhookHandlers(metadata.webhooks, now)

    def table(self) -> Handlers:
        """Which method answers which command."""
        return {
            CreateContainer: self._creation.create,
            RenameContainer: self._placing.rename,
            MoveContainer: self._placing.move,
            DeleteContainer: self._deletion.delete,
            SetContainerGrant: self.set_grant,
            **self._webhooks.table(),
        }

    async def set_grant(self, command: SetContainerGrant) -> GrantSet:
        """Give a user a role on the container and all below it, or take it away."""
        return await transact(
            self._containers,
            command.container_id,
            lambda container: decide_set_container_grant(container, command.user_id, command.role),
            self._now(),
            command,
        )
