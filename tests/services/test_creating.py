"""CreateFile: names, redelivery, and containers that close meanwhile."""

import asyncio
from datetime import timedelta

import pytest

from services.ecosystem.sweeper import sweep as reopen
from shared.core.containers import ROOT_ID
from shared.core.errors import Contended, LecternError, NotFound
from shared.core.file import LockMismatch
from shared.core.files import Created, Deleted, NameIllegal, NameTaken
from shared.core.names import BASE_NAME_MAX
from shared.messages.commands import DeleteContainer, DeleteFile, MoveFile, Naming, RenameFile
from tests.services.conftest import Interposed, Services


async def test_a_new_file_holds_its_bytes_under_its_name(services: Services) -> None:
    command = await services.creation("Report.docx", b"hello")

    created = await services.ask(command)

    head = await services.head(command.new_file_id)
    assert created == Created(command.new_file_id, "Report.docx", 1)
    assert (head.container_id, head.name, head.owner_id) == (ROOT_ID, "Report.docx", "ann")
    assert await services.bytes_of(head.current.content) == b"hello"
    assert await services.news_types(head.file_id) == ["file.created"]


@pytest.mark.parametrize("naming", [Naming.EXACT, Naming.OVERWRITE])
async def test_an_illegal_name_is_refused_with_one_that_would_do(services: Services, naming: Naming) -> None:
    await services.file("a-b.docx")

    outcome = await services.ask(await services.creation("a/b?.docx".replace("/", ":"), naming=naming))

    assert isinstance(outcome, NameIllegal)
    assert outcome.legal_name == "a-b-.docx"


async def test_the_name_that_would_do_is_free(services: Services) -> None:
    await services.file("a-b.docx")

    outcome = await services.ask(await services.creation("a:b.docx"))

    assert isinstance(outcome, NameIllegal)
    assert outcome.legal_name == "a-b (1).docx"


async def test_a_taken_name_is_refused_with_one_that_is_free(services: Services) -> None:
    await services.file("Report.docx")
    await services.file("Report (1).docx")
    command = await services.creation("Report.docx")

    outcome = await services.ask(command)

    assert outcome == NameTaken("Report.docx", "Report (2).docx")
    assert command.content.key in await services.keys()


async def test_names_that_read_alike_are_one_name(services: Services) -> None:
    await services.file("caf\u00e9.docx")

    outcome = await services.ask(await services.creation("cafe\u0301.docx"))

    assert isinstance(outcome, NameTaken)


async def test_a_deleted_file_leaves_its_name_free(services: Services) -> None:
    file_id = await services.file("Report.docx")
    await services.ask(DeleteFile(file_id=file_id, **services.envelope()))

    assert isinstance(await services.ask(await services.creation("Report.docx")), Created)


@pytest.mark.parametrize(
    ("wish", "name"),
    [
        ("Report.docx", "Report (1).docx"),
        ("folder/Report.docx", "Report (1).docx"),
        ("a:b.docx", "a-b.docx"),
        (".docx", "Document.docx"),
        ("x" * 300 + ".docx", "x" * BASE_NAME_MAX + ".docx"),
    ],
    ids=["taken", "with a path", "illegal", "an extension alone", "too long"],
)
async def test_a_suggested_name_is_mended_until_it_is_legal_and_free(services: Services, wish: str, name: str) -> None:
    await services.file("Report.docx")

    created = await services.ask(await services.creation(wish, naming=Naming.SUGGESTED))

    assert isinstance(created, Created)
    assert created.name == name


async def test_a_suggested_name_counts_past_hundreds_that_are_taken_with_few_questions(services: Services) -> None:
    names = ["Report.docx", *(f"Report ({number}).docx" for number in range(1, 300))]
    await asyncio.gather(*(services.file(name, b"") for name in names))
    counting = Counting(services.metadata.files)

    created = await services.with_metadata(files=counting).ask(
        await services.creation("Report.docx", naming=Naming.SUGGESTED)
    )

    assert created.name == "Report (300).docx"
    assert counting.calls["names_taken"] <= 4
    assert counting.calls["insert"] == 1


class Counting:
    """A store that counts how often each of its methods is called."""

    def __init__(self, store: object) -> None:
        self._store = store
        self.calls: dict[str, int] = {}

    def __getattr__(self, name: str) -> object:
        self.calls[name] = self.calls.get(name, 0) + 1
        return getattr(self._store, name)


async def test_of_many_clients_that_suggest_one_name_each_gets_a_name_of_its_own(services: Services) -> None:
    commands = [await services.creation("Report.docx", naming=Naming.SUGGESTED) for _ in range(30)]

    outcomes = await asyncio.gather(*(services.ask(command) for command in commands))

    names = {outcome.name for outcome in outcomes}
    assert names == {"Report.docx", *(f"Report ({number}).docx" for number in range(1, 30))}


