"""Webhooks of a host that its users run: events come, also those of a host that was cut off."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from tests.receiver import Receiver, running_receiver
from tests.system.processes import Serving
from tests.system.requests import answer_of

NAMES = [f"{number}.docx" for number in range(20)]


def put(serving: Serving, name: str) -> None:
    status, _ = answer_of(serving, "PUT", f"/api/v1/containers/root/files/{name}", b"x")
    assert status == 201


async def told(receiver: Receiver, names: list[str]) -> None:
    """Returns when the receiver has taken the creation of all these files."""
    async with asyncio.timeout(30):
        while {one.event["data"].get("name") for one in receiver.taken} < set(names):  # noqa: ASYNC110 - polls another's state
            await asyncio.sleep(0.02)


async def test_a_receiver_gets_all_events_of_a_host_that_is_killed_and_started_again(
    start: Callable[..., Serving], tmp_path: Path
) -> None:
    settings = {"LECTERN_WEBHOOK_NETWORKS": "127.0.0.0/8"}
    async with running_receiver() as receiver:
        first = await asyncio.to_thread(start, tmp_path / "data", **settings)
        wish = json.dumps({"url": receiver.url, "types": ["file.created"]}).encode()
        status, body = await asyncio.to_thread(answer_of, first, "POST", "/api/v1/webhooks", wish)
        assert status == 201
        secret = json.loads(body)["secret"]
        for name in NAMES[:10]:
            await asyncio.to_thread(put, first, name)
        await told(receiver, NAMES[:10])

        await asyncio.to_thread(first.kill)
        second = await asyncio.to_thread(start, tmp_path / "data", **settings)
        for name in NAMES[10:]:
            await asyncio.to_thread(put, second, name)
        await told(receiver, NAMES)

        assert all(one.is_signed_with(secret) for one in receiver.received)
        assert {one.event["data"]["name"] for one in receiver.received} == set(NAMES)
        log = second.log.read_text()
        assert '"event":"webhook_delivery"' in log
        assert receiver.url not in log
        _, metrics = await asyncio.to_thread(answer_of, second, "GET", "/metrics")
        assert b'lectern_webhook_seconds_count{outcome="delivered"}' in metrics


async def test_a_host_calls_no_private_address_unless_it_is_told_to(
    start: Callable[..., Serving], tmp_path: Path
) -> None:
    async with running_receiver() as receiver:
        serving = await asyncio.to_thread(start, tmp_path / "data")
        wish = json.dumps({"url": receiver.url}).encode()
        _, body = await asyncio.to_thread(answer_of, serving, "POST", "/api/v1/webhooks", wish)
        await asyncio.to_thread(put, serving, "a.docx")

        async with asyncio.timeout(20):
            while True:
                path = f"/api/v1/webhooks/{json.loads(body)['id']}"
                found = json.loads((await asyncio.to_thread(answer_of, serving, "GET", path))[1])
                if "last_failure" in found:
                    break
                await asyncio.sleep(0.05)

    assert "LECTERN_WEBHOOK_NETWORKS" in found["last_failure"]
    assert receiver.received == []
