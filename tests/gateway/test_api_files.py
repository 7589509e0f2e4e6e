"""Files over the REST API: read, renamed, moved, copied, deleted."""

import pytest

from services.gateway.api import grants as api_grants
from shared.core.permissions import Role
from tests.gateway.apis import Api, problem_of
from tests.hosts import Host


@pytest.fixture
def api(host: Host) -> Api:
    return Api(host)


async def test_a_file_tells_all_that_the_host_knows(host: Host, api: Api) -> None:
    file_id = await host.file("Report.docx", b"hello")

    seen = (await api.as_user("bob").get(f"/files/{file_id}")).json

    assert seen == {
        "kind": "file",
        "id": file_id,
        "name": "Report.docx",
        "container_id": "root",
        "path": "/Report.docx",
        "size": 5,
        "version": 1,
        "sha256": "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
        "last_modified": "2026-03-02T12:00:00.123456Z",
        "last_modified_by": "ann",
        "created": "2026-03-02T12:00:00.123456Z",
        "owner": "ann",
        "role": "editor",
    }


async def test_a_lock_is_shown_without_its_id(host: Host, api: Api) -> None:
    file_id = await host.file()
    await host.wopi(file_id).lock("the client's secret", X_WOPI_SessionId="session 1", User_Agent="Word")

    answer = await api.get(f"/files/{file_id}")

    assert answer.json["lock"] == {
        "taken_at": "2026-03-02T12:00:00.123456Z",
        "taken_by": "ann",
        "refreshed_at": "2026-03-02T12:00:00.123456Z",
        "refreshed_by": "ann",
        "expires_at": "2026-03-02T12:30:00.123456Z",
        "client": "Word",
        "session_id": "session 1",
    }
    assert b"secret" not in answer.body


async def test_people_are_named_so_that_the_name_leads_back_to_them(host: Host, api: Api) -> None:
    file_id = await host.file(owner="ann")
    await host.user("4711", sign_in_name="a name that belongs to another id")
    await api.as_user("anna@example.com").get("/me")
    for name in ("4711", "anna@example.com"):
        await api.call("PUT", f"/files/{file_id}/grants/{name}", {"role": "viewer"})

    grants = (await api.get(f"/files/{file_id}/grants")).json["items"]

    assert [grant["user"] for grant in grants] == ["4711", "anna@example.com"]
    for grant in grants:
        assert (await api.get(f"/users/{grant['user']}")).status == 200


