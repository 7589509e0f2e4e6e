"""The ecosystem service: the tree of containers."""

import asyncio
from datetime import timedelta

import pytest

from services.ecosystem.sweeper import sweep
from shared.core.containers import (
    MAX_DEPTH,
    ROOT_ID,
    ContainerMade,
    ContainerNamed,
    ContainerPlaced,
    NotEmpty,
    RootStays,
    WouldLoop,
)
from shared.core.errors import Contended, NotFound
from shared.core.files import Deleted, GrantSet, NameIllegal, NameTaken
from shared.core.permissions import Grant, Role
from shared.messages.commands import (
    DeleteContainer,
    DeleteFile,
    MoveContainer,
    Naming,
    RenameContainer,
    SetContainerGrant,
)
from shared.service.metrics import Swept
from shared.service.transact import REMEMBERED_FOR
from tests.services.conftest import Interposed, Services


def deletion(services: Services, container_id: str) -> DeleteContainer:
    return DeleteContainer(container_id=container_id, **services.envelope())


def moving(services: Services, container_id: str, parent_id: str, name: str | None = None) -> MoveContainer:
    return MoveContainer(container_id=container_id, parent_id=parent_id, name=name, **services.envelope())


async def place_of(services: Services, container_id: str) -> tuple[str, str]:
    container = await services.metadata.containers.find(container_id)
    assert container is not None
    return container.parent_id, container.name


# --- CreateContainer


async def test_a_new_container_belongs_to_who_made_it(services: Services) -> None:
    command = services.container_creation("Plans")

    made = await services.ask(command)

    container = await services.metadata.containers.find(command.new_container_id)
    assert made == ContainerMade(command.new_container_id, "Plans")
    assert container is not None
    assert (container.parent_id, container.owner_id) == (ROOT_ID, "ann")
    assert await services.news_types(command.new_container_id) == ["container.created"]


async def test_an_exact_name_is_taken_as_it_is_or_refused(services: Services) -> None:
    await services.container("Plans")

    outcomes = [await services.ask(services.container_creation(name)) for name in ("Plans", "a|b", "v1.2")]

    assert outcomes[:2] == [
        NameTaken("Plans", "Plans (1)"),
        NameIllegal("a name must not contain |", "a-b"),
    ]
    assert outcomes[2].name == "v1.2"


@pytest.mark.parametrize(
    ("wish", "name"), [("Plans", "Plans (1)"), ("a|b", "a-b"), ("", "Folder"), ("v1.2", "v1.2 (1)")]
)
async def test_a_suggested_name_is_mended_until_it_is_legal_and_free(services: Services, wish: str, name: str) -> None:
    await services.container("Plans")
    await services.container("v1.2")

    made = await services.ask(services.container_creation(wish, Naming.SUGGESTED))

    assert made.name == name


async def test_a_file_and_a_container_may_have_one_name(services: Services) -> None:
    await services.file("Plans")

    assert isinstance(await services.ask(services.container_creation("Plans")), ContainerMade)


@pytest.mark.parametrize("naming", [Naming.EXACT, Naming.SUGGESTED])
async def test_a_redelivered_creation_makes_no_second_container(services: Services, naming: Naming) -> None:
    command = services.container_creation("Plans", naming)

    outcomes = [await services.ask(command), await services.ask(command)]

    assert outcomes == [ContainerMade(command.new_container_id, "Plans")] * 2
    assert len(await services.metadata.containers.children(ROOT_ID)) == 1


async def test_containers_nest_to_a_limit(services: Services) -> None:
    parent = ROOT_ID
    for number in range(MAX_DEPTH - 1):
        parent = await services.container(f"{number}", parent)

    outcome = await services.ask(services.container_creation("too deep", parent=parent))

    assert isinstance(outcome, WouldLoop)
    assert len(await services.metadata.containers.chain(parent)) == MAX_DEPTH


async def test_no_container_is_made_where_nothing_is(services: Services) -> None:
    with pytest.raises(NotFound):
        await services.ask(services.container_creation(parent="nowhere"))


