"""Containers over the REST API: paths, pages, names, moves, ends."""

import asyncio
from typing import Any
from urllib.parse import quote

import pytest

from shared.core.containers import MAX_DEPTH
from shared.core.permissions import Role
from tests.gateway.apis import Api, problem_of
from tests.hosts import Host


@pytest.fixture
def api(host: Host) -> Api:
    return Api(host)


async def names_in(api: Api, container_id: str, query: str = "") -> list[str]:
    page = (await api.get(f"/containers/{container_id}/children{query}")).json
    return [item["name"] for item in page["items"]]


async def all_pages(api: Api, container_id: str, limit: int) -> list[list[str]]:
    pages, after = [], ""
    while True:
        page = (await api.get(f"/containers/{container_id}/children?limit={limit}{after}")).json
        pages.append([item["name"] for item in page["items"]])
        if "next" not in page:
            return pages
        after = f"&after={quote(page['next'], safe='')}"


# Reading


async def test_the_root_is_a_container_like_any_other(api: Api) -> None:
    root = (await api.get("/containers/root")).json

    assert (root["kind"], root["id"], root["name"], root["path"]) == ("container", "root", "Documents", "/")
    assert "parent_id" not in root


async def test_a_container_tells_its_place_its_owner_and_the_callers_role(host: Host, api: Api) -> None:
    outer = await host.container("Reports")
    inner = await host.container("März", outer)

    seen = (await api.as_user("ann").get(f"/containers/{inner}")).json

    assert seen == {
        "kind": "container",
        "id": inner,
        "name": "März",
        "parent_id": outer,
        "path": "/Reports/März",
        "created": "2026-03-02T12:00:00.123456Z",
        "owner": "ann",
        "role": "owner",
    }


async def test_what_isnt_there_or_is_no_id_at_all_is_404(api: Api) -> None:
    no_ids = ["a%2Fb", "..%2f", "%2e%2e", "a%00b", "x'--", "%F0%9F%98%80", "root%20", "a" * 65]
    for container_id in ("nothing", "a" * 64, *no_ids):
        assert problem_of(await api.get(f"/containers/{container_id}")) == (404, "not-found"), container_id


async def test_what_a_user_may_not_see_isnt_there(host: Host, api: Api) -> None:
    container = await host.container()
    await host.grant_container(container, "bob", Role.NONE)

    hidden = await api.as_user("bob").get(f"/containers/{container}")
    missing = await api.as_user("bob").get("/containers/nothing")

    assert (hidden.status, hidden.body) == (missing.status, missing.body)
    assert hidden.status == 404


# Paths


async def test_a_path_leads_to_a_file_or_else_to_a_container(host: Host, api: Api) -> None:
    reports = await host.container("Reports")
    container = await host.container("2026", reports)
    file_of_that_name = await host.file("2026", container=reports)
    plan = await host.file("Plan.docx", container=container)
    expected = {
        "/": "root",
        "/Reports": reports,
        "/Reports/": reports,
        "/Reports/2026": file_of_that_name,
        "/Reports/2026/": container,
        "/Reports/2026/Plan.docx": plan,
        "/Reports/2026/Plan.docx/": None,
        "/Nowhere": None,
        "/Nowhere/Plan.docx": None,
        "//Reports": None,
        "/Reports//2026": None,
        "/../Reports": None,
        "/reports": None,
        "/" + "a/" * (MAX_DEPTH + 2): None,
    }

    answers = {path: await api.get(f"/resolve?path={quote(path, safe='')}") for path in expected}

    assert {path: answer.json.get("id") for path, answer in answers.items()} == expected
    assert all(answer.status == (200 if expected[path] else 404) for path, answer in answers.items())


async def test_what_is_no_path_is_refused(api: Api) -> None:
    for query in ("", "?path=", "?path=Reports", "?path=/%ff", "?path=/" + "a" * 4000):
        assert problem_of(await api.get(f"/resolve{query}")) == (400, "bad-request"), query


async def test_a_file_that_may_not_be_seen_doesnt_hide_a_container_of_its_name(host: Host, api: Api) -> None:
    container = await host.container("2026")
    await host.grant(await host.file("2026"), "bob", Role.NONE)

    assert (await api.as_user("bob").get("/resolve?path=/2026")).json["id"] == container


