"""What every ContentStore promises: bytes that are there once written, and nothing of what wasn't finished."""

import asyncio
import hashlib
import tracemalloc
from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from shared.core.errors import NotFound
from shared.core.file import EMPTY_CONTENT, Content
from shared.ports.content import ContentStore, ContentTooLarge
from tests.contract.values import chunks_of, collected

MIB = 1024 * 1024
LIMIT = 100 * MIB


def pattern(size: int, seed: int = 0) -> bytes:
    """Bytes that differ at every place of a sane size."""
    block = b"".join((seed + number).to_bytes(4, "big") for number in range(65_536))
    return (block * (size // len(block) + 1))[:size]


async def in_chunks(data: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def read(store: ContentStore, content: Content, start: int = 0, stop: int | None = None) -> bytes:
    async with store.open(content) as reader:
        return await collected(reader.chunks(start, stop))


async def keys(store: ContentStore, written_before: datetime | None = None) -> set[str]:
    before = written_before or datetime.now(UTC) + timedelta(days=1)
    return {stored.key async for batch in store.keys(before) for stored in batch}


@pytest.mark.parametrize("size", [1, 4096, 65_536, 65_537, 262_144, MIB - 1, MIB, MIB + 1, 5 * MIB + 7, 16 * MIB + 1])
@pytest.mark.parametrize("chunk", [MIB * 8, 65_536, 99_999])
@pytest.mark.parametrize("is_announced", [True, False], ids=["announced", "unannounced"])
async def test_what_is_written_can_be_read(content: ContentStore, size: int, chunk: int, is_announced: bool) -> None:
    data = pattern(size)

    written = await content.write(in_chunks(data, chunk), LIMIT, size if is_announced else None)

    assert (written.size_bytes, written.sha256) == (size, b64encode(hashlib.sha256(data).digest()).decode())
    async with content.open(written) as reader:
        assert reader.size_bytes == size
    assert await read(content, written) == data


async def test_no_bytes_need_no_key(content: ContentStore) -> None:
    assert await content.write(chunks_of(), LIMIT) == EMPTY_CONTENT
    assert await content.write(chunks_of(b"", b""), LIMIT) == EMPTY_CONTENT

    assert await read(content, EMPTY_CONTENT) == b""
    assert await keys(content) == set()


async def test_empty_chunks_are_no_end(content: ContentStore) -> None:
    written = await content.write(chunks_of(b"", b"a", b"", b"b", b""), LIMIT)

    assert await read(content, written) == b"ab"


async def test_equal_bytes_get_keys_of_their_own(content: ContentStore) -> None:
    first, second = [await content.write(chunks_of(b"same"), LIMIT) for _ in range(2)]

    assert first.key != second.key
    assert await keys(content) == {first.key, second.key}


@pytest.mark.parametrize(
    ("start", "stop"), [(0, 1), (5, 5), (300_000, 300_001), (100, 1_000_000), (2 * MIB - 1, None), (2 * MIB, None)]
)
async def test_a_part_can_be_read(content: ContentStore, start: int, stop: int | None) -> None:
    data = pattern(2 * MIB)
    written = await content.write(chunks_of(data), LIMIT)

    assert await read(content, written, start, stop) == data[start:stop]


async def test_pieces_are_of_a_good_size_to_send(content: ContentStore) -> None:
    written = await content.write(chunks_of(pattern(3 * MIB)), LIMIT)

    async with content.open(written) as reader:
        sizes = [len(piece) async for piece in reader.chunks()]

    assert max(sizes) <= MIB
    assert len(sizes) <= 3 * MIB // 65_536


async def test_the_limit_itself_may_be_reached(content: ContentStore) -> None:
    written = await content.write(chunks_of(b"12345", b"67890"), 10)

    assert written.size_bytes == 10


async def test_past_the_limit_nothing_more_is_taken_and_nothing_kept(content: ContentStore) -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield bytes(MIB)

    with pytest.raises(ContentTooLarge):
        _ = await content.write(endless(), 3 * MIB)

    assert taken == 4
    assert await keys(content) == set()


async def test_what_breaks_off_raises_its_reason_and_leaves_nothing(content: ContentStore) -> None:
    async def broken() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield bytes(MIB)
        raise ConnectionResetError("the client went away")

    with pytest.raises(ConnectionResetError, match="the client went away"):
        _ = await content.write(broken(), LIMIT)

    assert await keys(content) == set()


@pytest.mark.parametrize("mib", [0, 1, 5])
async def test_a_write_that_is_cancelled_leaves_nothing(content: ContentStore, mib: int) -> None:
    stalled = asyncio.Event()

    async def stalling() -> AsyncIterator[bytes]:
        for _ in range(mib):
            yield bytes(MIB)
        yield b"begun"
        stalled.set()
        await asyncio.Event().wait()

    write = asyncio.create_task(content.write(stalling(), LIMIT))
    _ = await stalled.wait()
    _ = write.cancel()
    with pytest.raises(asyncio.CancelledError):
        _ = await write

    assert await keys(content) == set()


async def test_writes_cancelled_at_any_moment_leave_nothing(content: ContentStore) -> None:
    for moments in range(40):
        write = asyncio.create_task(content.write(in_chunks(pattern(3 * MIB), 100_000), LIMIT))
        for _ in range(moments):
            await asyncio.sleep(0)
        _ = write.cancel()
        outcome = (await asyncio.gather(write, return_exceptions=True))[0]
        if isinstance(outcome, Content):
            await content.delete(outcome.key)

    assert await keys(content) == set()


async def test_what_was_never_written_is_not_found(content: ContentStore) -> None:
    for key in ("0" * 32, "../../etc/passwd", "", "x" * 500):
        with pytest.raises(NotFound):
            async with content.open(Content(key, 5, "")):
                pass
        await content.delete(key)


async def test_a_deleted_key_is_gone_but_its_reader_goes_on(content: ContentStore) -> None:
    data = pattern(3 * MIB)
    written = await content.write(chunks_of(data), LIMIT)

    async with content.open(written) as reader:
        pieces = reader.chunks()
        begun = await anext(pieces)
        await content.delete(written.key)
        rest = await collected(pieces)

    assert begun + rest == data
    assert await keys(content) == set()
    with pytest.raises(NotFound):
        async with content.open(written):
            pass


async def test_one_reader_serves_several_ranges(content: ContentStore) -> None:
    data = pattern(MIB)
    written = await content.write(chunks_of(data), LIMIT)

    async with content.open(written) as reader:
        parts = await asyncio.gather(*(collected(reader.chunks(n * 1000, n * 1000 + 500_000)) for n in range(5)))

    assert parts == [data[n * 1000 : n * 1000 + 500_000] for n in range(5)]


async def test_a_reader_that_is_left_early_is_closed(content: ContentStore) -> None:
    written = await content.write(chunks_of(pattern(5 * MIB)), LIMIT)

    for _ in range(2000):
        async with content.open(written) as reader:
            _ = await anext(reader.chunks())

    assert await read(content, written, 0, 4) == pattern(4)


async def test_keys_are_listed_by_age(content: ContentStore) -> None:
    before = datetime.now(UTC) - timedelta(seconds=5)
    written = {(await content.write(chunks_of(b"x"), LIMIT)).key for _ in range(20)}

    assert await keys(content, before) == set()
    assert await keys(content, datetime.now(UTC) + timedelta(seconds=5)) == written


async def test_a_write_under_way_is_among_the_keys(content: ContentStore) -> None:
    go_on, stalled = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        for _ in range(6):
            yield bytes(MIB)
        stalled.set()
        _ = await go_on.wait()

    write = asyncio.create_task(content.write(slow(), LIMIT))
    _ = await stalled.wait()
    begun: set[str] = set()
    async with asyncio.timeout(10):
        while not begun:
            begun = await keys(content)
    go_on.set()

    assert begun == {(await write).key}


async def test_many_write_and_read_at_once(content: ContentStore) -> None:
    data = [pattern(50_000 * number, number) for number in range(1, 33)]

    written = await asyncio.gather(*(content.write(in_chunks(one, 30_000), LIMIT) for one in data))

    assert await asyncio.gather(*(read(content, one) for one in written)) == data


async def test_memory_stays_constant_whatever_the_size(content: ContentStore) -> None:
    async def zeros() -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield bytes(65_536)

    tracemalloc.start()
    try:
        written = await content.write(zeros(), LIMIT)
        async with content.open(written) as reader:
            async for _ in reader.chunks():
                pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert written.size_bytes == 65_536_000
    assert peak < 8 * MIB


async def test_a_store_that_works_is_ready(content: ContentStore) -> None:
    await content.is_ready()

    assert await keys(content) == set()
