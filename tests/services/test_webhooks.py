"""Webhooks at work: a real receiver on this machine is told of events, whatever it does."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from services.ecosystem import following, telling, window
from services.ecosystem.calling import Attempt, Caller
from services.ecosystem.webhooks import WebhookHandlers
from shared.core.events import FileLockExpired
from shared.core.webhooks import WEBHOOKS_MAX, DeadLetter, Pace, TooManyWebhooks, Webhook, WebhookKept, new_secret
from shared.messages.codec import decode_event, encode_event
from shared.messages.commands import (
    ChangeWebhook,
    DropDeadLetter,
    RegisterWebhook,
    RemoveWebhook,
    ReplayEvents,
    RetryDeadLetters,
)
from shared.messages.events import Event
from shared.service.logging import configure
from shared.service.metrics import Metrics
from tests.builders import NOON, an_envelope
from tests.receiver import Received, Receiver, running_receiver
from tests.services.conftest import Services, running_services

SECRET = new_secret(bytes(range(32)))
LOOPBACK = (ip_network("127.0.0.0/8"),)
SOURCE = "https://docs.example.com"
PACE = Pace(
    first_pause=timedelta(milliseconds=5),
    longest_pause=timedelta(milliseconds=40),
    patience=timedelta(seconds=60),
    attempts=3,
    timeout=timedelta(seconds=2),
)


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Teller:
    """The services of one host, and what tells of their events."""

    services: Services
    metrics: Metrics
    pace: Pace = PACE

    async def hook(self, receiver: Receiver | str, webhook_id: str = "w1", **fields: Any) -> Webhook:
        """Register a webhook that begins at the oldest event."""
        url = receiver if isinstance(receiver, str) else receiver.url
        hook = Webhook(
            **{
                "webhook_id": webhook_id,
                "url": url,
                "secret": SECRET,
                "created_at": NOON,
                "types": ("file.*",),
                **fields,
            }
        )
        assert await self.ask(RegisterWebhook, webhook_id, hook=hook) == WebhookKept()
        return hook

    async def ask(self, command: Any, webhook_id: str = "w1", **fields: Any) -> Any:
        """Have a command about a webhook handled."""
        handlers = WebhookHandlers(self.services.metadata.webhooks, now).table()
        return await handlers[command](command(webhook_id=webhook_id, **fields, **an_envelope()))

    async def letters(self, webhook_id: str = "w1") -> list[DeadLetter]:
        """The webhook's dead letters."""
        return list(await self.services.metadata.webhooks.letters(webhook_id))

    @asynccontextmanager
    async def at_work(self, allowed: Any = LOOPBACK) -> AsyncIterator[None]:
        """A worker, working."""
        webhooks, events = self.services.metadata.webhooks, self.services.events
        async with telling.telling(webhooks, events, allowed, self.pace, SOURCE, self.metrics, now):
            yield


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(following, "SAVE_SECONDS", 0.02)
    monkeypatch.setattr(following, "AGAIN_SECONDS", 0.02)


@pytest.fixture
async def teller(tmp_path: Path) -> AsyncIterator[Teller]:
    async with running_services(tmp_path / "data") as services:
        yield Teller(services, Metrics())


async def until(condition: Callable[[], Any], seconds: float = 10) -> None:
    """Wait until the function gives something true, or something true to be awaited."""
    async with asyncio.timeout(seconds):
        while True:
            result = condition()
            if asyncio.iscoroutine(result):
                result = await result
            if result:
                return
            await asyncio.sleep(0.005)


def places(received: list[Received]) -> list[tuple[str, int]]:
    return [one.place for one in received]