async def test_a_container_whose_parent_is_deleted_meanwhile_is_taken_back(services: Services) -> None:
    parent = await services.container("Parent")
    racing = services.with_metadata(
        containers=Interposed(services.metadata.containers, "insert", lambda: services.ask(deletion(services, parent)))
    )
    command = services.container_creation("Child", parent=parent)

    with pytest.raises(NotFound):
        await racing.ask(command)
    with pytest.raises(NotFound):
        await services.ask(command)

    assert await services.metadata.containers.find(command.new_container_id) is None
    assert await services.news_types(command.new_container_id) == ["container.created", "container.deleted"]


async def test_a_container_whose_parent_is_closing_is_taken_back_for_good(services: Services) -> None:
    parent = await services.container("Parent")
    command = services.container_creation("Child", parent=parent)
    racing = services.with_metadata(
        containers=Interposed(services.metadata.containers, "insert", lambda: services.close(parent))
    )

    with pytest.raises(NotFound):
        await racing.ask(command)
    await sweep(services.metadata, timedelta(days=30), services.clock())
    with pytest.raises(NotFound):
        await services.ask(command)

    assert await services.metadata.containers.children(parent) == []


async def test_a_container_that_got_a_child_before_it_could_be_taken_back_is_put_into_the_root(
    services: Services,
) -> None:
    parent = await services.container("Parent")
    command = services.container_creation("Child", parent=parent)

    async def child_put_into_it() -> None:
        await services.file("work.docx", container=command.new_container_id)

    racing = services.with_metadata(
        containers=Interposed(
            Interposed(services.metadata.containers, "insert", lambda: services.ask(deletion(services, parent))),
            "find",
            child_put_into_it,
        )
    )

    with pytest.raises(NotFound):
        await racing.ask(command)

    assert await place_of(services, command.new_container_id) == (ROOT_ID, "Child")
    assert not (await services.metadata.containers.load(command.new_container_id)).state.closing


# --- RenameContainer


async def test_a_renamed_container_keeps_its_id_and_children(services: Services) -> None:
    await services.container("Taken")
    folder = await services.container("Plans")
    file_id = await services.file(container=folder)

    outcomes = [
        await services.ask(RenameContainer(container_id=folder, name=name, **services.envelope()))
        for name in ("Taken", "a|b", "Ideas")
    ]

    assert outcomes == [
        NameTaken("Taken", "Taken (1)"),
        NameIllegal("a name must not contain |", "a-b"),
        ContainerNamed("Ideas"),
    ]
    assert (await services.head(file_id)).container_id == folder
    assert await services.news_types(folder) == ["container.created", "container.renamed"]


# --- MoveContainer


async def test_a_moved_container_takes_along_what_is_in_it(services: Services) -> None:
    target, folder = await services.container("Target"), await services.container("Plans")
    file_id = await services.file(container=folder)

    outcome = await services.ask(moving(services, folder, target, "Ideas"))

    chain = await services.metadata.containers.chain(folder)
    assert outcome == ContainerPlaced(target, "Ideas")
    assert [one.name for one in chain] == ["Documents", "Target", "Ideas"]
    assert (await services.head(file_id)).container_id == folder


async def test_a_container_moves_neither_into_itself_nor_below(services: Services) -> None:
    folder = await services.container("a")
    below = await services.container("b", await services.container("c", folder))

    outcomes = [await services.ask(moving(services, folder, target)) for target in (folder, below)]

    assert {type(outcome) for outcome in outcomes} == {WouldLoop}
    assert await place_of(services, folder) == (ROOT_ID, "a")


async def test_the_root_neither_moves_nor_goes(services: Services) -> None:
    folder = await services.container("a")

    outcomes = [
        await services.ask(moving(services, ROOT_ID, folder)),
        await services.ask(deletion(services, ROOT_ID)),
    ]
    await services.ask(deletion(services, folder))
    outcomes.append(await services.ask(deletion(services, ROOT_ID)))

    assert isinstance(outcomes[0], RootStays)
    assert isinstance(outcomes[1], NotEmpty)
    assert isinstance(outcomes[2], RootStays)


