"""The services on the embedded adapters, with nothing between a test and their handlers: no bus keeps an order."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.ecosystem.handlers import EcosystemHandlers
from services.lock.handlers import LockHandlers
from services.storage.handlers import StorageHandlers
from shared.adapters.embedded.folder_content import FolderContent
from shared.adapters.embedded.sqlite_metadata import SqliteMetadata
from shared.core.containers import ROOT_ID, ContainerMade, new_container
from shared.core.contents import Retention, Save
from shared.core.file import Content, File, FileHead
from shared.core.files import Created
from shared.messages.commands import CommitContent, CreateContainer, CreateFile, LockFile, Naming
from shared.messages.events import Event
from shared.ports.bus import EventStream
from shared.ports.content import ContentStore
from shared.ports.metadata import Change, Metadata
from shared.service.transact import Origin, change_of
from tests.builders import Clock, an_envelope

DRAFTS_MAX_AGE = timedelta(days=30)


class Interposed:
    """A store with something happening at a chosen moment: around one method, once."""

    def __init__(self, store: Any, method: str, happening: Callable[[], Awaitable[Any]], *, call: int = 1) -> None:
        self._store = store
        self._method = method
        self._happening = happening
        self._calls_left = call

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name != self._method:
            return method

        async def interposed(*values: Any, **named: Any) -> Any:
            self._calls_left -= 1
            if self._calls_left == 0:
                await self._happening()
            return await method(*values, **named)

        return interposed


@dataclass
class Services:
    """All handlers over one host's stores."""

    metadata: Metadata
    content: ContentStore
    events: EventStream
    retention: Retention = field(default_factory=Retention)
    clock: Clock = field(default_factory=Clock)

    def with_metadata(self, **stores: Any) -> "Services":
        """The same host, seen through other stores."""
        return replace(self, metadata=replace(self.metadata, **stores))

    async def ask(self, command: Any) -> Any:
        """Have the command handled, now and here."""
        tables = (
            LockHandlers(self.metadata, self.clock).table(),
            StorageHandlers(self.metadata, self.content, self.retention, DRAFTS_MAX_AGE, self.clock).table(),
            EcosystemHandlers(self.metadata, self.clock).table(),
        )
        handler = next(table[type(command)] for table in tables if type(command) in table)
        return await handler(command)

    def envelope(self, user: str = "ann") -> dict[str, Any]:
        """What a command carries."""
        return an_envelope(self.clock(), user)

    async def upload(self, body: bytes) -> Content:
        """Bytes under a new key, that nothing refers to yet."""

        async def pieces() -> AsyncIterator[bytes]:
            yield body

        return await self.content.write(pieces(), 2**40)

    async def creation(
        self, name: str = "Report.docx", body: bytes = b"hello", naming: Naming = Naming.EXACT, container: str = ROOT_ID
    ) -> CreateFile:
        """A command to create a file, with its bytes uploaded."""
        return CreateFile(
            container_id=container,
            new_file_id=uuid.uuid4().hex,
            name=name,
            naming=naming,
            content=await self.upload(body),
            **self.envelope(),
        )

    async def file(self, name: str = "Report.docx", body: bytes = b"hello", container: str = ROOT_ID) -> str:
        """A new file; says its id."""
        created = await self.ask(await self.creation(name, body, container=container))
        assert isinstance(created, Created), created
        return created.file_id

    def container_creation(
        self, name: str = "Folder", naming: Naming = Naming.EXACT, parent: str = ROOT_ID
    ) -> CreateContainer:
        """A command to create a container."""
        return CreateContainer(
            container_id=parent, new_container_id=uuid.uuid4().hex, name=name, naming=naming, **self.envelope()
        )

    async def container(self, name: str = "Folder", parent: str = ROOT_ID) -> str:
        """A new container; says its id."""
        made = await self.ask(self.container_creation(name, parent=parent))
        assert isinstance(made, ContainerMade), made
        return made.container_id

    async def close(self, container_id: str) -> None:
        """Do the first step of a deletion, as one that breaks off after it."""
        loaded = await self.metadata.containers.load(container_id)
        assert await self.metadata.containers.replace(loaded, Change(replace(loaded.state, closing=True)))

    async def lock(self, file_id: str, lock_id: str) -> Any:
        """Lock the file."""
        return await self.ask(LockFile(file_id=file_id, lock_id=lock_id, **self.envelope()))

    async def save(self, file_id: str, body: bytes, lock_id: str | None = None, **save: Any) -> Any:
        """PutFile."""
        return await self.ask(await self.saving(file_id, body, lock_id, **save))

    async def saving(self, file_id: str, body: bytes, lock_id: str | None = None, **save: Any) -> CommitContent:
        """A command to save, with its bytes uploaded."""
        return CommitContent(
            file_id=file_id,
            content=await self.upload(body),
            save=Save(**{"lock_id": lock_id, "timestamp": None, **save}),
            **self.envelope(),
        )

    async def head(self, file_id: str) -> FileHead:
        """The file as readers see it."""
        head = await self.metadata.files.find(file_id)
        assert head is not None
        return head

    async def whole(self, file_id: str) -> File:
        """The file with its former versions, or what is left of it."""
        return (await self.metadata.files.load(file_id)).state

    async def keys(self) -> set[str]:
        """All keys that hold bytes."""
        found: set[str] = set()
        async for batch in self.content.keys(self.clock() + timedelta(days=36500)):
            found |= {one.key for one in batch}
        return found

    async def bytes_of(self, content: Content) -> bytes:
        """The bytes of one content."""
        async with self.content.open(content) as reader:
            return b"".join([piece async for piece in reader.chunks()])

    async def news(self, resource_id: str) -> list[Event]:
        """All events of one resource."""
        return [one.event async for one in self.events.follow(None, live=False) if one.event.resource_id == resource_id]

    async def news_types(self, resource_id: str) -> list[str]:
        """The types of all events of one resource."""
        return [event.fact.type for event in await self.news(resource_id)]


@asynccontextmanager
async def running_services(folder: Path, **more: Any) -> AsyncIterator[Services]:
    """The services, with nothing but a root container."""
    async with SqliteMetadata(folder) as store:
        services = Services(store.metadata, FolderContent(folder / "content"), store.events, **more)
        root = new_container(ROOT_ID, "", "Documents", "operator", services.clock())
        await store.metadata.containers.insert(change_of(root, ROOT_ID, services.clock(), Origin("operator")))
        yield services
        await services.content.close()


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    """The services, with nothing but a root container."""
    async with running_services(tmp_path / "data") as running:
        yield running
