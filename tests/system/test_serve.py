"""`lectern serve` as a process: how it starts, what it refuses, how it stops."""

import http.client
import resource
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from services.samples.contents import FOLDER, sample_files
from tests.system.processes import Serving, lectern, wait_until

Start = Callable[..., Serving]


def got(url: str, path: str) -> tuple[int, bytes]:
    """Status and body of a GET."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def test_it_prints_an_address_that_answers(serving: Serving) -> None:
    assert [got(serving.url, path)[0] for path in ("/healthz", "/readyz", "/metrics")] == [200, 200, 200]


def test_it_may_have_as_many_connections_as_the_system_allows(tmp_path: Path, start: Start) -> None:
    given = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (given[1] // 2, given[1]))
    try:
        serving = start(tmp_path / "data")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, given)

    assert resource.prlimit(serving.process.pid, resource.RLIMIT_NOFILE) == (given[1], given[1])


def test_the_first_start_makes_samples_that_do_not_come_back(serving: Serving, start: Start) -> None:
    assert {one["name"]: one["size"] for one in serving.json("ls", f"/{FOLDER}")} == {
        name: len(content) for name, content in sample_files().items()
    }

    serving.said("rm", "-r", f"/{FOLDER}")
    serving.stop()
    again = start(serving.folder)

    assert again.json("ls", "/") == []


def test_the_key_stays_and_is_for_its_owner_alone(serving: Serving, start: Start) -> None:
    key = serving.key
    assert [(serving.folder / name).stat().st_mode & 0o777 for name in ("api_key", "token_secret")] == [0o600, 0o600]
    assert serving.folder.stat().st_mode & 0o777 == 0o700

    serving.stop()
    again = start(serving.folder)

    assert again.key == key


def test_a_second_host_on_the_same_folder_is_refused_with_a_sentence(serving: Serving) -> None:
    second = lectern("serve", "--port", "0", "--data-dir", str(serving.folder))

    assert second.returncode == 1
    assert second.stderr.startswith("Error: another host is using the data folder")
    assert got(serving.url, "/healthz")[0] == 200


def test_a_port_that_is_taken_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused = lectern("serve", "--port", str(taken.getsockname()[1]), "--data-dir", str(tmp_path / "data"))

    assert refused.returncode == 1
    assert "Address already in use" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_public_address_without_secrets_is_refused(tmp_path: Path) -> None:
    refused = lectern("serve", "--host", "0.0.0.0", "--port", "0", "--data-dir", str(tmp_path / "data"))  # noqa: S104

    assert refused.returncode == 1
    assert "LECTERN_TOKEN_SECRET" in refused.stderr
    assert "LECTERN_API_KEY" in refused.stderr


def test_all_wrong_settings_are_told_at_once(tmp_path: Path) -> None:
    refused = lectern("serve", cwd=tmp_path, LECTERN_PORT="many", LECTERN_TOKEN_LIFETIME="never")

    assert refused.returncode == 1
    assert "LECTERN_PORT" in refused.stderr
    assert "LECTERN_TOKEN_LIFETIME" in refused.stderr


def test_a_slip_of_the_pen_is_warned_of(tmp_path: Path, start: Start) -> None:
    serving = start(tmp_path / "data", LECTERN_LOG_LEVLE="debug")

    serving.stop()

    assert "LECTERN_LOG_LEVLE is not a setting; did you mean LECTERN_LOG_LEVEL?" in serving.log.read_text()


@pytest.mark.parametrize(("audience", "is_warned"), [("", True), ("lectern", False)])
def test_an_issuer_without_an_audience_is_warned_of(
    tmp_path: Path, start: Start, audience: str, is_warned: bool
) -> None:
    issuer = "http://127.0.0.1:9/realm"
    serving = start(tmp_path / "data", LECTERN_OIDC_ISSUER=issuer, LECTERN_OIDC_AUDIENCE=audience)

    assert ("oidc_audience_not_set" in serving.log.read_text()) is is_warned


def test_a_data_folder_that_can_not_be_made_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")

    refused = lectern("serve", "--port", "0", "--data-dir", str(tmp_path / "file" / "data"))

    assert refused.returncode == 1
    assert "can't be used" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_settings_come_from_an_env_file_and_options_win(tmp_path: Path, start: Start) -> None:
    (tmp_path / ".env").write_text("LECTERN_API_KEY=key-from-the-env-file\nLECTERN_PORT=1\n", encoding="utf-8")

    serving = start(tmp_path / "data", cwd=tmp_path)

    assert not (tmp_path / "data" / "api_key").exists()
    listed = lectern("ls", "/", cwd=tmp_path, LECTERN_URL=serving.url)
    assert (listed.returncode, listed.stderr) == (0, "")
    serving.stop()


def test_the_public_url_is_what_clients_are_told(tmp_path: Path, start: Start) -> None:
    serving = start(tmp_path / "data", LECTERN_PUBLIC_URL="https://docs.example.com/lectern/")

    minted = serving.json("token", "--user", "ann", "--path", f"/{FOLDER}/Letter.docx")

    assert minted["wopi_src"].startswith("https://docs.example.com/lectern/wopi/files/")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_being_told_to_stop_it_finishes_the_requests_in_hand(
    serving: Serving, how: signal.Signals, start: Start
) -> None:
    connection = http.client.HTTPConnection(urlsplit(serving.url).netloc, timeout=30)
    connection.putrequest("PUT", "/api/v1/containers/root/files/slow.bin")
    connection.putheader("Authorization", f"Bearer {serving.key}")
    connection.putheader("Content-Type", "application/octet-stream")
    connection.putheader("Content-Length", "2000000")
    connection.endheaders()
    connection.send(b"x" * 1_500_000)
    content = serving.folder / "content"
    wait_until(lambda: any(path.is_file() and path.stat().st_size > 1_000_000 for path in content.rglob("*")))

    serving.process.send_signal(how)
    wait_until(lambda: "stopping" in serving.log.read_text())
    connection.send(b"x" * 500_000)

    assert connection.getresponse().status == 201
    connection.close()
    assert serving.ended() == 0
    again = start(serving.folder)
    assert "slow.bin" in again.said("ls", "/")


def test_a_follower_of_events_does_not_keep_it_from_stopping(serving: Serving, start: Start) -> None:
    follower = http.client.HTTPConnection(urlsplit(serving.url).netloc, timeout=30)
    follower.request("GET", "/api/v1/events", headers={"Authorization": f"Bearer {serving.key}"})
    answer = follower.getresponse()
    assert answer.readline() == b":\n"
    stopped = threading.Thread(target=serving.stop)

    stopped.start()
    stopped.join(10)

    assert not stopped.is_alive()
    follower.close()


def test_the_address_is_left_for_the_command_line_only_while_it_runs(serving: Serving) -> None:
    assert (serving.folder / "address").read_text().strip() == serving.url

    serving.stop()

    assert not (serving.folder / "address").exists()