async def test_a_tall_container_does_not_move_to_where_it_would_be_too_deep(services: Services) -> None:
    parent = tall = await services.container("tall")
    for number in range(3):
        parent = await services.container(f"{number}", parent)
    target = ROOT_ID
    for number in range(MAX_DEPTH - 4):
        target = await services.container(f"deep {number}", target)

    outcome = await services.ask(moving(services, tall, target))

    assert isinstance(outcome, WouldLoop)
    higher = (await services.metadata.containers.chain(target))[-2].container_id
    assert isinstance(await services.ask(moving(services, tall, higher)), ContainerPlaced)


async def test_a_move_to_a_taken_or_illegal_name_is_refused_with_one_that_would_do(services: Services) -> None:
    target, folder = await services.container("Target"), await services.container("Plans")
    await services.container("Plans", target)

    outcomes = [
        await services.ask(moving(services, folder, target)),
        await services.ask(moving(services, folder, target, "a|b")),
    ]

    assert outcomes == [NameTaken("Plans", "Plans (1)"), NameIllegal("a name must not contain |", "a-b")]


async def test_a_container_that_moves_into_one_which_is_deleted_meanwhile_is_put_back(services: Services) -> None:
    target, folder = await services.container("Target"), await services.container("Plans")
    racing = services.with_metadata(
        containers=Interposed(services.metadata.containers, "replace", lambda: services.ask(deletion(services, target)))
    )
    command = moving(services, folder, target)

    with pytest.raises(NotFound):
        await racing.ask(command)
    with pytest.raises(NotFound):
        await services.ask(command)

    assert await place_of(services, folder) == (ROOT_ID, "Plans")


async def test_a_container_that_moves_into_one_which_is_closing_is_put_back_until_it_is_moved_anew(
    services: Services,
) -> None:
    target, folder = await services.container("Target"), await services.container("Plans")
    racing = services.with_metadata(
        containers=Interposed(services.metadata.containers, "replace", lambda: services.close(target))
    )
    command = moving(services, folder, target)

    with pytest.raises(NotFound):
        await racing.ask(command)

    assert await place_of(services, folder) == (ROOT_ID, "Plans")
    await sweep(services.metadata, timedelta(days=30), services.clock())
    assert await services.ask(moving(services, folder, target)) == ContainerPlaced(target, "Plans")
    assert await place_of(services, folder) == (target, "Plans")


async def test_a_container_does_not_move_to_where_nothing_is(services: Services) -> None:
    folder = await services.container("Plans")

    with pytest.raises(NotFound):
        await services.ask(moving(services, folder, "nowhere"))


async def test_a_redelivered_move_changes_nothing(services: Services) -> None:
    target, folder = await services.container("Target"), await services.container("Plans")
    command = moving(services, folder, target)

    first = await services.ask(command)
    await services.ask(moving(services, folder, ROOT_ID))
    second = await services.ask(command)

    assert first == second == ContainerPlaced(target, "Plans")
    assert await place_of(services, folder) == (ROOT_ID, "Plans")


# --- DeleteContainer


async def test_an_empty_container_is_deleted_once_and_leaves_its_name_free(services: Services) -> None:
    folder = await services.container("Plans")
    command = deletion(services, folder)

    outcomes = [await services.ask(command), await services.ask(command)]

    assert outcomes == [Deleted(), Deleted()]
    assert await services.metadata.containers.find(folder) is None
    assert await services.news_types(folder) == ["container.created", "container.deleted"]
    await services.container("Plans")
    with pytest.raises(NotFound):
        await services.ask(deletion(services, folder))


@pytest.mark.parametrize("kind", ["file", "container"])
async def test_a_container_with_a_child_is_not_deleted_and_works_on(services: Services, kind: str) -> None:
    folder = await services.container("Plans")
    before = await services.metadata.containers.load(folder)
    await (services.file(container=folder) if kind == "file" else services.container("x", folder))

    outcome = await services.ask(deletion(services, folder))

    assert outcome == NotEmpty()
    assert await services.metadata.containers.load(folder) == before
    await services.file("another.docx", container=folder)


