"""Containers on SQLite."""

from collections.abc import Sequence
from typing import Final

import msgspec

from shared.adapters.embedded.sqlite_database import Database
from shared.adapters.embedded.sqlite_documents import Columns, SqliteDocuments
from shared.adapters.embedded.sqlite_events import SqliteEvents
from shared.adapters.embedded.sqlite_schema import micros
from shared.core.containers import Container
from shared.core.names import name_key

_COLUMNS: Final = ("parent_id", "name_key", "deleted_at", "closing")
_CONTAINER: Final = msgspec.json.Decoder(Container)


class SqliteContainers(SqliteDocuments[Container, Container]):
    """ContainerStore on SQLite."""

    def __init__(self, database: Database, events: SqliteEvents) -> None:
        super().__init__(database, events, "containers", _COLUMNS)

    async def chain(self, container_id: str) -> tuple[Container, ...]:
        """The containers from the root down to this one, itself included; () if there is no such container."""
        upwards: list[Container] = []
        while container_id:
            container = self._find(container_id)
            if container is None:
                return ()
            upwards.append(container)
            container_id = container.parent_id
        upwards.reverse()
        return tuple(upwards)

    async def children(
        self, container_id: str, *, after: str | None = None, limit: int | None = None
    ) -> Sequence[Container]:
        """Containers directly in the container, in the order of their name keys."""
        return await self._siblings(container_id, after, limit)

    async def closing(self) -> Sequence[Container]:
        """Containers that are marked as closing."""
        rows = self._database.rows("SELECT id, body FROM containers WHERE closing AND deleted_at IS NULL")
        return [self._of_row(*row) for row in rows]

    def _id(self, state: Container) -> str:
        return state.container_id

    def _is_deleted(self, state: Container) -> bool:
        return state.deleted_at is not None

    def _show(self, state: Container) -> Container:
        return state

    def _columns(self, state: Container) -> Columns:
        return {
            "parent_id": state.parent_id,
            "name_key": name_key(state.name),
            "deleted_at": micros(state.deleted_at) if state.deleted_at else None,
            "closing": state.closing,
        }

    def _decoded(self, body: bytes) -> Container:
        return _CONTAINER.decode(body)

    def _whole(self, shown: Container) -> Container:
        return shown
