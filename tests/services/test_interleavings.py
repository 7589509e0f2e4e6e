"""Laws that hold however commands interleave, are delivered again, or meet a container on its way out."""

import asyncio
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.adapters.embedded.memory_bus import MemoryBus
from shared.core.containers import ROOT_ID
from shared.core.contents import Retention, Save, decide_overwrite, decide_put_file, decide_restore_version
from shared.core.decision import Decision
from shared.core.errors import LecternError, NotFound
from shared.core.file import File
from shared.core.files import decide_delete_file, decide_rename_file
from shared.core.locks import decide_lock, decide_refresh_lock, decide_unlock, decide_unlock_and_relock
from shared.core.names import name_key
from shared.messages.commands import (
    CommitContent,
    CreateContainer,
    CreateFile,
    DeleteContainer,
    DeleteFile,
    LockFile,
    MoveContainer,
    MoveFile,
    Naming,
    OverwriteContent,
    RefreshLock,
    RenameFile,
    RestoreVersion,
    Service,
    UnlockAndRelock,
    UnlockFile,
)
from shared.service.metrics import Metrics
from shared.service.runner import observed
from tests.builders import NOON
from tests.services.conftest import Services
from tests.services.test_tables import tables

interleaved = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# --- one file: what clients are told can be told of some order of their commands, one after the other

LOCK_IDS = st.sampled_from(["a", "b"])
BODIES = st.sampled_from([b"", b"one", b"two"])
VERSIONS = st.integers(1, 3)


@dataclass(frozen=True)
class Wish:
    """A command to be, without what a run of the test gives it."""

    kind: type[Any]
    values: dict[str, Any]
    body: bytes | None = None

    def __repr__(self) -> str:
        return f"{self.kind.__name__}({self.values}, {self.body!r})"


def wish(kind: type[Any], body: st.SearchStrategy[bytes] | None = None, **values: st.SearchStrategy[Any]) -> Any:
    return st.builds(Wish, st.just(kind), st.fixed_dictionaries(values), body if body is not None else st.none())


SAVES = st.builds(Save, lock_id=st.none() | LOCK_IDS, timestamp=st.none(), numbers_each_save=st.booleans())
WISHES = st.one_of(
    wish(LockFile, lock_id=LOCK_IDS),
    wish(UnlockFile, lock_id=LOCK_IDS),
    wish(RefreshLock, lock_id=LOCK_IDS),
    wish(UnlockAndRelock, lock_id=LOCK_IDS, old_lock_id=LOCK_IDS),
    wish(CommitContent, BODIES, save=SAVES),
    wish(OverwriteContent, BODIES, expected_version=st.none() | VERSIONS),
    wish(RestoreVersion, version=VERSIONS, expected_version=st.none() | VERSIONS),
    wish(
        RenameFile,
        name=st.sampled_from(["x.docx", "y.docx"]),
        naming=st.just(Naming.EXACT),
        lock_id=st.none() | LOCK_IDS,
    ),
    wish(DeleteFile),
)


async def command_of(services: Services, file_id: str, wished: Wish) -> Any:
    values = dict(wished.values)
    if wished.body is not None:
        values["content"] = await services.upload(wished.body)
    return wished.kind(file_id=file_id, **values, **services.envelope())


def decided(file: File, command: Any, retention: Retention) -> Decision[File, Any]:
    """What the rules say to one command, with nobody else around."""
    caller, now = command.caller, NOON
    match command:
        case LockFile():
            return decide_lock(file, command.lock_id, caller, now)
        case UnlockFile():
            return decide_unlock(file, command.lock_id, now)
        case RefreshLock():
            return decide_refresh_lock(file, command.lock_id, caller, now)
        case UnlockAndRelock():
            return decide_unlock_and_relock(file, command.lock_id, command.old_lock_id, caller, now)
        case CommitContent():
            return decide_put_file(file, command.content, command.save, caller, retention, now)
        case OverwriteContent():
            return decide_overwrite(
                file, command.content, caller, retention, now, expected_version=command.expected_version
            )
        case RestoreVersion():
            return decide_restore_version(file, command.version, command.expected_version, caller, retention, now)
        case RenameFile():
            return decide_rename_file(file, command.name, command.lock_id, now)
        case DeleteFile():
            return decide_delete_file(file, now)
    raise AssertionError(command)


