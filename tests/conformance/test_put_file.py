"""PutFile over HTTP: what is saved, what is refused, and that no refused save is lost.

Spec: Files > PutFile; clients > The one PutFile rule set that serves all clients.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from shared.core.permissions import Role
from shared.core.tokens import Dialect
from tests.hosts import Host, WopiFile, pieces_of

LARGE = bytes(range(256)) * 20_000


async def locked_file(host: Host, content: bytes = b"hello", lock_id: str = "a") -> WopiFile:
    client = host.wopi(await host.file(content=content))
    assert (await client.lock(lock_id)).status == 200
    return client


@pytest.mark.on_both_hosts
@pytest.mark.parametrize("content", [b"", b"x", LARGE], ids=["empty", "one byte", "5 MB"])
async def test_a_save_with_the_lock_is_there_at_once(host: Host, content: bytes) -> None:
    client = await locked_file(host)
    before = await client.info()

    answer = await client.put(content, "a")

    info = await client.info()
    assert answer.status == 200
    assert answer.version == info["Version"] != before["Version"]
    assert answer.json == {"LastModifiedTime": info["LastModifiedTime"]}
    assert answer.headers["Content-Type"].startswith("application/json")
    assert info["Size"] == len(content)
    assert (await client.get("/contents")).body == content
    assert answer.lock is None


@pytest.mark.on_both_hosts
async def test_a_chunked_save_is_as_good(host: Host) -> None:
    client = await locked_file(host)

    answer = await client.put(pieces_of(LARGE, 100_000), "a")

    assert answer.status == 200
    assert await host.bytes_of(client.file_id) == LARGE


@pytest.mark.on_both_hosts
async def test_no_two_saves_have_the_same_version_even_with_equal_bytes(host: Host) -> None:
    client = await locked_file(host)

    versions = [(await client.put(b"equal", "a")).version for _ in range(3)]

    assert len({*versions, "1"}) == 4
    assert (await client.info())["Version"] == versions[-1]


async def test_a_save_names_its_editors_and_who_saved_it(host: Host) -> None:
    client = await locked_file(host)

    await client.put(b"new", "a", X_WOPI_Editors="ann, ben,,carl ", X_WOPI_SessionId="s7", User_Agent="Word")

    current = (await host.head(client.file_id)).current
    assert current.editors == ("ann", "ben", "carl")
    assert (current.saved_by.user_id, current.saved_by.session_id, current.saved_by.client) == ("ann", "s7", "Word")


@pytest.mark.on_both_hosts
@pytest.mark.parametrize(
    ("lock_id", "headers", "shown"),
    [
        ("b", {}, "a"),
        (None, {}, "a"),
        ("", {}, "a"),
        ("A", {}, "a"),
    ],
    ids=["another", "none", "empty", "other letter case"],
)
async def test_a_save_with_a_wrong_lock_is_refused_and_kept_as_a_draft(
    host: Host, lock_id: str | None, headers: dict[str, str], shown: str
) -> None:
    client = await locked_file(host)
    before = await client.info()

    answer = await client.put(b"mine", lock_id, **headers)

    assert (answer.status, answer.lock) == (409, shown)
    assert answer.headers["X-WOPI-LockFailureReason"]
    assert isinstance(answer.json, dict)
    assert await client.info() == before
    (draft,) = await host.drafts(client.file_id)
    assert await host.content_bytes(draft.content) == b"mine"
    assert (draft.saved_by.user_id, draft.reason) == ("ann", answer.headers["X-WOPI-LockFailureReason"])


@pytest.mark.parametrize("lock_id", [None, "a"])
async def test_a_save_to_an_unlocked_file_with_content_is_refused_with_an_empty_lock(
    host: Host, lock_id: str | None
) -> None:
    client = host.wopi(await host.file())

    answer = await client.put(b"mine", lock_id)

    assert (answer.status, answer.lock) == (409, "")
    assert await host.bytes_of(client.file_id) == b"hello"
    assert len(await host.drafts(client.file_id)) == 1


@pytest.mark.on_both_hosts
async def test_a_file_of_no_bytes_takes_a_save_without_a_lock_once(host: Host) -> None:
    client = host.wopi(await host.file(content=b""))

    first, second = await client.put(b"template"), await client.put(b"again")

    assert (first.status, second.status, second.lock) == (200, 409, "")
    assert await host.bytes_of(client.file_id) == b"template"
    assert (await client.get_lock()).lock == ""
    assert (await client.lock("a")).status == 200


@pytest.mark.on_both_hosts
async def test_saving_no_bytes_leaves_an_empty_file_that_can_be_filled_again(host: Host) -> None:
    client = await locked_file(host)

    assert (await client.put(b"", "a")).status == 200
    assert (await client.unlock("a")).status == 200

    assert (await client.put(b"refilled")).status == 200
    assert await host.bytes_of(client.file_id) == b"refilled"


async def test_a_refused_save_of_no_bytes_leaves_no_draft(host: Host) -> None:
    client = await locked_file(host)

    assert (await client.put(b"", "b")).status == 409

    assert await host.drafts(client.file_id) == []


@pytest.mark.on_both_hosts
async def test_equal_refused_saves_make_one_draft(host: Host) -> None:
    client = await locked_file(host)
    keys = await host.keys()

    for _ in range(3):
        await client.put(b"mine", "b")

    assert len(await host.drafts(client.file_id)) == 1
    assert len(await host.keys()) == len(keys) + 1


@pytest.mark.parametrize("name", ["X-COOL-WOPI-Timestamp", "X-LOOL-WOPI-Timestamp", "x-cool-wopi-timestamp"])
@pytest.mark.parametrize("is_locked", [True, False])
async def test_a_document_that_was_changed_is_told_by_the_clients_own_code(
    host: Host, name: str, is_locked: bool
) -> None:
    client = await locked_file(host) if is_locked else host.wopi(await host.file())

    answer = await client.put(b"mine", "a", **{name: "2020-01-01T00:00:00.0000000Z"})

    assert (answer.status, answer.lock) == (409, "a" if is_locked else "")
    assert answer.json == {"COOLStatusCode": 1010, "LOOLStatusCode": 1010}
    assert answer.headers["Content-Type"].startswith("application/json")
    assert await host.bytes_of(client.file_id) == b"hello"
    assert len(await host.drafts(client.file_id)) == 1


@pytest.mark.parametrize("name", ["X-COOL-WOPI-Timestamp", "X-LOOL-WOPI-Timestamp"])
async def test_a_save_that_names_the_present_time_goes_through_and_learns_the_next(host: Host, name: str) -> None:
    client = await locked_file(host)
    known = (await client.info())["LastModifiedTime"]

    for number in range(3):
        answer = await client.put(b"save %d" % number, "a", **{name: known})

        assert answer.status == 200
        known = answer.json["LastModifiedTime"]


async def test_of_both_spellings_of_the_time_the_newer_one_counts(host: Host) -> None:
    client = await locked_file(host)
    known = (await client.info())["LastModifiedTime"]

    answer = await client.put(b"new", "a", X_LOOL_WOPI_Timestamp="2020", X_COOL_WOPI_Timestamp=known)

    assert answer.status == 200


async def test_the_last_save_after_an_unlock_is_taken_if_nothing_was_between(host: Host) -> None:
    client = await locked_file(host)
    known = (await client.info())["LastModifiedTime"]
    await client.unlock("a")

    answer = await client.put(b"last words", "a", X_COOL_WOPI_Timestamp=known)

    assert answer.status == 200
    assert await host.bytes_of(client.file_id) == b"last words"


async def test_the_last_save_after_an_unlock_and_without_a_time_becomes_a_draft(host: Host) -> None:
    client = await locked_file(host)
    await client.unlock("a")

    answer = await client.put(b"last words", "a")

    assert (answer.status, answer.lock) == (409, "")
    (draft,) = await host.drafts(client.file_id)
    assert await host.content_bytes(draft.content) == b"last words"


async def test_a_client_that_was_told_there_are_no_locks_saves_without_one(host: Host) -> None:
    file_id = await host.file()
    client = host.wopi(file_id, dialect=Dialect.COLLABORA, supports_locks=False)
    assert (await client.info())["SupportsLocks"] is False

    assert (await client.put(b"new")).status == 200

    await host.wopi(file_id).lock("a")
    assert (await client.put(b"newer")).lock == "a"


@pytest.mark.parametrize("name", ["X-COOL-WOPI-IsModifiedByUser", "X-LOOL-WOPI-IsModifiedByUser"])
@pytest.mark.parametrize("value", ["false", "False", "FALSE"])
async def test_opening_and_closing_makes_no_version(host: Host, name: str, value: str) -> None:
    client = await locked_file(host)
    before, keys = await client.info(), await host.keys()

    answer = await client.put(b"hello", "a", **{name: value})

    assert (answer.status, answer.version) == (200, before["Version"])
    assert answer.json == {"LastModifiedTime": before["LastModifiedTime"]}
    assert await client.info() == before
    assert await host.keys() == keys


async def test_equal_bytes_get_another_item_version_but_no_new_time_and_no_former_version(host: Host) -> None:
    client = await locked_file(host)
    before, keys = await client.info(), await host.keys()

    first, second = await client.put(b"hello", "a"), await client.put(b"hello", "a")

    assert len({before["Version"], first.version, second.version}) == 3
    assert first.json == second.json == {"LastModifiedTime": before["LastModifiedTime"]}
    assert (await client.info())["Version"] == second.version
    assert await host.keys() == keys


@pytest.mark.parametrize("override", [None, "", "GET", "put file"])
async def test_without_its_override_it_is_not_supported(host: Host, override: str | None) -> None:
    client = await locked_file(host)

    answer = await client.post(override, b"new", "/contents", X_WOPI_Lock="a")

    assert answer.status == 501
    assert answer.headers["X-WOPI-ServerError"]
    assert await host.bytes_of(client.file_id) == b"hello"


async def test_a_malformed_lock_id_is_a_bad_request(host: Host) -> None:
    client = await locked_file(host)

    assert (await client.put(b"new", "L" * 1025)).status == 400


@pytest.mark.on_both_hosts
async def test_two_saves_at_once_with_one_lock_both_land_one_after_the_other(host: Host) -> None:
    client = await locked_file(host)

    answers = await asyncio.gather(*(client.put(b"save %d" % number, "a") for number in range(20)))

    assert {answer.status for answer in answers} == {200}
    assert len({answer.version for answer in answers}) == 20
    newest = max(answers, key=lambda answer: int(answer.version or 0))
    assert await host.bytes_of(client.file_id) == b"save %d" % answers.index(newest)


class Slowly:
    """A body whose second half waits until the test lets it go on."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.has_begun = asyncio.Event()
        self.may_go_on = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        half = len(self.body) // 2
        yield self.body[:half]
        self.has_begun.set()
        await self.may_go_on.wait()
        yield self.body[half:]


