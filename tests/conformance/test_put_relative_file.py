"""PutRelativeFile over HTTP: both modes, every row of the decision table. Spec: Files > PutRelativeFile."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from services.gateway.context import Rules
from shared.core.permissions import Role
from shared.core.tokens import Dialect, Resource
from tests.conformance.names import SCRIPTS, utf7
from tests.hosts import Answer, Host, WopiFile, running_host


async def put(client: WopiFile, body: Any = b"copy", **headers: str) -> Answer:
    return await client.post("PUT_RELATIVE", body, **headers)


def made(host: Host, answer: Answer) -> WopiFile:
    """A client that follows the answer's Url, exactly as it is."""
    assert answer.status == 200, answer
    url = urlsplit(answer.json["Url"])
    return WopiFile(host, url.path.rsplit("/", 1)[1], parse_qs(url.query)["access_token"][0])


@pytest.mark.parametrize("mode", ["X_WOPI_SuggestedTarget", "X_WOPI_RelativeTarget"])
@pytest.mark.parametrize("base", SCRIPTS)
async def test_a_copy_gets_the_name_that_was_asked_for(host: Host, mode: str, base: str) -> None:
    source = host.wopi(await host.file())

    answer = await put(source, **{mode: utf7(base + ".docx")})

    copy = made(host, answer)
    assert answer.json["Name"] == base + ".docx"
    assert (await copy.info())["BaseFileName"] == base + ".docx"
    assert (await copy.get("/contents")).body == b"copy"
    assert (await source.get("/contents")).body == b"hello"


async def test_the_answer_says_where_the_copy_is_and_nothing_of_its_time(host: Host) -> None:
    source = host.wopi(await host.file())

    answer = await put(source, X_WOPI_SuggestedTarget="Copy.docx", X_WOPI_Size="4")

    copy = made(host, answer)
    info = await copy.info()
    assert answer.headers["Content-Type"].startswith("application/json")
    assert set(answer.json) == {"Name", "Url", "HostViewUrl", "HostEditUrl"}
    assert answer.json["HostViewUrl"] == info["HostViewUrl"]
    assert answer.json["HostEditUrl"] == info["HostEditUrl"]
    assert "access_token" not in answer.json["HostViewUrl"] + answer.json["HostEditUrl"]
    assert info["OwnerId"] == "ann"
    assert (await host.head(copy.file_id)).container_id == "root"


@pytest.mark.parametrize(
    ("suggested", "name"),
    [
        (".pdf", "Report.pdf"),
        (".wopitestx", "Report.wopitestx"),
        (".docx", "Report (1).docx"),
        ("Report.docx", "Report (1).docx"),
        ("Copy", "Copy"),
        ("/jan/hole+AWE-ovsk+AP0-/hello world+ACU-1.pdf", "hello world-1.pdf"),
        ("..\\..\\secret.docx", "secret.docx"),
        ("a+ADw-b+AD4-:c*.docx", "a-b--c-.docx"),
        ("+AAA-.docx", "-.docx"),
        ("../..", "Document"),
        ("   .docx", "Report (1).docx"),
        ("bad+!!.docx", "Report (1).docx"),
        ("+2D3eAA-.xlsx", "\U0001f600.xlsx"),
        ("caf+AOk", "café"),
    ],
)
async def test_a_suggested_name_is_mended_and_counted_up_but_never_refused(
    host: Host, suggested: str, name: str
) -> None:
    source = host.wopi(await host.file())

    answer = await put(source, X_WOPI_SuggestedTarget=suggested)

    assert answer.status == 200
    assert answer.json["Name"] == name
    assert (await made(host, answer).info())["BaseFileName"] == answer.json["Name"]


@pytest.mark.parametrize("length", [251, 512, 3000])
async def test_a_suggested_name_that_is_too_long_is_shortened(host: Host, length: int) -> None:
    source = host.wopi(await host.file())

    names = {(await put(source, X_WOPI_SuggestedTarget="n" * length + ".docx")).json["Name"] for _ in range(3)}

    assert len(names) == 3
    assert all(name.endswith(".docx") and len(name) <= 255 for name in names)


async def test_a_suggestion_in_raw_eight_bit_text_is_no_reason_to_refuse(host: Host) -> None:
    source = host.wopi(await host.file())

    answer = await put(source, X_WOPI_SuggestedTarget="Übersicht.xlsx")

    assert answer.status == 200
    assert answer.json["Name"].endswith(".xlsx")


async def test_suggested_names_count_up(host: Host) -> None:
    source = host.wopi(await host.file())

    names = [(await put(source, X_WOPI_SuggestedTarget="Copy.docx")).json["Name"] for _ in range(3)]

    assert names == ["Copy.docx", "Copy (1).docx", "Copy (2).docx"]


