"""Locks, saves, grants and users over the REST API: what those do who look after a host."""

from datetime import timedelta

import pytest

from shared.core.permissions import Role
from tests.builders import NOON
from tests.gateway.apis import Api, problem_of
from tests.hosts import Host

TAKEN_AT = "2026-03-02T12:00:00.123456Z"


@pytest.fixture
def api(host: Host) -> Api:
    return Api(host)


# Locks


async def test_who_has_a_file_open_is_told_to_those_who_may_read_it(host: Host, api: Api) -> None:
    file_id = await host.file()
    before = (await api.get(f"/files/{file_id}/lock")).json
    await host.wopi(file_id).lock("L")
    await host.grant(file_id, "bob", Role.VIEWER)

    held = (await api.as_user("bob").get(f"/files/{file_id}/lock")).json
    host.clock.move(timedelta(minutes=30))
    after = (await api.get(f"/files/{file_id}/lock")).json

    assert before == after == {"locked": False}
    assert (held["locked"], held["lock"]["taken_by"], held["lock"]["taken_at"]) == (True, "ann", TAKEN_AT)


async def test_the_operator_sees_all_locks_those_that_expire_first_first(host: Host, api: Api) -> None:
    early, late = await host.file("early.docx"), await host.file("late.docx")
    await host.wopi(early).lock("E")
    host.clock.move(timedelta(minutes=10))
    await host.wopi(late).lock("L")

    both = (await api.get("/locks")).json["items"]
    host.clock.move(timedelta(minutes=20))
    one = (await api.get("/locks")).json["items"]

    assert [item["file"]["path"] for item in both] == ["/early.docx", "/late.docx"]
    assert [item["file"]["path"] for item in one] == ["/late.docx"]
    assert both[0]["file"]["lock"] == both[0]["lock"]


async def test_a_lock_that_nobody_will_release_is_broken(host: Host, api: Api) -> None:
    file_id = await host.file()
    word = host.wopi(file_id)
    await word.lock("L")
    host.clock.move(timedelta(minutes=5))
    await word.refresh("L")

    answer = await api.delete(f"/files/{file_id}/lock?taken_at={TAKEN_AT}&reason=Word%20has%20crashed")

    assert (answer.status, (await word.refresh("L")).status) == (204, 409)
    events = (await api.get("/events?follow=false")).body.decode()
    assert '"forced":true,"reason":"Word has crashed"' in events


async def test_a_lock_that_wasnt_looked_at_is_left_alone(host: Host, api: Api) -> None:
    file_id = await host.file()
    word = host.wopi(file_id)
    await word.lock("old")
    host.clock.move(timedelta(minutes=5))
    await word.relock("new", "old")

    stale = await api.delete(f"/files/{file_id}/lock?taken_at={TAKEN_AT}")
    await word.unlock("new")
    gone = await api.delete(f"/files/{file_id}/lock?taken_at={TAKEN_AT}")

    assert [problem_of(stale), problem_of(gone)] == [(409, "lock-changed")] * 2


async def test_the_time_of_a_lock_may_come_in_any_zone_but_has_to_be_one(host: Host, api: Api) -> None:
    file_id = await host.file()
    await host.wopi(file_id).lock("L")

    for query in ("", "?taken_at=", "?taken_at=now", "?taken_at=2026-03-02T12:00:00.123456", "?taken_at=1772452800"):
        assert problem_of(await api.delete(f"/files/{file_id}/lock{query}")) == (400, "bad-request"), query
    too_much = f"/files/{file_id}/lock?taken_at={TAKEN_AT}&reason={'x' * 1001}"
    assert problem_of(await api.delete(too_much)) == (400, "bad-request")
    assert (await api.delete(f"/files/{file_id}/lock?taken_at=2026-03-02T13:00:00.123456%2B01:00")).status == 204


async def test_only_owners_break_locks(host: Host, api: Api) -> None:
    file_id = await host.file(owner="ann")
    await host.wopi(file_id, await host.user("bob")).lock("L")

    as_editor = await api.as_user("bob").delete(f"/files/{file_id}/lock?taken_at={TAKEN_AT}")
    as_owner = await api.as_user("ann").delete(f"/files/{file_id}/lock?taken_at={TAKEN_AT}")

    assert (problem_of(as_editor), as_owner.status) == ((404, "not-found"), 204)


# Saves


async def test_the_operator_sees_who_saved_what(host: Host, api: Api) -> None:
    old, folder = await host.file("old.docx"), await host.container("Reports")
    new = await host.file("new.docx", container=folder)
    host.clock.move(timedelta(hours=1))
    word = host.wopi(new, await host.user("bob"))
    await word.lock("L")
    await word.put(b"saved", "L", X_WOPI_SessionId="s1", User_Agent="Word", X_WOPI_Editors="ann,bob")

    everything = (await api.get("/saves")).json["items"]
    lately = (await api.get("/saves?since=2026-03-02T12:30:00Z")).json["items"]

    assert [item["file_id"] for item in everything] == [new, old]
    assert lately == [
        {
            "file_id": new,
            "name": "new.docx",
            "path": "/Reports/new.docx",
            "version": 2,
            "size": 5,
            "saved_at": "2026-03-02T13:00:00.123456Z",
            "saved_by": "bob",
            "client": "Word",
            "session_id": "s1",
            "editors": ["ann", "bob"],
        }
    ]


