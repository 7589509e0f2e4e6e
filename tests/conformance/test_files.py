"""RenameFile, DeleteFile, PutUserInfo, GetShareUrl, EnumerateAncestors, GetEcosystem and AddActivities over HTTP."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from shared.core.contents import last_modified_time
from shared.core.permissions import Role
from shared.core.tokens import Dialect, Resource
from tests.conformance.names import SCRIPTS, utf7
from tests.hosts import Answer, Host, WopiFile

COMMENT = {
    "Type": "comment",
    "Id": "00000002-ABCD-abcd-ABCD-ABCDEFABCDEF",
    "Created": "2017-02-15T13:47:13000000Z",
    "Data": {"ContentId": "cid123", "ContentAction": "created", "CommentText": "téxt", "IsReply": True},
    "People": [{"Name": "John Able", "Id": "111", "Provider": "wopi-contoso", "Mentioned": True}],
}


async def rename(client: WopiFile, name: str, body: Any = None, **headers: str) -> Answer:
    return await client.post("RENAME_FILE", body, X_WOPI_RequestedName=name, **headers)


@pytest.mark.parametrize("base", SCRIPTS)
async def test_a_rename_keeps_extension_id_and_token(host: Host, base: str) -> None:
    client = host.wopi(await host.file())

    answer = await rename(client, utf7(base))

    info = await client.info()
    assert (answer.status, answer.json["Name"]) == (200, base)
    assert (info["BaseFileName"], info["FileExtension"]) == (base + ".docx", ".docx")
    assert (await client.get("/contents")).body == b"hello"


async def test_a_rename_tells_what_collabora_needs_and_moves_no_time(host: Host) -> None:
    client = host.wopi(await host.file(), dialect=Dialect.COLLABORA)
    before = await client.info()

    answer = await rename(client, "Other")

    url = urlsplit(answer.json["Url"])
    again = await host.request("GET", answer.json["Url"])
    assert set(answer.json) == {"Name", "Url", "LastModifiedTime"}
    assert answer.json["LastModifiedTime"] == before["LastModifiedTime"] == again.json["LastModifiedTime"]
    assert (url.path, again.json["BaseFileName"]) == (f"/wopi/files/{client.file_id}", "Other.docx")
    assert parse_qs(url.query)["access_token"] == [client.token]
    assert again.json["Version"] == before["Version"]


@pytest.mark.parametrize("size", [1, 3_000_000])
async def test_a_document_that_comes_with_a_rename_is_read_and_forgotten(host: Host, size: int) -> None:
    client = host.wopi(await host.file())
    keys = await host.keys()

    answer = await rename(client, "Other", b"x" * size, Content_Type="application/octet-stream")

    assert answer.status == 200
    assert await host.bytes_of(client.file_id) == b"hello"
    assert await host.keys() == keys


@pytest.mark.parametrize(
    ("wish", "name"),
    [
        ("report v1.2", "report v1.2"),
        ("Other.docx", "Other.docx"),
        ("a+AC8-b", "b"),
        ("a:b*", "a-b-"),
        (".hidden", "hidden"),
        ("trailing. ", "trailing"),
        ("n" * 600, "n" * 250),
        ("+AAA-", "-"),
        ("Taken", "Taken (1)"),
        ("Report", "Report"),
        ("REPORT", "REPORT"),
    ],
)
async def test_a_name_that_cant_be_given_is_mended(host: Host, wish: str, name: str) -> None:
    client = host.wopi(await host.file())
    await host.file("Taken.docx")

    answer = await rename(client, wish)

    assert (answer.status, answer.json["Name"]) == (200, name)
    assert (await client.info())["BaseFileName"] == name + ".docx"


@pytest.mark.parametrize("headers", [{}, {"X_WOPI_RequestedName": ""}, {"X_WOPI_RequestedName": "bad+!!"}])
async def test_a_rename_to_no_name_at_all_is_a_bad_request(host: Host, headers: dict[str, str]) -> None:
    client = host.wopi(await host.file())

    answer = await client.post("RENAME_FILE", **headers)

    assert answer.status == 400
    assert answer.headers["X-WOPI-InvalidFileNameError"]
    assert (await client.info())["BaseFileName"] == "Report.docx"


async def test_a_rename_to_raw_eight_bit_text_is_a_bad_request(host: Host) -> None:
    client = host.wopi(await host.file())

    assert (await rename(client, "Übersicht")).status == 400


async def test_a_rename_with_empty_lock_headers_is_one_without(host: Host) -> None:
    client = host.wopi(await host.file())

    unlocked = await rename(client, "One", X_WOPI_Lock="", X_WOPI_CoauthLockId="")
    await client.lock("a")
    locked = await rename(client, "Two", X_WOPI_Lock="", X_WOPI_CoauthLockId="")
    held = await rename(client, "Three", X_WOPI_Lock="a", X_WOPI_CoauthLockId="")

    assert (unlocked.status, locked.status, locked.lock, held.status) == (200, 409, "a", 200)
    assert (await client.unlock("a")).status == 200


async def test_a_deleted_file_is_gone_for_every_operation(host: Host) -> None:
    client = host.wopi(await host.file())
    assert (await client.post("DELETE")).status == 200

    answers = [
        await client.get(),
        await client.get("/contents"),
        await client.get("/ancestry"),
        await client.lock("a"),
        await client.put(b"new"),
        await rename(client, "Other"),
        await client.post("DELETE"),
    ]

    assert [answer.status for answer in answers] == [404] * 7


async def test_the_name_of_a_deleted_file_is_free_and_its_id_isnt(host: Host) -> None:
    client = host.wopi(await host.file())
    await client.post("DELETE")

    another = await host.file()

    assert another != client.file_id


@pytest.mark.parametrize("text", ["PutUserInfoTest", "", "x" * 1024, '{"a": "b"}', " padded ", "line\nline\t!"])
async def test_user_info_comes_back_as_it_was_sent_on_every_file(host: Host, text: str) -> None:
    client, other = host.wopi(await host.file()), host.wopi(await host.file("Other.xlsx"))
    await client.post("PUT_USER_INFO", b"former")

    answer = await client.post("PUT_USER_INFO", text.encode())

    assert (answer.status, answer.body) == (200, b"")
    assert (await client.info()).get("UserInfo", "") == text
    assert (await other.info()).get("UserInfo", "") == text


async def test_user_info_is_the_users_own(host: Host) -> None:
    file_id = await host.file()
    ann, eve = host.wopi(file_id), host.wopi(file_id, await host.user("eve", Role.VIEWER), may_write=False)

    assert (await eve.post("PUT_USER_INFO", b"eve's")).status == 200

    assert (await eve.info())["UserInfo"] == "eve's"
    assert "UserInfo" not in await ann.info()


@pytest.mark.parametrize("body", [b"x" * 1025, b"x" * 100_000, "ü".encode(), b"\xff"])
async def test_user_info_that_is_too_long_or_not_ascii_is_refused(host: Host, body: bytes) -> None:
    client = host.wopi(await host.file())
    await client.post("PUT_USER_INFO", b"former")

    answer = await client.post("PUT_USER_INFO", body)

    assert answer.status == (400 if len(body) < 1025 else 413)
    assert (await client.info())["UserInfo"] == "former"


@pytest.mark.parametrize("url_type", ["ReadOnly", "ReadWrite"])
async def test_a_share_url_is_a_page_of_the_host_without_a_token(host: Host, url_type: str) -> None:
    client = host.wopi(await host.file())
    assert url_type in (await client.info())["SupportedShareUrlTypes"]

    answer = await client.post("GET_SHARE_URL", X_WOPI_UrlType=url_type)

    assert answer.status == 200
    assert answer.json["ShareUrl"].startswith(host.url)
    assert client.token not in answer.json["ShareUrl"]


@pytest.mark.parametrize("headers", [{}, {"X_WOPI_UrlType": ""}, {"X_WOPI_UrlType": "UnknownType"}])
async def test_a_share_url_of_another_type_is_not_supported(host: Host, headers: dict[str, str]) -> None:
    client = host.wopi(await host.file())

    assert (await client.post("GET_SHARE_URL", **headers)).status == 501


async def test_ancestors_lead_from_the_root_to_the_files_container(host: Host) -> None:
    inner = await host.container("Inner", await host.container("Outer"))
    client = host.wopi(await host.file(container=inner))

    answer = await client.get("/ancestry")

    ancestors = answer.json["AncestorsWithRootFirst"]
    assert [one["Name"] for one in ancestors] == ["Documents", "Outer", "Inner"]
    parent = await host.request("GET", ancestors[-1]["Url"])
    assert (parent.status, parent.json["Name"]) == (200, "Inner")


async def test_the_ecosystem_pointer_can_be_followed_with_its_token(host: Host) -> None:
    client = host.wopi(await host.file())

    answer = await client.get("/ecosystem_pointer")

    ecosystem = await host.request("GET", answer.json["Url"])
    assert (ecosystem.status, ecosystem.json["SupportsContainers"]) == (200, True)
    claims = host.gateway.tokens.read(parse_qs(urlsplit(answer.json["Url"]).query)["access_token"][0], host.clock())
    assert claims is not None
    assert claims.resource is Resource.ECOSYSTEM


async def add(client: WopiFile, activities: Any) -> Answer:
    return await client.post("ADD_ACTIVITIES", b"  " + orjson.dumps({"Activities": activities}))


async def test_activities_are_stored_or_not_supported_each_by_itself(host: Host) -> None:
    client = host.wopi(await host.file())
    unknown = {"Type": "unsupported", "Id": "2", "Data": {}}
    bare = {"Type": "comment", "Id": "3", "Timestamp": "yesterday"}

    answer = await add(client, [COMMENT, unknown, bare])

    assert answer.status == 200
    assert answer.json["ActivityResponses"] == [
        {"Id": COMMENT["Id"], "Status": 0},
        {"Id": "2", "Status": 3},
        {"Id": "3", "Status": 0},
    ]


async def test_subscribers_hear_of_activities_as_they_were_sent(host: Host) -> None:
    client = host.wopi(await host.file())
    after = await host.gateway.events.latest()

    await add(client, [COMMENT])

    facts = [one.event.fact async for one in host.gateway.events.follow(after, live=False)]
    assert [orjson.loads(fact.activity) for fact in facts] == [COMMENT]


async def test_activities_dont_ask_for_the_lock(host: Host) -> None:
    client = host.wopi(await host.file())
    await client.lock("a")

    assert (await add(client, [COMMENT])).status == 200


async def test_no_activities_are_answered_with_none(host: Host) -> None:
    client = host.wopi(await host.file())

    assert (await add(client, [])).json == {"ActivityResponses": []}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"Activities": {}}',
        b'{"activities": []}',
        b'{"Activities": [1]}',
        b'{"Activities": [{"Type": "comment"}]}',
        b'{"Activities": [{"Id": "1"}]}',
        b'{"Activities": [{"Id": 1, "Type": "comment"}]}',
        b'{"Activities":' + b"[" * 100_000,
        b"\xff\xfe",
    ],
)
async def test_activities_that_cant_be_read_are_a_bad_request(host: Host, body: bytes) -> None:
    client = host.wopi(await host.file())

    answer = await client.post("ADD_ACTIVITIES", body)

    assert answer.status == 400


async def test_too_many_or_too_large_activities_are_refused(host: Host) -> None:
    client = host.wopi(await host.file())
    small = {"Type": "x", "Id": "1"}

    assert (await add(client, [small] * 1001)).status == 400
    assert (await add(client, [{**small, "Data": "x" * 2**20}])).status == 413


async def test_check_file_info_follows_a_save_a_rename_and_a_lock(host: Host) -> None:
    client = host.wopi(await host.file())
    first = await client.info()

    await client.lock("a")
    assert await client.info() == first
    await rename(client, "Other", X_WOPI_Lock="a")
    renamed = await client.info()
    assert renamed["LastModifiedTime"] == first["LastModifiedTime"]
    assert (renamed["Version"], renamed["SHA256"]) == (first["Version"], first["SHA256"])
    await client.put(b"new bytes", "a")

    info, head = await client.info(), await host.head(client.file_id)
    assert (info["BaseFileName"], info["Size"], info["OwnerId"], info["UserId"]) == ("Other.docx", 9, "ann", "ann")
    assert info["LastModifiedTime"] == last_modified_time(head.current.saved_at) != first["LastModifiedTime"]
    assert info["SHA256"] == head.current.content.sha256 != first["SHA256"]


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_check_file_info_is_true_to_its_types_and_holds_no_null(host: Host, dialect: Dialect) -> None:
    info = await host.wopi(await host.file(), dialect=dialect).info()

    assert None not in info.values()
    for name, value in info.items():
        if name.startswith(("Supports", "UserCan", "Is")) or name in {"ReadOnly", "LicenseCheckForEditIsEnabled"}:
            assert isinstance(value, bool), name
        if name.endswith("Url"):
            assert value.startswith(host.url), name
    assert isinstance(info["Size"], int)
    assert info["UserCanNotWriteRelative"] is False


async def test_what_check_file_info_says_of_a_reader_is_what_the_host_does(host: Host) -> None:
    file_id = await host.file()
    reader = host.wopi(file_id, await host.user("eve", Role.VIEWER), may_write=False)

    info = await reader.info()

    assert (info["UserCanWrite"], info["UserCanRename"], info["ReadOnly"]) == (False, False, True)
    assert info["UserCanNotWriteRelative"] is True
    assert info["OwnerId"] == "ann"
