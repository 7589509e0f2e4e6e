"""What every DraftStore promises."""

from shared.ports.metadata import DraftStore
from tests.contract.values import MINUTE, NOW, content_of, draft_of


async def test_a_draft_is_found_as_it_was_kept(drafts: DraftStore) -> None:
    assert await drafts.find("d1") is None

    await drafts.insert(draft_of("d1"))

    assert await drafts.find("d1") == draft_of("d1")


async def test_a_draft_of_an_id_already_there_stays_as_it_is(drafts: DraftStore) -> None:
    await drafts.insert(draft_of("d1", key=1))

    await drafts.insert(draft_of("d1", key=2))

    assert await drafts.find("d1") == draft_of("d1", key=1)
    assert await drafts.content_in_use([content_of(2).key]) == frozenset()


async def test_drafts_come_oldest_first(drafts: DraftStore) -> None:
    kept = [draft_of(f"d{number}", f"f{number % 2}", NOW - number * MINUTE, number) for number in range(5)]
    for draft in kept:
        await drafts.insert(draft)

    assert await drafts.all() == kept[::-1]
    assert await drafts.all(limit=2) == [kept[4], kept[3]]
    assert await drafts.all(before=NOW - 2 * MINUTE) == [kept[4], kept[3]]
    assert await drafts.of_file("f1") == [kept[3], kept[1]]
    assert await drafts.of_file("f9") == []
    assert await drafts.count() == 5


async def test_a_deleted_draft_is_gone(drafts: DraftStore) -> None:
    await drafts.insert(draft_of("d1"))

    await drafts.delete("d1")
    await drafts.delete("d1")

    assert await drafts.find("d1") is None
    assert await drafts.of_file("f1") == []
    assert await drafts.count() == 0
    assert await drafts.content_in_use([content_of(1).key]) == frozenset()


async def test_content_in_use_is_that_of_all_drafts(drafts: DraftStore) -> None:
    for number in (1, 3):
        await drafts.insert(draft_of(f"d{number}", key=number))

    keys = [content_of(number).key for number in range(5)]
    assert await drafts.content_in_use(keys) == {keys[1], keys[3]}
