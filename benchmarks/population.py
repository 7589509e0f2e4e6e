"""A data folder with very many files, made without a server: each file is what the host itself would have stored."""

import argparse
import asyncio
import uuid
from datetime import UTC, datetime
from pathlib import Path

from services.first_start import OPERATOR, ROOT_NAME
from shared.adapters.embedded.sqlite_metadata import SqliteMetadata
from shared.core.containers import ROOT_ID, new_container
from shared.core.file import EMPTY_CONTENT, Caller
from shared.core.files import new_file
from shared.core.users import OPERATOR_ID
from shared.service.transact import Origin, change_of

FILES_PER_FOLDER = 1000
BATCH = 2000


async def populate(folder: Path, count: int) -> None:
    """Make `count` empty files, FILES_PER_FOLDER in each folder below the root."""
    now, origin, caller = datetime.now(UTC), Origin(OPERATOR_ID), Caller(OPERATOR_ID)
    async with SqliteMetadata(folder) as store:
        containers, files = store.metadata.containers, store.metadata.files
        await store.metadata.users.register(OPERATOR)
        root = new_container(ROOT_ID, "", ROOT_NAME, OPERATOR_ID, now)
        await containers.insert(change_of(root, ROOT_ID, now, origin))
        parents = [uuid.uuid4().hex for _ in range((count + FILES_PER_FOLDER - 1) // FILES_PER_FOLDER)]
        for number, parent in enumerate(parents):
            made = new_container(parent, ROOT_ID, f"Folder {number}", OPERATOR_ID, now)
            await containers.insert(change_of(made, parent, now, origin))
        for start in range(0, count, BATCH):
            async with asyncio.TaskGroup() as inserts:
                for number in range(start, min(start + BATCH, count)):
                    file_id, parent = uuid.uuid4().hex, parents[number // FILES_PER_FOLDER]
                    decision = new_file(file_id, parent, f"document {number}.docx", EMPTY_CONTENT, caller, now)
                    inserts.create_task(files.insert(change_of(decision, file_id, now, origin)))


def main() -> None:
    """Populate the folder that is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("count", type=int)
    arguments = parser.parse_args()
    asyncio.run(populate(arguments.folder, arguments.count))


if __name__ == "__main__":
    main()
