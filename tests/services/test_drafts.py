"""Drafts: kept, restored, discarded; each key is referred to by one thing or gone."""

import uuid
from datetime import timedelta

import pytest

from shared.core.contents import Saved, VersionChanged
from shared.core.drafts import DRAFTS_PER_FILE, DraftDiscarded, DraftKept
from shared.core.errors import DeadlinePassed, NotFound
from shared.core.file import LockMismatch
from shared.messages.commands import DeleteFile, DiscardDraft, KeepDraft, OverwriteContent, RestoreDraft
from tests.services.conftest import DRAFTS_MAX_AGE, Interposed, Services


async def keeping(services: Services, file_id: str, body: bytes = b"draft") -> KeepDraft:
    return KeepDraft(
        file_id=file_id,
        draft_id=uuid.uuid4().hex,
        content=await services.upload(body),
        reason="locked",
        **services.envelope("bob"),
    )


async def draft(services: Services, file_id: str, body: bytes = b"draft") -> str:
    kept = await services.ask(await keeping(services, file_id, body))
    assert kept.is_new
    return kept.draft_id


def restoring(services: Services, file_id: str, draft_id: str, expected_version: int | None = None) -> RestoreDraft:
    return RestoreDraft(file_id=file_id, draft_id=draft_id, expected_version=expected_version, **services.envelope())


async def all_keys(services: Services, file_id: str) -> set[str]:
    drafts = await services.metadata.drafts.of_file(file_id)
    return set((await services.whole(file_id)).content_keys()) | {one.content.key for one in drafts}


async def test_a_draft_holds_the_bytes_and_tells_whose_they_are(services: Services) -> None:
    file_id = await services.file("Report.docx")
    command = await keeping(services, file_id, b"my work")

    kept = await services.ask(command)

    found = await services.metadata.drafts.find(command.draft_id)
    assert kept == DraftKept(command.draft_id, is_new=True)
    assert found is not None
    assert (found.file_name, found.base_version, found.reason) == ("Report.docx", 1, "locked")
    assert found.saved_by.user_id == "bob"
    assert await services.bytes_of(found.content) == b"my work"


async def test_a_redelivered_draft_is_kept_once_and_its_bytes_stay(services: Services) -> None:
    file_id = await services.file()
    command = await keeping(services, file_id)

    outcomes = [await services.ask(command), await services.ask(command)]

    assert outcomes == [DraftKept(command.draft_id, is_new=True)] * 2
    assert await services.keys() == await all_keys(services, file_id)


async def test_equal_drafts_are_kept_once(services: Services) -> None:
    file_id = await services.file()
    first = await draft(services, file_id, b"same")

    again = await services.ask(await keeping(services, file_id, b"same"))

    assert again == DraftKept(first, is_new=False)
    assert len(await services.metadata.drafts.of_file(file_id)) == 1
    assert await services.keys() == await all_keys(services, file_id)


async def test_bytes_that_the_file_has_or_had_need_no_draft(services: Services) -> None:
    file_id = await services.file(body=b"one")
    await services.ask(OverwriteContent(file_id=file_id, content=await services.upload(b"two"), **services.envelope()))

    outcomes = [await services.ask(await keeping(services, file_id, body)) for body in (b"one", b"two", b"")]

    assert outcomes == [DraftKept("", is_new=False)] * 3
    assert await services.keys() == await all_keys(services, file_id)


async def test_the_key_of_a_save_that_did_come_through_is_not_removed_with_the_needless_draft(
    services: Services,
) -> None:
    file_id = await services.file(body=b"one")
    await services.lock(file_id, "a")
    save = await services.saving(file_id, b"two", "a")
    await services.ask(save)

    kept = await services.ask(
        KeepDraft(file_id=file_id, draft_id="d", content=save.content, reason="no answer", **services.envelope())
    )

    assert kept == DraftKept("", is_new=False)
    assert await services.bytes_of((await services.head(file_id)).current.content) == b"two"


async def test_the_last_work_on_a_deleted_file_is_kept(services: Services) -> None:
    file_id = await services.file("Report.docx", b"same")
    await services.ask(DeleteFile(file_id=file_id, **services.envelope()))

    kept = await services.ask(await keeping(services, file_id, b"same"))

    (found,) = await services.metadata.drafts.of_file(file_id)
    assert kept.is_new
    assert found.file_name == "Report.docx"
    assert await services.bytes_of(found.content) == b"same"


async def test_bytes_that_are_gone_already_make_no_draft(services: Services) -> None:
    file_id = await services.file()
    command = await keeping(services, file_id)
    await services.content.delete(command.content.key)

    with pytest.raises(NotFound):
        await services.ask(command)

    assert await services.metadata.drafts.of_file(file_id) == []


async def test_a_draft_of_a_file_that_never_was_is_refused(services: Services) -> None:
    command = await keeping(services, "nowhere")

    with pytest.raises(NotFound):
        await services.ask(command)


async def test_past_their_number_the_oldest_drafts_go_with_their_bytes(services: Services) -> None:
    file_id = await services.file()

    ids = []
    for number in range(DRAFTS_PER_FILE + 2):
        services.clock.move(timedelta(seconds=1))
        ids.append(await draft(services, file_id, b"%d" % number))

    kept = [one.draft_id for one in await services.metadata.drafts.of_file(file_id)]
    assert kept == ids[2:]
    assert await services.keys() == await all_keys(services, file_id)