async def test_a_receiver_is_sent_each_event_as_a_signed_cloud_event(teller: Teller) -> None:
    async with running_receiver() as receiver, teller.at_work():
        await teller.hook(receiver)
        file_id = await teller.services.file("Größe.docx")
        await until(lambda: receiver.taken)

    (one,) = receiver.received
    assert one.headers["Content-Type"] == "application/cloudevents+json; charset=utf-8"
    assert one.headers["webhook-id"] == one.event["id"] == f"{file_id}:1"
    assert abs(int(one.headers["webhook-timestamp"]) - now().timestamp()) < 30
    assert one.is_signed_with(SECRET)
    assert (one.event["type"], one.event["source"]) == ("file.created", SOURCE)
    assert one.event["data"]["name"] == "Größe.docx"


async def test_events_of_one_file_come_in_order_also_when_attempts_fail(teller: Teller) -> None:
    failures: dict[tuple[str, int], int] = {}

    def answering(received: Received) -> int:
        failures[received.place] = failures.get(received.place, 0) + 1
        return 503 if failures[received.place] < 3 and received.place[1] % 2 else 204

    teller.pace = replace(PACE, attempts=100)
    file_ids = [await teller.services.file(f"{number}.docx") for number in range(5)]
    for number in range(6):
        for file_id in file_ids:
            await teller.services.save(file_id, b"x" * (number + 1), await locked(teller, file_id))
    async with running_receiver(answering) as receiver, teller.at_work():
        await teller.hook(receiver)
        await until(lambda: len(receiver.taken) == 5 * 8)

    for file_id in file_ids:
        assert [place for place in places(receiver.taken) if place[0] == file_id] == [
            (file_id, number) for number in range(1, 9)
        ]
    assert await teller.letters() == []


async def locked(teller: Teller, file_id: str) -> str:
    """Lock the file, unless it's locked already; says with which id."""
    await teller.services.lock(file_id, "L")
    return "L"


async def test_delivery_goes_on_where_it_was(teller: Teller) -> None:
    async with running_receiver() as receiver:
        await teller.hook(receiver)
        async with teller.at_work():
            first = [await teller.services.file(f"{number}.docx") for number in range(3)]
            await until(lambda: len(receiver.taken) == 3)
        second = [await teller.services.file(f"{number + 3}.docx") for number in range(3)]
        async with teller.at_work():
            await until(lambda: len(receiver.taken) == 6)

    assert {place[0] for place in places(receiver.taken)} == {*first, *second}
    assert len(receiver.received) == 6


async def test_only_the_types_asked_for_are_sent(teller: Teller) -> None:
    async with running_receiver() as receiver, teller.at_work():
        await teller.hook(receiver, types=("container.created", "file.locked"))
        file_id = await teller.services.file()
        await teller.services.lock(file_id, "L")
        await teller.services.container()
        await until(lambda: len(receiver.taken) == 3)

    assert sorted(one.event["type"] for one in receiver.received) == [
        "container.created",
        "container.created",
        "file.locked",
    ]


async def test_an_event_that_is_never_taken_becomes_a_dead_letter_while_others_pass(teller: Teller) -> None:
    poisoned = await teller.services.file("poison.docx")
    await teller.services.lock(poisoned, "L")
    fine = await teller.services.file("fine.docx")

    def answering(received: Received) -> int:
        return 500 if received.place == (poisoned, 1) else 204

    async with running_receiver(answering) as receiver, teller.at_work():
        await teller.hook(receiver)
        await until(lambda: (poisoned, 2) in places(receiver.taken))

    assert (fine, 1) in places(receiver.taken)
    (letter,) = await teller.letters()
    assert (letter.event_id, letter.attempts) == (f"{poisoned}:1", 3)
    assert letter.reason == "the receiver answered with status 500"
    assert b'lectern_webhook_given_up_total{kind="file"} 1.0' in teller.metrics.render()


async def test_a_receiver_that_takes_nothing_costs_no_event_before_patience_ends(teller: Teller) -> None:
    is_up = False

    async with running_receiver(lambda _: 204 if is_up else 502) as receiver, teller.at_work():
        await teller.hook(receiver)
        file_id = await teller.services.file()
        await until(lambda: len(receiver.received) > 10)
        progress = await teller.services.metadata.webhooks.progress("w1")
        assert progress.failure == "the receiver answered with status 502"
        is_up = True
        await until(lambda: receiver.taken)

    assert places(receiver.taken) == [(file_id, 1)]
    assert await teller.letters() == []
    assert (await teller.services.metadata.webhooks.progress("w1")).failing_since is None


