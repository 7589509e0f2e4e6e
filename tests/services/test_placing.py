"""RenameFile and MoveFile."""

import asyncio

import pytest

from shared.core.containers import ROOT_ID
from shared.core.contents import last_modified_time
from shared.core.errors import NotFound
from shared.core.file import LockMismatch
from shared.core.files import Moved, NameIllegal, NameTaken, Renamed
from shared.messages.commands import DeleteContainer, MoveFile, Naming, RenameFile
from tests.services.conftest import Interposed, Services


def renaming(services: Services, file_id: str, name: str, **more: object) -> RenameFile:
    return RenameFile(**{"file_id": file_id, "name": name, "naming": Naming.SUGGESTED, **services.envelope(), **more})


def moving(services: Services, file_id: str, container_id: str, name: str | None = None) -> MoveFile:
    return MoveFile(file_id=file_id, container_id=container_id, name=name, **services.envelope())


# --- RenameFile


@pytest.mark.parametrize(
    ("wish", "name"),
    [
        ("Plan", "Plan.docx"),
        ("Plan 1.2", "Plan 1.2.docx"),
        ("a/b", "b.docx"),
        ("a*b", "a-b.docx"),
        ("Taken", "Taken (1).docx"),
        ("Report", "Report.docx"),
    ],
    ids=["free", "with a dot", "with a path", "illegal", "taken", "its own"],
)
async def test_a_renamed_file_has_the_nearest_legal_free_name_and_keeps_its_extension(
    services: Services, wish: str, name: str
) -> None:
    await services.file("Taken.docx")
    file_id = await services.file("Report.docx")

    outcome = await services.ask(renaming(services, file_id, wish))

    head = await services.head(file_id)
    assert outcome == Renamed(name, last_modified_time(head.current.saved_at))
    assert head.name == name


async def test_a_file_that_counts_up_may_keep_its_own_number(services: Services) -> None:
    await services.file("Report.docx")
    file_id = await services.file("Report (1).docx")

    outcome = await services.ask(renaming(services, file_id, "Report"))

    assert outcome.name == "Report (1).docx"
    assert await services.news_types(file_id) == ["file.created"]


async def test_a_whole_name_is_taken_as_it_is_or_refused(services: Services) -> None:
    await services.file("Taken.docx")
    file_id = await services.file("Report.docx")

    outcomes = [
        await services.ask(renaming(services, file_id, name, naming=Naming.EXACT))
        for name in ("Taken.docx", "a:b.docx", "Report.docx", "Plan.odt")
    ]

    stamp = last_modified_time((await services.head(file_id)).current.saved_at)
    assert outcomes == [
        NameTaken("Taken.docx", "Taken (1).docx"),
        NameIllegal("a name must not contain :", "a-b.docx"),
        Renamed("Report.docx", stamp),
        Renamed("Plan.odt", stamp),
    ]


async def test_a_locked_file_is_renamed_by_the_holder_of_its_lock_alone(services: Services) -> None:
    file_id = await services.file("Report.docx")
    await services.lock(file_id, "a")

    refused = await services.ask(renaming(services, file_id, "Plan", lock_id="b"))
    renamed = await services.ask(renaming(services, file_id, "Plan", lock_id="a"))

    assert isinstance(refused, LockMismatch)
    assert refused.current_lock_id == "a"
    assert renamed.name == "Plan.docx"


async def test_a_redelivered_rename_changes_nothing(services: Services) -> None:
    file_id = await services.file("Report.docx")
    command = renaming(services, file_id, "Plan")

    first = await services.ask(command)
    await services.ask(renaming(services, file_id, "Other"))
    second = await services.ask(command)

    assert first == second
    assert (await services.head(file_id)).name == "Other.docx"


async def test_files_that_are_renamed_to_one_name_at_once_get_names_of_their_own(services: Services) -> None:
    file_ids = [await services.file(f"{number}.docx") for number in range(10)]

    await asyncio.gather(*(services.ask(renaming(services, file_id, "Plan")) for file_id in file_ids))

    names = {(await services.head(file_id)).name for file_id in file_ids}
    assert names == {"Plan.docx", *(f"Plan ({number}).docx" for number in range(1, 10))}


# --- MoveFile


async def test_a_moved_file_keeps_its_id_name_and_content(services: Services) -> None:
    folder = await services.container()
    file_id = await services.file("Report.docx", b"hello")

    outcome = await services.ask(moving(services, file_id, folder))

    head = await services.head(file_id)
    assert outcome == Moved(folder, "Report.docx")
    assert (head.container_id, head.name, head.current.number) == (folder, "Report.docx", 1)
    assert await services.news_types(file_id) == ["file.created", "file.moved"]


