"""What the host writes down of requests: one line each, that helps those who look for a fault and gives nothing away."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from shared.service.logging import configure
from tests.hosts import Host, running_host


@pytest.fixture(autouse=True)
def lines_as_json() -> Iterator[None]:
    configure("info", "json")
    yield
    configure("warning", "json")


@pytest.fixture
async def host(lines_as_json: None, tmp_path: Path) -> AsyncIterator[Host]:
    """A host that writes its log as JSON."""
    async with running_host(tmp_path / "data") as running:
        yield running


def requests_in(written: str) -> list[dict[str, Any]]:
    """The lines about requests, in order."""
    lines = [orjson.loads(line) for line in written.splitlines()]
    return [line for line in lines if line["event"] == "request"]


async def test_a_request_is_one_line_that_says_who_did_what_and_how_it_ended(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    client = host.wopi(await host.file())
    capsys.readouterr()

    await client.lock("a", X_WOPI_CorrelationId="c-1", X_WOPI_SessionId="s-1")

    (line,) = requests_in(capsys.readouterr().err)
    assert line.pop("timestamp").endswith("Z")
    assert line.pop("duration_ms") >= 0
    assert line == {
        "event": "request",
        "level": "info",
        "operation": "Lock",
        "status": 200,
        "method": "POST",
        "resource_id": client.file_id,
        "user": "ann",
        "correlation_id": "c-1",
        "session_id": "s-1",
    }


async def test_a_request_and_its_command_are_found_by_one_id(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    client = host.wopi(await host.file())
    capsys.readouterr()

    await client.put(b"refused", "a", X_WOPI_CorrelationId="c-1")

    lines = [orjson.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert {line["event"] for line in lines} == {"request", "command"}
    assert {line["correlation_id"] for line in lines} == {"c-1"}


async def test_a_refusal_says_why(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    client = host.wopi(await host.file())
    capsys.readouterr()

    await client.post("COBALT")
    await host.request("GET", f"/wopi/files/{client.file_id}")

    one, other = requests_in(capsys.readouterr().err)
    assert (one["status"], one["operation"], "SupportsCobalt" in one["reason"]) == (
        501,
        "ExecuteCellStorageRequest",
        True,
    )
    assert (other["status"], other["reason"], other["user"]) == (401, "an access token is needed", None)


@pytest.mark.parametrize("value", ["a\tb", "x" * 5000, "\u202e", '"}{"event": "forged"'])
async def test_what_a_client_says_cant_forge_a_line(host: Host, capsys: pytest.CaptureFixture[str], value: str) -> None:
    client = host.wopi(await host.file())
    capsys.readouterr()

    await client.get(X_WOPI_SessionId=value, X_WOPI_CorrelationId=value)

    (line,) = requests_in(capsys.readouterr().err)
    assert len(line["session_id"]) <= 200
    assert line["session_id"].isascii()


async def test_tokens_lock_ids_and_user_info_reach_neither_logs_nor_metrics_nor_events(
    host: Host, capfd: pytest.CaptureFixture[str]
) -> None:
    client = host.wopi(await host.file())
    await client.lock("lock-secret")
    await client.put(b"new", "lock-secret")
    await client.put(b"refused", "other-secret")
    await client.post("PUT_USER_INFO", b"info-secret")
    url = (await client.info())["FileUrl"]
    await host.request("GET", url)
    await client.unlock("lock-secret")

    written = "".join(capfd.readouterr())
    metrics = (await host.request("GET", "/metrics")).body.decode()
    events = repr([one async for one in host.gateway.events.follow(None, live=False)])

    assert "CheckFileInfo" in written
    assert "CheckFileInfo" in metrics
    for secret in (client.token, url.split("/")[4], "lock-secret", "other-secret", "info-secret"):
        for place in (written, metrics, events):
            assert secret not in place


async def test_a_fault_of_the_host_is_told_to_its_log_alone(
    host: Host, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = host.wopi(await host.file())

    async def broken(_: str) -> None:
        raise ZeroDivisionError("the inside of the host")

    monkeypatch.setattr(type(host.gateway.metadata.files), "find", lambda _, file_id: broken(file_id))
    capsys.readouterr()

    answer = await client.get(X_WOPI_CorrelationId="c-1")

    written = capsys.readouterr().err
    assert answer.status == 500
    assert "inside" not in answer.headers["X-WOPI-ServerError"]
    assert b"inside" not in answer.body
    assert "the inside of the host" in written
    (line,) = requests_in(written)
    assert (line["status"], line["reason"], line["correlation_id"]) == (500, "ZeroDivisionError", "c-1")