async def test_patience_ends(teller: Teller) -> None:
    teller.pace = replace(PACE, patience=timedelta(milliseconds=100))
    async with running_receiver(lambda _: 500) as receiver, teller.at_work():
        await teller.hook(receiver)
        await teller.services.file()
        await until(teller.letters)

    assert len(receiver.received) > 1


async def test_a_slow_and_a_dead_receiver_hold_up_nobody_else(teller: Teller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "EVENTS_MAX", 20)
    never = asyncio.Event()
    teller.pace = Pace()

    async def hang(_: Received) -> int:
        await never.wait()
        return 204

    async with running_receiver(hang) as slow, running_receiver() as good:
        await teller.hook(slow, "slow")
        await teller.hook("http://127.0.0.1:1/", "dead")
        await teller.hook(good, "good")
        async with teller.at_work():
            for number in range(3 * window.EVENTS_MAX):
                await teller.services.file(f"{number}.docx")
            await until(lambda: len(good.taken) == 3 * window.EVENTS_MAX, 20)
        never.set()

    assert len(slow.received) <= 2 * following.SIDE_BY_SIDE


async def test_a_dead_letter_is_tried_again_when_asked(teller: Teller) -> None:
    is_fixed = False
    poisoned = await teller.services.file("poison.docx")
    await teller.services.file("fine.docx")

    def answering(received: Received) -> int:
        return 500 if received.place[0] == poisoned and not is_fixed else 204

    async with running_receiver(answering) as receiver, teller.at_work():
        await teller.hook(receiver)
        await until(teller.letters)
        (letter,) = await teller.letters()

        assert (await teller.ask(RetryDeadLetters, letter_id=letter.letter_id)).count == 1
        await until(lambda: _attempts(teller, 4))
        is_fixed = True
        assert (await teller.ask(RetryDeadLetters)).count == 1
        await until(lambda: (poisoned, 1) in places(receiver.taken))
        await until(lambda: _gone(teller))


async def _attempts(teller: Teller, count: int) -> bool:
    (letter,) = await teller.letters()
    return letter.attempts == count and not letter.is_waiting


async def _gone(teller: Teller) -> bool:
    return not await teller.letters()


async def test_a_dead_letter_is_dropped_when_asked(teller: Teller) -> None:
    event = Event("f1", 1, NOON, "", "", FileLockExpired(1, NOON))
    letter = DeadLetter("w1", "f1:1", encode_event(event).decode(), NOON, 1, "x")
    await teller.services.metadata.webhooks.bury(letter)

    await teller.ask(DropDeadLetter, letter_id=letter.letter_id)

    assert await teller.letters() == []
    assert decode_event(letter.event.encode()) == event


async def test_events_are_delivered_again_from_a_time_or_a_position_on(teller: Teller) -> None:
    clock = teller.services.clock
    files = []
    for number in range(3):
        files.append(await teller.services.file(f"{number}.docx"))
        clock.move(timedelta(hours=1))
    positions = [one.position async for one in teller.services.events.follow(None, live=False)]

    async with running_receiver() as receiver, teller.at_work():
        await teller.hook(receiver)
        await until(lambda: len(receiver.taken) == 3)
        receiver.taken.clear()

        await teller.ask(ReplayEvents, since=NOON + timedelta(hours=1))
        await until(lambda: len(receiver.taken) == 2)
        assert {place[0] for place in places(receiver.taken)} == set(files[1:])
        receiver.taken.clear()

        await teller.ask(ReplayEvents, after=positions[2])
        await until(lambda: len(receiver.taken) == 1)
        assert places(receiver.taken) == [(files[2], 1)]


