"""The stream of events over the REST API: a subscriber leaves, comes back, and has missed nothing."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from services.gateway.api import events
from tests.gateway.apis import Api, problem_of
from tests.hosts import API_KEY, Host, running_host

Message = dict[str, Any]


@pytest.fixture
def api(host: Host) -> Api:
    return Api(host)


def messages_of(text: str) -> list[Message]:
    """Server-sent events; comments are no messages."""
    messages = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            messages.append(fields | {"data": json.loads(fields["data"])})
    return messages


async def backlog(api: Api, query: str = "", **headers: str) -> list[Message]:
    """All events that are there."""
    return messages_of((await api.get(f"/events?follow=false{query}", **headers)).body.decode())


@asynccontextmanager
async def followed(host: Host, query: str = "") -> AsyncIterator[aiohttp.ClientResponse]:
    """The stream, still open."""
    headers = {"Authorization": f"Bearer {API_KEY}"}
    async with host.session.get(f"{host.url}/api/v1/events{query}", headers=headers) as response:
        yield response


async def next_messages(response: aiohttp.ClientResponse, count: int) -> list[Message]:
    """So many more events, within five seconds."""
    text = ""
    async with asyncio.timeout(5):
        while len(messages_of(text)) < count or not text.endswith("\n\n"):
            text += (await response.content.readuntil(b"\n\n")).decode()
    return messages_of(text)


async def test_an_event_is_a_cloud_event_with_its_type_and_place(host: Host, api: Api) -> None:
    file_id = await host.file("Report.docx", b"hello")

    *_, message = await backlog(api)

    assert message["event"] == message["data"]["type"] == "file.created"
    assert message["id"]
    assert message["data"] == {
        "specversion": "1.0",
        "id": f"{file_id}:1",
        "source": host.url,
        "type": "file.created",
        "subject": file_id,
        "time": "2026-03-02T12:00:00.123456Z",
        "datacontenttype": "application/json",
        "data": {
            "file_id": file_id,
            "sequence": 1,
            "user_id": "ann",
            "correlation_id": "test",
            "name": "Report.docx",
            "container_id": "root",
            "version": 1,
            "size_bytes": 5,
            "sha256": "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
        },
    }


async def test_the_stream_goes_on_after_the_last_event_had(host: Host, api: Api) -> None:
    for number in range(5):
        await host.file(f"{number}.docx")
    everything = await backlog(api)

    for number, message in enumerate(everything, start=1):
        assert await backlog(api, f"&after={message['id']}") == everything[number:]
        # A client that reconnects sends the header; the address is still that of its first request.
        assert await backlog(api, "&after=1", Last_Event_ID=message["id"]) == everything[number:]


async def test_new_events_come_as_they_happen(host: Host) -> None:
    async with followed(host, "?after=latest") as response:
        await host.file("a.docx")
        first = await next_messages(response, 1)
        await host.container("B")
        second = await next_messages(response, 1)

    assert response.headers["Content-Type"] == "text/event-stream"
    assert [one["data"]["data"]["name"] for one in first + second] == ["a.docx", "B"]


async def test_many_subscribers_each_have_all_events_in_order(host: Host) -> None:
    async def names() -> list[str]:
        async with followed(host) as response:
            return [one["data"]["data"]["name"] for one in await next_messages(response, 21)]

    subscribers = [asyncio.create_task(names()) for _ in range(5)]
    for number in range(20):
        await host.file(f"{number}.docx")

    for seen in await asyncio.gather(*subscribers):
        assert seen == ["Documents", *(f"{number}.docx" for number in range(20))]


async def test_what_is_no_position_is_refused(api: Api) -> None:
    for position in ("x", "-1", "1.5", "1%0Aid:2", "9" * 100):
        answer = await api.get(f"/events?follow=false&after={position}")

        assert problem_of(answer) == (400, "bad-request"), position
    assert problem_of(await api.get("/events?follow=maybe")) == (400, "bad-request")


async def test_a_quiet_stream_shows_that_it_is_alive(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "QUIET_SECONDS", 0.01)

    async with followed(host, "?after=latest") as response, asyncio.timeout(5):
        assert await response.content.readexactly(12) == b":\n\n" * 4


async def test_streams_end_when_the_host_stops(tmp_path: Path) -> None:
    async with asyncio.timeout(10), aiohttp.ClientSession() as session:
        async with running_host(tmp_path / "data") as host:
            response = await session.get(f"{host.url}/api/v1/events", headers={"Authorization": f"Bearer {API_KEY}"})
            await response.content.readuntil(b"\n\n")
        assert (await response.content.read()).endswith(b"\n\n")


async def test_a_subscriber_that_goes_away_leaves_nothing_running(host: Host) -> None:
    before = len(asyncio.all_tasks())
    async with followed(host) as response:
        await next_messages(response, 1)
        response.close()

    async def as_before() -> bool:
        await host.file(f"{asyncio.get_running_loop().time()}.docx")  # makes the stream write, and notice
        return len(asyncio.all_tasks()) <= before

    await host.until(as_before)


async def test_no_event_tells_a_lock_id_or_a_token(host: Host, api: Api) -> None:
    file_id = await host.file()
    word = host.wopi(file_id)
    await word.lock("the-lock-id")
    await word.relock("the-lock-id-2", "the-lock-id")
    await word.post("PUT_USER_INFO", b"the user info")
    await word.unlock("the-lock-id-2")

    text = (await api.get("/events?follow=false")).body.decode()

    assert "file.unlocked" in text
    assert not any(secret in text for secret in ("the-lock-id", "the user info", word.token))