def in_order(
    file: File, clients: Sequence[Sequence[tuple[Any, Any]]], retention: Retention, is_end: Callable[[File], bool]
) -> bool:
    """Whether the commands can have happened one after the other, each client's in its order, with these answers."""
    if not any(clients):
        return is_end(file)
    for number, steps in enumerate(clients):
        if not steps:
            continue
        (command, answer), *rest = steps
        if file.deleted_at is not None:
            state, expected = file, NotFound
        else:
            decision = decided(file, command, retention)
            state, expected = decision.state, decision.outcome
        fits = isinstance(answer, NotFound) if expected is NotFound else answer == expected
        if fits and in_order(state, [*clients[:number], rest, *clients[number + 1 :]], retention, is_end):
            return True
    return False


async def told(services: Services, command: Any, pauses: int) -> Any:
    for _ in range(pauses):
        await asyncio.sleep(0)
    try:
        return await services.ask(command)
    except LecternError as error:
        return error


@interleaved
@given(
    st.lists(st.lists(WISHES, min_size=1, max_size=3), min_size=2, max_size=3),
    st.lists(st.integers(0, 6), min_size=9, max_size=9),
    st.sampled_from([0, 1, 100]),
)
async def test_what_racing_clients_are_told_fits_some_order_of_their_commands(
    services: Services, wishes: list[list[Wish]], pauses: list[int], kept: int
) -> None:
    services = replace(services, retention=Retention(max_versions=kept))
    file_id = await services.file(f"{uuid.uuid4().hex}.docx", b"zero")
    before, elsewhere = await services.whole(file_id), await services.keys()
    clients = [[await command_of(services, file_id, one) for one in steps] for steps in wishes]
    left = iter(pauses)

    async def run(commands: list[Any]) -> list[tuple[Any, Any]]:
        return [(command, await told(services, command, next(left))) for command in commands]

    histories = await asyncio.gather(*(run(commands) for commands in clients))

    after = await services.whole(file_id)
    assert in_order(before, histories, services.retention, lambda file: file == after), (histories, after)
    assert await dangling(services, after) == set()
    refused = {
        command.content.key for history in histories for command, answer in history if is_the_senders(command, answer)
    }
    held = await services.keys() - (elsewhere - before.content_keys())
    assert held == (after.content_keys() | refused) - {""}
    events = await services.news(file_id)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    await clean_up(services, file_id, refused)


def is_the_senders(command: Any, answer: Any) -> bool:
    """Whether the bytes that came with the command are still its sender's to keep or remove."""
    return hasattr(command, "content") and type(answer).__name__ not in {"Saved", "Created"}


async def dangling(services: Services, file: File) -> set[str]:
    return set(file.content_keys() - await services.keys())


async def clean_up(services: Services, file_id: str, keys: set[str]) -> None:
    for key in keys - {""}:
        await services.content.delete(key)
    head = await services.metadata.files.find(file_id)
    if head is not None:
        if head.lock is not None:
            await services.ask(UnlockFile(file_id=file_id, lock_id=head.lock.lock_id, **services.envelope()))
        await services.ask(DeleteFile(file_id=file_id, **services.envelope()))


# --- redelivery: a command that comes again changes nothing and is answered as before


@interleaved
@given(st.lists(st.tuples(WISHES, st.lists(st.integers(0, 20), max_size=2)), min_size=1, max_size=8))
async def test_commands_that_are_delivered_again_at_any_time_change_nothing(
    services: Services, wishes: list[tuple[Wish, list[int]]]
) -> None:
    metrics = Metrics()
    handlers = {
        command: handler
        for service, table in tables(services).items()
        for command, handler in observed(table, metrics, services.clock).items()
    }
    file_id = await services.file(f"{uuid.uuid4().hex}.docx", b"zero")
    model = await services.whole(file_id)

    async def deliver(command: Any) -> Any:
        try:
            return await handlers[type(command)](command)
        except LecternError as error:
            return type(error)

    answers: list[tuple[Any, Any]] = []
    refused: set[str] = set()
    for wished, again in wishes:
        command = await command_of(services, file_id, wished)
        answer = await deliver(command)
        answers.append((command, answer))
        if is_the_senders(command, answer):
            refused.add(command.content.key)
        if model.deleted_at is None:
            decision = decided(model, command, services.retention)
            model = decision.state
            assert answer == decision.outcome
        for index in again:
            earlier, answered = answers[index % len(answers)]
            assert await deliver(earlier) == answered
        assert await services.whole(file_id) == model
        assert await dangling(services, model) == set()
    await clean_up(services, file_id, refused)


