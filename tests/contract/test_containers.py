"""What every ContainerStore promises beyond what it shares with files: the tree."""

from dataclasses import replace

import pytest

from shared.core.containers import ROOT_ID
from shared.core.errors import NotFound
from shared.core.permissions import Grant, Role
from shared.ports.bus import EventStream
from shared.ports.metadata import Change, ContainerStore, NameInUse
from tests.contract.values import NOW, applied_of, container_of, created, event_of

ROOT = container_of(ROOT_ID, "", "")
REPORTS = replace(container_of("c1", name="Reports"), grants=(Grant("bob", Role.EDITOR),))
YEAR = container_of("c2", "c1", "2026")


@pytest.fixture
async def tree(containers: ContainerStore) -> ContainerStore:
    for container in (ROOT, REPORTS, YEAR):
        assert await containers.insert(created(container))
    return containers


async def test_a_container_is_found_as_it_was_put_in(tree: ContainerStore) -> None:
    loaded = await tree.load("c1")

    assert (loaded.state, loaded.sequence) == (REPORTS, 1)
    assert await tree.find("c1") == REPORTS
    assert await tree.by_name(ROOT_ID, "Reports") == REPORTS


async def test_what_was_never_there_is_not_found(containers: ContainerStore) -> None:
    assert await containers.find("c9") is None
    assert await containers.by_name(ROOT_ID, "c9") is None
    with pytest.raises(NotFound):
        _ = await containers.load("c9")


async def test_a_chain_leads_from_the_root_down(tree: ContainerStore) -> None:
    assert await tree.chain("c2") == (ROOT, REPORTS, YEAR)
    assert await tree.chain(ROOT_ID) == (ROOT,)
    assert await tree.chain("c9") == ()


async def test_a_chain_shows_each_change_above_at_once(tree: ContainerStore) -> None:
    _ = await tree.chain("c2")
    loaded = await tree.load("c1")
    shared = replace(loaded.state, grants=(), name="Old reports")

    assert await tree.replace(loaded, Change(shared, (event_of("c1", 2),)))

    assert await tree.chain("c2") == (ROOT, shared, YEAR)
    assert await tree.find("c1") == shared


async def test_a_moved_container_takes_along_what_is_below(tree: ContainerStore) -> None:
    assert await tree.insert(created(container_of("c3", "c2", "Q1")))
    loaded = await tree.load("c2")
    moved = replace(loaded.state, parent_id=ROOT_ID)

    assert await tree.replace(loaded, Change(moved))

    assert [one.container_id for one in await tree.chain("c3")] == [ROOT_ID, "c2", "c3"]
    assert await tree.children("c1") == []
    assert await tree.by_name(ROOT_ID, "2026") == moved


async def test_children_come_by_name_key_page_by_page(tree: ContainerStore) -> None:
    for name in ("b", "é", "Z", "a"):
        assert await tree.insert(created(container_of(f"id-{name}", "c2", name)))

    assert [one.name for one in await tree.children("c2")] == ["Z", "a", "b", "é"]
    assert [one.name for one in await tree.children("c2", limit=2)] == ["Z", "a"]
    assert [one.name for one in await tree.children("c2", after="a", limit=2)] == ["b", "é"]
    assert await tree.children("c2", after="é") == []
    assert await tree.names_taken("c2", ["a", "A", "é"]) == {"a", "é"}


async def test_a_name_is_unique_among_the_containers_of_a_parent(tree: ContainerStore, events: EventStream) -> None:
    newest = await events.latest()

    with pytest.raises(NameInUse):
        _ = await tree.insert(created(container_of("c9", name="Reports")))

    assert await tree.find("c9") is None
    assert await events.latest() == newest
    assert await tree.insert(created(container_of("c9", "c2", "Reports")))


async def test_of_two_changes_of_one_revision_the_second_changes_nothing(tree: ContainerStore) -> None:
    loaded = await tree.load("c1")
    first, second = replace(REPORTS, name="first"), replace(REPORTS, name="second")

    assert await tree.replace(loaded, Change(first, (event_of("c1", 2),), (applied_of("a"),)))
    assert not await tree.replace(loaded, Change(second, (event_of("c1", 2),), (applied_of("b"),)))

    after = await tree.load("c1")
    assert (after.state, after.sequence, after.applied) == (first, 2, (applied_of("a"),))


async def test_closing_containers_are_listed_until_they_are_opened_or_deleted(tree: ContainerStore) -> None:
    loaded = await tree.load("c2")
    closing = replace(loaded.state, closing=True)
    assert await tree.closing() == []

    assert await tree.replace(loaded, Change(closing))
    assert await tree.closing() == [closing]

    assert await tree.replace(await tree.load("c2"), Change(replace(closing, deleted_at=NOW)))
    assert await tree.closing() == []


async def test_a_deleted_container_is_seen_by_load_alone(tree: ContainerStore) -> None:
    _ = await tree.chain("c2")
    loaded = await tree.load("c2")

    assert await tree.replace(loaded, Change(replace(loaded.state, deleted_at=NOW), (event_of("c2", 2),)))

    assert (await tree.load("c2")).state.deleted_at == NOW
    assert await tree.find("c2") is None
    assert await tree.chain("c2") == ()
    assert await tree.children("c1") == []
    assert await tree.by_name("c1", "2026") is None
    assert await tree.names_taken("c1", ["2026"]) == frozenset()
    assert await tree.insert(created(container_of("c3", "c1", "2026")))