async def test_a_path_tells_nobody_the_names_of_what_they_may_not_see(host: Host, api: Api) -> None:
    secret = await host.container("Secret merger")
    shared = await host.container("Shared", secret)
    file_id = await host.file("Plan.docx", container=shared)
    await host.grant_container(secret, "bob", Role.NONE)
    await host.grant_container(shared, "bob", Role.VIEWER)
    bob = api.as_user("bob")

    answers = [
        await bob.get(f"/files/{file_id}"),
        await bob.get(f"/containers/{shared}/children"),
    ]

    assert all(
        answer.status == 200 and b"Secret" not in answer.body and b'"path"' not in answer.body for answer in answers
    )
    # The path of the shared container itself would have to name the one above.
    assert "path" not in (await bob.get(f"/containers/{shared}")).json


# Listings


async def test_a_listing_has_containers_first_and_then_files_each_by_name(host: Host, api: Api) -> None:
    for name in ("b.docx", "ä.docx", "a.docx"):
        await host.file(name)
    for name in ("Zoo", "Ark"):
        await host.container(name)

    page = (await api.get("/containers/root/children")).json

    assert [(item["kind"], item["name"]) for item in page["items"]] == [
        ("container", "Ark"),
        ("container", "Zoo"),
        ("file", "a.docx"),
        ("file", "b.docx"),
        ("file", "ä.docx"),
    ]
    assert "next" not in page


async def test_pages_of_any_size_together_hold_each_child_once(host: Host, api: Api) -> None:
    expected = [f"Folder {number}" for number in range(3)] + [f"File {number}.docx" for number in range(3)]
    for name in expected[:3]:
        await host.container(name)
    for name in expected[3:]:
        await host.file(name)

    for limit in (1, 2, 3, 4, 5, 6, 7, 1000):
        pages = await all_pages(api, "root", limit)

        assert [name for page in pages for name in page] == expected
        assert all(len(page) == limit for page in pages[:-1])
        assert pages[-1]


async def test_the_next_page_is_also_linked_in_a_header(host: Host, api: Api) -> None:
    for name in ("1 & 2.docx", "3.docx"):
        await host.file(name)

    first = await api.get("/containers/root/children?limit=1")
    link = first.headers["Link"]
    following = await host.request("GET", link[1 : link.index(">")], {"Authorization": f"Bearer {api.key}"})

    assert link.endswith('; rel="next"')
    assert [item["name"] for item in following.json["items"]] == ["3.docx"]
    assert "Link" not in following.headers


async def test_pages_never_tell_of_children_that_the_user_may_not_see(host: Host, api: Api) -> None:
    for number in range(6):
        file_id = await host.file(f"{number}.docx")
        if number in {1, 2, 5}:
            await host.grant(file_id, "bob", Role.NONE)

    pages = await all_pages(api.as_user("bob"), "root", 1)

    assert pages == [["0.docx"], ["3.docx"], ["4.docx"]]


async def test_children_have_the_role_that_the_user_has_on_each(host: Host, api: Api) -> None:
    viewed, owned = await host.file("1.docx"), await host.file("2.docx")
    await host.grant(viewed, "bob", Role.VIEWER)
    await host.grant(owned, "bob", Role.OWNER)
    await host.file("3.docx")

    items = (await api.as_user("bob").get("/containers/root/children")).json["items"]

    assert [item["role"] for item in items] == ["viewer", "owner", "editor"]


async def test_a_page_that_cant_be_is_refused(api: Api) -> None:
    limits = ["0", "1001", "-1", "x", "1.5", "", "9" * 30]
    for query in (*(f"limit={limit}" for limit in limits), "after=x", "after=shelf:x"):
        assert problem_of(await api.get(f"/containers/root/children?{query}")) == (400, "bad-request"), query


# Making


async def test_a_new_container_belongs_to_its_maker(api: Api) -> None:
    ann = api.as_user("ann")

    answer = await ann.post("/containers/root/containers", {"name": "Reports"})

    assert answer.status == 201
    assert (answer.json["owner"], answer.json["role"], answer.json["path"]) == ("ann", "owner", "/Reports")
    assert answer.headers["Location"] == f"{api.host.url}/api/v1/containers/{answer.json['id']}"
    assert (await ann.get(f"/containers/{answer.json['id']}")).json == answer.json


async def test_a_name_that_is_taken_comes_back_with_one_that_is_free(host: Host, api: Api) -> None:
    await host.container("Reports")

    answer = await api.post("/containers/root/containers", {"name": "Reports"})

    assert problem_of(answer) == (409, "name-taken")
    assert answer.json["free_name"] == "Reports (1)"