@pytest.mark.on_both_hosts
@pytest.mark.parametrize("change", ["unlocked", "relocked", "locked by another", "expired"])
async def test_a_slow_upload_that_a_lock_change_overtakes_is_refused(host: Host, change: str) -> None:
    client = await locked_file(host)
    body = Slowly(b"slow and steady")
    upload = asyncio.create_task(client.put(aiter(body), "a"))
    await body.has_begun.wait()
    if change == "relocked":
        await client.relock("b", "a")
    elif change == "expired":
        host.clock.move(timedelta(minutes=30))
    else:
        await client.unlock("a")
        if change == "locked by another":
            await client.lock("b")

    body.may_go_on.set()
    answer = await upload

    assert (answer.status, answer.lock) == (409, "b" if change in {"relocked", "locked by another"} else "")
    assert await host.bytes_of(client.file_id) == b"hello"
    (draft,) = await host.drafts(client.file_id)
    assert await host.content_bytes(draft.content) == b"slow and steady"


@pytest.mark.on_both_hosts
async def test_a_slow_upload_that_another_save_overtakes_goes_by_the_time(host: Host) -> None:
    client = await locked_file(host)
    known = (await client.info())["LastModifiedTime"]
    body = Slowly(b"slow and steady")
    upload = asyncio.create_task(client.put(aiter(body), "a", X_COOL_WOPI_Timestamp=known))
    await body.has_begun.wait()
    await client.put(b"quick", "a")

    body.may_go_on.set()
    answer = await upload

    assert answer.json == {"COOLStatusCode": 1010, "LOOLStatusCode": 1010}
    assert await host.bytes_of(client.file_id) == b"quick"