async def test_of_many_clients_that_want_one_exact_name_exactly_one_gets_it(services: Services) -> None:
    commands = [await services.creation("Report.docx") for _ in range(30)]

    outcomes = await asyncio.gather(*(services.ask(command) for command in commands))

    assert sum(isinstance(outcome, Created) for outcome in outcomes) == 1
    assert {type(outcome) for outcome in outcomes} == {Created, NameTaken}


async def test_of_many_clients_that_overwrite_one_name_all_write_the_same_file(services: Services) -> None:
    commands = [await services.creation("Report.docx", b"%d" % number, Naming.OVERWRITE) for number in range(20)]

    outcomes = await asyncio.gather(*(services.ask(command) for command in commands))

    (file_id,) = {outcome.file_id for outcome in outcomes}
    assert sorted(outcome.version for outcome in outcomes) == list(range(1, 21))
    assert await services.keys() == (await services.whole(file_id)).content_keys()


# --- overwriting


async def test_an_overwrite_keeps_the_id_and_makes_a_version(services: Services) -> None:
    file_id = await services.file("Report.docx", b"one")

    outcome = await services.ask(await services.creation("Report.docx", b"two", Naming.OVERWRITE))

    file = await services.whole(file_id)
    assert outcome == Created(file_id, "Report.docx", 2)
    assert await services.bytes_of(file.current.content) == b"two"
    assert await services.keys() == file.content_keys()


async def test_an_overwrite_with_equal_bytes_changes_nothing_and_leaves_no_bytes_behind(services: Services) -> None:
    file_id = await services.file("Report.docx", b"same")

    outcome = await services.ask(await services.creation("Report.docx", b"same", Naming.OVERWRITE))

    assert outcome == Created(file_id, "Report.docx", 1, is_new_content=False)
    assert await services.keys() == (await services.whole(file_id)).content_keys()


async def test_a_locked_file_is_not_overwritten(services: Services) -> None:
    file_id = await services.file("Report.docx", b"one")
    await services.lock(file_id, "a")
    command = await services.creation("Report.docx", b"two", Naming.OVERWRITE)

    outcome = await services.ask(command)

    assert outcome == LockMismatch("a", "the file is locked")
    assert command.content.key in await services.keys()


async def test_an_overwrite_follows_its_name_when_the_file_is_renamed_in_between(services: Services) -> None:
    file_id = await services.file("Report.docx", b"one")
    rename = RenameFile(file_id=file_id, name="Other.docx", naming=Naming.EXACT, **services.envelope())
    racing = services.with_metadata(
        files=Interposed(services.metadata.files, "load", lambda: services.ask(rename), call=2)
    )
    command = await services.creation("Report.docx", b"two", Naming.OVERWRITE)

    outcome = await racing.ask(command)

    assert outcome == Created(command.new_file_id, "Report.docx", 1)
    assert await services.bytes_of((await services.head(file_id)).current.content) == b"one"


async def test_an_overwrite_makes_the_file_anew_when_it_is_deleted_in_between(services: Services) -> None:
    file_id = await services.file("Report.docx", b"one")
    delete = DeleteFile(file_id=file_id, **services.envelope())
    racing = services.with_metadata(
        files=Interposed(services.metadata.files, "load", lambda: services.ask(delete), call=2)
    )
    command = await services.creation("Report.docx", b"two", Naming.OVERWRITE)

    assert await racing.ask(command) == Created(command.new_file_id, "Report.docx", 1)


# --- redelivery


@pytest.mark.parametrize("naming", Naming)
async def test_a_redelivered_creation_makes_no_second_file(services: Services, naming: Naming) -> None:
    command = await services.creation("Report.docx", naming=naming)

    outcomes = [await services.ask(command), await services.ask(command)]

    assert outcomes == [Created(command.new_file_id, "Report.docx", 1)] * 2
    assert await services.metadata.files.count() == 1
    assert await services.keys() == {command.content.key}


async def test_a_creation_that_is_delivered_twice_at_once_makes_one_file(services: Services) -> None:
    command = await services.creation("Report.docx", naming=Naming.SUGGESTED)

    outcomes = await asyncio.gather(services.ask(command), services.ask(command))

    assert set(outcomes) == {Created(command.new_file_id, "Report.docx", 1)}
    assert await services.metadata.files.count() == 1


async def test_a_redelivered_creation_does_not_bring_a_deleted_file_back(services: Services) -> None:
    command = await services.creation("Report.docx")
    created = await services.ask(command)
    await services.ask(DeleteFile(file_id=command.new_file_id, **services.envelope()))

    again = await services.ask(command)

    assert again == created
    assert await services.metadata.files.count() == 0


async def test_a_redelivered_overwrite_is_answered_as_before(services: Services) -> None:
    file_id = await services.file("Report.docx", b"one")
    command = await services.creation("Report.docx", b"two", Naming.OVERWRITE)

    outcomes = [await services.ask(command), await services.ask(command)]

    assert outcomes == [Created(file_id, "Report.docx", 2)] * 2
    assert await services.bytes_of((await services.head(file_id)).current.content) == b"two"