async def test_a_webhook_that_is_changed_paused_or_removed_is_so_soon(teller: Teller) -> None:
    async with running_receiver() as first, running_receiver() as second, teller.at_work():
        await teller.hook(first)
        await teller.services.file("a.docx")
        await until(lambda: first.taken)

        await teller.ask(ChangeWebhook, url=second.url, secret=new_secret(bytes(32)))
        await until(lambda: _another_file_reaches(teller, second))
        assert second.taken[0].is_signed_with(SECRET)
        assert second.taken[0].is_signed_with(new_secret(bytes(32)))

        await teller.ask(ChangeWebhook, is_active=False)
        await until(lambda: _is_free(teller))
        while_paused = await teller.services.file("c.docx")
        await teller.ask(ChangeWebhook, is_active=True)
        await until(lambda: (while_paused, 1) in places(second.taken))

        await teller.ask(RemoveWebhook)
        await until(lambda: _is_gone(teller))
    assert not {place[0] for place in places(first.taken)} & {while_paused}


async def _another_file_reaches(teller: Teller, receiver: Receiver) -> bool:
    await teller.services.file(f"{now().timestamp()}.docx")
    return bool(receiver.taken)


async def _is_free(teller: Teller) -> bool:
    webhooks = teller.services.metadata.webhooks
    if await webhooks.claim("w1", "test", now(), now()) is None:
        return False
    await webhooks.release("w1", "test")
    return True


async def _is_gone(teller: Teller) -> bool:
    return await teller.services.metadata.webhooks.find("w1") is None


async def test_a_receiver_that_wants_no_more_is_left_alone(teller: Teller) -> None:
    async with running_receiver(lambda _: 410) as receiver, teller.at_work():
        await teller.hook(receiver)
        await teller.services.file()

        async def is_stopped() -> bool:
            hook = await teller.services.metadata.webhooks.find("w1")
            return hook is not None and not hook.is_active

        await until(is_stopped)
        await until(lambda: _is_free(teller))

    hook = await teller.services.metadata.webhooks.find("w1")
    assert hook is not None
    assert "410" in hook.stopped_because
    assert len(receiver.received) == 1
    assert await teller.letters() == []


async def test_of_two_workers_one_delivers_and_the_other_takes_over(teller: Teller) -> None:
    async with running_receiver() as receiver:
        await teller.hook(receiver)
        async with teller.at_work():
            async with teller.at_work():
                for number in range(10):
                    await teller.services.file(f"{number}.docx")
                await until(lambda: len(receiver.taken) == 10)
            await teller.services.file("last.docx")
            await until(lambda: len(receiver.taken) == 11)

    assert len(receiver.received) == len(set(places(receiver.received))) == 11


@pytest.fixture
def _all_lines() -> Iterator[None]:
    configure("info", "json")
    yield
    configure("warning", "json")


@pytest.mark.usefixtures("_all_lines")
async def test_one_line_tells_of_each_attempt_without_the_address(
    teller: Teller, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running_receiver() as receiver, teller.at_work():
        await teller.hook(f"{receiver.url}?key=confidential")
        await teller.services.file()
        await until(lambda: receiver.taken)
        await until(lambda: b'lectern_webhook_seconds_count{outcome="delivered"} 1.0' in teller.metrics.render())

    shown = capsys.readouterr()
    lines = [line for line in (shown.out + shown.err).splitlines() if "webhook_delivery" in line]
    assert len(lines) == 1
    assert "confidential" not in shown.out + shown.err
    assert SECRET not in shown.out + shown.err


async def test_there_is_an_end_to_the_number_of_webhooks(teller: Teller) -> None:
    for number in range(WEBHOOKS_MAX):
        await teller.hook("http://127.0.0.1:1/", f"w{number}")
    hook = Webhook("more", "http://127.0.0.1:1/", SECRET, NOON)

    assert await teller.ask(RegisterWebhook, "more", hook=hook) == TooManyWebhooks()
    # A registration that is delivered again is answered as before.
    assert await teller.ask(RegisterWebhook, "w1", hook=replace(hook, webhook_id="w1")) == WebhookKept()


# --- one attempt


async def attempt_at(url: str, allowed: Any = LOOPBACK, timeout: timedelta = timedelta(seconds=5)) -> Attempt:
    async with Caller(allowed, timeout) as caller:
        return await caller.call(Webhook("w1", url, SECRET, NOON), "f1:1", b"{}", now())


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "127.0.0.1."]
)
async def test_a_private_address_is_not_called_however_it_is_spelled(host: str) -> None:
    async with running_receiver() as receiver:
        port = receiver.url.rsplit(":", 1)[1]
        attempt = await attempt_at(f"http://{host}:{port}", allowed=())

    assert attempt.failure
    assert receiver.received == []