@pytest.mark.on_both_hosts
async def test_reading_goes_on_while_an_upload_is_under_way(host: Host) -> None:
    client = await locked_file(host)
    body = Slowly(b"slow and steady")
    upload = asyncio.create_task(client.put(aiter(body), "a"))
    await body.has_begun.wait()

    assert (await client.get("/contents")).body == b"hello"
    assert (await client.info())["Size"] == 5

    body.may_go_on.set()
    assert (await upload).status == 200


@pytest.mark.on_both_hosts
async def test_a_file_that_is_deleted_during_an_upload_stays_deleted(host: Host) -> None:
    client = host.wopi(await host.file(content=b""))
    body = Slowly(b"slow and steady")
    upload = asyncio.create_task(client.put(aiter(body)))
    await body.has_begun.wait()
    assert (await client.post("DELETE")).status == 200

    body.may_go_on.set()

    assert (await upload).status == 404
    assert (await client.get()).status == 404


async def test_who_may_never_write_gets_404_and_nothing_is_kept(host: Host) -> None:
    file_id = await host.file()
    reader = host.wopi(file_id, await host.user("eve", Role.VIEWER), may_write=False)
    keys = await host.keys()

    answer = await reader.put(b"eve's", "a")

    assert answer.status == 404
    assert (await host.drafts(file_id), await host.keys()) == ([], keys)


@pytest.mark.on_both_hosts
@pytest.mark.parametrize("role", [Role.VIEWER, Role.NONE])
async def test_who_lost_the_right_to_write_gets_404_and_their_work_becomes_a_draft(host: Host, role: Role) -> None:
    file_id = await host.file()
    client = host.wopi(file_id, await host.user("ben"))
    await client.lock("a")
    await host.grant(file_id, "ben", role)

    answer = await client.put(b"ben's last words", "a")

    assert answer.status == 404
    assert await host.bytes_of(file_id) == b"hello"
    (draft,) = await host.drafts(file_id)
    assert await host.content_bytes(draft.content) == b"ben's last words"
    assert draft.saved_by.user_id == "ben"


@pytest.mark.parametrize("lock_id", [None, "made up"])
async def test_who_reads_while_others_edit_cannot_fill_the_disk_with_drafts(host: Host, lock_id: str | None) -> None:
    file_id = await host.file()
    await host.wopi(file_id).lock("a")
    keys = await host.keys()

    answer = await host.wopi(file_id, await host.user("eve", Role.VIEWER)).put(b"eve's", lock_id)

    assert answer.status == 404
    assert (await host.drafts(file_id), await host.keys()) == ([], keys)
