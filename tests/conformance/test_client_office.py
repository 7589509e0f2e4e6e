"""Office for the web, replayed call by call: its headers, its lock ids, its ways of finding out. Spec: clients > Practice."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from shared.core.permissions import Role
from tests.hosts import Answer, Host, WopiFile, named

pytestmark = pytest.mark.on_both_hosts

LOCK = (
    '{"S":"52510d33-4ab1-4fe8-8f5e-0d3e0a5f1c2b","F":6,"E":2,"M":"102dc884a9b54ac6a5d1","P":"39C1376D-0D5C-4A5E-9F3E"}'
)
OTHER_LOCK = LOCK.replace('"F":6', '"F":4')


class Office(WopiFile):
    """Office for the web: token in the query and in the header, and its standard set of headers."""

    async def request(self, method: str, path: str, headers: dict[str, str], body: Any = None) -> Answer:
        standard = {
            "Authorization": f"Bearer {self.token}",
            "X-WOPI-CorrelationID": "c0ffee00-0000-4000-8000-000000000001",
            "X-WOPI-SessionId": "5e551011-0000-4000-8000-000000000001",
            "X-WOPI-ClientVersion": "16.0.17928.40000",
            "X-WOPI-MachineName": "AM4PEPF00027A6C",
            "X-WOPI-PerfTraceRequested": "true",
            "X-WOPI-AppEndpoint": "AEUSW",
            "X-Request-ID": "4b1d0000-0000-4000-8000-000000000001",
            "User-Agent": "MSWAC",
        }
        url = self.url(path, "&access_token_ttl=1772488800000")
        return await self.host.request(method, url, standard | headers, body)

    async def get(self, path: str = "", **headers: str) -> Answer:
        return await self.request("GET", path, named(headers))

    async def post(self, override: str | None, body: Any = None, path: str = "", **headers: str) -> Answer:
        return await self.request("POST", path, named(headers) | {"X-WOPI-Override": override or ""}, body)


def word(host: Host, file_id: str, user: str = "ann") -> Office:
    return Office(host, file_id, host.token(file_id, user))


async def test_a_session_of_word_from_opening_to_closing(host: Host) -> None:
    client = word(host, await host.file())

    info = await client.info()
    assert (info["UserCanWrite"], info["SupportsLocks"], info["SupportsUpdate"]) == (True, True, True)
    assert info["SupportsExtendedLockLength"] is True
    assert (await client.lock(LOCK)).version == info["Version"]
    opened = await client.get("/contents", X_WOPI_MaxExpectedSize="5242880")
    assert (opened.body, opened.version) == (b"hello", info["Version"])
    versions = [info["Version"]]
    for number in range(3):
        host.clock.move(timedelta(seconds=30))
        saved = await client.put(b"autosave %d" % number, LOCK, X_WOPI_Editors="ann")
        assert saved.status == 200
        versions.append(saved.version or "")
        host.clock.move(timedelta(minutes=14))
        assert (await client.refresh(LOCK)).status == 200
        assert (await client.info())["Version"] == versions[-1]
    unlocked = await client.unlock(LOCK)

    assert (unlocked.status, unlocked.version) == (200, versions[-1])
    assert len(set(versions)) == 4
    assert await host.bytes_of(client.file_id) == b"autosave 2"


async def test_a_second_person_joins_by_asking_with_a_made_up_lock_id(host: Host) -> None:
    file_id = await host.file()
    ann, ben = word(host, file_id), word(host, file_id, await host.user("ben"))
    await ann.lock(LOCK)

    probe = await ben.refresh('{"S":"00000000-dead-beef"}')
    joined = await ben.lock(probe.lock or "")
    saved = await ben.put(b"both", LOCK, X_WOPI_Editors="ann,ben")
    left = await ann.refresh(LOCK)
    unlocked = await ben.unlock(LOCK)

    assert (probe.status, probe.lock) == (409, LOCK)
    assert [one.status for one in (joined, saved, left, unlocked)] == [200] * 4
    assert (await host.head(file_id)).current.editors == ("ann", "ben")


async def test_lock_ids_that_differ_in_one_field_are_two_locks(host: Host) -> None:
    client = word(host, await host.file())
    await client.lock(LOCK)

    answer = await client.lock(OTHER_LOCK)

    assert (answer.status, answer.lock) == (409, LOCK)


async def test_a_lock_id_is_swapped_without_a_moment_unlocked(host: Host) -> None:
    client = word(host, await host.file())
    await client.lock(LOCK)

    swapped = await client.relock(OTHER_LOCK, LOCK)
    late = await client.relock(OTHER_LOCK, LOCK)

    assert (swapped.status, late.status, late.lock) == (200, 409, OTHER_LOCK)


async def test_editnew_fills_an_empty_file_and_then_locks_it(host: Host) -> None:
    client = word(host, await host.file("Book.xlsx", b""))
    assert (await client.info())["Size"] == 0

    created = await client.put(b"template of Excel")
    again = await client.put(b"template of Excel")

    assert (created.status, again.status, again.lock) == (200, 409, "")
    assert (await client.get_lock()).lock == ""
    assert (await client.lock(LOCK)).status == 200
    assert (await client.info())["Size"] == len(b"template of Excel")


async def test_the_host_page_of_a_reader_opens_without_a_lock(host: Host) -> None:
    file_id = await host.file("Deck.pptx")
    client = word(host, file_id, await host.user("eve", Role.VIEWER))

    info = await client.info()

    assert (info["UserCanWrite"], info["UserCanNotWriteRelative"]) == (False, True)
    assert (await client.get("/contents")).status == 200
    assert (await client.lock(LOCK)).status == 404
    assert (await client.get_lock()).status == 200


async def test_save_a_copy_retries_an_exact_name_as_the_host_proposes(host: Host) -> None:
    client = word(host, await host.file())
    await host.file("Copy of Report.docx")

    taken = await client.post("PUT_RELATIVE", b"copy", X_WOPI_RelativeTarget="Copy of Report.docx", X_WOPI_Size="4")
    retried = await client.post(
        "PUT_RELATIVE",
        b"copy",
        X_WOPI_RelativeTarget=taken.headers["X-WOPI-ValidRelativeTarget"],
        X_WOPI_OverwriteRelativeTarget="False",
        X_WOPI_Size="4",
    )

    assert (taken.status, retried.status) == (409, 200)
    opened = await host.request("GET", retried.json["Url"])
    assert opened.json["BaseFileName"] == retried.json["Name"]


async def test_a_binary_document_is_converted_and_the_user_sent_on(host: Host) -> None:
    client = word(host, await host.file("Old letter.doc"))

    converted = await client.post(
        "PUT_RELATIVE", b"docx", X_WOPI_SuggestedTarget=".docx", X_WOPI_FileConversion="", X_WOPI_Size="4"
    )

    assert converted.json["Name"] == "Old letter.docx"
    assert converted.json["HostEditUrl"].endswith("action=edit")


async def test_the_file_url_is_read_once_and_gives_what_is_put_later(host: Host) -> None:
    client = word(host, await host.file())
    url = (await client.info())["FileUrl"]
    await client.lock(LOCK)

    for content in (b"first", b"second"):
        await client.put(content, LOCK)
        assert (await host.request("GET", url)).body == content


async def test_a_browser_that_dies_leaves_the_lock_for_thirty_minutes(host: Host) -> None:
    file_id = await host.file()
    ann, ben = word(host, file_id), word(host, file_id, await host.user("ben"))
    await ann.lock(LOCK)

    host.clock.move(timedelta(minutes=29, seconds=59))
    early = await ben.lock(OTHER_LOCK)
    host.clock.move(timedelta(seconds=1))
    late = await ben.lock(OTHER_LOCK)
    ann_returns = await ann.put(b"ann's", LOCK)

    assert (early.status, late.status) == (409, 200)
    assert (ann_returns.status, ann_returns.lock) == (409, OTHER_LOCK)
    assert len(await host.drafts(file_id)) == 1


async def test_whoever_loses_the_right_to_edit_in_mid_session_loses_no_work(host: Host) -> None:
    file_id = await host.file()
    client = word(host, file_id, await host.user("ben"))
    await client.lock(LOCK)
    await client.put(b"so far", LOCK)
    await host.grant(file_id, "ben", Role.VIEWER)

    answer = await client.put(b"since then", LOCK)
    info = await client.info()

    assert (answer.status, info["UserCanWrite"]) == (404, False)
    (draft,) = await host.drafts(file_id)
    assert await host.content_bytes(draft.content) == b"since then"


@pytest.mark.parametrize("overwrite", ["True", "TRUE", "true"])
async def test_booleans_come_in_every_letter_case(host: Host, overwrite: str) -> None:
    client = word(host, await host.file())
    await host.file("There.docx")

    answer = await client.post(
        "PUT_RELATIVE", b"new", X_WOPI_RelativeTarget="There.docx", X_WOPI_OverwriteRelativeTarget=overwrite
    )

    assert answer.json["Name"] == "There.docx"


async def test_many_people_edit_one_document_at_once(host: Host) -> None:
    file_id = await host.file()
    clients = [word(host, file_id, await host.user(f"user{number}")) for number in range(10)]
    await clients[0].lock(LOCK)

    async def work(client: Office, number: int) -> set[int]:
        answers = [
            await client.lock(LOCK),
            await client.get(),
            await client.put(b"by %d" % number, LOCK),
            await client.refresh(LOCK),
        ]
        return {answer.status for answer in answers}

    statuses = await asyncio.gather(*(work(client, number) for number, client in enumerate(clients)))

    assert statuses == [{200}] * 10
    assert (await clients[0].info())["Version"] == "11"
