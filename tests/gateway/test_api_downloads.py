"""Downloads over the REST API: whole, in ranges, only if changed, and never as a page of this host."""

import asyncio
from urllib.parse import quote, unquote

import pytest

from services.gateway.api.downloads import SAFE_DOWNLOAD
from tests.gateway.apis import Api, problem_of
from tests.hosts import Host


@pytest.fixture
def api(host: Host) -> Api:
    return Api(host)


async def test_a_download_is_the_bytes_and_never_a_page(host: Host, api: Api) -> None:
    file_id = await host.file("page.html", b"<script>alert(1)</script>")

    answer = await api.get(f"/files/{file_id}/content")

    assert (answer.status, answer.body) == (200, b"<script>alert(1)</script>")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Cache-Control"] == "no-store"
    assert {name: answer.headers[name] for name in SAFE_DOWNLOAD} == SAFE_DOWNLOAD
    assert answer.headers["Content-Disposition"].startswith("attachment; ")


async def test_a_download_carries_the_files_name_in_both_forms(host: Host, api: Api) -> None:
    for name in ("Report.docx", "Grüße; x=1, 'a' (1).docx", "報告書 🎉.xlsx", "naïve.txt"):
        file_id = await host.file(name)

        disposition = (await api.get(f"/files/{file_id}/content")).headers["Content-Disposition"]

        plain, _, extended = disposition.removeprefix('attachment; filename="').partition("\"; filename*=UTF-8''")
        assert unquote(extended) == name
        assert extended == quote(name, safe="")
        assert plain.isascii()
        assert '"' not in plain


@pytest.mark.parametrize("size", [10, 3_000_000], ids=["small", "large"])
async def test_a_range_is_answered_with_that_part(host: Host, api: Api, size: int) -> None:
    content = bytes(number % 251 for number in range(size))
    file_id = await host.file(content=content)
    for asked, start, stop in [
        ("bytes=0-0", 0, 1),
        ("bytes=2-5", 2, 6),
        ("bytes=2-", 2, size),
        ("bytes=-3", size - 3, size),
        (f"bytes=-{size + 5}", 0, size),
        (f"bytes=5-{size + 5}", 5, size),
    ]:
        answer = await api.get(f"/files/{file_id}/content", Range=asked)

        assert (answer.status, answer.body) == (206, content[start:stop]), asked
        assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{size}"


async def test_a_range_that_isnt_understood_is_overlooked(host: Host, api: Api) -> None:
    file_id = await host.file(content=b"hello")
    for asked in ("bytes=", "bytes=-", "bytes=3-1", "bytes=0-1,3-4", "lines=0-1", "bytes=a-b", "bytes=٣-٤", "x"):
        answer = await api.get(f"/files/{file_id}/content", Range=asked)

        assert (answer.status, answer.body) == (200, b"hello"), asked


async def test_a_range_outside_of_the_content_is_refused(host: Host, api: Api) -> None:
    for content, asked in [(b"hello", "bytes=5-"), (b"hello", "bytes=-0"), (b"", "bytes=0-")]:
        file_id = await host.file(f"{asked}{len(content)}.docx".replace("=", "-"), content)

        answer = await api.get(f"/files/{file_id}/content", Range=asked)

        assert problem_of(answer) == (416, "range-not-satisfiable")
        assert answer.headers["Content-Range"] == f"bytes */{len(content)}"


async def test_a_part_of_another_version_is_never_given(host: Host, api: Api) -> None:
    file_id = await host.file(content=b"hello")

    same = await api.get(f"/files/{file_id}/content", Range="bytes=1-2", If_Range='"1"')
    other = await api.get(f"/files/{file_id}/content", Range="bytes=1-2", If_Range='"2"')

    assert (same.status, same.body) == (206, b"el")
    assert (other.status, other.body) == (200, b"hello")


async def test_bytes_that_the_caller_has_arent_sent_again(host: Host, api: Api) -> None:
    file_id = await host.file(content=b"hello")
    first = await api.get(f"/files/{file_id}/content")
    etag = first.headers["ETag"]

    for known in (etag, f"W/{etag}", "*", f'"9", {etag}'):
        answer = await api.get(f"/files/{file_id}/content", If_None_Match=known)
        assert (answer.status, answer.body, answer.headers["ETag"]) == (304, b"", etag)
    await api.put(f"/files/{file_id}/content", b"world")
    assert (await api.get(f"/files/{file_id}/content", If_None_Match=etag)).body == b"world"


async def test_another_version_than_the_one_that_is_wanted_isnt_sent(host: Host, api: Api) -> None:
    file_id = await host.file()

    assert (await api.get(f"/files/{file_id}/content", If_Match='"1"')).status == 200
    assert problem_of(await api.get(f"/files/{file_id}/content", If_Match='"2"')) == (412, "precondition-failed")


async def test_head_says_what_get_would(host: Host, api: Api) -> None:
    for content in (b"", b"hello", b"x" * 3_000_000):
        file_id = await host.file(f"{len(content)}.docx", content)

        got = await api.get(f"/files/{file_id}/content")
        head = await api.call("HEAD", f"/files/{file_id}/content")

        assert (head.status, head.body, len(got.body)) == (200, b"", len(content))
        for name in ("Content-Length", "Content-Type", "ETag", "Content-Disposition", "Accept-Ranges"):
            assert head.headers[name] == got.headers[name]
    assert (await api.call("HEAD", "/files/nothing/content")).status == 404


async def test_what_is_being_downloaded_stays_whole_while_it_is_replaced(host: Host, api: Api) -> None:
    content = b"a" * 20_000_000
    file_id = await host.file(content=content)
    headers = {"Authorization": f"Bearer {api.key}"}

    async with host.session.get(f"{host.url}/api/v1/files/{file_id}/content", headers=headers) as response:
        received = await response.content.readexactly(10)
        await api.put(f"/files/{file_id}/content", b"new")
        await api.delete(f"/files/{file_id}")
        async with asyncio.timeout(20):
            received += await response.content.read()

    assert received == content