@pytest.mark.parametrize("kind", ["files", "containers"])
async def test_grants_on_one_resource_have_a_limit(
    api: Api, host: Host, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(api_grants, "GRANTS_MAX", 2)
    address = f"/{kind}/{await host.file() if kind == 'files' else await host.container()}/grants"
    for name in ("bob", "carl"):
        assert (await api.call("PUT", f"{address}/{name}", {"role": "viewer"})).status == 200

    refused = await api.call("PUT", f"{address}/dora", {"role": "viewer"})

    assert problem_of(refused) == (409, "too-many")
    assert (await api.call("PUT", f"{address}/carl", {"role": "none"})).status == 200
    assert (await api.delete(f"{address}/dora")).status == 204
    assert (await api.delete(f"{address}/carl")).status == 204
    assert (await api.call("PUT", f"{address}/dora", {"role": "viewer"})).status == 200


async def test_a_hidden_file_looks_like_one_that_isnt_there(host: Host, api: Api) -> None:
    file_id = await host.file()
    await host.grant(file_id, "bob", Role.NONE)
    bob = api.as_user("bob")
    for method, path, body in [
        ("GET", "", None),
        ("PATCH", "", {"name": "x.docx"}),
        ("DELETE", "", None),
        ("GET", "/content", None),
        ("PUT", "/content", None),
        ("POST", "/copy", {}),
        ("POST", "/open", {}),
        ("GET", "/versions", None),
        ("GET", "/versions/1/content", None),
        ("POST", "/versions/1/restore", {}),
        ("GET", "/drafts", None),
        ("GET", "/lock", None),
        ("DELETE", "/lock?taken_at=2026-03-02T12:00:00Z", None),
        ("GET", "/grants", None),
        ("PUT", "/grants/carl", {"role": "owner"}),
        ("DELETE", "/grants/carl", None),
    ]:
        hidden = await bob.call(method, f"/files/{file_id}{path}", body)
        missing = await bob.call(method, f"/files/{'0' * 32}{path}", body)

        assert (hidden.status, hidden.body) == (404, missing.body), (method, path)


async def test_a_file_is_renamed_moved_or_both(host: Host, api: Api) -> None:
    folder, file_id = await host.container("Reports"), await host.file("a.docx")

    renamed = await api.patch(f"/files/{file_id}", {"name": "b.odt"})
    moved = await api.patch(f"/files/{file_id}", {"container_id": folder})
    both = await api.patch(f"/files/{file_id}", {"container_id": "root", "name": "ü.docx"})
    neither = await api.patch(f"/files/{file_id}", {})

    paths = [answer.json["path"] for answer in (renamed, moved, both, neither)]
    assert paths == ["/b.odt", "/Reports/b.odt", "/ü.docx", "/ü.docx"]
    assert {answer.json["version"] for answer in (renamed, moved, both, neither)} == {1}


async def test_a_file_gets_no_taken_and_no_illegal_name(host: Host, api: Api) -> None:
    await host.file("taken.docx")
    file_id = await host.file("a.docx")
    folder = await host.container()
    await host.file("a.docx", container=folder)

    taken = await api.patch(f"/files/{file_id}", {"name": "taken.docx"})
    in_the_way = await api.patch(f"/files/{file_id}", {"container_id": folder})
    illegal = await api.patch(f"/files/{file_id}", {"name": "a/b.docx"})

    assert (problem_of(taken), taken.json["free_name"]) == ((409, "name-taken"), "taken (1).docx")
    assert problem_of(in_the_way) == (409, "name-taken")
    assert (problem_of(illegal), illegal.json["legal_name"]) == ((400, "bad-request"), "b.docx")


async def test_a_file_moves_only_to_where_the_user_may_make_one(host: Host, api: Api) -> None:
    folder, file_id = await host.container(), await host.file()
    await host.grant_container(folder, "bob", Role.VIEWER)

    answer = await api.as_user("bob").patch(f"/files/{file_id}", {"container_id": folder})

    assert problem_of(answer) == (404, "not-found")
    assert (await host.head(file_id)).container_id == "root"


async def test_what_somebody_has_open_is_neither_renamed_moved_nor_deleted(host: Host, api: Api) -> None:
    folder, file_id = await host.container(), await host.file()
    await host.wopi(file_id).lock("L")

    answers = [
        await api.patch(f"/files/{file_id}", {"name": "b.docx"}),
        await api.patch(f"/files/{file_id}", {"container_id": folder}),
        await api.delete(f"/files/{file_id}"),
    ]

    assert [problem_of(answer) for answer in answers] == [(409, "locked")] * 3


async def test_viewers_change_nothing(host: Host, api: Api) -> None:
    file_id = await host.file()
    await host.grant(file_id, "bob", Role.VIEWER)
    bob = api.as_user("bob")

    answers = [
        await bob.patch(f"/files/{file_id}", {"name": "b.docx"}),
        await bob.put(f"/files/{file_id}/content", b"mine"),
        await bob.put("/containers/root/files/Report.docx", b"mine"),
        await bob.delete(f"/files/{file_id}"),
    ]

    assert [problem_of(answer) for answer in answers] == [
        (404, "not-found"),
        (404, "not-found"),
        (409, "name-taken"),
        (404, "not-found"),
    ]
    assert await host.bytes_of(file_id) == b"hello"


async def test_a_copy_is_a_file_of_its_own(host: Host, api: Api) -> None:
    file_id = await host.file("Report.docx", b"hello", owner="ann")

    answer = await api.as_user("bob").post(f"/files/{file_id}/copy", {})
    await api.delete(f"/files/{file_id}")

    assert answer.status == 201
    assert answer.headers["Location"] == f"{host.url}/api/v1/files/{answer.json['id']}"
    assert (answer.json["name"], answer.json["owner"], answer.json["version"]) == ("Report (1).docx", "bob", 1)
    assert await host.bytes_of(answer.json["id"]) == b"hello"


async def test_a_copy_goes_where_it_is_wanted(host: Host, api: Api) -> None:
    folder, file_id = await host.container("Reports"), await host.file("a.docx", b"")

    elsewhere = await api.post(f"/files/{file_id}/copy", {"container_id": folder})
    renamed = await api.post(f"/files/{file_id}/copy", {"name": "b.docx"})
    taken = await api.post(f"/files/{file_id}/copy", {"name": "b.docx"})
    nowhere = await api.post(f"/files/{file_id}/copy", {"container_id": "nothing"})

    assert (elsewhere.json["path"], renamed.json["path"]) == ("/Reports/a.docx", "/b.docx")
    assert (problem_of(taken), problem_of(nowhere)) == ((409, "name-taken"), (404, "not-found"))
    assert await host.keys() == set()


async def test_a_refused_copy_leaves_no_bytes_behind(host: Host, api: Api) -> None:
    file_id = await host.file()
    before = await host.keys()

    assert problem_of(await api.post(f"/files/{file_id}/copy", {"name": "Report.docx"})) == (409, "name-taken")

    assert await host.keys() == before


async def test_a_viewer_may_copy_to_where_they_may_make_files(host: Host, api: Api) -> None:
    file_id, folder = await host.file(), await host.container()
    await host.grant_container("root", "bob", Role.VIEWER)
    await host.grant_container(folder, "bob", Role.EDITOR)
    bob = api.as_user("bob")

    assert (await bob.post(f"/files/{file_id}/copy", {"container_id": folder})).status == 201
    assert problem_of(await bob.post(f"/files/{file_id}/copy", {})) == (404, "not-found")


async def test_a_deleted_file_is_gone(host: Host, api: Api) -> None:
    file_id = await host.file()

    first, second = await api.delete(f"/files/{file_id}"), await api.delete(f"/files/{file_id}")

    assert (first.status, first.body, second.status) == (204, b"", 404)
    assert (await api.get(f"/files/{file_id}/content")).status == 404
