"""Uploads over the REST API: onto files and as new ones, under conditions, against locks, within limits."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from services.gateway.context import Rules
from shared.core.permissions import Role
from tests.gateway.apis import Api, problem_of
from tests.hosts import API_KEY, Host, running_host

SMALL = Rules(max_file_size_bytes=1000, upload_timeout=timedelta(seconds=0.2))


@pytest.fixture
def api(host: Host) -> Api:
    return Api(host)


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[Api]:
    """A host that takes 1000 bytes, and waits for the next one for a fifth of a second."""
    async with running_host(tmp_path / "small", rules=SMALL) as host:
        yield Api(host)


# As a new file or a new version


async def test_an_upload_is_a_new_file_or_else_a_new_version(host: Host, api: Api) -> None:
    ann, bob = api.as_user("ann"), api.as_user("bob")

    made = await ann.put("/containers/root/files/Report.docx", b"one")
    changed = await bob.put("/containers/root/files/Report.docx", b"two")
    put = await ann.put(f"/files/{made.json['id']}/content", b"three")

    assert [answer.status for answer in (made, changed, put)] == [201, 200, 200]
    assert made.headers["Location"] == f"{host.url}/api/v1/files/{made.json['id']}"
    assert [answer.headers["ETag"] for answer in (made, changed, put)] == ['"1"', '"2"', '"3"']
    assert (changed.json["id"], changed.json["owner"], changed.json["last_modified_by"]) == (
        made.json["id"],
        "ann",
        "bob",
    )
    assert await host.bytes_of(made.json["id"]) == b"three"


async def test_a_name_is_what_the_address_says_whatever_its_script(api: Api) -> None:
    for name in ("Grüße & Küsse.docx", "報告書.xlsx", "🎉 50+1.pptx", "a;b=c,d.txt", "no extension"):
        answer = await api.put(f"/containers/root/files/{quote(name, safe='')}", b"x")

        assert (answer.status, answer.json["name"]) == (201, name)


async def test_a_name_that_no_client_could_open_is_refused_with_the_reason(host: Host, api: Api) -> None:
    illegal = ["a%2Fb.docx", "..%2fb.docx", "%2e%2e", "%2e", "a%00.docx", "a%0d%0ab.docx", "a%5Cb.docx", "%20a.docx"]
    for part in (*illegal, "a.docx%20", "a%3Ab.docx", "a" * 251 + ".docx", "%E2%80%AEb.docx", "a%25b.docx", ".docx"):
        assert problem_of(await api.put(f"/containers/root/files/{part}", b"x")) == (400, "bad-request"), part
    assert (await api.get("/containers/root/children")).json["items"] == []
    assert await host.keys() == set()


async def test_an_address_that_is_no_text_is_refused(api: Api) -> None:
    for part in ("%ff.docx", "%ED%A0%80.docx", "%C0%AE.docx", "a%F5.docx"):
        assert problem_of(await api.put(f"/containers/root/files/{part}", b"x")) == (400, "bad-request"), part


async def test_a_part_of_a_path_that_is_missing_or_too_many_leads_nowhere(host: Host) -> None:
    for path in ("/containers/root/files/", "/containers//files/a.docx", "/containers/root/files/a/b.docx", "/files//"):
        answer = await host.request("PUT", f"/api/v1{path}", {"Authorization": f"Bearer {API_KEY}"}, b"x")

        assert problem_of(answer) == (404, "not-found"), path


async def test_an_empty_upload_is_an_empty_file(host: Host, api: Api) -> None:
    answer = await api.call("PUT", "/containers/root/files/New.docx")

    assert (answer.status, answer.json["size"]) == (201, 0)
    assert (await api.get(f"/files/{answer.json['id']}/content")).body == b""


async def test_equal_bytes_leave_one_copy_in_the_store(host: Host, api: Api) -> None:
    file_id = await host.file(content=b"hello")
    before = await host.keys()

    assert (await api.put(f"/files/{file_id}/content", b"hello")).status == 200

    assert len(await host.keys()) == len(before)
    assert await host.bytes_of(file_id) == b"hello"


async def test_only_who_may_edit_the_container_adds_files_to_it(host: Host, api: Api) -> None:
    await host.grant_container("root", "bob", Role.VIEWER)

    assert problem_of(await api.as_user("bob").put("/containers/root/files/a.docx", b"x")) == (404, "not-found")
    assert problem_of(await api.put("/containers/nothing/files/a.docx", b"x")) == (404, "not-found")
    assert await host.keys() == set()


async def test_a_file_that_the_user_may_not_see_keeps_its_name_to_itself(host: Host, api: Api) -> None:
    file_id = await host.file("Report.docx")
    await host.grant(file_id, "bob", Role.NONE)

    answer = await api.as_user("bob").put("/containers/root/files/Report.docx", b"mine")

    assert problem_of(answer) == (409, "name-taken")
    assert await host.bytes_of(file_id) == b"hello"


async def test_of_ten_uploads_of_one_name_one_makes_the_file_and_all_are_versions(host: Host, api: Api) -> None:
    bodies = [f"bytes {number}".encode() for number in range(10)]

    answers = await asyncio.gather(*(api.put("/containers/root/files/a.docx", body) for body in bodies))

    assert sorted(answer.status for answer in answers) == [200] * 9 + [201]
    assert len({answer.json["id"] for answer in answers}) == 1
    versions = (await api.get(f"/files/{answers[0].json['id']}/versions")).json["items"]
    assert [one["version"] for one in versions] == list(range(10, 0, -1))


# Conditions


async def test_if_none_match_keeps_a_file_that_is_there(host: Host, api: Api) -> None:
    new = await api.put("/containers/root/files/a.docx", b"one", If_None_Match="*")
    again = await api.put("/containers/root/files/a.docx", b"two", If_None_Match="*")

    assert new.status == 201
    assert (problem_of(again), again.json["current_version"]) == ((412, "precondition-failed"), 1)
    assert await host.bytes_of(new.json["id"]) == b"one"


async def test_if_match_changes_only_the_version_that_was_seen(host: Host, api: Api) -> None:
    file_id = await host.file(content=b"one")

    good = await api.put(f"/files/{file_id}/content", b"two", If_Match='"1"')
    for tags in ('"1"', 'W/"2"', '"x"', "2", '"1", "3"'):
        stale = await api.put(f"/files/{file_id}/content", b"three", If_Match=tags)

        assert (problem_of(stale), stale.json["current_version"]) == ((412, "precondition-failed"), 2), tags
    listed = await api.put(f"/files/{file_id}/content", b"three", If_Match='"1", "2"')
    any_version = await api.put("/containers/root/files/Report.docx", b"four", If_Match="*")

    assert [answer.headers["ETag"] for answer in (good, listed, any_version)] == ['"2"', '"3"', '"4"']


async def test_if_match_makes_no_file(host: Host, api: Api) -> None:
    for tags in ("*", '"1"'):
        answer = await api.put("/containers/root/files/a.docx", b"x", If_Match=tags)

        assert problem_of(answer) == (412, "precondition-failed")
    assert await host.keys() == set()


async def test_of_ten_uploads_onto_one_version_one_wins(host: Host, api: Api) -> None:
    file_id = await host.file(content=b"start")

    answers = await asyncio.gather(
        *(api.put(f"/files/{file_id}/content", f"{number}".encode(), If_Match='"1"') for number in range(10))
    )

    assert sorted(answer.status for answer in answers) == [200] + [412] * 9
    assert len(await host.keys()) == 2


async def test_what_somebody_has_open_is_not_overwritten(host: Host, api: Api) -> None:
    file_id = await host.file(content=b"theirs")
    await host.wopi(file_id).lock("L")
    before = await host.keys()

    onto = await api.put(f"/files/{file_id}/content", b"mine")
    by_name = await api.put("/containers/root/files/Report.docx", b"mine")

    assert [problem_of(answer) for answer in (onto, by_name)] == [(409, "locked")] * 2
    assert await host.bytes_of(file_id) == b"theirs"
    assert await host.keys() == before


async def test_a_lock_that_is_taken_during_the_upload_is_in_its_way(host: Host, api: Api) -> None:
    file_id = await host.file(content=b"theirs")
    before = await host.keys()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"mi"
        await host.wopi(file_id).lock("L")
        yield b"ne"

    assert problem_of(await api.put(f"/files/{file_id}/content", slowly())) == (409, "locked")
    assert await host.bytes_of(file_id) == b"theirs"
    assert await host.keys() == before


async def test_a_file_that_is_deleted_during_the_upload_is_made_anew_by_name_but_not_by_id(
    host: Host, api: Api
) -> None:
    by_name, by_id = await host.file("a.docx"), await host.file("b.docx")

    async def slowly(file_id: str) -> AsyncIterator[bytes]:
        yield b"mi"
        await api.delete(f"/files/{file_id}")
        yield b"ne"

    made = await api.put("/containers/root/files/a.docx", slowly(by_name))
    lost = await api.put(f"/files/{by_id}/content", slowly(by_id))

    assert (made.status, problem_of(lost)) == (201, (404, "not-found"))
    assert made.json["id"] != by_name
    assert await host.bytes_of(made.json["id"]) == b"mine"
    assert len(await host.keys()) == 1


# Limits


async def test_an_upload_may_be_as_large_as_the_host_says_and_no_larger(small: Api) -> None:
    fits = await small.put("/containers/root/files/a.docx", b"x" * 1000)
    announced = await small.put("/containers/root/files/b.docx", b"x" * 1001)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * 500

    streamed = await small.put("/containers/root/files/b.docx", pieces())

    assert fits.status == 201
    assert [problem_of(answer) for answer in (announced, streamed)] == [(413, "too-large")] * 2
    assert len(await small.host.keys()) == 1


async def test_a_packed_body_counts_as_large_as_it_is_unpacked(small: Api) -> None:
    bomb, fine = gzip.compress(b"0" * 10_000_000), gzip.compress(b"0" * 1000)
    assert len(fine) < 1000

    refused = await small.put("/containers/root/files/a.docx", bomb[:900] + bomb[900:], Content_Encoding="gzip")
    kept = await small.put("/containers/root/files/a.docx", fine, Content_Encoding="gzip")

    assert (problem_of(refused), kept.json["size"]) == ((413, "too-large"), 1000)


async def test_a_body_that_isnt_packed_as_it_says_is_refused(small: Api) -> None:
    answer = await small.put("/containers/root/files/a.docx", b"no gzip at all", Content_Encoding="gzip")

    assert problem_of(answer) == (400, "bad-request")
    assert await small.host.keys() == set()


async def test_an_upload_that_stops_arriving_is_given_up(small: Api) -> None:
    async def stalled() -> AsyncIterator[bytes]:
        yield b"some"
        await asyncio.sleep(30)

    async with asyncio.timeout(10):
        answer = await small.put("/containers/root/files/a.docx", stalled())

    assert problem_of(answer) == (408, "timeout")
    assert await small.host.keys() == set()


@pytest.mark.parametrize("head", ["Content-Length: 9000000", "Transfer-Encoding: chunked"])
async def test_an_upload_whose_connection_breaks_leaves_nothing(host: Host, head: str) -> None:
    address = host.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(address[0], int(address[1]))
    who = f"Host: x\r\nAuthorization: Bearer {API_KEY}"
    writer.write(f"PUT /api/v1/containers/root/files/a.docx HTTP/1.1\r\n{who}\r\n{head}\r\n\r\n".encode())
    writer.write(b"x" * 8_000_000 if "Length" in head else b"7a1200\r\n" + b"x" * 8_000_000 + b"\r\n")
    await writer.drain()
    await host.until(host.keys)  # the bytes are on their way
    writer.close()
    await writer.wait_closed()

    async def nothing_is_left() -> bool:
        return not await host.keys()

    await host.until(nothing_is_left)
    assert (await Api(host).get("/containers/root/children")).json["items"] == []


async def test_who_waits_for_leave_to_send_is_refused_before_sending(host: Host, api: Api) -> None:
    file_id = await host.file()
    await host.wopi(file_id).lock("L")
    address = host.url.removeprefix("http://").split(":")
    head = (
        f"Host: x\r\nAuthorization: Bearer {API_KEY}\r\nContent-Length: 4\r\nExpect: 100-continue\r\nConnection: close"
    )

    async def first_line(path: str) -> bytes:
        reader, writer = await asyncio.open_connection(address[0], int(address[1]))
        writer.write(f"PUT /api/v1{path} HTTP/1.1\r\n{head}\r\n\r\n".encode())
        async with asyncio.timeout(5):
            line = await reader.readline()
        writer.write(b"mine")
        await reader.read()
        writer.close()
        return line

    assert await first_line(f"/files/{file_id}/content") == b"HTTP/1.1 409 Conflict\r\n"
    assert await first_line("/containers/root/files/new.docx") == b"HTTP/1.1 100 Continue\r\n"
    assert (await api.get("/resolve?path=/new.docx")).json["size"] == 4
