"""Lock, UnlockAndRelock, RefreshLock, Unlock, GetLock over HTTP: every row of the lock table.

Spec: Files > The lock state machine (complete).
"""

import asyncio
from datetime import timedelta

import pytest

from shared.core.permissions import Role
from tests.hosts import Answer, Host, WopiFile

LIFETIME = timedelta(minutes=30)
TICK = timedelta(microseconds=1)
LONGEST = "L" * 1024
LIKE_JSON = '{"S":"52510d33-0c4e-4a6c","F":6,"E":2,"M":"102dc884","P":"39C1376D, {x}: \\"y\\""}'


async def opened(host: Host, lock_id: str | None = None) -> WopiFile:
    """A file with content, locked with `lock_id` if that is given."""
    client = host.wopi(await host.file())
    if lock_id is not None:
        assert (await client.lock(lock_id)).status == 200
    return client


async def send(client: WopiFile, operation: str) -> Answer:
    """The operation with "mine" as its lock id; "relock:b" swaps b for "mine"."""
    name, _, old = operation.partition(":")
    calls = {
        "lock": lambda: client.lock("mine"),
        "relock": lambda: client.relock("mine", old),
        "refresh": lambda: client.refresh("mine"),
        "unlock": lambda: client.unlock("mine"),
        "put": lambda: client.put(b"new", "mine"),
        "put without": lambda: client.put(b"new"),
        "rename": lambda: client.post("RENAME_FILE", X_WOPI_RequestedName="Other", X_WOPI_Lock="mine"),
        "rename without": lambda: client.post("RENAME_FILE", X_WOPI_RequestedName="Other"),
        "delete": lambda: client.post("DELETE"),
        "info": client.get,
        "get": lambda: client.get("/contents"),
    }
    return await calls[name]()


@pytest.mark.on_both_hosts
@pytest.mark.parametrize(
    ("before", "operation", "status", "shown", "after"),
    [
        (None, "lock", 200, None, "mine"),
        ("mine", "lock", 200, None, "mine"),
        ("theirs", "lock", 409, "theirs", "theirs"),
        (None, "relock:theirs", 409, "", ""),
        ("theirs", "relock:theirs", 200, None, "mine"),
        ("mine", "relock:mine", 200, None, "mine"),
        ("theirs", "relock:other", 409, "theirs", "theirs"),
        (None, "refresh", 409, "", ""),
        ("mine", "refresh", 200, None, "mine"),
        ("theirs", "refresh", 409, "theirs", "theirs"),
        (None, "unlock", 409, "", ""),
        ("mine", "unlock", 200, None, ""),
        ("theirs", "unlock", 409, "theirs", "theirs"),
        (None, "put", 409, "", ""),
        (None, "put without", 409, "", ""),
        ("mine", "put", 200, None, "mine"),
        ("theirs", "put", 409, "theirs", "theirs"),
        ("theirs", "put without", 409, "theirs", "theirs"),
        (None, "rename", 200, None, ""),
        (None, "rename without", 200, None, ""),
        ("mine", "rename", 200, None, "mine"),
        ("theirs", "rename", 409, "theirs", "theirs"),
        ("theirs", "rename without", 409, "theirs", "theirs"),
        ("mine", "delete", 409, "mine", "mine"),
        ("theirs", "info", 200, None, "theirs"),
        ("theirs", "get", 200, None, "theirs"),
    ],
)
async def test_the_lock_table(
    host: Host, before: str | None, operation: str, status: int, shown: str | None, after: str
) -> None:
    client = await opened(host, before)

    answer = await send(client, operation)

    assert (answer.status, answer.lock) == (status, shown)
    assert (await client.get_lock()).lock == after
    if status == 409:
        assert answer.headers["X-WOPI-LockFailureReason"]


@pytest.mark.on_both_hosts
@pytest.mark.parametrize(
    ("before", "operation", "status", "shown", "after"),
    [
        (None, "put", 200, None, ""),
        (None, "put without", 200, None, ""),
        ("mine", "put", 200, None, "mine"),
        ("theirs", "put", 409, "theirs", "theirs"),
        ("theirs", "put without", 409, "theirs", "theirs"),
    ],
)
async def test_the_lock_table_for_a_file_of_no_bytes(
    host: Host, before: str | None, operation: str, status: int, shown: str | None, after: str
) -> None:
    client = host.wopi(await host.file(content=b""))
    if before:
        assert (await client.lock(before)).status == 200

    answer = await send(client, operation)

    assert (answer.status, answer.lock) == (status, shown)
    assert (await client.get_lock()).lock == after


