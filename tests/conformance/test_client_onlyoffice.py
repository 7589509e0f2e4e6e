"""ONLYOFFICE Docs, replayed call by call, as it looks on the wire. Spec: clients > ONLYOFFICE Docs."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from shared.core.permissions import Role
from shared.core.tokens import Dialect
from tests.hosts import Answer, Host, WopiFile, named

pytestmark = pytest.mark.on_both_hosts

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
FORM = {
    "Accept": "application/json, text/plain, */*",
    "Content-Type": "application/x-www-form-urlencoded",
    "Content-Length": "0",
    "User-Agent": "Node.js/6.13",
}


@dataclass
class OnlyOffice(WopiFile):
    """One document server: the lock id is the file's id, for every user; a false flag is left out."""

    last_modified_time: str = ""

    async def call(self, method: str, path: str, headers: dict[str, str], body: Any = None) -> Answer:
        standard = {"X-WOPI-SessionId": "s1", "X-WOPI-CorrelationId": "c1", "X-WOPI-ClientVersion": "9.3.0.1"}
        # Without proof keys it sends the time all the same.
        standard["X-WOPI-TimeStamp"] = "639080000000000000"
        return await self.host.request(method, self.url(path), standard | headers, body)

    async def get(self, path: str = "", **headers: str) -> Answer:
        return await self.call("GET", path, named(headers))

    async def post(self, override: str | None, body: Any = None, path: str = "", **headers: str) -> Answer:
        empty = FORM if body is None else {}
        return await self.call("POST", path, empty | named(headers) | {"X-WOPI-Override": override or ""}, body)

    async def open(self) -> dict[str, Any]:
        """CheckFileInfo, the template for a file of no bytes, Lock, GetFile."""
        info = await self.info()
        self.last_modified_time = info["LastModifiedTime"]
        if info["Size"] == 0:
            assert (await self.save(b"template", lock_id=None)).status == 200
        if info["UserCanWrite"] and info["SupportsLocks"]:
            assert (await self.lock(self.file_id)).status == 200
        opened = await self.get("/contents", X_WOPI_MaxExpectedSize="104857600")
        assert opened.status == 200
        return info

    async def save(self, body: bytes, *, lock_id: str | None = "", **flags: str) -> Answer:
        """PutFile; the lock id is the file's id unless it's given, None leaves it out."""
        headers = {"Content-Type": DOCX, "X-WOPI-Editors": "ann", **flags}
        if lock_id is not None:
            headers["X-WOPI-Lock"] = lock_id or self.file_id
        if self.last_modified_time:
            headers["X-LOOL-WOPI-Timestamp"] = self.last_modified_time
        answer = await self.post("PUT", body, "/contents", **headers)
        if answer.status == 200:
            self.last_modified_time = answer.json["LastModifiedTime"]
        return answer


MODIFIED = {"X-LOOL-WOPI-IsModifiedByUser": "true"}
EXIT = {"X-LOOL-WOPI-IsModifiedByUser": "true", "X-LOOL-WOPI-IsExitSave": "true"}


def server(host: Host, file_id: str, user: str = "ann", **more: Any) -> OnlyOffice:
    return OnlyOffice(host, file_id, host.token(file_id, user, dialect=Dialect.ONLYOFFICE, **more))


async def test_a_session_from_opening_to_closing(host: Host) -> None:
    client = server(host, await host.file())

    info = await client.open()
    for number in range(3):
        host.clock.move(timedelta(minutes=10))
        assert (await client.refresh(client.file_id)).status == 200
        assert (await client.save(b"save %d" % number, **MODIFIED)).status == 200
    assert (await client.save(b"last", **EXIT)).status == 200
    assert (await client.unlock(client.file_id)).status == 200

    after = await client.info()
    assert after["Version"] != info["Version"]
    assert after["LastModifiedTime"] == client.last_modified_time
    assert await host.bytes_of(client.file_id) == b"last"


async def test_a_new_file_is_filled_before_it_is_locked(host: Host) -> None:
    client = server(host, await host.file("New.docx", b""))

    info = await client.open()

    after = await client.info()
    assert (info["Size"], after["Size"], after["Version"]) == (0, 8, "2")
    assert (await client.get_lock()).lock == client.file_id
    assert (await client.save(b"saved", **MODIFIED)).status == 200


async def test_every_user_sends_the_same_lock_id(host: Host) -> None:
    file_id = await host.file()
    ann, ben = server(host, file_id), server(host, file_id, await host.user("ben"))

    await ann.open()
    await ben.open()

    assert (await ben.save(b"ben's", **MODIFIED)).status == 200
    assert (await ann.refresh(file_id)).status == 200
    assert (await ben.unlock(file_id)).status == 200