async def test_a_move_to_a_taken_or_illegal_name_is_refused_with_one_that_would_do(services: Services) -> None:
    folder = await services.container()
    await services.file("Report.docx", container=folder)
    file_id = await services.file("Report.docx")

    taken = await services.ask(moving(services, file_id, folder))
    illegal = await services.ask(moving(services, file_id, folder, "Report?.docx"))

    assert taken == NameTaken("Report.docx", "Report (1).docx")
    assert isinstance(illegal, NameIllegal)
    assert illegal.legal_name == "Report-.docx"
    assert (await services.head(file_id)).container_id == ROOT_ID


async def test_a_locked_file_does_not_move(services: Services) -> None:
    folder = await services.container()
    file_id = await services.file()
    await services.lock(file_id, "a")

    assert isinstance(await services.ask(moving(services, file_id, folder)), LockMismatch)


async def test_a_file_does_not_move_to_where_nothing_is(services: Services) -> None:
    file_id = await services.file()

    with pytest.raises(NotFound):
        await services.ask(moving(services, file_id, "nowhere"))


async def test_a_file_that_moves_into_a_container_which_is_deleted_meanwhile_is_put_back(services: Services) -> None:
    home, target = await services.container("Home"), await services.container("Target")
    file_id = await services.file("Report.docx", container=home)
    command = moving(services, file_id, target)
    deletion = DeleteContainer(container_id=target, **services.envelope())
    racing = services.with_metadata(
        files=Interposed(services.metadata.files, "replace", lambda: services.ask(deletion))
    )

    with pytest.raises(NotFound):
        await racing.ask(command)
    with pytest.raises(NotFound):
        await services.ask(command)

    head = await services.head(file_id)
    assert (head.container_id, head.name) == (home, "Report.docx")


async def test_a_file_that_moves_into_a_container_which_is_closing_is_put_back(services: Services) -> None:
    target = await services.container("Target")
    file_id = await services.file("Report.docx")
    racing = services.with_metadata(
        files=Interposed(services.metadata.files, "replace", lambda: services.close(target))
    )

    with pytest.raises(NotFound):
        await racing.ask(moving(services, file_id, target))

    assert (await services.head(file_id)).container_id == ROOT_ID
    assert await services.news_types(file_id) == ["file.created", "file.moved", "file.moved"]


async def test_a_file_whose_former_container_is_gone_too_is_put_into_the_root_under_a_free_name(
    services: Services,
) -> None:
    await services.file("Report.docx")
    home, target = await services.container("Home"), await services.container("Target")
    file_id = await services.file("Report.docx", container=home)

    async def both_deleted() -> None:
        await services.ask(DeleteContainer(container_id=home, **services.envelope()))

    async def target_deleted() -> None:
        await services.ask(DeleteContainer(container_id=target, **services.envelope()))

    racing = services.with_metadata(
        files=Interposed(services.metadata.files, "replace", target_deleted),
        containers=Interposed(services.metadata.containers, "find", both_deleted, call=2),
    )

    with pytest.raises(NotFound):
        await racing.ask(moving(services, file_id, target))

    head = await services.head(file_id)
    assert (head.container_id, head.name) == (ROOT_ID, "Report (1).docx")
    assert await services.metadata.containers.find(home) is None


async def test_a_file_whose_former_container_closes_while_it_is_put_back_goes_on_to_the_root(
    services: Services,
) -> None:
    home, target = await services.container("Home"), await services.container("Target")
    file_id = await services.file("Report.docx", container=home)
    racing = services.with_metadata(
        files=Interposed(
            Interposed(services.metadata.files, "replace", lambda: services.close(target)),
            "replace",
            lambda: services.close(home),
            call=2,
        )
    )

    with pytest.raises(NotFound):
        await racing.ask(moving(services, file_id, target))

    assert (await services.head(file_id)).container_id == ROOT_ID


async def test_a_file_that_is_locked_when_it_must_be_put_back_stays_locked(services: Services) -> None:
    target = await services.container("Target")
    file_id = await services.file("Report.docx")

    async def target_deleted() -> None:
        await services.ask(DeleteContainer(container_id=target, **services.envelope()))

    async def locked() -> None:
        await services.lock(file_id, "a")

    racing = services.with_metadata(
        files=Interposed(services.metadata.files, "replace", target_deleted),
        containers=Interposed(services.metadata.containers, "find", locked, call=2),
    )

    with pytest.raises(NotFound):
        await racing.ask(moving(services, file_id, target))

    head = await services.head(file_id)
    assert head.container_id == ROOT_ID
    assert head.lock is not None


async def test_a_redelivered_move_changes_nothing_though_its_target_is_gone_by_now(services: Services) -> None:
    target = await services.container("Target")
    file_id = await services.file()
    command = moving(services, file_id, target)
    first = await services.ask(command)
    await services.ask(moving(services, file_id, ROOT_ID))
    await services.ask(DeleteContainer(container_id=target, **services.envelope()))

    with pytest.raises(NotFound):
        await services.ask(command)

    assert first == Moved(target, "Report.docx")
    assert (await services.head(file_id)).container_id == ROOT_ID
