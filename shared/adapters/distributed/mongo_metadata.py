"""The metadata of a distributed host: one MongoDB database."""

from collections.abc import Sequence
from typing import Final

from shared.adapters.distributed.mongo_client import MongoConnection
from shared.adapters.distributed.mongo_containers import MongoContainers
from shared.adapters.distributed.mongo_drafts import MongoDrafts
from shared.adapters.distributed.mongo_files import MongoFiles
from shared.adapters.distributed.mongo_outbox import MongoOutbox
from shared.adapters.distributed.mongo_users import MongoUsers
from shared.adapters.distributed.mongo_webhooks import MongoWebhooks
from shared.ports.metadata import Metadata


class MongoMetadata:
    """The stores of one host on one database."""

    def __init__(self, connection: MongoConnection) -> None:
        database = connection.database
        self._files = MongoFiles(database["files"])
        self._containers = MongoContainers(database["containers"])
        self._drafts = MongoDrafts(database["drafts"])
        self._webhooks = MongoWebhooks(database["webhooks"], database["webhook_progress"], database["dead_letters"])
        self.outboxes: Final[Sequence[MongoOutbox]] = (self._files.outbox, self._containers.outbox)
        self.metadata: Final = Metadata(
            files=self._files,
            containers=self._containers,
            users=MongoUsers(database["users"]),
            drafts=self._drafts,
            webhooks=self._webhooks,
            is_ready=connection.is_ready,
        )

    async def prepare(self) -> None:
        """Make the indexes, which unique names among siblings depend on. Raises Unavailable."""
        await self._files.prepare()
        await self._containers.prepare()
        await self._drafts.prepare()
        await self._webhooks.prepare()
