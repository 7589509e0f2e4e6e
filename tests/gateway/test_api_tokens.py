"""Access tokens over the REST API, and what a page needs to open a file."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from services.gateway.context import Rules
from shared.core.permissions import Role
from tests.builders import NOON
from tests.discovery_server import publishing
from tests.gateway.apis import Api, problem_of
from tests.hosts import Host, WopiFile, running_host

DISCOVERY = b"""<wopi-discovery><net-zone name="external-http">
<app name="Word" favIconUrl="http://office.example/word.ico">
<action name="view" ext="docx" urlsrc="http://office.example/view?&lt;ui=UI_LLCC&amp;&gt;&lt;bu=BUSINESS_USER&amp;&gt;"/>
<action name="edit" ext="docx" requires="locks,update" urlsrc="http://office.example/edit?&lt;ui=UI_LLCC&amp;&gt;"/>
<action name="editnew" ext="docx" requires="locks,update" urlsrc="http://office.example/new?"/>
</app>
<app name="Pdf"><action name="view" ext="pdf" urlsrc="http://office.example/pdf?"/></app>
</net-zone></wopi-discovery>"""


@pytest.fixture
def api(host: Host) -> Api:
    return Api(host)


@pytest.fixture
async def with_office(tmp_path: Path) -> AsyncIterator[Api]:
    """A host that knows a WOPI client."""
    async with (
        publishing(DISCOVERY) as publisher,
        running_host(tmp_path / "office", discovery_urls={"": publisher.url}) as host,
    ):
        yield Api(host)


async def opened(api: Api, token: dict[str, object]) -> int:
    """The status of what a WOPI client gets for the token."""
    return (await api.host.request("GET", f"{token['wopi_src']}?access_token={token['access_token']}")).status


# Tokens


async def test_a_token_opens_the_file_that_it_is_for(host: Host, api: Api) -> None:
    folder = await host.container("Reports")
    file_id = await host.file("Plan & Zahlen.docx", container=folder)

    by_path = await api.post("/tokens", {"user": "bob", "path": "/Reports/Plan & Zahlen.docx"})
    by_id = await api.post("/tokens", {"user": "bob", "file_id": file_id})

    assert by_path.json["wopi_src"] == by_id.json["wopi_src"] == f"{host.url}/wopi/files/{file_id}"
    assert by_path.json["access_token_ttl"] == (NOON + timedelta(hours=10)).timestamp() * 1000 // 1
    assert [await opened(api, answer.json) for answer in (by_path, by_id)] == [200, 200]


async def test_a_token_opens_the_container_that_it_is_for(host: Host, api: Api) -> None:
    folder = await host.container("Reports")

    by_path = await api.post("/tokens", {"user": "bob", "path": "/Reports"})
    root = await api.post("/tokens", {"container_id": "root"})

    assert by_path.json["wopi_src"] == f"{host.url}/wopi/containers/{folder}"
    assert [await opened(api, answer.json) for answer in (by_path, root)] == [200, 200]


async def test_a_token_is_for_its_user(host: Host, api: Api) -> None:
    file_id = await host.file()

    token = (await api.post("/tokens", {"user": "zoë@example.com", "file_id": file_id})).json
    info = (await host.request("GET", f"{token['wopi_src']}?access_token={token['access_token']}")).json

    assert info["UserFriendlyName"] == "zoë@example.com"
    assert info["UserId"] == (await api.get("/users/zo%C3%AB@example.com")).json["id"]


async def test_a_token_may_be_limited(host: Host, api: Api) -> None:
    file_id = await host.file()

    token = (await api.post("/tokens", {"file_id": file_id, "read_only": True, "dialect": "collabora"})).json
    other = (await api.post("/tokens", {"file_id": file_id, "supports_locks": False})).json
    info = (await host.request("GET", f"{token['wopi_src']}?access_token={token['access_token']}")).json
    without_locks = (await host.request("GET", f"{other['wopi_src']}?access_token={other['access_token']}")).json

    assert (info["UserCanWrite"], without_locks["UserCanWrite"]) == (False, True)
    assert (info["SupportsLocks"], without_locks["SupportsLocks"]) == (True, False)


async def test_there_is_no_token_for_what_the_user_may_not_see(host: Host, api: Api) -> None:
    file_id = await host.file()
    await host.grant(file_id, "bob", Role.NONE)

    for target in ({"file_id": file_id}, {"path": "/Report.docx"}, {"file_id": "nothing"}, {"container_id": "no"}):
        assert problem_of(await api.post("/tokens", {"user": "bob", **target})) == (404, "not-found")


async def test_a_token_is_for_one_thing(host: Host, api: Api) -> None:
    for target in ({}, {"path": "/", "container_id": "root"}, {"path": "Report.docx"}, {"path": ""}, {"file_id": 1}):
        assert problem_of(await api.post("/tokens", target)) == (400, "bad-request"), target
    for wish in ({"dialect": "word"}, {"read_only": "yes"}, {"user": ""}, {"user": "\0"}, {"role": "owner"}):
        assert problem_of(await api.post("/tokens", {"path": "/", **wish})) == (400, "bad-request"), wish


async def test_users_mint_for_themselves_alone(host: Host, api: Api) -> None:
    file_id = await host.file()
    bob = api.as_user("bob")

    assert (await bob.post("/tokens", {"file_id": file_id})).status == 200
    assert (await bob.post("/tokens", {"file_id": file_id, "user": "bob"})).status == 200
    assert problem_of(await bob.post("/tokens", {"file_id": file_id, "user": "ann"})) == (404, "not-found")
    assert problem_of(await bob.post(f"/files/{file_id}/open", {"user": "operator"})) == (404, "not-found")


async def test_a_new_users_role_is_the_rules(tmp_path: Path) -> None:
    async with running_host(tmp_path / "data", rules=Rules(new_user_role=Role.NONE)) as host:
        answer = await Api(host).post("/tokens", {"user": "bob", "container_id": "root"})

        assert problem_of(answer) == (404, "not-found")


# Opening


async def test_a_file_opens_for_editing_by_those_who_may(with_office: Api) -> None:
    host = with_office.host
    file_id, empty = await host.file(), await host.file("New.docx", b"")
    await host.grant(file_id, "dora", Role.VIEWER)

    editor = (await with_office.post(f"/files/{file_id}/open", {"user": "bob", "ui": "de-DE"})).json
    viewer = (await with_office.post(f"/files/{file_id}/open", {"user": "dora"})).json
    new = (await with_office.post(f"/files/{empty}/open")).json

    assert [urlsplit(one["action_url"]).path for one in (editor, viewer, new)] == ["/edit", "/view", "/new"]
    query = parse_qs(urlsplit(editor["action_url"]).query)
    assert query == {"ui": ["de-DE"], "WOPISrc": [f"{host.url}/wopi/files/{file_id}"]}
    assert editor["favicon_url"] == "http://office.example/word.ico"
    assert await opened(with_office, editor | {"wopi_src": query["WOPISrc"][0]}) == 200


async def test_a_file_opens_in_the_way_that_is_wanted_and_offered(with_office: Api) -> None:
    host = with_office.host
    file_id, pdf, text = await host.file(), await host.file("a.pdf"), await host.file("a.txt")

    viewed = await with_office.post(f"/files/{file_id}/open", {"action": "view"})
    pdf_opened = await with_office.post(f"/files/{pdf}/open")
    for path, wish in [
        (f"/files/{file_id}/open", {"action": "convert"}),
        (f"/files/{pdf}/open", {"action": "edit"}),
        (f"/files/{text}/open", {}),
    ]:
        assert problem_of(await with_office.post(path, wish)) == (409, "no-action"), wish

    assert urlsplit(viewed.json["action_url"]).path == "/view"
    assert (urlsplit(pdf_opened.json["action_url"]).path, "favicon_url" in pdf_opened.json) == ("/pdf", False)


async def test_who_may_only_read_cant_open_for_editing(with_office: Api) -> None:
    file_id = await with_office.host.file()
    await with_office.host.grant(file_id, "dora", Role.VIEWER)

    answer = await with_office.as_user("dora").post(f"/files/{file_id}/open", {"action": "edit"})

    assert problem_of(answer) == (409, "no-action")


async def test_business_users_are_told_of(with_office: Api) -> None:
    await with_office.call("PUT", "/users/bob", {"is_business": True})
    file_id = await with_office.host.file()

    answer = await with_office.post(f"/files/{file_id}/open", {"user": "bob", "action": "view"})

    assert parse_qs(urlsplit(answer.json["action_url"]).query)["bu"] == ["1"]


async def test_without_a_client_there_is_nothing_to_open_it_in(host: Host, api: Api) -> None:
    answer = await api.post(f"/files/{await host.file()}/open")

    assert problem_of(answer) == (409, "no-action")
    assert "LECTERN_DISCOVERY_URL" in answer.json["detail"]


async def test_a_language_is_a_language(with_office: Api) -> None:
    file_id = await with_office.host.file()
    for language in ("", "de DE", "de&x=1", "a" * 40, 'de"', "de\n"):
        answer = await with_office.post(f"/files/{file_id}/open", {"ui": language})

        assert problem_of(answer) == (400, "bad-request"), language


COLLABORA = b"""<wopi-discovery><net-zone name="external-http">
<app name="application/vnd.openxmlformats-officedocument.wordprocessingml.document">
<action default="true" ext="docx" name="edit" urlsrc="https://collabora.example/browser/1a2b/cool.html?"/></app>
</net-zone></wopi-discovery>"""


async def test_collabora_shows_a_file_by_the_action_that_edits_it(tmp_path: Path) -> None:
    async with (
        publishing(COLLABORA) as publisher,
        running_host(tmp_path / "data", discovery_urls={"collabora": publisher.url}) as host,
    ):
        api, file_id = Api(host), await host.file()
        await host.grant(file_id, "dora", Role.VIEWER)
        infos = [
            await WopiFile(host, file_id, (await api.post(f"/files/{file_id}/open", wish)).json["access_token"]).info()
            for wish in (
                {"user": "dora", "dialect": "collabora"},
                {"user": "bob", "dialect": "collabora", "action": "view"},
                {"user": "bob", "dialect": "collabora"},
            )
        ]

    assert [info["UserCanWrite"] for info in infos] == [False, False, True]