@pytest.mark.on_both_hosts
async def test_an_unlocked_file_can_be_deleted(host: Host) -> None:
    client = await opened(host)

    answer = await client.post("DELETE")

    assert answer.status == 200
    assert (await client.get()).status == 404


@pytest.mark.parametrize("override", ["LOCK", "REFRESH_LOCK", "UNLOCK"])
@pytest.mark.parametrize("headers", [{}, {"X_WOPI_Lock": ""}], ids=["missing", "empty"])
async def test_without_a_lock_id_it_is_a_bad_request(host: Host, override: str, headers: dict[str, str]) -> None:
    client = await opened(host, "theirs")

    answer = await client.post(override, **headers)

    assert answer.status == 400
    assert "X-WOPI-Lock" in answer.headers["X-WOPI-ServerError"]
    assert (await client.get_lock()).lock == "theirs"


async def test_relocking_without_a_new_lock_id_is_a_bad_request(host: Host) -> None:
    client = await opened(host, "theirs")

    answer = await client.post("LOCK", X_WOPI_OldLock="theirs")

    assert answer.status == 400
    assert (await client.get_lock()).lock == "theirs"


@pytest.mark.parametrize(("before", "shown"), [(None, ""), ("theirs", "theirs"), ("mine", "mine")])
async def test_an_empty_old_lock_id_matches_no_lock(host: Host, before: str | None, shown: str) -> None:
    client = await opened(host, before)

    answer = await client.relock("mine", "")

    assert (answer.status, answer.lock) == (409, shown)


@pytest.mark.parametrize(
    "lock_id",
    [
        "a",
        LONGEST,
        LIKE_JSON,
        "cool-lock1a2b3c4d",
        "UPPER and lower, with blanks",
        "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
        "%41%2F+",
    ],
)
async def test_a_lock_id_comes_back_as_it_was_sent(host: Host, lock_id: str) -> None:
    client = await opened(host, lock_id)

    answer = await client.lock("other")

    assert (answer.status, answer.lock) == (409, lock_id)
    assert (await client.get_lock()).lock == lock_id
    assert (await client.unlock(lock_id)).status == 200


@pytest.mark.on_both_hosts
@pytest.mark.parametrize(
    "other", ["LOCK-A", "lock-a-", "lock-", '{"S":"lock-a"}'], ids=["letter case", "longer", "shorter", "like JSON"]
)
async def test_lock_ids_are_compared_exactly(host: Host, other: str) -> None:
    client = await opened(host, "lock-a")

    answer = await client.refresh(other)

    assert (answer.status, answer.lock) == (409, "lock-a")


@pytest.mark.parametrize("override", ["LOCK", "REFRESH_LOCK", "UNLOCK"])
@pytest.mark.parametrize("lock_id", ["L" * 1025, "L" * 4000, "löck", "lo\tck"], ids=["1025", "4000", "ö", "tab"])
async def test_what_can_be_no_lock_id_is_a_bad_request(host: Host, override: str, lock_id: str) -> None:
    client = await opened(host, "theirs")

    answer = await client.post(override, X_WOPI_Lock=lock_id)

    assert answer.status == 400
    assert (await client.get_lock()).lock == "theirs"


async def test_an_old_lock_id_of_1025_characters_is_a_bad_request(host: Host) -> None:
    client = await opened(host, "theirs")

    assert (await client.relock("mine", "L" * 1025)).status == 400


@pytest.mark.on_both_hosts
async def test_a_lock_lasts_thirty_minutes_and_not_a_moment_longer(host: Host) -> None:
    client = await opened(host, "theirs")

    host.clock.move(LIFETIME - TICK)
    assert (await client.lock("mine")).lock == "theirs"
    host.clock.move(TICK)

    assert (await client.get_lock()).lock == ""
    assert (await client.lock("mine")).status == 200


@pytest.mark.on_both_hosts
@pytest.mark.parametrize("operation", ["refresh", "unlock", "put", "relock:mine"])
async def test_a_lock_whose_time_is_up_counts_as_absent(host: Host, operation: str) -> None:
    client = await opened(host, "mine")
    host.clock.move(LIFETIME)

    answer = await send(client, operation)

    assert (answer.status, answer.lock) == (409, "")