async def test_an_illegal_name_is_refused_with_the_reason(api: Api) -> None:
    illegal: list[Any] = ["", ".", "..", "a/b", "a\\b", "nul\0", " blank", "dot.", "x" * 251, "\u202eevil", 5, None]
    for name in illegal:
        assert problem_of(await api.post("/containers/root/containers", {"name": name})) == (400, "bad-request"), name


async def test_viewers_make_nothing(host: Host, api: Api) -> None:
    await host.grant_container("root", "bob", Role.VIEWER)

    answer = await api.as_user("bob").post("/containers/root/containers", {"name": "Mine"})

    assert problem_of(answer) == (404, "not-found")
    assert await names_in(api, "root") == []


async def test_of_ten_who_want_one_name_one_gets_it(api: Api) -> None:
    answers = await asyncio.gather(*(api.post("/containers/root/containers", {"name": "Reports"}) for _ in range(10)))

    assert sorted(answer.status for answer in answers) == [201] + [409] * 9
    assert await names_in(api, "root") == ["Reports"]


async def test_containers_are_nested_so_deep_and_no_deeper(host: Host, api: Api) -> None:
    deepest = "root"
    while (answer := await api.post(f"/containers/{deepest}/containers", {"name": "a"})).status == 201:
        deepest = answer.json["id"]

    assert problem_of(answer) == (409, "would-loop")
    assert (await api.get(f"/containers/{deepest}")).json["path"] == "/a" * (MAX_DEPTH - 1)


# Changing


async def test_a_container_is_renamed_moved_or_both(host: Host, api: Api) -> None:
    target, container = await host.container("Target"), await host.container("Reports")

    renamed = await api.patch(f"/containers/{container}", {"name": "Plans"})
    moved = await api.patch(f"/containers/{container}", {"parent_id": target})
    both = await api.patch(f"/containers/{container}", {"parent_id": "root", "name": "Reports"})
    neither = await api.patch(f"/containers/{container}", {})

    paths = [answer.json["path"] for answer in (renamed, moved, both, neither)]
    assert paths == ["/Plans", "/Target/Plans", "/Reports", "/Reports"]


async def test_a_container_doesnt_move_into_itself_and_the_root_not_at_all(host: Host, api: Api) -> None:
    outer = await host.container("Outer")
    inner = await host.container("Inner", outer)

    assert problem_of(await api.patch(f"/containers/{outer}", {"parent_id": inner})) == (409, "would-loop")
    assert problem_of(await api.patch(f"/containers/{outer}", {"parent_id": outer})) == (409, "would-loop")
    assert problem_of(await api.patch("/containers/root", {"parent_id": outer})) == (409, "root-stays")


async def test_a_container_moves_only_to_where_the_user_may_make_one(host: Host, api: Api) -> None:
    target, container = await host.container("Target"), await host.container("Reports")
    await host.grant_container(target, "bob", Role.VIEWER)
    bob = api.as_user("bob")

    assert problem_of(await bob.patch(f"/containers/{container}", {"parent_id": target})) == (404, "not-found")
    assert problem_of(await bob.patch(f"/containers/{container}", {"parent_id": "nothing"})) == (404, "not-found")
    assert (await api.get(f"/containers/{container}")).json["path"] == "/Reports"


async def test_a_taken_or_illegal_name_is_no_new_name(host: Host, api: Api) -> None:
    await host.container("Plans")
    container = await host.container("Reports")

    assert problem_of(await api.patch(f"/containers/{container}", {"name": "Plans"})) == (409, "name-taken")
    assert problem_of(await api.patch(f"/containers/{container}", {"name": "a:b"})) == (400, "bad-request")


async def test_only_an_empty_container_is_deleted(host: Host, api: Api) -> None:
    container = await host.container()
    file_id = await host.file(container=container)

    assert problem_of(await api.delete(f"/containers/{container}")) == (409, "not-empty")
    await api.delete(f"/files/{file_id}")
    assert (await api.delete(f"/containers/{container}")).status == 204
    assert (await api.get(f"/containers/{container}")).status == 404
    assert (await api.delete(f"/containers/{container}")).status == 404


async def test_the_root_is_never_deleted(api: Api) -> None:
    assert problem_of(await api.delete("/containers/root")) == (409, "root-stays")