@pytest.mark.parametrize(
    "name",
    [
        "a/b.docx",
        "a\\b.docx",
        "..",
        ".",
        ".docx",
        "a:b.docx",
        "a*.docx",
        "a?.docx",
        "+AAA-.docx",
        "n" * 251 + ".docx",
        "n" * 512 + ".docx",
        "a +AD4- b.docx",
    ],
)
async def test_an_exact_name_that_is_illegal_is_a_bad_request_with_one_that_would_do(host: Host, name: str) -> None:
    source = host.wopi(await host.file())
    keys = await host.keys()

    answer = await put(source, X_WOPI_RelativeTarget=name)

    assert answer.status == 400
    assert answer.headers["X-WOPI-ServerError"]
    assert await host.keys() == keys
    if valid := answer.headers.get("X-WOPI-ValidRelativeTarget"):
        assert (await put(source, X_WOPI_RelativeTarget=valid)).status == 200


async def test_an_exact_name_that_isnt_utf7_is_a_bad_request(host: Host) -> None:
    source = host.wopi(await host.file())

    assert (await put(source, X_WOPI_RelativeTarget="bad+!!.docx")).status == 400


@pytest.mark.parametrize("overwrite", [None, "false", "False", "", "yes"])
async def test_an_exact_name_that_is_taken_is_a_conflict_with_one_that_is_free(
    host: Host, overwrite: str | None
) -> None:
    source = host.wopi(await host.file())
    await host.file("Übersicht.docx", b"there")
    keys = await host.keys()
    more = {} if overwrite is None else {"X_WOPI_OverwriteRelativeTarget": overwrite}

    answer = await put(source, X_WOPI_RelativeTarget=utf7("Übersicht.docx"), **more)

    assert (answer.status, answer.lock) == (409, None)
    assert answer.headers["X-WOPI-ValidRelativeTarget"].encode().decode("utf-7") == "Übersicht (1).docx"
    assert await host.keys() == keys
    retried = await put(source, X_WOPI_RelativeTarget=answer.headers["X-WOPI-ValidRelativeTarget"])
    assert retried.json["Name"] == "Übersicht (1).docx"


async def test_a_taken_name_comes_with_the_lock_of_the_file_that_has_it(host: Host) -> None:
    source, there = host.wopi(await host.file()), await host.file("There.docx", owner="bob")
    await host.wopi(there, "bob").lock("theirs")

    assert (await put(source, X_WOPI_RelativeTarget="There.docx")).lock == "theirs"

    await host.grant(there, "ann", Role.NONE)
    assert (await put(source, X_WOPI_RelativeTarget="There.docx")).lock is None


@pytest.mark.parametrize("overwrite", ["true", "True", "TRUE"])
async def test_overwriting_gives_the_file_that_has_the_name_new_bytes(host: Host, overwrite: str) -> None:
    source = host.wopi(await host.file())
    there = await host.file("There.docx", b"there")

    answer = await put(source, X_WOPI_RelativeTarget="There.docx", X_WOPI_OverwriteRelativeTarget=overwrite)

    copy = made(host, answer)
    assert (copy.file_id, answer.json["Name"]) == (there, "There.docx")
    assert (await copy.get("/contents")).body == b"copy"
    assert (await copy.info())["Version"] == "2"


async def test_overwriting_a_name_that_is_free_makes_a_file(host: Host) -> None:
    source = host.wopi(await host.file())

    answer = await put(source, X_WOPI_RelativeTarget="New.docx", X_WOPI_OverwriteRelativeTarget="true")

    assert answer.json["Name"] == "New.docx"


async def test_a_locked_file_isnt_overwritten_and_its_lock_is_told(host: Host) -> None:
    source = host.wopi(await host.file())
    there = host.wopi(await host.file("There.docx", b"there"))
    await source.lock("the source's")
    await there.lock("the target's")
    keys = await host.keys()

    answer = await put(source, X_WOPI_RelativeTarget="There.docx", X_WOPI_OverwriteRelativeTarget="true")

    assert (answer.status, answer.lock) == (409, "the target's")
    assert (await there.get("/contents")).body == b"there"
    assert await host.keys() == keys


async def test_a_lock_on_the_source_is_not_looked_at(host: Host) -> None:
    source = host.wopi(await host.file())
    await source.lock("the source's")

    assert (await put(source, X_WOPI_SuggestedTarget=".pdf")).status == 200


async def test_a_file_that_the_user_may_not_write_isnt_overwritten(host: Host) -> None:
    source = host.wopi(await host.file(), await host.user("ben"))
    there = await host.file("There.docx", b"there")
    await host.grant(there, "ben", Role.VIEWER)

    answer = await put(source, X_WOPI_RelativeTarget="There.docx", X_WOPI_OverwriteRelativeTarget="true")

    assert answer.status == 501
    assert await host.bytes_of(there) == b"there"