# --- the tree: nothing is ever outside of it


@dataclass(frozen=True)
class TreeWish:
    """A change of the tree, with numbers in place of ids."""

    kind: str
    which: int
    target: int
    name: str


TREE_WISHES = st.builds(
    TreeWish,
    st.sampled_from(["file", "folder", "move file", "move folder", "delete file", "delete folder", "delete folder"]),
    st.integers(0, 3),
    st.integers(0, 3),
    st.sampled_from(["a", "b", "c"]),
)


async def tree_command(services: Services, one: TreeWish, files: list[str], folders: list[str]) -> Any:
    envelope = services.envelope()
    file_id, folder, target = files[one.which], folders[one.which], folders[one.target]
    match one.kind:
        case "file":
            content = await services.upload(one.name.encode())
            return CreateFile(
                container_id=target,
                new_file_id=uuid.uuid4().hex,
                name=one.name,
                naming=list(Naming)[one.which % 3],
                content=content,
                **envelope,
            )
        case "folder":
            new_id = uuid.uuid4().hex
            return CreateContainer(
                container_id=target, new_container_id=new_id, name=one.name, naming=Naming.SUGGESTED, **envelope
            )
        case "move file":
            return MoveFile(file_id=file_id, container_id=target, name=one.name, **envelope)
        case "move folder":
            return MoveContainer(container_id=folder, parent_id=target, **envelope)
        case "delete file":
            return DeleteFile(file_id=file_id, **envelope)
        case _:
            return DeleteContainer(container_id=folder, **envelope)


@interleaved
@given(st.lists(st.lists(TREE_WISHES, min_size=1, max_size=4), min_size=2, max_size=4))
async def test_however_the_tree_is_changed_at_once_everything_stays_in_it(
    services: Services, wishes: list[list[TreeWish]]
) -> None:
    bus = MemoryBus(services.clock)
    for service, table in tables(services).items():
        bus.serve(Service(service), table)
    top = await services.container(uuid.uuid4().hex)
    folders = [top, *[await services.container(name, top) for name in ("f", "g", "h")]]
    files = [await services.file(f"{number}", b"%d" % number, folders[number]) for number in range(4)]

    clients = [[await tree_command(services, one, files, folders) for one in steps] for steps in wishes]
    refused: set[str] = set()

    async def run(commands: list[Any]) -> None:
        for one in commands:
            answer = await answer_of(bus, one)
            if is_the_senders(one, answer):
                refused.add(one.content.key)

    await asyncio.gather(*(run(commands) for commands in clients))
    await bus.close()

    ids = [*files, *(one.new_file_id for steps in clients for one in steps if isinstance(one, CreateFile))]
    made = [one.new_container_id for steps in clients for one in steps if isinstance(one, CreateContainer)]
    await everything_is_in_its_place(services, ids, [*folders, *made])
    for key in refused - {""}:
        await services.content.delete(key)
    whole = [await services.whole(one) for one in ids if await services.metadata.files.find(one)]
    assert await services.keys() == {key for file in whole for key in file.content_keys()}
    for file in whole:
        await services.ask(DeleteFile(file_id=file.file_id, **services.envelope()))


async def answer_of(bus: MemoryBus, command: Any) -> Any:
    try:
        return await bus.request(command)
    except NotFound as error:
        return error


async def everything_is_in_its_place(services: Services, file_ids: list[str], folder_ids: list[str]) -> None:
    places: list[tuple[str, str, str]] = []
    for file_id in file_ids:
        head = await services.metadata.files.find(file_id)
        if head is not None:
            assert await services.metadata.containers.find(head.container_id) is not None
            places.append(("file", head.container_id, name_key(head.name)))
    for folder_id in folder_ids:
        container = await services.metadata.containers.find(folder_id)
        if container is not None:
            chain = await services.metadata.containers.chain(folder_id)
            assert chain[0].container_id == ROOT_ID
            assert not container.closing
            places.append(("folder", container.parent_id, name_key(container.name)))
    assert len(set(places)) == len(places)