async def test_a_container_opens_again_when_a_child_came_before_it_closed(services: Services) -> None:
    folder = await services.container("Plans")
    command = deletion(services, folder)
    racing = services.with_metadata(
        containers=Interposed(services.metadata.containers, "replace", lambda: services.file(container=folder))
    )

    outcomes = [await racing.ask(command), await services.ask(command)]

    container = await services.metadata.containers.find(folder)
    assert outcomes == [NotEmpty(), NotEmpty()]
    assert container is not None
    assert container.is_open


async def test_that_a_container_was_empty_once_does_not_count_after_it_was_open_again(services: Services) -> None:
    folder = await services.container("Plans")
    happened = False

    async def opened_filled_and_closed_again() -> None:
        nonlocal happened
        happened = True
        await sweep(services.metadata, timedelta(days=30), services.clock())
        await services.file(container=folder)
        await services.close(folder)

    racing = services.with_metadata(
        containers=Interposed(services.metadata.containers, "replace", opened_filled_and_closed_again, call=2)
    )

    outcome = await racing.ask(deletion(services, folder))

    assert happened
    assert outcome == NotEmpty()
    assert await services.metadata.containers.find(folder) is not None


async def test_of_many_deletions_at_once_one_deletes(services: Services) -> None:
    folder = await services.container("Plans")

    outcomes = await asyncio.gather(
        *(services.ask(deletion(services, folder)) for _ in range(10)), return_exceptions=True
    )

    assert sum(outcome == Deleted() for outcome in outcomes) == 1
    assert sum(isinstance(outcome, NotFound) for outcome in outcomes) == 9
    assert (await services.news_types(folder)).count("container.deleted") == 1


async def test_a_redelivered_creation_waits_while_its_parent_is_being_deleted(services: Services) -> None:
    parent = await services.container("Parent")
    command = services.container_creation("Child", parent=parent)
    await services.ask(command)
    await services.close(parent)

    with pytest.raises(Contended):
        await services.ask(command)


# --- the rest


async def test_a_grant_is_set_and_told_once(services: Services) -> None:
    folder = await services.container("Plans")

    for role in (Role.OWNER, Role.OWNER):
        assert (
            await services.ask(SetContainerGrant(container_id=folder, user_id="bob", role=role, **services.envelope()))
            == GrantSet()
        )

    container = await services.metadata.containers.find(folder)
    assert container is not None
    assert container.grants == (Grant("bob", Role.OWNER),)
    assert await services.news_types(folder) == ["container.created", "container.grant_changed"]


async def test_the_sweeper_opens_a_container_whose_deletion_broke_off(services: Services) -> None:
    folder = await services.container("Plans")
    await services.close(folder)
    with pytest.raises(NotFound):
        await services.file(container=folder)

    counts = [await sweep(services.metadata, timedelta(days=30), services.clock()) for _ in range(2)]

    assert [one[Swept.BROKEN_DELETIONS] for one in counts] == [1, 0]
    await services.file(container=folder)


async def test_the_sweeper_forgets_deleted_containers_when_no_command_can_come_again(services: Services) -> None:
    folder = await services.container("Plans")
    await services.ask(deletion(services, folder))

    early = await sweep(services.metadata, timedelta(days=30), services.clock())
    services.clock.move(REMEMBERED_FOR * 2)
    late = await sweep(services.metadata, timedelta(days=30), services.clock())

    assert (early[Swept.DELETED_LEFTOVERS], late[Swept.DELETED_LEFTOVERS]) == (0, 1)
    with pytest.raises(NotFound):
        await services.metadata.containers.load(folder)


async def test_two_containers_that_move_into_each_other_one_after_the_other_make_no_loop(services: Services) -> None:
    one, other = await services.container("one"), await services.container("other")

    outcomes = [
        await services.ask(moving(services, one, other)),
        await services.ask(moving(services, other, one)),
    ]

    assert isinstance(outcomes[0], ContainerPlaced)
    assert isinstance(outcomes[1], WouldLoop)
    assert moving(services, one, other).key == moving(services, other, one).key == ROOT_ID


async def test_a_container_is_deleted_after_its_last_file(services: Services) -> None:
    folder = await services.container("Plans")
    file_id = await services.file(container=folder)

    await services.ask(DeleteFile(file_id=file_id, **services.envelope()))

    assert await services.ask(deletion(services, folder)) == Deleted()
