"""A distributed host in processes of its own: any gateway will do, and nobody notices what can be mended."""

import json
from collections.abc import Iterator
from time import monotonic

import pytest

from tests.servers import are_native, servers, stop_started
from tests.system.parts import KEY, Host, Part, kill_server, operate, request, start_servers, wait_until_all
from tests.system.processes import lectern

SERVICES = ("lock", "storage", "ecosystem")
pytestmark = pytest.mark.needs_servers


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    host = Host(servers(), tmp_path_factory.mktemp("host"))
    yield host
    host.close()
    stop_started()


@pytest.fixture(scope="module")
def gateway(host: Host) -> Part:
    """A gateway with one of each service beside it, ready, and with the document /a.docx."""
    gateway = host.start("gateway", LECTERN_COMMAND_TIMEOUT="15s")
    parts = [gateway, *(host.start(name) for name in SERVICES)]
    wait_until_all(part.is_ready for part in parts)
    (host.folder / "a.docx").write_bytes(b"a" * 100_000)
    host.said(gateway, "put", "a.docx", "/a.docx")
    return gateway


@pytest.fixture
def address(host: Host, gateway: Part) -> Iterator[str]:
    """The document's address, unlocked before and after."""
    address = host.token(gateway, "/a.docx")
    yield address
    operate(gateway, address, "UNLOCK", "A")


def test_what_one_gateway_did_another_one_knows(host: Host, gateway: Part, address: str) -> None:
    other = host.start("gateway")
    wait_until_all([other.is_ready])

    assert operate(gateway, address, "LOCK", "A")[0] == 200

    status, headers = operate(other, address, "LOCK", "B")
    assert (status, headers["X-WOPI-Lock"]) == (409, "A")
    assert operate(other, address, "UNLOCK", "A")[0] == 200
    assert other.stop() == 0


def test_a_gateway_is_found_by_its_data_folder_on_any_port(host: Host) -> None:
    folder = host.folder / "another gateway"
    folder.mkdir()
    (folder / "api_key").write_text(KEY)
    other = host.start("gateway", LECTERN_DATA_DIR=str(folder))
    wait_until_all([other.is_ready])

    done = lectern("ls", LECTERN_DATA_DIR=str(folder))

    assert (done.returncode, done.stderr) == (0, "")
    assert other.stop() == 0
    assert [one.name for one in folder.iterdir()] == ["api_key"]


def test_content_comes_back_as_it_was_put(host: Host, gateway: Part) -> None:
    data = bytes(range(256)) * 50_000
    (host.folder / "big.bin").write_bytes(data)

    host.said(gateway, "put", "big.bin", "/big.bin")
    host.said(gateway, "get", "/big.bin", "back.bin")

    assert (host.folder / "back.bin").read_bytes() == data


def test_events_tell_what_happened_in_order(host: Host, gateway: Part, address: str) -> None:
    assert operate(gateway, address, "LOCK", "A")[0] == 200
    assert operate(gateway, address, "UNLOCK", "A")[0] == 200
    file_id = address.split("?", maxsplit=1)[0].rsplit("/", 1)[1]

    def told() -> list[str]:
        lines = host.said(gateway, "events", "--json").splitlines()
        events = [json.loads(line) for line in lines]
        mine = [event for event in events if event["subject"] == file_id]
        assert [event["data"]["sequence"] for event in mine] == list(range(1, len(mine) + 1))
        return [event["type"] for event in mine]

    wait_until_all([lambda: told()[-2:] == ["file.locked", "file.unlocked"]])


def test_when_a_service_dies_another_replica_takes_over(host: Host, gateway: Part, address: str) -> None:
    second = host.start("lock")
    wait_until_all([second.is_ready])
    first = next(part for part in host.parts if part.name == "lock")

    first.kill()

    for _ in range(5):
        assert operate(gateway, address, "LOCK", "A")[0] == 200
        assert operate(gateway, address, "UNLOCK", "A")[0] == 200


def test_a_service_that_is_told_to_stop_loses_nothing(host: Host, gateway: Part, address: str) -> None:
    third = host.start("lock")
    wait_until_all([third.is_ready])

    assert third.stop() == 0

    assert operate(gateway, address, "LOCK", "A")[0] == 200


# The servers of others are not to be killed.
@pytest.mark.parametrize("server", ["kafka", "mongo", "minio"] if are_native() else [])
def test_a_server_that_is_away_is_told_of_and_all_recovers(
    host: Host, gateway: Part, address: str, server: str
) -> None:
    assert operate(gateway, address, "LOCK", "A")[0] == 200

    kill_server(server)
    try:
        began = monotonic()
        if server == "minio":
            contents = address.replace("?", "/contents?")
            status, headers = request(gateway.url, "POST", contents, b"new", X_WOPI_Override="PUT", X_WOPI_Lock="A")
        else:
            status, headers = operate(gateway, address, "REFRESH_LOCK", "A")
        took = monotonic() - began
        assert not gateway.is_ready()
        assert gateway.get("/healthz") == 200
        assert (status, bool(headers.get("X-WOPI-ServerError"))) == (503, True)
        assert took < 20
    finally:
        start_servers()

    alive = [part for part in host.parts if part.process.poll() is None]
    wait_until_all(part.is_ready for part in alive)
    assert operate(gateway, address, "REFRESH_LOCK", "A")[0] == 200
    assert request(gateway.url, "GET", address.replace("?", "/contents?"))[0] == 200
