"""What the content folder promises beyond its port: a disk that fails, and what is left of interrupted writes."""

import asyncio
import os
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.adapters.embedded.folder_content import WARM_MAX, FolderContent
from shared.adapters.embedded.folder_writing import LARGE
from shared.core.errors import Unavailable
from tests.contract.values import chunks_of, collected

MIB = 1024 * 1024


@pytest.fixture
async def content(tmp_path: Path) -> AsyncIterator[FolderContent]:
    async with FolderContent(tmp_path / "content") as content:
        yield content


@contextmanager
def files_no_larger_than(size_bytes: int) -> Iterator[None]:
    """The system refuses to write more to any file, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def megabytes(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield os.urandom(MIB)
        await asyncio.sleep(0)


async def keys(content: FolderContent) -> list[str]:
    later = datetime.now(UTC) + timedelta(days=1)
    return [stored.key async for batch in content.keys(later) for stored in batch]


@pytest.mark.parametrize("count", [1, 3, 12])
async def test_a_disk_that_refuses_bytes_is_unavailable_and_keeps_none(content: FolderContent, count: int) -> None:
    with files_no_larger_than(MIB // 2), pytest.raises(Unavailable, match="fails"):
        _ = await content.write(megabytes(count), 100 * MIB)

    assert await keys(content) == []
    written = await content.write(megabytes(count), 100 * MIB)
    assert written.size_bytes == count * MIB


async def test_a_folder_that_takes_no_bytes_is_not_ready(content: FolderContent) -> None:
    with files_no_larger_than(0), pytest.raises(Unavailable):
        await content.is_ready()

    await content.is_ready()


async def test_what_a_killed_write_left_is_listed_and_can_be_removed(tmp_path: Path, content: FolderContent) -> None:
    left = tmp_path / "content" / "ab" / ("ab" + "0" * 30)
    _ = left.write_bytes(b"begun")
    _ = (tmp_path / "content" / "ab" / "notes.txt").write_text("a person's file")

    assert await keys(content) == [left.name]
    await content.delete(left.name)

    assert await keys(content) == []
    assert (tmp_path / "content" / "ab" / "notes.txt").exists()


async def test_a_file_cut_short_on_the_disk_is_not_sent_as_if_whole(tmp_path: Path, content: FolderContent) -> None:
    written = await content.write(chunks_of(os.urandom(MIB)), 2 * MIB)
    path = tmp_path / "content" / written.key[:2] / written.key
    async with content.open(written) as reader:
        os.truncate(path, 1000)
        with pytest.raises(Unavailable):
            _ = await collected(reader.chunks())

    with pytest.raises(Unavailable):
        async with content.open(written):
            pass


async def test_no_descriptor_is_left_open(content: FolderContent) -> None:
    written = await content.write(megabytes(3), 100 * MIB)
    before = descriptors()

    for _ in range(20):
        async with content.open(written) as reader:
            reading = asyncio.create_task(collected(reader.chunks()))
            await asyncio.sleep(0)
            _ = reading.cancel()
        with pytest.raises(ConnectionError):
            _ = await content.write(broken(), 100 * MIB)

    assert descriptors() == before


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def broken() -> AsyncIterator[bytes]:
    yield os.urandom(2 * MIB)
    raise ConnectionError


async def test_a_closed_store_is_unavailable(tmp_path: Path) -> None:
    async with FolderContent(tmp_path / "content") as content:
        pass

    with pytest.raises(Unavailable):
        _ = await content.write(chunks_of(b"x"), 10)


async def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    _ = (tmp_path / "file").write_bytes(b"")

    with pytest.raises(Unavailable):
        _ = FolderContent(tmp_path / "file" / "content")


async def test_large_contents_that_left_memory_are_read_from_the_disk(tmp_path: Path) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"x" * LARGE

    async with FolderContent(tmp_path) as store:
        contents = [await store.write(body(), LARGE) for _ in range(WARM_MAX // LARGE + 2)]
        await store.delete(contents[1].key)

        async with store.open(contents[0]) as reader:
            read = sum([len(chunk) async for chunk in reader.chunks()])

    assert read == LARGE
