"""What those who run the host ask it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared.core.errors import Unavailable
from shared.messages.commands import Command
from shared.ports.bus import CommandBus
from tests.hosts import Host, running_host


class Away:
    """A bus that nobody is behind."""

    async def request(self, command: Command[Any]) -> Any:
        raise Unavailable("the broker is away")

    async def is_ready(self) -> None:
        raise Unavailable("the broker is away")


async def test_a_host_that_runs_is_alive_and_ready(host: Host) -> None:
    alive, ready = await host.request("GET", "/healthz"), await host.request("GET", "/readyz")

    assert (alive.status, alive.json) == (200, {"status": "ok"})
    assert (ready.status, ready.json["status"]) == (200, "ready")
    assert ready.json["dependencies"] == {"bus": "ready", "metadata": "ready", "content": "ready"}


async def test_a_host_without_its_bus_is_alive_and_says_what_it_lacks(tmp_path: Path) -> None:
    around: Callable[[CommandBus], CommandBus] = lambda _: Away()  # noqa: E731

    async with running_host(tmp_path / "data", around_bus=around) as host:
        alive, ready = await host.request("GET", "/healthz"), await host.request("GET", "/readyz")

        assert alive.status == 200
        assert (ready.status, ready.json["status"]) == (503, "not ready")
        assert ready.json["dependencies"]["bus"] == "the broker is away"


async def test_metrics_count_requests_by_operation_and_status(host: Host) -> None:
    client = host.wopi(await host.file())
    await client.info()
    await client.lock("a")
    await client.lock("b")

    answer = await host.request("GET", "/metrics")

    text = answer.body.decode()
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert 'lectern_request_seconds_count{operation="CheckFileInfo",status="200"} 1.0' in text
    assert 'lectern_request_seconds_count{operation="Lock",status="200"} 1.0' in text
    assert 'lectern_request_seconds_count{operation="Lock",status="409"} 1.0' in text


@pytest.mark.parametrize("override", ["X" * 3000, "FLY"])
async def test_what_clients_make_up_makes_no_new_series(host: Host, override: str) -> None:
    client = host.wopi(await host.file())

    await client.post(override)
    await host.request("GET", "/nothing/here")

    text = (await host.request("GET", "/metrics")).body.decode()
    assert 'operation="Unknown",status="501"' in text
    assert override not in text
    assert "nothing" not in text


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_they_are_only_asked_with_get(host: Host, path: str) -> None:
    assert (await host.request("POST", path)).status == 405
