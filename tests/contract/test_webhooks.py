"""What every WebhookStore promises."""

from dataclasses import replace

import pytest

from shared.core.webhooks import DeadLetter, Progress, Webhook
from shared.ports.webhooks import WebhookStore
from tests.contract.conftest import Stores
from tests.contract.values import MINUTE, NOW


@pytest.fixture
def webhooks(stores: Stores) -> WebhookStore:
    return stores.metadata.webhooks


def hook_of(webhook_id: str = "w1", age: int = 0) -> Webhook:
    return Webhook(
        webhook_id,
        "https://a.example/ü?",
        "whsec_x",
        NOW - age * MINUTE,
        ("file.*",),
        "Größe",
        former_secret_until=NOW,
        begin="7",
        since=NOW,
    )


def letter_of(number: int, webhook_id: str = "w1") -> DeadLetter:
    return DeadLetter(webhook_id, f"f1:{number}", '{"ü": 1}', NOW + number * MINUTE, 3, "status 500")


async def test_a_webhook_is_found_as_it_was_kept(webhooks: WebhookStore) -> None:
    assert await webhooks.find("w1") is None

    assert await webhooks.insert(hook_of())

    assert await webhooks.find("w1") == hook_of()
    assert not await webhooks.insert(replace(hook_of(), url="https://b.example"))
    assert await webhooks.find("w1") == hook_of()


async def test_webhooks_come_oldest_first(webhooks: WebhookStore) -> None:
    for number in (3, 1, 2):
        assert await webhooks.insert(hook_of(f"w{number}", age=number))

    assert [hook.webhook_id for hook in await webhooks.all()] == ["w3", "w2", "w1"]


async def test_of_two_changes_of_one_revision_the_second_changes_nothing(webhooks: WebhookStore) -> None:
    assert await webhooks.insert(hook_of())
    found = await webhooks.find("w1")
    assert found is not None

    assert await webhooks.replace(found, replace(found, is_active=False))
    assert not await webhooks.replace(found, replace(found, url="https://b.example"))

    assert await webhooks.find("w1") == replace(found, is_active=False, revision=2)
    assert not await webhooks.replace(hook_of("w9"), hook_of("w9"))


async def test_one_holder_at_a_time(webhooks: WebhookStore) -> None:
    assert await webhooks.claim("w1", "a", NOW, NOW + MINUTE) == Progress()
    assert await webhooks.claim("w1", "b", NOW, NOW + MINUTE) is None
    assert await webhooks.claim("w1", "a", NOW, NOW + 2 * MINUTE) == Progress()
    assert await webhooks.claim("w1", "b", NOW + MINUTE, NOW + 3 * MINUTE) is None

    assert await webhooks.claim("w1", "b", NOW + 2 * MINUTE, NOW + 3 * MINUTE) == Progress()
    assert await webhooks.claim("w1", "a", NOW + 2 * MINUTE, NOW + 3 * MINUTE) is None


async def test_what_is_released_can_be_held_at_once(webhooks: WebhookStore) -> None:
    _ = await webhooks.claim("w1", "a", NOW, NOW + MINUTE)

    await webhooks.release("w1", "b")
    assert await webhooks.claim("w1", "b", NOW, NOW + MINUTE) is None
    await webhooks.release("w1", "a")
    assert await webhooks.claim("w1", "b", NOW, NOW + MINUTE) == Progress()


async def test_only_the_holder_saves_progress_and_the_next_one_finds_it(webhooks: WebhookStore) -> None:
    progress = Progress(2, "17", NOW, NOW - MINUTE, "status 500")
    assert not await webhooks.save_progress("w1", "a", progress)
    _ = await webhooks.claim("w1", "a", NOW, NOW + MINUTE)

    assert not await webhooks.save_progress("w1", "b", Progress(9))
    assert await webhooks.save_progress("w1", "a", progress)

    assert await webhooks.progress("w1") == progress
    assert await webhooks.claim("w1", "b", NOW + MINUTE, NOW + 2 * MINUTE) == progress
    assert not await webhooks.save_progress("w1", "a", Progress(9))


async def test_dead_letters_come_in_the_order_in_which_they_failed_first(webhooks: WebhookStore) -> None:
    letters = [letter_of(number) for number in range(1, 6)]
    for letter in [*letters, letter_of(1, "w2")]:
        await webhooks.bury(letter)

    again = replace(letters[1], attempts=4, failed_at=NOW + 60 * MINUTE)
    await webhooks.bury(again)

    expected = [letters[0], again, *letters[2:]]
    assert await webhooks.letters("w1") == expected
    assert await webhooks.letters("w1", limit=2) == expected[:2]
    assert await webhooks.letters("w1", after=expected[1].letter_id, limit=2) == expected[2:4]
    assert list(await webhooks.letters("w1", after="nothing")) == []
    assert await webhooks.letter("w1", again.letter_id) == again
    assert await webhooks.letter("w2", again.letter_id) is None
    assert (await webhooks.count_letters("w1"), await webhooks.count_letters()) == (5, 6)


async def test_letters_that_wait_are_found_until_they_fail_again_or_are_dropped(webhooks: WebhookStore) -> None:
    first, second, other = letter_of(1), letter_of(2), letter_of(1, "w2")
    for letter in (first, second, other):
        await webhooks.bury(letter)

    assert await webhooks.retry("w1", second.letter_id) == 1
    assert await webhooks.letters("w1", waiting=True) == [replace(second, is_waiting=True)]
    assert await webhooks.retry("w1", None) == 2
    assert [one.event_id for one in await webhooks.letters("w1", waiting=True)] == ["f1:1", "f1:2"]
    assert list(await webhooks.letters("w2", waiting=True)) == []

    await webhooks.bury(first)
    await webhooks.drop("w1", second.letter_id)
    await webhooks.drop("w1", second.letter_id)
    await webhooks.drop("w1", other.letter_id)

    assert list(await webhooks.letters("w1", waiting=True)) == []
    assert await webhooks.letters("w1") == [first]
    assert await webhooks.count_letters("w2") == 1
    assert await webhooks.retry("w1", second.letter_id) == 0


async def test_old_letters_are_let_go_of(webhooks: WebhookStore) -> None:
    for number in range(1, 5):
        await webhooks.bury(letter_of(number))

    assert await webhooks.forget_letters(NOW + 3 * MINUTE) == 2
    assert await webhooks.letters("w1") == [letter_of(3), letter_of(4)]


async def test_a_deleted_webhook_leaves_nothing(webhooks: WebhookStore) -> None:
    assert await webhooks.insert(hook_of())
    _ = await webhooks.claim("w1", "a", NOW, NOW + MINUTE)
    assert await webhooks.save_progress("w1", "a", Progress(1, "3"))
    await webhooks.bury(letter_of(1))
    await webhooks.bury(letter_of(1, "w2"))

    await webhooks.delete("w1")
    await webhooks.delete("w1")

    assert await webhooks.find("w1") is None
    assert await webhooks.progress("w1") == Progress()
    assert (await webhooks.count_letters("w1"), await webhooks.count_letters()) == (0, 1)
