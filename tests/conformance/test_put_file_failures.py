"""Saves that break off, are too large, stall, or meet a service that doesn't answer: nothing is lost, nothing is left.

Spec: Files > PutFile (write atomically); clients > Recovery after a failed save.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from services.gateway.context import Rules
from shared.core.errors import Contended, DeadlinePassed, LecternError, Unavailable
from shared.messages.commands import Command, CommitContent, KeepDraft
from shared.ports.bus import CommandBus
from tests.hosts import Host, WopiFile, pieces_of, running_host

LIMIT = 100_000


@asynccontextmanager
async def raw(
    client: WopiFile, headers: str, http: str = "1.1"
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection on which a PutFile with these headers has begun."""
    address = urlsplit(client.host.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(
        f"POST {client.url('/contents')} HTTP/{http}\r\nHost: {address.netloc}\r\nX-WOPI-Override: PUT\r\n"
        f"X-WOPI-Lock: a\r\n{headers}\r\n\r\n".encode()
    )
    try:
        yield reader, writer
    finally:
        writer.close()


async def status_of(reader: asyncio.StreamReader) -> int:
    async with asyncio.timeout(5):
        return int((await reader.readline()).split()[1])


async def locked_file(host: Host) -> WopiFile:
    client = host.wopi(await host.file())
    assert (await client.lock("a")).status == 200
    return client


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ("Content-Length: 1000000", b"x" * 500_000),
        ("Content-Length: 100", b"x" * 99),
        ("Content-Length: 100", b""),
        ("Transfer-Encoding: chunked", b"5\r\nhello\r\n"),
        ("Transfer-Encoding: chunked", b"ffff\r\nhello"),
    ],
    ids=["half of it", "all but one byte", "nothing", "no last chunk", "half a chunk"],
)
async def test_an_upload_that_breaks_off_leaves_the_former_content_and_nothing_else(
    host: Host, headers: str, body: bytes
) -> None:
    client = await locked_file(host)
    info, keys = await client.info(), await host.keys()

    async with raw(client, headers) as (_, writer):
        writer.write(body)
        await writer.drain()

    await host.until(lambda: _is_over(host))
    assert await host.keys() == keys
    assert await client.info() == info
    assert await host.bytes_of(client.file_id) == b"hello"
    assert await host.drafts(client.file_id) == []
    assert (await client.put(b"next", "a")).status == 200


async def _is_over(host: Host) -> bool:
    metrics = (await host.request("GET", "/metrics")).body
    return b'lectern_request_seconds_count{operation="PutFile",status="400"} 1.0' in metrics


@pytest.mark.parametrize("body", [b"zz\r\nhello\r\n", b"5\r\nhelloXX", b"-1\r\n"])
async def test_a_malformed_chunk_is_refused_and_leaves_nothing(host: Host, body: bytes) -> None:
    client = await locked_file(host)
    keys = await host.keys()

    async with raw(client, "Transfer-Encoding: chunked") as (reader, writer):
        writer.write(body)

        assert await status_of(reader) == 400

    assert (await host.keys(), await host.bytes_of(client.file_id)) == (keys, b"hello")


async def test_what_announces_more_than_the_host_takes_is_refused_unread(tmp_path: Path) -> None:
    async with running_host(tmp_path / "data", rules=Rules(max_file_size_bytes=LIMIT)) as host:
        client = await locked_file(host)

        async with raw(client, f"Content-Length: {LIMIT + 1}") as (reader, _):
            assert await status_of(reader) == 413

        assert await host.bytes_of(client.file_id) == b"hello"


@pytest.mark.parametrize(("size", "status"), [(LIMIT, 200), (LIMIT + 1, 413)])
async def test_what_turns_out_to_be_more_is_refused_and_leaves_nothing(tmp_path: Path, size: int, status: int) -> None:
    async with running_host(tmp_path / "data", rules=Rules(max_file_size_bytes=LIMIT)) as host:
        client = await locked_file(host)
        keys = await host.keys()

        answer = await client.put(pieces_of(b"x" * size, 1000), "a")

        assert answer.status == status
        assert len(await host.keys()) == len(keys) + (status == 200)
        assert len(await host.bytes_of(client.file_id)) == (size if status == 200 else 5)
        assert await host.drafts(client.file_id) == []
        assert (await client.get("/contents")).status == 200


async def test_an_upload_that_stalls_is_given_up_and_leaves_nothing(tmp_path: Path) -> None:
    rules = Rules(upload_timeout=timedelta(milliseconds=50))
    async with running_host(tmp_path / "data", rules=rules) as host:
        client = await locked_file(host)
        keys = await host.keys()

        async with raw(client, "Content-Length: 1000000") as (reader, writer):
            writer.write(b"x" * 1000)

            assert await status_of(reader) == 408

        assert (await host.keys(), await host.bytes_of(client.file_id)) == (keys, b"hello")


async def test_a_client_that_asks_first_is_told_to_go_on_only_if_it_may(host: Host) -> None:
    client = await locked_file(host)
    headers = "Expect: 100-continue\r\nContent-Length: 3"

    async with raw(client, headers) as (reader, writer):
        assert await status_of(reader) == 100
        assert await reader.readline() == b"\r\n"
        writer.write(b"new")
        assert await status_of(reader) == 200

    async with raw(WopiFile(host, client.file_id, "INVALID"), headers) as (reader, _):
        assert await status_of(reader) == 401
    async with raw(host.wopi(client.file_id, may_write=False), headers) as (reader, _):
        assert await status_of(reader) == 404
    assert await host.bytes_of(client.file_id) == b"new"


