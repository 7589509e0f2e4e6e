"""Saves, and the bytes that they leave behind: what is referred to stays, what isn't goes."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from shared.core.contents import (
    DocumentChanged,
    NoSuchVersion,
    Retention,
    Saved,
    VersionChanged,
    last_modified_time,
)
from shared.core.errors import NotFound, Unavailable
from shared.core.file import EMPTY_CONTENT, LockMismatch
from shared.core.files import ActivitiesAdded, Activity, Deleted, GrantSet
from shared.core.permissions import Grant, Role
from shared.core.users import UserInfoKept, UserKnown
from shared.messages.commands import (
    AddActivities,
    DeleteFile,
    OverwriteContent,
    PutUserInfo,
    RegisterUser,
    RestoreVersion,
    SetFileGrant,
)
from tests.builders import a_user
from tests.services.conftest import Interposed, Services, running_services


async def test_a_save_switches_the_file_to_the_new_bytes_and_keeps_the_former_ones(services: Services) -> None:
    file_id = await services.file(body=b"one")
    await services.lock(file_id, "a")

    saved = await services.save(file_id, b"two", "a")

    file = await services.whole(file_id)
    assert isinstance(saved, Saved)
    assert saved.version == 2
    assert await services.bytes_of(file.current.content) == b"two"
    assert [await services.bytes_of(version.content) for version in file.former] == [b"one"]
    assert await services.keys() == file.content_keys()


async def test_a_refused_save_leaves_its_bytes_to_the_sender(services: Services) -> None:
    file_id = await services.file()
    await services.lock(file_id, "a")
    command = await services.saving(file_id, b"new", "b")

    refused = await services.ask(command)

    assert isinstance(refused, LockMismatch)
    assert command.content.key in await services.keys()


async def test_a_save_of_unmodified_bytes_makes_no_version_and_its_bytes_go(services: Services) -> None:
    file_id = await services.file(body=b"same")
    await services.lock(file_id, "a")
    command = await services.saving(file_id, b"same", "a", numbers_each_save=False)

    saved = await services.ask(command)

    assert saved == Saved(1, last_modified_time((await services.head(file_id)).current.saved_at), is_new_version=False)
    assert await services.keys() == (await services.whole(file_id)).content_keys()


async def test_a_redelivered_save_is_answered_as_before_and_its_bytes_stay(services: Services) -> None:
    file_id = await services.file(body=b"one")
    await services.lock(file_id, "a")
    command = await services.saving(file_id, b"two", "a", numbers_each_save=False)

    first = await services.ask(command)
    second = await services.ask(command)

    assert first == second
    assert await services.bytes_of((await services.head(file_id)).current.content) == b"two"


async def test_a_save_whose_bytes_went_never_switches_a_file_to_them_when_it_is_redelivered(services: Services) -> None:
    file_id = await services.file(body=b"same")
    await services.lock(file_id, "a")
    command = await services.saving(file_id, b"same", "a", numbers_each_save=False)

    first = await services.ask(command)
    await services.save(file_id, b"other", "a")
    second = await services.ask(command)

    assert first == second
    assert await services.bytes_of((await services.head(file_id)).current.content) == b"other"


async def test_a_save_that_is_refused_for_its_timestamp_says_so(services: Services) -> None:
    file_id = await services.file()
    await services.lock(file_id, "a")

    outcome = await services.save(file_id, b"new", "a", timestamp="2020-01-01T00:00:00.0000000Z")

    assert isinstance(outcome, DocumentChanged)


async def test_of_many_saves_at_once_each_makes_one_version(services: Services) -> None:
    file_id = await services.file()
    await services.lock(file_id, "a")
    commands = [await services.saving(file_id, b"%d" % number, "a") for number in range(20)]

    outcomes = await asyncio.gather(*(services.ask(command) for command in commands))

    assert sorted(outcome.version for outcome in outcomes) == list(range(2, 22))
    events = await services.news(file_id)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))


async def test_versions_past_their_number_go_with_their_bytes(tmp_path: Path) -> None:
    async with running_services(tmp_path / "few", retention=Retention(max_versions=2)) as services:
        file_id = await services.file(body=b"1")
        await services.lock(file_id, "a")

        for number in range(2, 6):
            await services.save(file_id, b"%d" % number, "a")

        file = await services.whole(file_id)
        assert [version.number for version in file.former] == [3, 4]
        assert await services.keys() == file.content_keys()


async def test_bytes_that_a_restored_version_shares_stay_when_the_former_version_goes(tmp_path: Path) -> None:
    async with running_services(tmp_path / "few", retention=Retention(max_versions=1)) as services:
        file_id = await services.file(body=b"one")
        await services.ask(
            OverwriteContent(file_id=file_id, content=await services.upload(b"two"), **services.envelope())
        )

        outcome = await services.ask(RestoreVersion(file_id=file_id, version=1, **services.envelope()))

        file = await services.whole(file_id)
        assert isinstance(outcome, Saved)
        assert await services.bytes_of(file.current.content) == b"one"
        assert [version.number for version in file.former] == [2]
        assert await services.keys() == file.content_keys()


async def test_a_former_version_that_is_not_kept_can_not_be_restored(services: Services) -> None:
    file_id = await services.file()

    outcome = await services.ask(RestoreVersion(file_id=file_id, version=7, **services.envelope()))

    assert outcome == NoSuchVersion(7)


async def test_a_restore_is_refused_when_the_file_was_saved_since_it_was_looked_at(services: Services) -> None:
    file_id = await services.file()

    outcome = await services.ask(RestoreVersion(file_id=file_id, version=1, expected_version=4, **services.envelope()))

    assert outcome == VersionChanged(1)


async def test_of_many_uploads_onto_one_expected_version_exactly_one_wins(services: Services) -> None:
    file_id = await services.file()
    commands = [
        OverwriteContent(
            file_id=file_id, content=await services.upload(b"%d" % number), expected_version=1, **services.envelope()
        )
        for number in range(20)
    ]

    outcomes = await asyncio.gather(*(services.ask(command) for command in commands))

    assert sum(isinstance(outcome, Saved) for outcome in outcomes) == 1
    assert {outcome for outcome in outcomes if not isinstance(outcome, Saved)} == {VersionChanged(2)}


async def test_an_upload_of_equal_bytes_leaves_nothing_behind(services: Services) -> None:
    file_id = await services.file(body=b"same")
    command = OverwriteContent(file_id=file_id, content=await services.upload(b"same"), **services.envelope())

    first = await services.ask(command)
    second = await services.ask(command)

    assert first == second
    assert not first.is_new_version
    assert await services.keys() == (await services.whole(file_id)).content_keys()


async def test_a_deleted_file_leaves_no_bytes_behind(services: Services) -> None:
    file_id = await services.file(body=b"one")
    await services.ask(OverwriteContent(file_id=file_id, content=await services.upload(b"two"), **services.envelope()))
    command = DeleteFile(file_id=file_id, **services.envelope())

    first = await services.ask(command)
    second = await services.ask(command)

    assert first == second == Deleted()
    assert await services.keys() == set()
    assert await services.metadata.files.find(file_id) is None
    assert (await services.news_types(file_id))[-1] == "file.deleted"


async def test_a_locked_file_is_not_deleted(services: Services) -> None:
    file_id = await services.file()
    await services.lock(file_id, "a")

    outcome = await services.ask(DeleteFile(file_id=file_id, **services.envelope()))

    assert outcome == LockMismatch("a", "the file is locked")
    assert len(await services.keys()) == 1


async def test_a_command_to_a_deleted_file_finds_nothing(services: Services) -> None:
    file_id = await services.file()
    await services.ask(DeleteFile(file_id=file_id, **services.envelope()))

    with pytest.raises(NotFound):
        await services.save(file_id, b"late")


async def test_bytes_that_can_not_be_removed_now_do_not_fail_the_save(tmp_path: Path) -> None:
    async def away() -> None:
        raise Unavailable("the disk doesn't answer")

    async with running_services(tmp_path / "few", retention=Retention(max_versions=0)) as services:
        file_id = await services.file(body=b"one")
        await services.lock(file_id, "a")
        failing = replace(services, content=Interposed(services.content, "delete", away))

        saved = await failing.save(file_id, b"two", "a")

        assert isinstance(saved, Saved)
        assert len(await services.keys()) == 2


async def test_a_file_that_becomes_empty_needs_no_bytes(services: Services) -> None:
    file_id = await services.file(body=b"one")
    await services.lock(file_id, "a")

    saved = await services.save(file_id, b"", "a")

    file = await services.whole(file_id)
    assert isinstance(saved, Saved)
    assert file.current.content == EMPTY_CONTENT
    assert await services.keys() == file.content_keys()


async def test_a_grant_is_set_once_and_taken_away(services: Services) -> None:
    file_id = await services.file()

    for role in (Role.VIEWER, Role.VIEWER, None):
        assert (
            await services.ask(SetFileGrant(file_id=file_id, user_id="bob", role=role, **services.envelope()))
            == GrantSet()
        )

    assert (await services.head(file_id)).grants == ()
    assert [event.fact.role for event in (await services.news(file_id))[1:]] == ["viewer", "inherited"]
    assert Grant("bob", Role.VIEWER) not in (await services.head(file_id)).grants


async def test_activities_reach_subscribers_once_each(services: Services) -> None:
    file_id = await services.file()
    activities = (Activity("1", "Comment", "{}"), Activity("2", "Mention", "{}"))
    command = AddActivities(file_id=file_id, activities=activities, **services.envelope())

    outcomes = [await services.ask(command), await services.ask(command)]

    assert outcomes == [ActivitiesAdded(), ActivitiesAdded()]
    assert [event.fact.activity_id for event in (await services.news(file_id))[1:]] == ["1", "2"]


async def test_a_user_becomes_known_once_and_keeps_role_and_user_info(services: Services) -> None:
    first = a_user("ann", Role.VIEWER)
    renamed = a_user("ann", Role.OWNER, friendly_name="Ann Lee")

    outcomes = [
        await services.ask(RegisterUser(user_id="ann", user=first, **services.envelope())),
        await services.ask(PutUserInfo(user_id="ann", user_info="seen", **services.envelope())),
        await services.ask(RegisterUser(user_id="ann", user=renamed, **services.envelope())),
    ]

    assert outcomes == [UserKnown(is_new=True), UserInfoKept(), UserKnown(is_new=False)]
    assert await services.metadata.users.find("ann") == replace(first, friendly_name="Ann Lee", user_info="seen")


async def test_a_save_past_the_time_of_its_lock_is_refused(services: Services) -> None:
    file_id = await services.file()
    await services.lock(file_id, "a")
    services.clock.move(timedelta(minutes=30))

    outcome = await services.save(file_id, b"late", "a")

    assert outcome == LockMismatch("", outcome.reason)