async def test_the_time_of_saves_may_lie_at_either_end_of_the_calendar(host: Host, api: Api) -> None:
    await host.file()
    for since, count in [
        ("0001-01-01T00:00:00%2B23:59", 1),
        ("9999-12-31T23:59:59-23:59", 0),
        (NOON.isoformat().replace("+00:00", "Z"), 1),
    ]:
        assert len((await api.get(f"/saves?since={since}")).json["items"]) == count, since
    assert problem_of(await api.get("/saves?since=yesterday")) == (400, "bad-request")


# Grants


async def test_a_grant_is_given_seen_and_taken_away(host: Host, api: Api) -> None:
    file_id, folder = await host.file(), await host.container()
    for place in (f"/files/{file_id}", f"/containers/{folder}"):
        bob = api.as_user("bob")

        given = await api.call("PUT", f"{place}/grants/bob", {"role": "viewer"})
        as_viewer = (await bob.get(place)).json["role"]
        listed = (await api.get(f"{place}/grants")).json["items"]
        taken = await api.delete(f"{place}/grants/bob")
        as_before = (await bob.get(place)).json["role"]

        assert given.json == {"user": "bob", "role": "viewer"}
        assert (as_viewer, listed, as_before) == ("viewer", [given.json], "editor")
        assert (taken.status, (await api.get(f"{place}/grants")).json["items"]) == (204, [])


async def test_a_grant_counts_below_and_may_shut_out(host: Host, api: Api) -> None:
    folder = await host.container()
    file_id = await host.file(container=folder)
    await api.call("PUT", f"/containers/{folder}/grants/bob", {"role": "none"})

    assert (await api.as_user("bob").get(f"/files/{file_id}")).status == 404
    await api.call("PUT", f"/files/{file_id}/grants/bob", {"role": "owner"})
    assert (await api.as_user("bob").get(f"/files/{file_id}")).json["role"] == "owner"


async def test_owners_share_and_editors_dont(host: Host, api: Api) -> None:
    file_id = await host.file(owner="ann")

    by_owner = await api.as_user("ann").call("PUT", f"/files/{file_id}/grants/bob", {"role": "editor"})
    by_editor = await api.as_user("bob").call("PUT", f"/files/{file_id}/grants/carl", {"role": "editor"})

    assert (by_owner.status, problem_of(by_editor)) == (200, (404, "not-found"))


async def test_the_operators_role_cant_be_changed(host: Host, api: Api) -> None:
    for place in (f"/files/{await host.file()}", "/containers/root"):
        granted = await api.as_user("operator").call("PUT", f"{place}/grants/operator", {"role": "none"})

        assert problem_of(granted) == (409, "fixed")
        assert problem_of(await api.delete(f"{place}/grants/operator")) == (409, "fixed")


async def test_a_grant_is_for_somebody_and_a_role(host: Host, api: Api) -> None:
    place = f"/files/{await host.file()}/grants"

    for user in ("%20", "a%00b", "x" * 257, "%E2%80%AE"):
        assert problem_of(await api.call("PUT", f"{place}/{user}", {"role": "viewer"})) == (400, "bad-request"), user
    for body in ({}, {"role": "admin"}, {"role": None}, {"role": "viewer", "until": "tomorrow"}, ["viewer"]):
        assert problem_of(await api.call("PUT", f"{place}/bob", body)) == (400, "bad-request"), body


async def test_a_grant_can_be_for_somebody_who_isnt_known_yet(host: Host, api: Api) -> None:
    file_id = await host.file()

    given = await api.call("PUT", f"/files/{file_id}/grants/zo%C3%AB@example.com", {"role": "owner"})

    assert (await api.get(f"/users/{given.json['user']}")).status == 404
    assert (await api.as_user("zoë@example.com").get(f"/files/{file_id}")).json["role"] == "owner"


# Users


async def test_a_user_is_made_known_and_changed(api: Api) -> None:
    made = await api.call("PUT", "/users/zo%C3%AB@example.com", {"friendly_name": "Zoë", "base_role": "viewer"})
    changed = await api.call("PUT", f"/users/{made.json['id']}", {"is_business": True, "base_role": "viewer"})

    assert (made.status, made.json["name"], made.json["base_role"]) == (201, "zoë@example.com", "viewer")
    assert (changed.status, changed.json) == (200, made.json | {"is_business": True})
    assert (await api.get("/users/zo%C3%AB@example.com")).json == changed.json


async def test_the_base_role_of_a_known_user_stays(api: Api) -> None:
    await api.call("PUT", "/users/bob", {"base_role": "viewer"})

    for user in ("bob", "operator"):
        answer = await api.call("PUT", f"/users/{user}", {"base_role": "none"})

        assert problem_of(answer) == (409, "fixed")
    await api.call("PUT", "/containers/root/grants/bob", {"role": "none"})
    assert (await api.as_user("bob").get("/containers/root")).status == 404


async def test_users_see_themselves_and_nobody_else(api: Api) -> None:
    bob = api.as_user("bob")
    me = (await bob.get("/me")).json

    assert (await bob.get("/users/bob")).json == me
    assert problem_of(await bob.get("/users/operator")) == (404, "not-found")
    assert problem_of(await api.get("/users/nobody")) == (404, "not-found")


async def test_what_cant_be_a_name_is_refused(api: Api) -> None:
    assert problem_of(await api.call("PUT", "/users/a%00b", {})) == (400, "bad-request")
    for name in ("", " x", "a\nb", "x" * 257):
        answer = await api.call("PUT", "/users/bob", {"friendly_name": name})
        assert problem_of(answer) == (400, "bad-request"), name