@pytest.mark.parametrize("body", [b"two", b"one"], ids=["new bytes", "equal bytes"])
async def test_a_redelivered_overwrite_never_uses_its_bytes_for_a_second_file(services: Services, body: bytes) -> None:
    file_id = await services.file("Report.docx", b"one")
    command = await services.creation("Report.docx", body, Naming.OVERWRITE)
    await services.ask(command)
    await services.ask(RenameFile(file_id=file_id, name="Other.docx", naming=Naming.EXACT, **services.envelope()))

    with pytest.raises(LecternError):
        await services.ask(command)

    assert await services.metadata.files.count() == 1
    assert await services.bytes_of((await services.head(file_id)).current.content) == body


# --- containers that close


async def test_nothing_is_created_in_a_container_that_is_not_there(services: Services) -> None:
    command = await services.creation(container="nowhere")

    with pytest.raises(NotFound):
        await services.ask(command)

    assert command.content.key in await services.keys()


async def test_a_file_that_comes_into_a_container_which_is_deleted_meanwhile_is_taken_back(services: Services) -> None:
    folder = await services.container()
    deletion = DeleteContainer(container_id=folder, **services.envelope())
    racing = services.with_metadata(files=Interposed(services.metadata.files, "insert", lambda: services.ask(deletion)))
    command = await services.creation(container=folder)

    with pytest.raises(NotFound):
        await racing.ask(command)
    with pytest.raises(NotFound):
        await services.ask(command)

    assert await services.metadata.containers.find(folder) is None
    assert await services.metadata.files.find(command.new_file_id) is None
    assert await services.keys() == set()
    assert await services.news_types(command.new_file_id) == ["file.created", "file.deleted"]


async def test_a_file_that_comes_into_a_container_which_is_closing_is_taken_back_for_good(services: Services) -> None:
    folder = await services.container()
    command = await services.creation(container=folder)
    racing = services.with_metadata(files=Interposed(services.metadata.files, "insert", lambda: services.close(folder)))

    with pytest.raises(NotFound):
        await racing.ask(command)
    await reopen(services.metadata, timedelta(days=30), services.clock())
    with pytest.raises(NotFound):
        await services.ask(command)

    assert await services.metadata.files.find(command.new_file_id) is None
    assert await services.keys() == set()
    assert await services.ask(DeleteContainer(container_id=folder, **services.envelope())) == Deleted()


async def test_a_container_is_not_deleted_once_a_file_has_come_into_it(services: Services) -> None:
    folder = await services.container()
    command = await services.creation(container=folder)
    creating = Interposed(services.metadata.files, "in_container", lambda: services.ask(command))
    deletion = DeleteContainer(container_id=folder, **services.envelope())

    outcome = await services.with_metadata(files=creating).ask(deletion)

    assert not isinstance(outcome, Deleted)
    assert (await services.head(command.new_file_id)).container_id == folder


async def test_a_redelivered_creation_waits_while_the_container_is_being_deleted(services: Services) -> None:
    folder = await services.container()
    command = await services.creation(container=folder)
    await services.ask(command)
    await services.close(folder)

    with pytest.raises(Contended):
        await services.ask(command)

    assert (await services.head(command.new_file_id)).container_id == folder


async def test_a_file_that_was_moved_on_is_not_taken_back(services: Services) -> None:
    folder = await services.container()
    command = await services.creation(container=folder)

    async def moved_on_and_container_deleted() -> None:
        await services.ask(MoveFile(file_id=command.new_file_id, container_id=ROOT_ID, **services.envelope()))
        await services.ask(DeleteContainer(container_id=folder, **services.envelope()))

    racing = services.with_metadata(
        containers=Interposed(services.metadata.containers, "find", moved_on_and_container_deleted, call=2)
    )

    created = await racing.ask(command)

    assert isinstance(created, Created)
    assert (await services.head(command.new_file_id)).container_id == ROOT_ID


async def test_hundreds_of_creations_and_deletions_of_a_container_leave_no_file_without_one(
    services: Services,
) -> None:
    for _ in range(15):
        folder = await services.container("Busy")
        creations = [await services.creation(f"{number}.docx", container=folder) for number in range(4)]
        deletions = [DeleteContainer(container_id=folder, **services.envelope()) for _ in range(3)]

        await asyncio.gather(
            *(
                services.ask(command)
                for pair in zip(creations, [*deletions, deletions[0]], strict=True)
                for command in pair
            ),
            return_exceptions=True,
        )

        heads = [await services.metadata.files.find(command.new_file_id) for command in creations]
        container = await services.metadata.containers.find(folder)
        assert container is not None or not any(heads)
        for head in filter(None, heads):
            await services.ask(DeleteFile(file_id=head.file_id, **services.envelope()))
        if container is not None:
            assert not container.closing
            assert await services.ask(DeleteContainer(container_id=folder, **services.envelope())) == Deleted()
