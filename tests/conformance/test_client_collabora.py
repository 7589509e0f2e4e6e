"""Collabora Online, replayed call by call: what it sends, and what it does with the answers. Spec: clients > Collabora."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from shared.core.permissions import Role
from shared.core.tokens import Dialect
from tests.hosts import Answer, Host, WopiFile, named

pytestmark = pytest.mark.on_both_hosts

DOCUMENT = b"PK\x03\x04 a whole document"


@dataclass
class Collabora(WopiFile):
    """One document broker: one lock id, shared by all its users, and the time it last heard of."""

    lock_id: str = "cool-lock1a2b3c4d"
    prefix: str = "X-COOL-WOPI-"
    supports_locks: bool = True
    last_modified_time: str = ""
    bearer_only: bool = False
    seen: list[int] = field(default_factory=list)

    async def call(self, method: str, path: str, headers: dict[str, str], body: Any = None) -> Answer:
        standard = {
            "User-Agent": "COOLWSD HTTP Agent 25.04.5.1",
            "Authorization": f"Bearer {self.token}",
            f"{self.prefix}ServerId": "e12a",
            "X-Requested-With": "XMLHttpRequest",
        }
        url = self.url(path, "&access_token_ttl=0&permission=edit")
        if self.bearer_only:
            url = f"/wopi/files/{self.file_id}{path}?permission=edit"
        answer = await self.host.request(method, url, standard | headers, body)
        self.seen.append(answer.status)
        return answer

    async def get(self, path: str = "", **headers: str) -> Answer:
        return await self.call("GET", path, named(headers))

    async def post(self, override: str | None, body: Any = None, path: str = "", **headers: str) -> Answer:
        length = {"Content-Length": "0"} if body is None else {}
        return await self.call("POST", path, named(headers) | length | {"X-WOPI-Override": override or ""}, body)

    async def open(self) -> dict[str, Any]:
        """CheckFileInfo, Lock if the host has locks, GetFile."""
        info = await self.info()
        assert "/" not in info["BaseFileName"]
        self.last_modified_time = info["LastModifiedTime"]
        self.supports_locks = info["SupportsLocks"]
        if self.supports_locks and info["UserCanWrite"]:
            assert (await self.lock(self.lock_id)).status == 200
        assert (await self.get("/contents")).status == 200
        return info

    async def save(self, body: bytes, *, overwrite: bool = False, **more: str) -> Answer:
        """PutFile as it is uploaded; takes over the new time, as Collabora does."""
        headers = {
            f"{self.prefix}IsModifiedByUser": "true",
            f"{self.prefix}IsAutosave": "false",
            f"{self.prefix}IsExitSave": "false",
            **({"X-WOPI-Lock": self.lock_id} if self.supports_locks else {}),
            **({} if overwrite else {f"{self.prefix}Timestamp": self.last_modified_time}),
            **more,
        }
        answer = await self.post("PUT", body, "/contents", **headers)
        if answer.status == 200:
            self.last_modified_time = answer.json["LastModifiedTime"]
        return answer


def broker(host: Host, file_id: str, user: str = "ann", *, supports_locks: bool = True, **more: Any) -> Collabora:
    token = host.token(file_id, user, dialect=Dialect.COLLABORA, supports_locks=supports_locks)
    return Collabora(host, file_id, token, **more)


@pytest.mark.parametrize("prefix", ["X-COOL-WOPI-", "X-LOOL-WOPI-"])
@pytest.mark.parametrize("bearer_only", [False, True])
async def test_a_session_from_opening_to_closing(host: Host, prefix: str, bearer_only: bool) -> None:
    client = broker(host, await host.file(), prefix=prefix, bearer_only=bearer_only)

    await client.open()
    for number in range(3):
        host.clock.move(timedelta(seconds=900))
        assert (await client.lock(client.lock_id)).status == 200
        assert (await client.save(b"save %d" % number, **{f"{prefix}IsAutosave": "true"})).status == 200
    exit_save = await client.save(b"exit", Connection="close", **{f"{prefix}IsExitSave": "true"})
    unlocked = await client.unlock(client.lock_id)

    assert set(client.seen) == {200}
    assert exit_save.version == unlocked.version == "5"
    assert await host.bytes_of(client.file_id) == b"exit"


async def test_a_refresh_comes_with_whichever_editors_token_is_live(host: Host) -> None:
    file_id = await host.file()
    ann, ben = broker(host, file_id), broker(host, file_id, await host.user("ben"))
    await ann.open()
    host.clock.move(timedelta(minutes=29))

    assert (await ben.lock(ann.lock_id)).status == 200

    host.clock.move(timedelta(minutes=29))
    assert (await ann.save(b"still locked")).status == 200
    assert (await ben.unlock(ann.lock_id)).status == 200


async def test_all_callers_see_one_owner_and_one_time(host: Host) -> None:
    file_id = await host.file()
    ann, ben = broker(host, file_id), broker(host, file_id, await host.user("ben"))

    one, other = await ann.info(), await ben.info()

    assert (one["OwnerId"], one["LastModifiedTime"]) == (other["OwnerId"], other["LastModifiedTime"])
    assert (one["UserId"], other["UserId"]) == ("ann", "ben")
    assert all(info["UserFriendlyName"] and "IsAdminUser" in info for info in (one, other))
    assert one["UserCanNotWriteRelative"] is False


async def test_a_change_behind_its_back_is_asked_about_and_then_overwritten(host: Host) -> None:
    client = broker(host, await host.file())
    await client.open()
    host.clock.move(timedelta(seconds=1))
    await host.wopi(client.file_id).put(b"someone else's", client.lock_id)

    refused = await client.save(b"mine")
    forced = await client.save(b"mine", overwrite=True)

    assert (refused.status, refused.json["COOLStatusCode"]) == (409, 1010)
    assert forced.status == 200
    assert await host.bytes_of(client.file_id) == b"mine"
    assert (await client.save(b"mine again")).status == 200


async def test_a_rename_brings_the_document_along_and_learns_the_name_and_time(host: Host) -> None:
    client = broker(host, await host.file())
    await client.open()

    answer = await client.post(
        "RENAME_FILE",
        DOCUMENT * 10_000,
        X_WOPI_RequestedName="+ANw-bersicht +ACY plan (1)+AH4",
        X_WOPI_Lock=client.lock_id,
        Content_Type="application/octet-stream",
    )

    assert answer.json["Name"] == "Übersicht & plan (1)~"
    assert answer.json["LastModifiedTime"] == client.last_modified_time
    assert (await host.request("GET", answer.json["Url"])).json["BaseFileName"] == "Übersicht & plan (1)~.docx"
    assert await host.bytes_of(client.file_id) == b"hello"
    assert (await client.save(b"after the rename")).status == 200


async def test_save_as_may_name_a_path_and_opens_what_it_made(host: Host) -> None:
    client = broker(host, await host.file())
    await client.open()

    answer = await client.post(
        "PUT_RELATIVE",
        DOCUMENT,
        X_WOPI_SuggestedTarget="/jan/hole+AWE-ovsk+AP0-/hello world+ACU-1.pdf",
        X_WOPI_Size=str(len(DOCUMENT)),
    )

    made = await host.request("GET", answer.json["Url"])
    assert "LastModifiedTime" not in answer.json
    assert (made.json["BaseFileName"], made.json["Size"]) == (answer.json["Name"], len(DOCUMENT))
    assert answer.json["Name"].endswith("1.pdf")
    assert "/" not in answer.json["Name"]
    assert (await client.save(b"the source goes on")).status == 200


async def test_the_exit_save_of_builds_that_unlock_first_is_taken(host: Host) -> None:
    client = broker(host, await host.file())
    await client.open()
    assert (await client.unlock(client.lock_id)).status == 200

    answer = await client.save(b"last words", **{"X-COOL-WOPI-IsExitSave": "true"})

    assert answer.status == 200
    assert await host.bytes_of(client.file_id) == b"last words"


async def test_builds_that_never_lock_can_save(host: Host) -> None:
    client = broker(host, await host.file())
    info = await client.info()
    client.last_modified_time = info["LastModifiedTime"]

    answers = [await client.save(b"save %d" % number) for number in range(3)]

    assert {answer.status for answer in answers} == {200}


async def test_a_host_without_locks_is_sent_none(host: Host) -> None:
    client = broker(host, await host.file(), supports_locks=False)

    info = await client.open()
    saved = await client.save(b"saved")
    renamed = await client.post("RENAME_FILE", DOCUMENT, X_WOPI_RequestedName="Other")

    assert info["SupportsLocks"] is False
    assert (saved.status, renamed.status) == (200, 200)
    assert (await client.get_lock()).lock == ""


async def test_opening_and_closing_makes_no_version_and_moves_no_time(host: Host) -> None:
    client = broker(host, await host.file())
    info = await client.open()

    answer = await client.save(b"hello", **{"X-COOL-WOPI-IsModifiedByUser": "false"})
    await client.unlock(client.lock_id)

    assert answer.json == {"LastModifiedTime": info["LastModifiedTime"]}
    assert await client.info() == info


async def test_after_a_failure_it_sees_whether_the_upload_came_through(host: Host) -> None:
    client = broker(host, await host.file())
    before = await client.open()

    refused = await client.save(b"never mind", **{"X-WOPI-Lock": "cool-lockffffffff"})
    between = await client.info()
    landed = await client.save(b"this time")
    after = await client.info()

    assert (refused.status, refused.lock) == (409, client.lock_id)
    assert (between["LastModifiedTime"], between["Size"]) == (before["LastModifiedTime"], before["Size"])
    assert (after["LastModifiedTime"], after["Size"]) == (landed.json["LastModifiedTime"], 9)


async def test_a_new_file_of_no_bytes_is_opened_with_200(host: Host) -> None:
    client = broker(host, await host.file("New.odt", b""))

    await client.open()

    assert (await client.get("/contents")).status == 200
    assert (await client.save(DOCUMENT)).status == 200


async def test_a_dead_token_is_401_and_a_reader_never_locks(host: Host) -> None:
    file_id = await host.file()
    reader = broker(host, file_id, await host.user("eve", Role.VIEWER))

    info = await reader.open()

    assert info["UserCanWrite"] is False
    assert (await reader.get_lock()).lock == ""
    host.clock.move(timedelta(hours=10))
    assert (await reader.lock(reader.lock_id)).status == 401


async def test_pieces_of_a_document_can_be_had(host: Host) -> None:
    client = broker(host, await host.file(content=DOCUMENT))
    assert (await client.info())["HasContentRange"] is True

    assert (await client.get("/contents", Range="bytes=0-3")).body == DOCUMENT[:4]
