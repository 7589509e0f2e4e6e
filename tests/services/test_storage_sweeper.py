"""What storage cleans up by itself, and what it never touches."""

import asyncio
import uuid
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from services.storage.sweeper import sweep
from shared.core.contents import Retention
from shared.core.errors import NotFound
from shared.core.file import Content
from shared.messages.commands import DeleteFile, KeepDraft, OverwriteContent
from shared.service.metrics import Swept
from shared.service.transact import REMEMBERED_FOR
from tests.services.conftest import DRAFTS_MAX_AGE, Interposed, Services, running_services

LONG = timedelta(days=36500)


async def swept(services: Services, orphan_grace: timedelta = LONG) -> dict[Swept, int]:
    counts = await sweep(
        services.metadata, services.content, services.retention, DRAFTS_MAX_AGE, orphan_grace, services.clock()
    )
    return {what: count for what, count in counts.items() if count}


async def overwrite(services: Services, file_id: str, body: bytes) -> None:
    await services.ask(OverwriteContent(file_id=file_id, content=await services.upload(body), **services.envelope()))


async def test_bytes_that_nothing_refers_to_go_and_all_others_stay(services: Services) -> None:
    file_id = await services.file(body=b"one")
    await overwrite(services, file_id, b"two")
    draft = KeepDraft(
        file_id=file_id, draft_id="d", content=await services.upload(b"draft"), reason="", **services.envelope()
    )
    await services.ask(draft)
    orphan = await services.upload(b"orphan")

    counts = await swept(services, -LONG)  # the store tells by the clock of its disk when bytes were written

    (kept,) = await services.metadata.drafts.of_file(file_id)
    assert counts == {Swept.ORPHANED_CONTENT: 1}
    assert orphan.key not in await services.keys()
    assert await services.keys() == (await services.whole(file_id)).content_keys() | {kept.content.key}


async def test_young_bytes_are_left_to_who_is_about_to_use_them(services: Services) -> None:
    orphan = await services.upload(b"on its way")

    assert await swept(services) == {}
    assert await services.keys() == {orphan.key}


async def test_versions_past_their_age_go_with_their_bytes(tmp_path: Path) -> None:
    retention = Retention(max_age=timedelta(days=10))
    async with running_services(tmp_path / "few", retention=retention) as services:
        file_id = await services.file(body=b"one")
        await overwrite(services, file_id, b"two")
        services.clock.move(timedelta(days=8))
        await overwrite(services, file_id, b"three")
        services.clock.move(timedelta(days=3))

        counts = [await swept(services), await swept(services)]

        file = await services.whole(file_id)
        assert counts == [{Swept.FORMER_VERSIONS: 1}, {}]
        assert [version.number for version in file.former] == [2]
        assert await services.keys() == file.content_keys()


async def test_versions_of_hundreds_of_files_are_seen_to_in_one_round(tmp_path: Path) -> None:
    retention = Retention(max_age=timedelta(days=10))
    async with running_services(tmp_path / "few", retention=retention) as services:
        ids = await asyncio.gather(*(services.file(f"{number}.docx", b"one") for number in range(205)))
        await asyncio.gather(*(overwrite(services, file_id, b"two") for file_id in ids))
        services.clock.move(timedelta(days=11))

        assert await swept(services) == {Swept.FORMER_VERSIONS: 205}


async def test_a_file_that_is_deleted_under_the_sweeper_is_no_trouble(tmp_path: Path) -> None:
    async with running_services(tmp_path / "few", retention=Retention(max_age=timedelta(days=10))) as services:
        file_id = await services.file(body=b"one")
        await overwrite(services, file_id, b"two")
        services.clock.move(timedelta(days=11))
        deletion = DeleteFile(file_id=file_id, **services.envelope())
        racing = services.with_metadata(
            files=Interposed(services.metadata.files, "load", lambda: services.ask(deletion))
        )

        assert await swept(racing) == {}
        assert await services.keys() == set()


async def test_drafts_past_their_age_go_with_their_bytes(services: Services) -> None:
    file_id = await services.file()
    for number in range(3):
        content = await services.upload(b"%d" % number)
        command = KeepDraft(
            file_id=file_id, draft_id=uuid.uuid4().hex, content=content, reason="", **services.envelope()
        )
        await services.ask(command)
        services.clock.move(timedelta(days=10))
    services.clock.move(timedelta(days=15))

    counts = [await swept(services), await swept(services)]

    assert counts == [{Swept.DRAFTS: 2}, {}]
    (left,) = await services.metadata.drafts.of_file(file_id)
    assert await services.keys() == (await services.whole(file_id)).content_keys() | {left.content.key}


async def test_leftovers_of_deleted_files_go_when_no_command_can_come_again(services: Services) -> None:
    file_id = await services.file()
    await services.ask(DeleteFile(file_id=file_id, **services.envelope()))

    early = await swept(services)
    services.clock.move(REMEMBERED_FOR * 2)
    late = await swept(services)

    assert (early, late) == ({}, {Swept.DELETED_LEFTOVERS: 1})
    with pytest.raises(NotFound):
        await services.metadata.files.load(file_id)


async def test_a_key_that_comes_into_use_after_the_question_stays_with_a_grace(services: Services) -> None:
    """The grace, not luck, keeps the sweeper from bytes whose file is only just being made."""
    content = await services.upload(b"hello")
    command = replace(await services.creation(), content=content)

    racing = services.with_metadata(
        drafts=Interposed(services.metadata.drafts, "content_in_use", lambda: services.ask(command))
    )
    await swept(racing)
    await services.ask(command)

    assert await services.bytes_of((await services.head(command.new_file_id)).current.content) == b"hello"


async def test_bytes_of_a_file_are_found_in_use_under_each_of_its_versions(services: Services) -> None:
    file_id = await services.file(body=b"one")
    await overwrite(services, file_id, b"two")
    contents: list[Content] = [version.content for version in (await services.whole(file_id)).former]

    assert await services.metadata.files.content_in_use([one.key for one in contents]) == {contents[0].key}