@pytest.mark.on_both_hosts
@pytest.mark.parametrize("operation", ["lock", "refresh", "relock:mine"])
async def test_extending_a_lock_restarts_its_thirty_minutes(host: Host, operation: str) -> None:
    client = await opened(host, "mine")
    host.clock.move(LIFETIME - TICK)

    assert (await send(client, operation)).status == 200

    host.clock.move(LIFETIME - TICK)
    assert (await client.get_lock()).lock == "mine"
    host.clock.move(TICK)
    assert (await client.get_lock()).lock == ""


@pytest.mark.parametrize("operation", ["put", "rename", "info", "get"])
async def test_nothing_else_restarts_them(host: Host, operation: str) -> None:
    client = await opened(host, "mine")
    host.clock.move(LIFETIME - TICK)

    assert (await send(client, operation)).status == 200

    host.clock.move(TICK)
    assert (await client.get_lock()).lock == ""


async def test_a_probe_with_a_made_up_id_changes_nothing(host: Host) -> None:
    client = await opened(host, "theirs")
    host.clock.move(LIFETIME - TICK)

    assert (await client.refresh("made-up")).lock == "theirs"
    assert (await client.unlock("made-up")).lock == "theirs"

    host.clock.move(TICK)
    assert (await client.get_lock()).lock == ""


async def test_a_lock_belongs_to_no_user_and_no_token(host: Host) -> None:
    client = await opened(host, "shared")
    colleague = host.wopi(client.file_id, await host.user("ben"))

    assert (await colleague.lock("shared")).status == 200
    assert (await colleague.refresh("shared")).status == 200
    assert (await colleague.put(b"ben's", "shared")).status == 200
    assert (await colleague.unlock("shared")).status == 200


async def test_the_version_is_told_with_every_success_and_locking_doesnt_change_it(host: Host) -> None:
    client = await opened(host)
    version = (await client.info())["Version"]

    answers = [
        await client.lock("a"),
        await client.relock("b", "a"),
        await client.refresh("b"),
        await client.get_lock(),
        await client.unlock("b"),
    ]

    assert [answer.version for answer in answers] == [version] * 5
    assert [answer.body for answer in answers] == [b""] * 5
    assert (await client.info())["Version"] == version


@pytest.mark.parametrize("override", ["LOCK", "REFRESH_LOCK", "UNLOCK"])
async def test_who_may_only_read_can_neither_lock_nor_unlock(host: Host, override: str) -> None:
    client = await opened(host, "theirs")
    reader = host.wopi(client.file_id, await host.user("eve", Role.VIEWER))
    reading = host.wopi(client.file_id, may_write=False)

    for one in (reader, reading):
        assert (await one.post(override, X_WOPI_Lock="theirs")).status == 404
        assert (await one.get_lock()).lock == "theirs"


async def test_an_invalid_token_unlocks_nothing(host: Host) -> None:
    client = await opened(host, "mine")

    answer = await WopiFile(host, client.file_id, "INVALID").unlock("mine")

    assert answer.status == 401
    assert (await client.get_lock()).lock == "mine"


@pytest.mark.on_both_hosts
async def test_of_two_hundred_clients_racing_for_one_lock_exactly_one_wins(host: Host) -> None:
    client = await opened(host)

    answers = await asyncio.gather(*(client.lock(f"client-{number}") for number in range(200)))

    winner = (await client.get_lock()).lock
    assert sorted(answer.status for answer in answers) == [200] + [409] * 199
    assert {answer.lock for answer in answers if answer.status == 409} == {winner}


@pytest.mark.on_both_hosts
async def test_of_two_hundred_clients_with_one_lock_id_all_win(host: Host) -> None:
    client = await opened(host)

    answers = await asyncio.gather(*(client.lock("shared") for _ in range(200)))

    assert {answer.status for answer in answers} == {200}


@pytest.mark.on_both_hosts
async def test_a_chain_of_relocks_under_fire_never_loses_the_lock(host: Host) -> None:
    client = await opened(host, "0")

    async def intrude(number: int) -> int:
        return (await client.lock(f"intruder-{number}")).status

    async def relock_all() -> set[int]:
        return {(await client.relock(str(number + 1), str(number))).status for number in range(30)}

    relocked, *intruders = await asyncio.gather(relock_all(), *(intrude(number) for number in range(60)))

    assert relocked == {200}
    assert set(intruders) == {409}
    assert (await client.get_lock()).lock == "30"
