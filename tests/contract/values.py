"""Valid values for the contract tests: a test names what matters to it, the rest is the same everywhere."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from shared.core.containers import ROOT_ID, Container
from shared.core.drafts import Draft
from shared.core.events import ContainerCreated, Fact, FileLocked
from shared.core.file import LOCK_LIFETIME, Caller, Content, File, FileHead, Lock, Version
from shared.messages.events import Event
from shared.ports.metadata import Applied, Change, FileStore, Loaded

NOW = datetime(2026, 3, 4, 5, 6, 7, 891_011, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ALICE = Caller("alice", "Word", "session-1")


@dataclass
class Clock:
    """The time, as a test sets it."""

    time: datetime = NOW

    def __call__(self) -> datetime:
        return self.time


def content_of(number: int) -> Content:
    return Content(f"{number:032x}", 100 + number, f"sha256-{number}")


def version_of(number: int, saved_at: datetime | None = None) -> Version:
    return Version(number, content_of(number), saved_at or NOW + number * MINUTE, ALICE, ("alice", "bob"))


def file_of(file_id: str = "f1", name: str | None = None, container_id: str = ROOT_ID, version: int = 1) -> File:
    return File(file_id, container_id, name or f"{file_id}.docx", "alice", NOW, version_of(version))


def head_of(file: File) -> FileHead:
    return FileHead(
        file.file_id,
        file.container_id,
        file.name,
        file.owner_id,
        file.created_at,
        file.current,
        file.lock,
        file.grants,
        file.deleted_at,
    )


def lock_until(expires_at: datetime, lock_id: str = "A") -> Lock:
    return Lock(lock_id, expires_at, expires_at - LOCK_LIFETIME, ALICE, expires_at - LOCK_LIFETIME, ALICE)


def container_of(container_id: str, parent_id: str = ROOT_ID, name: str | None = None) -> Container:
    return Container(container_id, parent_id, container_id if name is None else name, "alice", NOW)


def draft_of(draft_id: str, file_id: str = "f1", refused_at: datetime = NOW, key: int = 1) -> Draft:
    return Draft(draft_id, file_id, "f1.docx", 3, content_of(key), ALICE, refused_at, "locked by another client")


def event_of(resource_id: str, sequence: int, fact: Fact | None = None, occurred_at: datetime = NOW) -> Event:
    return Event(resource_id, sequence, occurred_at, "alice", "c-1", fact or FileLocked(1, NOW))


def applied_of(command_id: str, outcome: bytes = b'{"type":"Locked","data":{"version":1}}') -> Applied:
    return Applied(command_id, NOW, outcome)


def created(container: Container) -> Change[Container]:
    fact = ContainerCreated(container.name, container.parent_id)
    return Change(container, (event_of(container.container_id, 1, fact),))


async def inserted(files: FileStore, file: File) -> Loaded[File]:
    """The file, put into the store and loaded."""
    assert await files.insert(Change(file))
    return await files.load(file.file_id)


async def changed(files: FileStore, file_id: str, **fields: object) -> Loaded[File]:
    """The file with these fields changed in the store, loaded again."""
    loaded = await files.load(file_id)
    assert await files.replace(loaded, Change(replace(loaded.state, **fields), applied=loaded.applied))
    return await files.load(file_id)


async def chunks_of(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def collected(chunks: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in chunks])


def ids(files: Iterable[FileHead]) -> list[str]:
    return [file.file_id for file in files]


async def until(is_so: Callable[[], bool]) -> None:
    """Returns when it is so; fails after ten seconds."""
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110 - whoever makes it so has no way to tell
            await asyncio.sleep(0.001)
