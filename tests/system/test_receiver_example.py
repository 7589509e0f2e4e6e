"""The receiver in the docs, copied and run as it stands, takes what a host sends and nothing else."""

import asyncio
import base64
import os
import re
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import aiohttp
import pytest

from services.ecosystem import following, telling
from services.ecosystem.calling import Caller
from shared.core.webhooks import Pace, Webhook, new_secret
from shared.service.metrics import Metrics
from tests.builders import NOON
from tests.services.conftest import running_services
from tests.system.processes import clean_environment

DOCS = Path(__file__).parents[2] / "docs" / "events.md"
SECRET = new_secret(os.urandom(32))
LOOPBACK = (ip_network("127.0.0.0/8"),)


def now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def running_example(folder: Path) -> AsyncIterator[tuple[str, asyncio.StreamReader]]:
    """The example as a process: its address, and what it prints."""
    (code,) = re.findall(r"^```python\n(.*?)^```", DOCS.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    program = folder / "receiver.py"
    program.write_text(code)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = clean_environment(WEBHOOK_SECRET=SECRET, PORT=str(port))
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(program), env=environment, stdout=asyncio.subprocess.PIPE
    )
    try:
        url = f"http://127.0.0.1:{port}/lectern"
        await answering(url)
        assert process.stdout is not None
        yield url, process.stdout
    finally:
        process.terminate()
        await process.wait()


async def answering(url: str) -> None:
    """Returns when somebody listens there."""
    async with asyncio.timeout(30), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(url):
                    return
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.05)


async def lines(output: asyncio.StreamReader, count: int) -> list[str]:
    async with asyncio.timeout(20):
        return [(await output.readline()).decode().strip() for _ in range(count)]


async def test_the_receiver_in_the_docs_takes_events_and_leaves_out_repetitions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(following, "SAVE_SECONDS", 0.02)
    async with running_example(tmp_path) as (url, output), running_services(tmp_path / "data") as services:
        webhooks = services.metadata.webhooks
        hook = Webhook("w1", url, SECRET, NOON, ("file.*",))
        await webhooks.insert(hook)
        async with telling.telling(
            webhooks, services.events, LOOPBACK, Pace(), "https://docs.example.com", Metrics(), now
        ):
            file_id = await services.file("a.docx")
            assert await lines(output, 1) == ["file.created a.docx"]

            found = await webhooks.find("w1")
            assert found is not None
            await webhooks.replace(found, Webhook("w1", url, SECRET, NOON, ("file.*",), generation=2))
            await services.lock(file_id, "L")
            assert await lines(output, 1) == ["file.locked"]


async def test_the_receiver_in_the_docs_refuses_what_is_forged_or_old(tmp_path: Path) -> None:
    async with running_example(tmp_path) as (url, _), Caller(LOOPBACK, timedelta(seconds=10)) as caller:

        async def status(secret: str, at: datetime) -> int | None:
            body = b'{"subject": "f1", "type": "x", "data": {"sequence": 1}}'
            return (await caller.call(Webhook("w1", url, secret, NOON), "f1:1", body, at)).status

        other = "whsec_" + base64.b64encode(os.urandom(32)).decode()
        assert await status(SECRET, now()) == 204
        assert await status(other, now()) == 401
        assert await status(SECRET, now() - timedelta(minutes=6)) == 401
        async with aiohttp.ClientSession() as session, session.post(url, data=b"{}") as response:
            assert response.status == 401