async def test_a_name_that_leads_to_an_allowed_address_is_called() -> None:
    async with running_receiver() as receiver:
        attempt = await attempt_at(receiver.url.replace("127.0.0.1", "localhost"))

    assert attempt == Attempt(status=204)


async def test_redirects_are_not_followed() -> None:
    async with running_receiver() as other:
        answer = web.Response(status=307, headers={"Location": other.url})
        async with running_receiver(lambda _: answer) as receiver:
            attempt = await attempt_at(receiver.url)

    assert attempt.failure == "the receiver answered with a redirect, which isn't followed"
    assert other.received == []


async def test_an_endless_answer_costs_nothing() -> None:
    async with running_receiver(lambda _: web.Response(body=b"x" * 10_000_000)) as receiver:
        assert await attempt_at(receiver.url) == Attempt(status=200)


async def test_what_a_receiver_asks_for_is_heard() -> None:
    busy = web.Response(status=429, headers={"Retry-After": "7"})
    async with running_receiver(lambda _: busy) as receiver:
        attempt = await attempt_at(receiver.url)

    assert (attempt.status, attempt.retry_after) == (429, timedelta(seconds=7))


async def test_a_receiver_that_does_not_answer_is_given_up() -> None:
    async def hang(_: Received) -> int:
        await asyncio.sleep(60)
        return 204

    async with running_receiver(hang) as receiver:
        attempt = await attempt_at(receiver.url, timeout=timedelta(milliseconds=50))

    assert attempt.failure == "the receiver didn't answer in time"


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "https://127.0.0.1:1/"])
async def test_a_receiver_that_is_not_there_is_told_of(url: str) -> None:
    assert "can't be reached" in (await attempt_at(url)).failure


# --- the window


def a_parcel(position: int, resource_id: str = "f1", size: int = 10) -> window.Parcel:
    event = Event(resource_id, position, NOON, "", "", FileLockExpired(1, NOON))
    return window.Parcel(str(position), event, b"x" * size)


def test_the_mark_stays_behind_the_oldest_event_that_is_not_done() -> None:
    one = window.Window("0")
    first, second = a_parcel(1, "a"), a_parcel(2, "b")
    assert one.add(first)
    assert one.add(second)
    one.skip("3")

    one.done(second)
    assert one.mark == "0"
    one.done(first)
    assert one.mark == "3"
    one.skip("4")
    assert one.mark == "4"


def test_a_lane_gives_its_events_one_after_the_other() -> None:
    one = window.Window(None)
    first, second = a_parcel(1), a_parcel(2)
    assert one.add(first)
    assert not one.add(second)

    assert one.next("f1") is first
    one.done(first)
    assert one.next("f1") is second
    one.done(second)
    assert one.next("f1") is None


@pytest.mark.parametrize(("count", "size"), [(window.EVENTS_MAX, 10), (2, window.BYTES_MAX // 2), (1, 10**7)])
async def test_a_full_window_takes_no_more(count: int, size: int) -> None:
    one = window.Window(None)
    parcels = [a_parcel(number, f"f{number}", size) for number in range(count)]
    for parcel in parcels:
        async with asyncio.timeout(1):
            await one.room()
        one.add(parcel)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await one.room()
    one.done(parcels[0])
    async with asyncio.timeout(1):
        await one.room()