async def test_no_flood_of_drafts_by_one_user_pushes_out_the_work_of_another(services: Services) -> None:
    file_id = await services.file()
    work = await draft(services, file_id, b"an hour of bob's work")

    for number in range(DRAFTS_PER_FILE + 2):
        content = await services.upload(f"flood {number}".encode())
        flood = KeepDraft(
            file_id=file_id, draft_id=uuid.uuid4().hex, content=content, reason="no right", **services.envelope("eve")
        )
        assert (await services.ask(flood)).is_new

    kept = await services.metadata.drafts.of_file(file_id)
    assert len(kept) == DRAFTS_PER_FILE
    assert kept[0].draft_id == work
    assert await services.bytes_of(kept[0].content) == b"an hour of bob's work"


async def test_drafts_past_their_age_go_when_another_one_comes(services: Services) -> None:
    file_id = await services.file()
    await draft(services, file_id, b"old")
    services.clock.move(DRAFTS_MAX_AGE + timedelta(seconds=1))

    new = await draft(services, file_id, b"new")

    assert [one.draft_id for one in await services.metadata.drafts.of_file(file_id)] == [new]
    assert await services.keys() == await all_keys(services, file_id)


async def test_a_restored_draft_becomes_a_version_with_bytes_of_its_own(services: Services) -> None:
    file_id = await services.file(body=b"one")
    draft_id = await draft(services, file_id, b"draft")
    found = await services.metadata.drafts.find(draft_id)
    assert found is not None

    saved = await services.ask(restoring(services, file_id, draft_id))

    current = (await services.head(file_id)).current
    assert isinstance(saved, Saved)
    assert await services.bytes_of(current.content) == b"draft"
    assert current.content.key != found.content.key
    assert (current.saved_by.user_id, current.editors) == ("ann", ("bob",))
    assert await services.metadata.drafts.find(draft_id) is None
    assert await services.keys() == await all_keys(services, file_id)


async def test_a_redelivered_restore_is_answered_as_before(services: Services) -> None:
    file_id = await services.file(body=b"one")
    draft_id = await draft(services, file_id, b"draft")
    command = restoring(services, file_id, draft_id)

    outcomes = [await services.ask(command), await services.ask(command)]

    assert outcomes[0] == outcomes[1]
    assert (await services.head(file_id)).current.number == 2
    assert await services.keys() == await all_keys(services, file_id)


async def test_a_draft_whose_restore_is_refused_stays(services: Services) -> None:
    file_id = await services.file()
    draft_id = await draft(services, file_id)

    changed = await services.ask(restoring(services, file_id, draft_id, expected_version=9))
    await services.lock(file_id, "a")
    locked = await services.ask(restoring(services, file_id, draft_id))

    assert changed == VersionChanged(1)
    assert isinstance(locked, LockMismatch)
    assert await services.metadata.drafts.find(draft_id) is not None
    assert await services.keys() == await all_keys(services, file_id)


async def test_a_restore_that_is_refused_after_the_copy_leaves_no_copy(services: Services) -> None:
    file_id = await services.file()
    draft_id = await draft(services, file_id)
    racing = services.with_metadata(
        files=Interposed(services.metadata.files, "load", lambda: services.lock(file_id, "a"), call=2)
    )

    outcome = await racing.ask(restoring(services, file_id, draft_id))

    assert isinstance(outcome, LockMismatch)
    assert await services.keys() == await all_keys(services, file_id)


async def test_a_restore_that_takes_too_long_changes_nothing(services: Services) -> None:
    file_id = await services.file(body=b"one")
    draft_id = await draft(services, file_id)
    command = restoring(services, file_id, draft_id)

    async def an_hour() -> None:
        services.clock.move(timedelta(hours=1))

    slow = services.with_metadata(drafts=Interposed(services.metadata.drafts, "find", an_hour))

    with pytest.raises(DeadlinePassed):
        await slow.ask(command)

    assert (await services.head(file_id)).current.number == 1
    assert await services.keys() == await all_keys(services, file_id)


async def test_a_draft_is_restored_onto_its_own_file_alone(services: Services) -> None:
    file_id, other = await services.file("a.docx"), await services.file("b.docx")
    draft_id = await draft(services, file_id)

    with pytest.raises(NotFound):
        await services.ask(restoring(services, other, draft_id))


async def test_a_discarded_draft_goes_with_its_bytes_and_discarding_again_is_no_error(services: Services) -> None:
    file_id, other = await services.file("a.docx"), await services.file("b.docx")
    draft_id = await draft(services, file_id)

    not_its_own = await services.ask(DiscardDraft(file_id=other, draft_id=draft_id, **services.envelope()))
    assert await services.metadata.drafts.find(draft_id) is not None
    command = DiscardDraft(file_id=file_id, draft_id=draft_id, **services.envelope())
    outcomes = [not_its_own, await services.ask(command), await services.ask(command)]

    assert outcomes == [DraftDiscarded()] * 3
    assert (
        await services.keys()
        == (await services.whole(file_id)).content_keys() | (await services.whole(other)).content_keys()
    )
