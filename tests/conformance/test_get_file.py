"""GetFile over HTTP, and the ranges of it that Collabora Online may ask for. Spec: Files > GetFile."""

import pytest
from yarl import URL

from tests.hosts import Host

LARGE = bytes(range(256)) * 4096
"""A megabyte: more than is put together before it's sent."""


@pytest.mark.parametrize("content", [b"", b"h", b"hello", LARGE], ids=["empty", "one byte", "small", "large"])
async def test_the_bytes_come_whole_with_their_length_and_version(host: Host, content: bytes) -> None:
    client = host.wopi(await host.file(content=content))

    answer = await client.get("/contents")

    assert (answer.status, answer.body == content) == (200, True)
    assert answer.headers["Content-Length"] == str(len(content))
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.version == (await client.info())["Version"]


@pytest.mark.parametrize(
    ("expected", "status"),
    [
        ("5", 200),
        ("4", 412),
        ("0", 412),
        ("4294967295", 200),
        ("4294967296", 200),
        ("9223372036854775808", 200),
        ("99999999999999999999999999999999", 200),
        ("9" * 4000, 200),
        (" 4 ", 412),
        ("", 200),
        ("-1", 200),
        ("4.5", 200),
        ("0x4", 200),
        ("many", 200),
        ("٤", 200),
    ],
)
async def test_no_more_than_the_client_expects_is_sent(host: Host, expected: str, status: int) -> None:
    client = host.wopi(await host.file(content=b"hello"))

    answer = await client.get("/contents", X_WOPI_MaxExpectedSize=expected)

    assert answer.status == status
    assert bool(answer.headers.get("X-WOPI-ServerError")) == (status == 412)


async def test_an_empty_file_fits_every_expectation(host: Host) -> None:
    client = host.wopi(await host.file(content=b""))

    assert (await client.get("/contents", X_WOPI_MaxExpectedSize="0")).status == 200


@pytest.mark.parametrize("size", [10, len(LARGE)], ids=["small", "large"])
@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=2-5", 2, 6),
        ("bytes=2-", 2, None),
        ("bytes=-3", -3, None),
        ("bytes=-99999999", 0, None),
        ("bytes=4-99999999", 4, None),
        ("Bytes=0-", 0, None),
    ],
)
async def test_a_range_is_answered_with_that_part(
    host: Host, size: int, wanted: str, start: int, stop: int | None
) -> None:
    content = LARGE[:size]
    client = host.wopi(await host.file(content=content))

    answer = await client.get("/contents", Range=wanted)

    first = range(size)[start]
    assert (answer.status, answer.body == content[start:stop]) == (206, True)
    assert answer.headers["Content-Range"] == f"bytes {first}-{first + len(answer.body) - 1}/{size}"
    assert answer.headers["Content-Length"] == str(len(answer.body))


@pytest.mark.parametrize("wanted", ["bytes=5-", "bytes=5-9", "bytes=-0", "bytes=99999999999999999-"])
async def test_a_range_beyond_the_end_is_not_satisfiable(host: Host, wanted: str) -> None:
    client = host.wopi(await host.file(content=b"hello"))

    answer = await client.get("/contents", Range=wanted)

    assert (answer.status, answer.headers["Content-Range"]) == (416, "bytes */5")


@pytest.mark.parametrize(
    "wanted",
    ["bytes=3-2", "bytes=0-1,3-4", "bytes=-", "bytes=a-b", "items=0-1", "bytes", "", "bytes=" + "9" * 40 + "-"],
)
async def test_a_range_that_isnt_understood_is_ignored(host: Host, wanted: str) -> None:
    client = host.wopi(await host.file(content=b"hello"))

    answer = await client.get("/contents", Range=wanted)

    assert (answer.status, answer.body) == (200, b"hello")


async def test_a_range_of_bytes_that_have_changed_since_is_answered_with_the_whole(host: Host) -> None:
    client = host.wopi(await host.file(content=b"hello"))
    known = (await client.get("/contents")).headers["ETag"]
    assert (await client.get("/contents", Range="bytes=1-2", If_Range=known)).status == 206
    await client.lock("a")
    await client.put(b"other", "a")

    answer = await client.get("/contents", Range="bytes=1-2", If_Range=known)

    assert (answer.status, answer.body) == (200, b"other")


async def test_head_says_what_get_would_and_sends_nothing(host: Host) -> None:
    client = host.wopi(await host.file(content=LARGE))

    answer = await host.request("HEAD", client.url("/contents"))

    assert (answer.status, answer.headers["Content-Length"], answer.body) == (200, str(len(LARGE)), b"")


async def test_new_bytes_are_served_at_once(host: Host) -> None:
    client = host.wopi(await host.file(content=b"hello"))
    await client.lock("a")

    for number in range(5):
        saved = await client.put(b"save %d" % number, "a")
        answer = await client.get("/contents")

        assert (answer.body, answer.version) == (b"save %d" % number, saved.version)
        assert "no-store" in answer.headers["Cache-Control"]


async def test_a_lock_id_on_it_is_ignored(host: Host) -> None:
    client = host.wopi(await host.file(content=b"hello"))
    await client.lock("a")

    assert (await client.get("/contents", X_WOPI_Lock="b")).status == 200


async def test_a_client_that_goes_away_is_no_error_of_the_host(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    client = host.wopi(await host.file(content=LARGE * 24))

    response = await host.session.get(URL(host.url + client.url("/contents"), encoded=True))
    await response.content.readexactly(10)
    response.close()

    async def is_told() -> bool:
        return b'operation="GetFile",status="499"' in host.gateway.metrics.render()

    await host.until(is_told)
    assert "Error handling request" not in caplog.text
