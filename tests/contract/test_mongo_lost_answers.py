"""An answer that is lost on its way doesn't make a change that took effect look as if it hadn't, nor happen twice."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import get_args
from urllib.parse import urlsplit

import pytest

from shared.adapters.distributed.mongo_client import Driver, MongoConnection
from shared.adapters.distributed.mongo_metadata import MongoMetadata
from shared.core.errors import Unavailable
from shared.ports.metadata import Change, FileStore, NameInUse
from tests.contract.distributed import name_of
from tests.contract.values import event_of, file_of, version_of
from tests.servers import are_there, servers

pytestmark = pytest.mark.skipif(not are_there(), reason="needs MongoDB, or what it takes to make one")


class Wire:
    """Passes bytes between a client and a server, and cuts the line where the test says so. Works in threads."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets = [self._listener]
        self._threads: list[threading.Thread] = []
        self.port: int = self._listener.getsockname()[1]
        self.lose_answer_to = b""
        """The answer to the next request with this text is swallowed, and the line is cut."""
        self.lost = 0
        self._in_thread(self._accept)

    def close(self) -> None:
        """Cut all lines."""
        for one in self._sockets:
            _cut(one)
        for thread in self._threads:
            thread.join()

    def _in_thread(self, work: Callable[..., None], *values: object) -> None:
        thread = threading.Thread(target=work, args=values)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                self._sockets += [client, server]
                is_cut = threading.Event()
                self._in_thread(self._pass_requests, client, server, is_cut)
                self._in_thread(self._pass_answers, server, client, is_cut)

    def _pass_requests(self, client: socket.socket, server: socket.socket, is_cut: threading.Event) -> None:
        with suppress(OSError):
            while data := client.recv(1 << 20):
                if self.lose_answer_to and self.lose_answer_to in data:
                    self.lose_answer_to = b""
                    is_cut.set()
                server.sendall(data)
        _cut(server)

    def _pass_answers(self, server: socket.socket, client: socket.socket, is_cut: threading.Event) -> None:
        with suppress(OSError):
            while data := server.recv(1 << 20):
                if is_cut.is_set():
                    self.lost += 1
                    break
                client.sendall(data)
        _cut(client)


def _cut(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
    line.close()


@pytest.fixture
def wire() -> Iterator[Wire]:
    target = urlsplit(servers().mongo_url)
    wire = Wire((target.hostname or "", target.port or 27017))
    yield wire
    wire.close()


@pytest.fixture(params=get_args(Driver))
async def files(request: pytest.FixtureRequest, wire: Wire, tmp_path: Path) -> AsyncIterator[FileStore]:
    """Files through a client that doesn't repeat writes by itself, as with a standalone MongoDB."""
    name = name_of(tmp_path)
    url = f"mongodb://127.0.0.1:{wire.port}/{name}?directConnection=true&retryWrites=false"
    connection = MongoConnection(url, request.param)
    stores = MongoMetadata(connection)
    await stores.prepare()
    yield stores.metadata.files
    await connection.database.client.drop_database(name)
    await connection.close()


async def test_a_change_whose_answer_was_lost_is_known_to_have_taken_effect(files: FileStore, wire: Wire) -> None:
    await files.insert(Change(file_of()))
    loaded = await files.load("f1")
    wire.lose_answer_to = b"findAndModify"

    assert await files.replace(loaded, Change(replace(loaded.state, current=version_of(2)), (event_of("f1", 1),)))

    after = await files.load("f1")
    assert (wire.lost, after.revision, after.sequence) == (1, loaded.revision + 1, 1)


async def test_a_new_document_whose_answer_was_lost_is_known_to_be_there(files: FileStore, wire: Wire) -> None:
    wire.lose_answer_to = b"insert"

    assert await files.insert(Change(file_of()))

    assert wire.lost == 1
    assert not await files.insert(Change(file_of(name="other.docx")))


async def test_a_change_that_had_lost_its_race_is_not_taken_for_done(files: FileStore, wire: Wire) -> None:
    await files.insert(Change(file_of()))
    loaded = await files.load("f1")
    assert await files.replace(loaded, Change(replace(loaded.state, owner_id="first")))
    wire.lose_answer_to = b"findAndModify"

    assert not await files.replace(loaded, Change(replace(loaded.state, owner_id="second")))

    assert wire.lost == 1
    assert (await files.load("f1")).state.owner_id == "first"


async def test_a_name_in_use_is_told_even_if_the_first_answer_was_lost(files: FileStore, wire: Wire) -> None:
    await files.insert(Change(file_of()))
    wire.lose_answer_to = b"insert"

    with pytest.raises(NameInUse):
        _ = await files.insert(Change(file_of("f2", name="f1.docx")))

    assert wire.lost == 1


@pytest.mark.parametrize("driver", get_args(Driver))
async def test_a_server_that_is_gone_is_unavailable_within_the_deadline(driver: Driver) -> None:
    connection = MongoConnection("mongodb://127.0.0.1:9/lectern", driver)

    async with asyncio.timeout(15):
        with pytest.raises(Unavailable):
            _ = await MongoMetadata(connection).metadata.files.find("f1")

    await connection.close()
