"""The embedded stores, killed in the midst of writing: what was confirmed is there, whole, and nothing else is seen."""

import asyncio
import hashlib
import random
import sys
from base64 import b64encode
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

from shared.adapters.embedded.folder_content import FolderContent
from shared.adapters.embedded.sqlite_metadata import SqliteMetadata
from shared.core.file import Content, File
from shared.ports.content import ContentStore
from tests.contract.crash_writer import VERSIONS_KEPT, WRITERS
from tests.contract.values import collected

KILLS = 4


async def confirmed_until_killed(folder: Path, lines: int) -> dict[str, int]:
    """The last version of each file that a writer was told is durable, before it was killed."""
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.contract.crash_writer", str(folder), stdout=asyncio.subprocess.PIPE
    )
    assert writer.stdout is not None
    confirmed: dict[str, int] = {}
    async with asyncio.timeout(60):
        while line := await writer.stdout.readline():
            file_id, number = line.split()
            confirmed[file_id.decode()] = int(number)
            lines -= 1
            if lines == 0:
                writer.kill()
        _ = await writer.wait()
    assert lines <= 0
    return confirmed


async def assert_is_whole(contents: ContentStore, content: Content) -> None:
    async with contents.open(content) as reader:
        data = await collected(reader.chunks())
    assert (len(data), b64encode(hashlib.sha256(data).digest()).decode()) == (content.size_bytes, content.sha256)


def assert_follows(file: File, confirmed: int) -> None:
    """A writer that is killed may have made one version more than it could tell of."""
    number = file.current.number
    assert confirmed <= number <= confirmed + 1
    first = max(0, number - VERSIONS_KEPT)
    assert [version.number for version in file.former] == list(range(first, number))


async def test_what_was_confirmed_survives_kill_9_at_any_moment(tmp_path: Path) -> None:
    chance = random.Random(4)  # noqa: S311 - no secret
    confirmed = {f"f{number}": 0 for number in range(WRITERS)}
    for _ in range(KILLS):
        confirmed |= await confirmed_until_killed(tmp_path, chance.randrange(20, 60))

        async with SqliteMetadata(tmp_path) as stores, FolderContent(tmp_path / "content") as contents:
            sequences: dict[str, list[int]] = defaultdict(list)
            async for one in stores.events.follow(None, live=False):
                sequences[one.event.resource_id].append(one.event.sequence)
            used: set[str] = set()
            for file_id, number in confirmed.items():
                loaded = await stores.metadata.files.load(file_id)
                assert_follows(loaded.state, number)
                assert sequences[file_id] == list(range(1, loaded.sequence + 1))
                assert loaded.sequence == loaded.state.current.number
                assert [one.command_id for one in loaded.applied][-1:] == [f"c{loaded.sequence}"]
                await assert_is_whole(contents, loaded.state.current.content)
                used |= loaded.state.content_keys()
                confirmed[file_id] = loaded.state.current.number
            left = {
                stored.key
                async for batch in contents.keys(datetime.now(UTC) + timedelta(days=1))
                for stored in batch
                if stored.key not in await stores.metadata.files.content_in_use([stored.key])
            }
            for key in left:
                await contents.delete(key)
            assert left.isdisjoint(used)
