"""The metadata and the event stream of an embedded host: one SQLite file in its data folder."""

from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from shared.adapters.embedded.data_folder import hold_folder, make_folder
from shared.adapters.embedded.sqlite_containers import SqliteContainers
from shared.adapters.embedded.sqlite_database import Database
from shared.adapters.embedded.sqlite_drafts import SqliteDrafts
from shared.adapters.embedded.sqlite_events import SqliteEvents
from shared.adapters.embedded.sqlite_files import SqliteFiles
from shared.adapters.embedded.sqlite_users import SqliteUsers
from shared.adapters.embedded.sqlite_webhooks import SqliteWebhooks
from shared.core.errors import Unavailable
from shared.ports.metadata import Metadata

FILE_NAME: Final = "metadata.sqlite3"


class SqliteMetadata:
    """The stores of one host, in `folder`, which no other process can use meanwhile.

    Use it with `async with`, or `open` and `close` it, in the event loop that it's used in.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held = ExitStack()
        self._database = Database(folder / FILE_NAME)
        self._events = SqliteEvents(self._database)
        self.events: Final = self._events
        self.metadata: Final = Metadata(
            files=SqliteFiles(self._database, self._events),
            containers=SqliteContainers(self._database, self._events),
            users=SqliteUsers(self._database),
            drafts=SqliteDrafts(self._database),
            webhooks=SqliteWebhooks(self._database),
            is_ready=self._database.is_ready,
        )

    async def open(self) -> None:
        """Make the folder if it isn't there, hold it, and open the database in it.

        Raises FolderInUse, or Unavailable if the folder or the database can't be used.
        """
        try:
            make_folder(self._folder)
            self._held.enter_context(hold_folder(self._folder))
        except OSError as error:
            raise Unavailable(f"the data folder {self._folder} can't be used: {error}") from error
        try:
            self._database.open()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Finish the writes under way, close the database and let go of the folder.

        Everything after that raises Unavailable, also from those who follow events.
        """
        try:
            await self._database.close()
            self._events.announce()
        finally:
            self._held.close()

    async def prune_events(self, before: datetime) -> int:
        """Let go of events that occurred before that time; says how many."""
        return await self._events.prune(before)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
