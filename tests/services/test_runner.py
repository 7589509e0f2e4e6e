"""What happens around every handler."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from shared.core.errors import Contended, DeadlinePassed, LecternError, NotFound
from shared.core.file import LockMismatch
from shared.core.locks import Locked, Unlocked
from shared.messages.commands import LockFile, UnlockFile
from shared.service.logging import configure, get_logger
from shared.service.metrics import Metrics
from shared.service.runner import Answers, observed
from tests.builders import NOON, Clock, an_envelope
from tests.services.conftest import Services

pytestmark = pytest.mark.usefixtures("json_logs")


@pytest.fixture
def json_logs() -> Iterator[None]:
    configure("info", "json")
    yield
    configure("warning", "json")


@dataclass
class Handling:
    """A handler that gives, or raises, one thing after the other."""

    results: list[Any]
    calls: int = 0
    clock: Clock = field(default_factory=Clock)
    metrics: Metrics = field(default_factory=Metrics)

    async def handle(self, command: Any) -> Any:
        self.calls += 1
        get_logger().info("inside")
        result = self.results.pop(0)
        if isinstance(result, BaseException):
            raise result
        return result

    def observed(self) -> Any:
        return observed({LockFile: self.handle}, self.metrics, self.clock)[LockFile]


def command(**more: Any) -> LockFile:
    return LockFile(**{"file_id": "f1", "lock_id": "secret-lock-id", **an_envelope(NOON), **more})


async def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    await asyncio.sleep(0)  # lines of one turn of the loop go out together, after it
    return [orjson.loads(line) for line in capsys.readouterr().err.splitlines()]


def counted(metrics: Metrics) -> dict[str, float]:
    families = text_string_to_metric_families(metrics.render().decode())
    family = next(one for one in families if one.name == "lectern_command_seconds")
    return {one.labels["outcome"]: one.value for one in family.samples if one.name.endswith("_count")}


async def test_a_command_is_handled_counted_and_written_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    handling = Handling([Locked(3)])

    outcome = await handling.observed()(command())

    inside, line = await lines(capsys)
    assert outcome == Locked(3)
    assert counted(handling.metrics) == {"Locked": 1}
    assert {key: line[key] for key in line if key not in {"timestamp", "duration_ms"}} == {
        "event": "command",
        "level": "info",
        "service": "lock",
        "command": "LockFile",
        "resource": "f1",
        "user": "ann",
        "correlation_id": "test",
        "session_id": "session1",
        "outcome": "Locked",
    }
    assert inside["correlation_id"] == "test"


async def test_ids_of_one_command_are_not_carried_into_the_next_line(capsys: pytest.CaptureFixture[str]) -> None:
    await Handling([Locked(3)]).observed()(command())
    get_logger().info("after")

    assert "correlation_id" not in (await lines(capsys))[-1]


async def test_a_lock_id_never_reaches_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    handling = Handling([LockMismatch("secret-lock-id", "locked"), KeyError("boom")])
    handle = handling.observed()

    await handle(command())
    with pytest.raises(LecternError):
        await handle(command())

    assert "secret-lock-id" not in str(await lines(capsys))


async def test_a_command_past_its_deadline_is_dropped() -> None:
    handling = Handling([Locked(3)])
    handling.clock.move(timedelta(seconds=30))

    with pytest.raises(DeadlinePassed):
        await handling.observed()(command())

    assert handling.calls == 0
    assert counted(handling.metrics) == {"DeadlinePassed": 1}


async def test_an_unexpected_error_is_logged_and_tells_the_sender_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    handling = Handling([ZeroDivisionError("the inside")])

    with pytest.raises(LecternError) as raised:
        await handling.observed()(command())

    failed = (await lines(capsys))[1]
    assert "inside" not in str(raised.value)
    assert failed["event"] == "command_failed"
    assert "ZeroDivisionError: the inside" in failed["exception"]
    assert failed["correlation_id"] == "test"
    assert counted(handling.metrics) == {"LecternError": 1}


async def test_an_error_that_callers_know_goes_through_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    handling = Handling([NotFound("there is no f1"), Contended("try again")])
    handle = handling.observed()

    with pytest.raises(NotFound):
        await handle(command())
    with pytest.raises(Contended):
        await handle(command())

    told = [line for line in await lines(capsys) if line["event"] == "command"]
    assert [(line["level"], line["reason"]) for line in told] == [("info", "there is no f1"), ("warning", "try again")]


async def test_a_command_that_is_cancelled_is_counted_as_such() -> None:
    handling = Handling([asyncio.CancelledError()])

    with pytest.raises(asyncio.CancelledError):
        await handling.observed()(command())

    assert counted(handling.metrics) == {"Cancelled": 1}


async def test_a_repetition_gets_the_same_refusal_though_it_could_succeed_by_now(services: Services) -> None:
    file_id = await services.file()
    await services.lock(file_id, "a")
    handlers = observed({LockFile: services.ask, UnlockFile: services.ask}, Metrics(), services.clock)
    refused = LockFile(file_id=file_id, lock_id="b", **services.envelope())

    first = await handlers[LockFile](refused)
    unlocked = await handlers[UnlockFile](UnlockFile(file_id=file_id, lock_id="a", **services.envelope()))
    second = await handlers[LockFile](refused)

    assert unlocked == Unlocked(1)
    assert isinstance(first, LockMismatch)
    assert second == first
    assert (await services.head(file_id)).lock is None


async def test_what_was_not_found_is_not_found_by_a_repetition() -> None:
    handling = Handling([NotFound("there is no f1"), Locked(3)])
    handle, again = handling.observed(), command()

    for _ in range(2):
        with pytest.raises(NotFound, match="there is no f1"):
            await handle(again)

    assert handling.calls == 1


async def test_an_error_is_no_answer_so_that_a_repetition_is_tried_again() -> None:
    handling = Handling([Contended("try again"), Locked(3)])
    handle, again = handling.observed(), command()

    with pytest.raises(Contended):
        await handle(again)

    assert await handle(again) == Locked(3)


def test_answers_are_kept_until_their_deadline_and_never_more_than_the_limit() -> None:
    answers = Answers(limit=3)
    commands = [command(command_id=f"c{number}") for number in range(4)]

    for one in commands:
        answers.keep(one, Locked(1), NOON)

    assert [answers.of(one) for one in commands] == [None, Locked(1), Locked(1), Locked(1)]
    answers.keep(command(command_id="late"), Locked(2), NOON + timedelta(seconds=30))
    assert [answers.of(one) for one in commands] == [None] * 4
    assert answers.of(replace(commands[0], command_id="late")) == Locked(2)