async def test_overwriting_doesnt_count_for_a_suggestion(host: Host) -> None:
    source = host.wopi(await host.file())
    await host.file("There.docx", b"there")

    answer = await put(source, X_WOPI_SuggestedTarget="There.docx", X_WOPI_OverwriteRelativeTarget="true")

    assert answer.json["Name"] == "There (1).docx"


@pytest.mark.parametrize(
    "headers",
    [
        {"X_WOPI_SuggestedTarget": "a.docx", "X_WOPI_RelativeTarget": "b.docx"},
        {"X_WOPI_SuggestedTarget": "a.docx", "X_WOPI_RelativeTarget": "a.docx"},
        {},
        {"X_WOPI_SuggestedTarget": "", "X_WOPI_RelativeTarget": ""},
    ],
)
async def test_both_target_headers_or_none_are_not_supported(host: Host, headers: dict[str, str]) -> None:
    source = host.wopi(await host.file())

    assert (await put(source, **headers)).status == 501


async def test_an_empty_target_header_counts_as_absent(host: Host) -> None:
    source = host.wopi(await host.file())

    answer = await put(source, X_WOPI_SuggestedTarget="a.docx", X_WOPI_RelativeTarget="")

    assert answer.json["Name"] == "a.docx"


@pytest.mark.parametrize(
    "headers",
    [
        {"X_WOPI_SuggestedTarget": ".pdf"},
        {"X_WOPI_RelativeTarget": "New.docx"},
        {"X_WOPI_RelativeTarget": "New.docx", "X_WOPI_OverwriteRelativeTarget": "true"},
        {"X_WOPI_SuggestedTarget": "a.docx", "X_WOPI_RelativeTarget": "b.docx"},
        {},
    ],
)
async def test_who_may_not_create_files_here_gets_501_whatever_the_headers(host: Host, headers: dict[str, str]) -> None:
    file_id = await host.file()
    await host.user("eve", Role.VIEWER)
    await host.grant(file_id, "eve", Role.EDITOR)

    for client in (host.wopi(file_id, "eve"), host.wopi(file_id, may_write=False)):
        assert (await client.info())["UserCanNotWriteRelative"] is True
        assert (await put(client, **headers)).status == 501


async def test_the_copys_token_ends_with_the_sources_and_keeps_its_limits(host: Host) -> None:
    file_id = await host.file()
    source = host.wopi(file_id, dialect=Dialect.COLLABORA, supports_locks=False)
    given = host.gateway.tokens.read(source.token, host.clock())
    assert given is not None

    answer = await put(source, X_WOPI_SuggestedTarget=".pdf")

    copy = made(host, answer)
    claims = host.gateway.tokens.read(copy.token, host.clock())
    assert claims is not None
    assert (claims.resource, claims.resource_id, claims.user_id) == (Resource.FILE, copy.file_id, "ann")
    assert (claims.expires_at, claims.dialect, claims.supports_locks) == (
        given.expires_at,
        Dialect.COLLABORA,
        False,
    )
    assert f"access_token_ttl={given.expires_at_ms}" in answer.json["Url"]


async def test_the_copy_of_no_bytes_is_a_new_document(host: Host) -> None:
    source = host.wopi(await host.file())

    copy = made(host, await put(source, b"", X_WOPI_SuggestedTarget="Empty.docx"))

    assert (await copy.info())["Size"] == 0
    assert (await copy.put(b"template")).status == 200


async def test_a_conversion_is_a_new_file_beside_the_old_one(host: Host) -> None:
    source = host.wopi(await host.file("Old.doc"))

    answer = await put(source, b"converted", X_WOPI_SuggestedTarget=".docx", X_WOPI_FileConversion="true")

    assert answer.json["Name"] == "Old.docx"
    assert answer.json["HostEditUrl"]
    assert (await source.get("/contents")).body == b"hello"


async def test_more_than_the_host_takes_is_413_and_leaves_nothing(tmp_path: Any) -> None:
    async with running_host(tmp_path / "data", rules=Rules(max_file_size_bytes=1000)) as host:
        source = host.wopi(await host.file())
        keys = await host.keys()

        announced = await put(source, b"x" * 10, X_WOPI_SuggestedTarget=".pdf", X_WOPI_Size="1001")
        sent = await put(source, b"x" * 1001, X_WOPI_SuggestedTarget=".pdf")
        fits = await put(source, b"x" * 1000, X_WOPI_SuggestedTarget=".pdf", X_WOPI_Size="many")

        assert (announced.status, sent.status, fits.status) == (413, 413, 200)
        assert len(await host.keys()) == len(keys) + 1
