"""What every bus promises: commands in order of their key, outcomes to whoever asked, deadlines that hold."""

import asyncio
from contextvars import ContextVar
from datetime import timedelta

import pytest

from shared.core.errors import DeadlinePassed, NotFound, Unavailable
from shared.core.file import LockMismatch
from shared.core.files import Deleted
from shared.core.locks import Locked, Unlocked
from shared.messages.commands import Command, DeleteFile, LockFile, Service, UnlockFile
from tests.contract.conftest import Bus
from tests.contract.values import ALICE, NOW, Clock, until

FROM_SENDER: ContextVar[str] = ContextVar("from_sender", default="nothing")


def lock(file_id: str = "f1", lock_id: str = "A", seconds: float = 10, command_id: str = "1") -> LockFile:
    deadline = NOW + timedelta(seconds=seconds)
    return LockFile(command_id=command_id, deadline=deadline, caller=ALICE, file_id=file_id, lock_id=lock_id)


class Recorder:
    """Handlers that note what they handle and, if told so, wait for the test."""

    def __init__(self, bus: Bus) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.go_on = asyncio.Event()
        self.go_on.set()
        bus.serve(Service.LOCK, {LockFile: self.lock, UnlockFile: self.unlock})

    async def lock(self, command: LockFile) -> Locked | LockMismatch:
        self.begun.append(command.lock_id)
        _ = await self.go_on.wait()
        self.ended.append(command.lock_id)
        return Locked(len(self.ended))

    async def unlock(self, command: UnlockFile) -> Unlocked:
        raise NotFound(f"there is no {command.file_id}")

    async def has_begun(self, count: int) -> None:
        await until(lambda: len(self.begun) >= count)

    async def has_ended(self, count: int) -> None:
        await until(lambda: len(self.ended) >= count)


@pytest.fixture
def service(bus: Bus) -> Recorder:
    return Recorder(bus)


async def test_a_command_gets_its_outcome(bus: Bus, service: Recorder) -> None:
    assert await bus.request(lock()) == Locked(1)

    assert service.ended == ["A"]


async def test_an_error_of_the_handler_reaches_the_sender(bus: Bus, service: Recorder) -> None:
    command = UnlockFile(command_id="1", deadline=lock().deadline, caller=ALICE, file_id="f1", lock_id="A")

    with pytest.raises(NotFound, match="there is no f1"):
        _ = await bus.request(command)


async def test_commands_of_one_key_are_handled_one_after_the_other_in_order(bus: Bus, service: Recorder) -> None:
    service.go_on.clear()
    sent = [asyncio.create_task(bus.request(lock(lock_id=str(number)))) for number in range(50)]
    await service.has_begun(1)
    await asyncio.sleep(0.01)
    assert service.begun == ["0"]

    service.go_on.set()
    outcomes = await asyncio.gather(*sent)

    assert service.begun == service.ended == [str(number) for number in range(50)]
    assert outcomes == [Locked(number) for number in range(1, 51)]


async def test_commands_of_different_keys_are_handled_side_by_side(bus: Bus, service: Recorder) -> None:
    service.go_on.clear()
    sent = [asyncio.create_task(bus.request(lock(f"f{number}", str(number)))) for number in range(20)]

    await service.has_begun(20)

    service.go_on.set()
    _ = await asyncio.gather(*sent)
    assert set(service.ended) == {str(number) for number in range(20)}


async def test_services_work_on_one_key_side_by_side(bus: Bus, service: Recorder) -> None:
    async def delete(_: DeleteFile) -> Deleted:
        return Deleted()

    bus.serve(Service.STORAGE, {DeleteFile: delete})
    service.go_on.clear()
    locking = asyncio.create_task(bus.request(lock()))
    await service.has_begun(1)

    deleted = await bus.request(DeleteFile(command_id="2", deadline=lock().deadline, caller=ALICE, file_id="f1"))

    assert deleted == Deleted()
    service.go_on.set()
    assert await locking == Locked(1)


async def test_a_failed_command_lets_the_next_one_of_its_key_through(bus: Bus, service: Recorder) -> None:
    command = UnlockFile(command_id="1", deadline=lock().deadline, caller=ALICE, file_id="f1", lock_id="A")

    failed, locked = await asyncio.gather(bus.request(command), bus.request(lock()), return_exceptions=True)

    assert isinstance(failed, NotFound)
    assert locked == Locked(1)


async def test_a_sender_that_goes_away_does_not_stop_its_command(bus: Bus, service: Recorder) -> None:
    service.go_on.clear()
    sender = asyncio.create_task(bus.request(lock()))
    await service.has_begun(1)

    _ = sender.cancel()
    with pytest.raises(asyncio.CancelledError):
        _ = await sender
    service.go_on.set()

    await service.has_ended(1)


async def test_a_sender_that_goes_away_at_once_does_not_stop_its_command(bus: Bus, service: Recorder) -> None:
    service.go_on.clear()
    first, waiting = (asyncio.create_task(bus.request(lock(lock_id=name))) for name in ("A", "B"))
    await service.has_begun(1)
    _ = waiting.cancel()
    _ = first.cancel()
    _ = await asyncio.wait({first, waiting})

    service.go_on.set()

    await service.has_ended(2)
    assert service.ended == ["A", "B"]


@pytest.mark.parametrize("seconds", [0, -1])
async def test_a_command_past_its_deadline_is_not_handled(bus: Bus, service: Recorder, seconds: float) -> None:
    with pytest.raises(DeadlinePassed):
        _ = await bus.request(lock(seconds=seconds))

    assert service.begun == []


async def test_a_sender_is_told_when_the_deadline_passes(bus: Bus, service: Recorder) -> None:
    service.go_on.clear()

    with pytest.raises(DeadlinePassed):
        _ = await bus.request(lock(seconds=0.05))

    service.go_on.set()
    await service.has_ended(1)


async def test_a_command_whose_deadline_passed_while_it_waited_is_dropped(
    bus: Bus, service: Recorder, clock: Clock
) -> None:
    service.go_on.clear()
    first = asyncio.create_task(bus.request(lock(lock_id="A", seconds=100)))
    late = asyncio.create_task(bus.request(lock(lock_id="B", seconds=10)))
    last = asyncio.create_task(bus.request(lock(lock_id="C", seconds=100)))
    await service.has_begun(1)

    clock.time = NOW + timedelta(seconds=10)
    service.go_on.set()
    with pytest.raises(DeadlinePassed):
        _ = await late

    assert (await first, await last) == (Locked(1), Locked(2))
    assert service.begun == ["A", "C"]


async def test_a_command_that_nobody_answers_is_told_so(bus: Bus) -> None:
    with pytest.raises((Unavailable, DeadlinePassed)):
        _ = await bus.request(lock(seconds=0.2))


async def test_a_handler_does_not_see_the_senders_variables(bus: Bus) -> None:
    seen: list[str] = []

    async def look(_: Command[object]) -> Locked:
        seen.append(FROM_SENDER.get())
        return Locked(1)

    bus.serve(Service.LOCK, {LockFile: look})
    _ = FROM_SENDER.set("a secret")

    _ = await bus.request(lock())

    assert seen == ["nothing"]


async def test_a_bus_that_works_is_ready(bus: Bus) -> None:
    await bus.is_ready()
