"""What the API takes and what it refuses, whatever the operation: bodies, addresses, headers."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from services.gateway.api.inputs import BODY_MAX_BYTES
from services.gateway.context import Rules
from tests.gateway.apis import Api, problem_of
from tests.hosts import API_KEY, Host, running_host

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def api(host: Host) -> Api:
    return Api(host)


async def made_of(api: Api, body: bytes, headers: dict[str, str] | None = None) -> int:
    """The status of making a container with that body."""
    answer = await api.call("POST", "/containers/root/containers", body=body, headers=JSON | (headers or {}))
    if answer.status != 201:
        assert problem_of(answer)[0] == answer.status
    return answer.status


async def test_what_isnt_json_is_refused(api: Api) -> None:
    for body in (
        b"",
        b"{",
        b"null",
        b"[]",
        b'"name"',
        b"{}",
        b'{"name": "a"}{}',
        b'{"name": "a", }',
        b"{'name': 'a'}",
        b'{"name": "a\xff"}',
        b'{"name": "a\xed\xa0\x80"}',
        rb'{"name": "\ud800"}',
        rb'{"name": "\udc00\ud800"}',
        rb'{"name": "a\u0000"}',
        b'{"name": "a\x00"}',
        b"\xef\xbb\xbf{}",
        '{"name": "a"}'.encode("utf-16"),
        b'{"name": NaN}',
    ):
        assert await made_of(api, body) == 400, body


async def test_fields_that_arent_known_are_refused(api: Api) -> None:
    assert await made_of(api, b'{"name": "a", "nmae": "b"}') == 400


async def test_no_nesting_is_followed(api: Api) -> None:
    depth = 200_000
    for body in (
        b"[" * depth,
        b"{" * depth,
        b'{"name": ' + b"[" * depth + b"]" * depth + b"}",
        b'{"a": ' * depth + b"1" + b"}" * depth,
        b'{"name": "a", "x": ' + b"[" * depth,
    ):
        assert await made_of(api, body[:BODY_MAX_BYTES]) == 400


async def test_a_body_has_a_limit(api: Api) -> None:
    padding = b" " * (BODY_MAX_BYTES - len(b'{"name":"a"}'))

    assert await made_of(api, b'{"name":"a"}' + padding) == 201
    assert await made_of(api, b'{"name":"b"}' + padding + b" ") == 413


async def test_a_body_is_json_by_its_type(api: Api) -> None:
    for content_type, status in [
        ("application/json", 201),
        ("application/json; charset=utf-8", 201),
        ("application/merge-patch+json", 201),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/octet-stream", 415),
    ]:
        body = f'{{"name": "for {status} {len(content_type)}"}}'.encode()
        assert await made_of(api, body, {"Content-Type": content_type}) == status, content_type


async def test_a_body_that_stops_arriving_is_given_up(tmp_path: Path) -> None:
    async with running_host(tmp_path / "d", rules=Rules(upload_timeout=timedelta(seconds=0.1))) as host:
        headers = {"Authorization": f"Bearer {API_KEY}", "Content-Length": "100"} | JSON

        answer = await host.request("POST", "/api/v1/containers/root/containers", headers, None)

        assert problem_of(answer) == (408, "timeout")


async def test_addresses_that_the_api_doesnt_know_are_404_and_methods_405(host: Host) -> None:
    headers = {"Authorization": f"Bearer {API_KEY}"}
    for path in (
        "/api",
        "/api/",
        "/api/v1",
        "/api/v1/",
        "/api/v2/me",
        "/api/v1/me/",
        "/api/v1/../v1/me",
        "/api//v1/me",
    ):
        assert problem_of(await host.request("GET", path, headers)) == (404, "not-found"), path
    for method, path, allowed in [
        ("POST", "/api/v1/me", "GET"),
        ("OPTIONS", "/api/v1/tokens", "POST"),
        ("POST", "/api/v1/files/x", "DELETE, GET, PATCH"),
        ("DELETE", "/api/v1/files/x/content", "GET, HEAD, PUT"),
        ("HEAD", "/api/v1/events", "GET"),
        ("PUT", "/api/openapi.json", "GET"),
    ]:
        answer = await host.request(method, path, headers)
        assert (answer.status, answer.headers["Allow"]) == (405, allowed), path


async def test_nothing_that_a_client_sends_becomes_a_header_of_the_answer(host: Host, api: Api) -> None:
    evil = "a%0d%0aSet-Cookie:%20x=1"
    for method, path in [
        ("PUT", f"/containers/root/files/{evil}.docx"),
        ("GET", f"/resolve?path=/{evil}"),
        ("GET", f"/containers/root/children?after={evil}"),
        ("GET", f"/users/{evil}"),
        ("GET", f"/files/{evil}/content"),
    ]:
        answer = await api.call(method, path, body=None)

        assert answer.status in {400, 404}
        assert "Set-Cookie" not in answer.headers


async def test_no_answer_is_kept_by_caches(host: Host, api: Api) -> None:
    file_id = await host.file()
    for method, path in [
        ("GET", "/me"),
        ("GET", f"/files/{file_id}"),
        ("GET", f"/files/{file_id}/content"),
        ("POST", "/tokens"),
        ("GET", "/files/nothing"),
        ("GET", "/events?follow=false"),
        ("DELETE", f"/files/{file_id}"),
    ]:
        assert (await api.call(method, path)).headers["Cache-Control"] == "no-store", path


async def test_what_goes_wrong_unexpectedly_is_a_problem_without_details(
    host: Host, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(self: object, file_id: str) -> None:
        raise RuntimeError("the secret detail")

    monkeypatch.setattr(type(host.gateway.metadata.files), "find", broken)

    answer = await api.get("/files/anything")

    assert problem_of(answer) == (500, "internal")
    assert b"secret detail" not in answer.body


@pytest.mark.parametrize(
    "path", ["/api/v1/me", "/api/nothing", "/api/openapi.json", "/wopi/files/x", "/", "/nothing", "/healthz"]
)
async def test_an_expectation_that_nobody_understands_is_overlooked(host: Host, path: str) -> None:
    reader, writer = await asyncio.open_connection(*host.url.removeprefix("http://").split(":"))

    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n".encode() + b"Expect: \xff\x80 miracles\r\n\r\n"
    )
    async with asyncio.timeout(5):
        status = (await reader.read())[9:12]
    writer.close()

    assert status in {b"200", b"401", b"404"}
