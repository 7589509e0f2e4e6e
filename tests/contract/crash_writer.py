"""Saves files without end, and says on stdout what it was told is durable. It's there to be killed.

python -m tests.contract.crash_writer FOLDER
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from shared.adapters.embedded.folder_content import FolderContent
from shared.adapters.embedded.sqlite_metadata import SqliteMetadata
from shared.core.errors import NotFound
from shared.core.events import FileContentChanged
from shared.core.file import File, Version
from shared.ports.content import ContentStore
from shared.ports.metadata import Change, FileStore
from tests.contract.values import ALICE, MINUTE, NOW, applied_of, event_of, file_of

WRITERS = 8
VERSIONS_KEPT = 3


async def body(size: int) -> AsyncIterator[bytes]:
    while size > 0:
        yield os.urandom(min(size, 100_000))
        size -= 100_000


async def begun(files: FileStore, file_id: str) -> None:
    try:
        _ = await files.load(file_id)
    except NotFound:
        _ = await files.insert(Change(file_of(file_id, version=0)))


async def save(files: FileStore, contents: ContentStore, file_id: str) -> File:
    loaded = await files.load(file_id)
    number = loaded.state.current.number + 1
    content = await contents.write(body(1 + number * 77_777 % 2_500_000), 10**9)
    fact = FileContentChanged(loaded.state.name, number, content.size_bytes, content.sha256)
    former = (*loaded.state.former, loaded.state.current)[-VERSIONS_KEPT:]
    file = replace(loaded.state, current=Version(number, content, NOW + number * MINUTE, ALICE), former=former)
    change = Change(file, (event_of(file_id, number, fact),), (*loaded.applied, applied_of(f"c{number}"))[-2:])
    assert await files.replace(loaded, change)
    return file


async def write_without_end(files: FileStore, contents: ContentStore, file_id: str) -> None:
    await begun(files, file_id)
    while True:
        file = await save(files, contents, file_id)
        _ = os.write(sys.stdout.fileno(), f"{file_id} {file.current.number}\n".encode())


async def main(folder: Path) -> None:
    async with (
        SqliteMetadata(folder) as stores,
        FolderContent(folder / "content") as contents,
        asyncio.TaskGroup() as group,
    ):
        for number in range(WRITERS):
            _ = group.create_task(write_without_end(stores.metadata.files, contents, f"f{number}"))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