async def test_a_client_of_http_1_0_is_never_told_to_go_on(host: Host) -> None:
    client = await locked_file(host)

    async with raw(client, "Expect: 100-continue\r\nContent-Length: 3", http="1.0") as (reader, writer):
        writer.write(b"new")
        assert await status_of(reader) == 200
    assert await host.bytes_of(client.file_id) == b"new"


class Troubled:
    """A bus that has trouble with commands of one kind: raises `error` the first `times` times.

    With `is_late` the command is handled all the same, as when only its answer gets lost.
    """

    def __init__(
        self, bus: CommandBus, kinds: tuple[type, ...], error: LecternError, times: int, *, is_late: bool = False
    ) -> None:
        self.bus = bus
        self.kinds = kinds
        self.error = error
        self.left = times
        self.is_late = is_late
        self.seen: list[str] = []

    async def request(self, command: Command[Any]) -> Any:
        if isinstance(command, self.kinds):
            self.seen.append(command.command_id)
            if self.left:
                self.left -= 1
                if self.is_late:
                    await self.bus.request(command)
                raise self.error
        return await self.bus.request(command)

    async def is_ready(self) -> None:
        await self.bus.is_ready()


@asynccontextmanager
async def troubled_host(
    folder: Path, error: LecternError, times: int = 1000, kinds: tuple[type, ...] = (CommitContent,), **more: Any
) -> AsyncIterator[tuple[Host, Troubled]]:
    buses: list[Troubled] = []

    def around(bus: CommandBus) -> CommandBus:
        buses.append(Troubled(bus, kinds, error, times, **more))
        return buses[0]

    rules = Rules(command_timeout=timedelta(milliseconds=500))
    async with running_host(folder / "data", rules=rules, around_bus=around) as host:
        yield host, buses[0]


@pytest.mark.parametrize("error", [Contended("busy"), Unavailable("away")])
@pytest.mark.parametrize("is_late", [False, True])
async def test_trouble_that_passes_is_waited_for(tmp_path: Path, error: LecternError, is_late: bool) -> None:
    async with troubled_host(tmp_path, error, times=3, is_late=is_late) as (host, bus):
        client = await locked_file(host)

        answer = await client.put(b"new", "a")

        assert (answer.status, answer.version) == (200, "2")
        assert await host.bytes_of(client.file_id) == b"new"
        assert (len(bus.seen), len(set(bus.seen))) == (4, 1)
        assert await host.drafts(client.file_id) == []


@pytest.mark.parametrize("error", [Contended("busy"), Unavailable("away"), DeadlinePassed("too late")])
async def test_trouble_that_stays_is_503_and_never_409_and_the_bytes_become_a_draft(
    tmp_path: Path, error: LecternError
) -> None:
    async with troubled_host(tmp_path, error) as (host, _):
        client = await locked_file(host)

        answer = await client.put(b"mine", "a")

        assert (answer.status, answer.headers["X-WOPI-ServerError"]) == (503, str(error))
        assert await host.bytes_of(client.file_id) == b"hello"
        (draft,) = await host.drafts(client.file_id)
        assert await host.content_bytes(draft.content) == b"mine"


async def test_an_answer_that_came_too_late_takes_nothing_from_the_file(tmp_path: Path) -> None:
    async with troubled_host(tmp_path, DeadlinePassed("too late"), is_late=True) as (host, _):
        client = await locked_file(host)

        answer = await client.put(b"mine", "a")

        assert answer.status == 503
        assert await host.bytes_of(client.file_id) == b"mine"
        assert await host.drafts(client.file_id) == []


@pytest.mark.parametrize("error", [Unavailable("away"), DeadlinePassed("too late")])
async def test_bytes_whose_draft_may_or_may_not_be_kept_are_left_alone(tmp_path: Path, error: LecternError) -> None:
    async with troubled_host(tmp_path, error, kinds=(CommitContent, KeepDraft)) as (host, _):
        client = await locked_file(host)
        keys = await host.keys()

        assert (await client.put(b"mine", "a")).status == 503

        assert len(await host.keys() - keys) == 1
        assert await host.bytes_of(client.file_id) == b"hello"


async def test_a_refusal_is_answered_as_such_even_if_its_draft_cant_be_kept(tmp_path: Path) -> None:
    async with troubled_host(tmp_path, Unavailable("away"), kinds=(KeepDraft,)) as (host, _):
        client = await locked_file(host)

        answer = await client.put(b"mine", "b")

        assert (answer.status, answer.lock) == (409, "a")


async def test_other_commands_fail_with_503_and_the_reason(tmp_path: Path) -> None:
    async with troubled_host(tmp_path, Unavailable("the lock service is away"), kinds=(Command,)) as (host, bus):
        bus.left = 0
        client = await locked_file(host)
        bus.left = 1000

        answer = await client.refresh("a")

        assert (answer.status, answer.headers["X-WOPI-ServerError"]) == (503, "the lock service is away")
        assert [(await client.get()).status, (await client.get_lock()).lock] == [200, "a"]
