"""Versions and drafts over the REST API: what was saved before, and what couldn't be saved."""

import uuid
from datetime import timedelta

import pytest

from shared.core.file import Caller, Content
from shared.core.permissions import Role
from shared.messages.commands import KeepDraft
from tests.gateway.apis import Api, problem_of
from tests.hosts import Host, pieces_of


@pytest.fixture
def api(host: Host) -> Api:
    return Api(host)


@pytest.fixture
async def file_id(host: Host, api: Api) -> str:
    """A file with the versions one, two, three, each a minute after the one before."""
    file_id = await host.file(content=b"one")
    for number, user in enumerate(("bob", "carl"), start=2):
        host.clock.move(timedelta(minutes=1))
        await api.as_user(user).put(f"/files/{file_id}/content", [b"", b"", b"two", b"three"][number])
    return file_id


async def draft_of(host: Host, file_id: str, content: bytes = b"my work", user: str = "bob") -> str:
    """A draft; says its id."""
    kept: Content = await host.gateway.content.write(pieces_of(content), 10**6)
    draft_id = uuid.uuid4().hex
    envelope = host.envelope() | {"caller": Caller(user, "Word", "session 1")}
    await host.ask(KeepDraft(file_id=file_id, draft_id=draft_id, content=kept, reason="locked", **envelope))
    return draft_id


# Versions


async def test_versions_are_listed_the_newest_first(api: Api, file_id: str) -> None:
    versions = (await api.get(f"/files/{file_id}/versions")).json["items"]

    assert [(one["version"], one["size"], one["saved_by"], one["is_current"]) for one in versions] == [
        (3, 5, "carl", True),
        (2, 3, "bob", False),
        (1, 3, "ann", False),
    ]
    assert [one["saved_at"] for one in versions] == [
        "2026-03-02T12:02:00.123456Z",
        "2026-03-02T12:01:00.123456Z",
        "2026-03-02T12:00:00.123456Z",
    ]


async def test_each_version_has_its_own_bytes(api: Api, file_id: str) -> None:
    for number, content in ((1, b"one"), (2, b"two"), (3, b"three")):
        answer = await api.get(f"/files/{file_id}/versions/{number}/content")

        assert (answer.status, answer.body, answer.headers["ETag"]) == (200, content, f'"{number}"')
    assert (await api.get(f"/files/{file_id}/versions/2/content", Range="bytes=1-")).body == b"wo"


async def test_what_is_no_version_is_404(api: Api, file_id: str) -> None:
    for number in ("4", "0", "-1", "01", "1.0", "x", "9" * 40, "%D9%A1"):
        assert problem_of(await api.get(f"/files/{file_id}/versions/{number}/content")) == (404, "not-found"), number
        assert problem_of(await api.post(f"/files/{file_id}/versions/{number}/restore", {})) == (404, "not-found")


async def test_a_former_version_comes_back_as_a_new_one(host: Host, api: Api, file_id: str) -> None:
    answer = await api.as_user("bob").post(f"/files/{file_id}/versions/1/restore")

    assert (answer.status, answer.json["version"], answer.json["last_modified_by"]) == (200, 4, "bob")
    assert await host.bytes_of(file_id) == b"one"
    assert (await api.get(f"/files/{file_id}/versions/3/content")).body == b"three"


async def test_nothing_is_restored_over_a_save_that_wasnt_seen(api: Api, file_id: str) -> None:
    stale = await api.post(f"/files/{file_id}/versions/1/restore", {"expected_version": 2})
    fresh = await api.post(f"/files/{file_id}/versions/1/restore", {"expected_version": 3})

    assert (problem_of(stale), stale.json["current_version"]) == ((409, "version-changed"), 3)
    assert fresh.status == 200


async def test_nothing_is_restored_under_an_open_document(host: Host, api: Api, file_id: str) -> None:
    await host.wopi(file_id).lock("L")

    assert problem_of(await api.post(f"/files/{file_id}/versions/1/restore", {})) == (409, "locked")