async def test_the_file_id_is_its_lock_id_as_it_is(host: Host) -> None:
    file_id = await host.file()

    assert file_id.isalnum()
    assert len(file_id) <= 240


async def test_a_save_that_knows_an_older_time_is_refused_under_the_older_spelling(host: Host) -> None:
    client = server(host, await host.file())
    await client.open()
    host.clock.move(timedelta(seconds=1))
    await host.wopi(client.file_id).put(b"someone else's", client.file_id)

    answer = await client.save(b"mine", **EXIT)

    assert (answer.status, answer.json["LOOLStatusCode"]) == (409, 1010)
    (draft,) = await host.drafts(client.file_id)
    assert await host.content_bytes(draft.content) == b"mine"


async def test_a_flag_that_is_left_out_is_false(host: Host) -> None:
    client = server(host, await host.file())
    info = await client.open()

    unmodified = await client.save(b"hello")
    modified = await client.save(b"other", **MODIFIED)

    assert (unmodified.status, unmodified.version) == (200, info["Version"])
    assert modified.version != info["Version"]


async def test_its_empty_form_posts_are_understood(host: Host) -> None:
    client = server(host, await host.file())

    statuses = [
        (await client.lock(client.file_id)).status,
        (await client.refresh(client.file_id)).status,
        (await client.post("RENAME_FILE", X_WOPI_RequestedName="Other", X_WOPI_Lock=client.file_id)).status,
        (await client.unlock(client.file_id)).status,
    ]

    assert statuses == [200] * 4


@pytest.mark.parametrize(
    ("sent", "name"),
    [("+ANw-bersicht+ACAAJgAg-plan+ACA-(1)+AH4-", "Übersicht & plan (1)~"), ("report v1.2", "report v1.2")],
)
async def test_a_rename_is_told_to_all_by_the_answers_name(host: Host, sent: str, name: str) -> None:
    client = server(host, await host.file())
    await client.open()

    answer = await client.post("RENAME_FILE", X_WOPI_RequestedName=sent, X_WOPI_Lock=client.file_id)

    assert answer.json["Name"] == name
    assert (await client.info())["BaseFileName"] == name + ".docx"


async def test_convert_and_edit_sends_the_user_to_the_edit_page(host: Host) -> None:
    client = server(host, await host.file("Old.doc"))

    answer = await client.post(
        "PUT_RELATIVE", b"converted", X_WOPI_SuggestedTarget=".docx", X_WOPI_FileConversion="true"
    )

    assert (answer.status, answer.json["Name"]) == (200, "Old.docx")
    assert answer.json["HostEditUrl"].startswith(host.url)


async def test_a_file_that_is_larger_than_it_takes_is_412(host: Host) -> None:
    client = server(host, await host.file(content=b"x" * 2000))

    assert (await client.get("/contents", X_WOPI_MaxExpectedSize="1999")).status == 412


async def test_version_and_time_stay_until_the_content_changes(host: Host) -> None:
    client = server(host, await host.file())
    before = await client.open()

    await client.refresh(client.file_id)
    await client.post("RENAME_FILE", X_WOPI_RequestedName="Other", X_WOPI_Lock=client.file_id)
    await host.grant(client.file_id, await host.user("ben"), Role.OWNER)
    still = await client.info()
    await client.save(b"new", **MODIFIED)
    after = await client.info()

    assert (still["Version"], still["LastModifiedTime"]) == (before["Version"], before["LastModifiedTime"])
    assert after["Version"] != before["Version"]
    assert after["LastModifiedTime"] != before["LastModifiedTime"]


async def test_check_file_info_goes_to_the_browser_and_holds_no_secret(host: Host) -> None:
    client = server(host, await host.file())
    await client.post("PUT_USER_INFO", b"what another client keeps")

    info = await client.info()

    text = repr(info)
    assert client.token not in text
    assert "what another client keeps" not in text
    assert not {"FileUrl", "DownloadUrl"} & info.keys()


async def test_without_locks_it_still_sends_a_lock_id_with_its_saves(host: Host) -> None:
    client = server(host, await host.file(), supports_locks=False)

    info = await client.open()
    answers = [await client.save(b"save %d" % number, **MODIFIED) for number in range(2)]

    assert info["SupportsLocks"] is False
    assert {answer.status for answer in answers} == {200}