async def test_viewers_see_no_former_versions(host: Host, api: Api, file_id: str) -> None:
    await host.grant(file_id, "dora", Role.VIEWER)
    dora = api.as_user("dora")

    assert (await dora.get(f"/files/{file_id}/content")).status == 200
    assert problem_of(await dora.get(f"/files/{file_id}/versions")) == (404, "not-found")
    assert problem_of(await dora.get(f"/files/{file_id}/versions/1/content")) == (404, "not-found")


# Drafts


async def test_a_save_that_was_refused_can_be_fetched(host: Host, api: Api, file_id: str) -> None:
    word, other = host.wopi(file_id, "bob"), host.wopi(file_id, "carl")
    await other.lock("L")
    assert (await word.put(b"my work", "mine", User_Agent="Word")).status == 409

    (draft,) = (await api.as_user("bob").get(f"/files/{file_id}/drafts")).json["items"]
    answer = await api.as_user("bob").get(f"/drafts/{draft['id']}/content")

    assert (draft["file_id"], draft["saved_by"], draft["client"], draft["base_version"]) == (file_id, "bob", "Word", 3)
    assert draft["reason"]
    assert (answer.status, answer.body) == (200, b"my work")
    assert 'filename="Report.docx"' in answer.headers["Content-Disposition"]
    assert (await api.get(f"/drafts/{draft['id']}")).json == draft


async def test_a_draft_becomes_the_files_content_and_is_gone(host: Host, api: Api, file_id: str) -> None:
    draft_id = await draft_of(host, file_id)

    answer = await api.as_user("bob").post(f"/drafts/{draft_id}/restore", {"expected_version": 3})

    assert (answer.status, answer.json["id"], answer.json["version"]) == (200, file_id, 4)
    assert await host.bytes_of(file_id) == b"my work"
    assert (await api.get(f"/drafts/{draft_id}")).status == 404


async def test_a_draft_is_not_restored_blindly(host: Host, api: Api, file_id: str) -> None:
    draft_id = await draft_of(host, file_id)

    stale = await api.post(f"/drafts/{draft_id}/restore", {"expected_version": 2})
    await host.wopi(file_id).lock("L")
    locked = await api.post(f"/drafts/{draft_id}/restore")

    assert [problem_of(stale), problem_of(locked)] == [(409, "version-changed"), (409, "locked")]
    assert (await api.get(f"/drafts/{draft_id}/content")).body == b"my work"


async def test_a_draft_is_let_go_of(host: Host, api: Api, file_id: str) -> None:
    draft_id = await draft_of(host, file_id)

    assert (await api.as_user("bob").delete(f"/drafts/{draft_id}")).status == 204
    assert (await api.delete(f"/drafts/{draft_id}")).status == 404


async def test_drafts_are_for_those_who_may_edit_the_file(host: Host, api: Api, file_id: str) -> None:
    draft_id = await draft_of(host, file_id)
    await host.grant(file_id, "bob", Role.VIEWER)
    bob = api.as_user("bob")

    for method, path in [
        ("GET", f"/files/{file_id}/drafts"),
        ("GET", f"/drafts/{draft_id}"),
        ("GET", f"/drafts/{draft_id}/content"),
        ("POST", f"/drafts/{draft_id}/restore"),
        ("DELETE", f"/drafts/{draft_id}"),
    ]:
        assert problem_of(await bob.call(method, path)) == (404, "not-found")
    assert (await bob.get(f"/drafts/{draft_id}")).body == (await bob.get("/drafts/nothing")).body


async def test_the_operator_finds_all_drafts(host: Host, api: Api, file_id: str) -> None:
    second = await host.file("Second.docx")
    ids = [await draft_of(host, file_id), await draft_of(host, second)]

    drafts = (await api.get("/drafts")).json["items"]

    assert sorted(draft["id"] for draft in drafts) == sorted(ids)


async def test_a_range_of_a_draft_outside_of_it_is_refused(host: Host, api: Api, file_id: str) -> None:
    draft_id = await draft_of(host, file_id)

    assert (await api.get(f"/drafts/{draft_id}/content", Range="bytes=3-")).body == b"work"
    assert problem_of(await api.get(f"/drafts/{draft_id}/content", Range="bytes=7-")) == (416, "range-not-satisfiable")
