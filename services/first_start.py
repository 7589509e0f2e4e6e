"""What a host has from its first start on: the root container, the operator, and a folder of samples."""

import uuid
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Any, Final

from services.samples.contents import FOLDER, sample_files
from shared.core.containers import ROOT_ID, ContainerMade, new_container
from shared.core.errors import LecternError
from shared.core.file import Caller
from shared.core.files import Created
from shared.core.permissions import Role
from shared.core.users import OPERATOR_ID, User
from shared.messages.commands import CreateContainer, CreateFile, Naming
from shared.ports.bus import CommandBus
from shared.ports.content import ContentStore
from shared.ports.metadata import Metadata
from shared.service.transact import Origin, change_of

ROOT_NAME: Final = "Documents"
OPERATOR: Final = User(OPERATOR_ID, OPERATOR_ID, "Operator", base_role=Role.OWNER)
_CALLER: Final = Caller(OPERATOR_ID, "lectern")
_PATIENCE: Final = timedelta(seconds=30)


async def prepared(metadata: Metadata, content: ContentStore, bus: CommandBus, now: Callable[[], datetime]) -> bool:
    """Make the operator, the root and the samples unless they are there; True if this was the first start.

    Samples that were deleted don't come back.
    """
    is_new = await rooted(metadata, now)
    if is_new:
        await _put_samples(content, bus, now)
    return is_new


async def rooted(metadata: Metadata, now: Callable[[], datetime]) -> bool:
    """Make the operator and the root unless they are there; True if they weren't."""
    if await metadata.containers.find(ROOT_ID) is not None:
        return False
    await metadata.users.register(OPERATOR)
    root = new_container(ROOT_ID, "", ROOT_NAME, OPERATOR_ID, now())
    return await metadata.containers.insert(change_of(root, ROOT_ID, now(), Origin(OPERATOR_ID)))


async def _put_samples(content: ContentStore, bus: CommandBus, now: Callable[[], datetime]) -> None:
    folder_id = uuid.uuid4().hex
    made = await bus.request(
        CreateContainer(
            container_id=ROOT_ID, new_container_id=folder_id, name=FOLDER, naming=Naming.EXACT, **_envelope(now())
        )
    )
    if not isinstance(made, ContainerMade):
        raise LecternError(f"the sample folder could not be made: {made}")
    for name, body in sample_files().items():
        kept = await content.write(_all_at_once(body), len(body))
        created = await bus.request(
            CreateFile(
                container_id=folder_id,
                new_file_id=uuid.uuid4().hex,
                name=name,
                naming=Naming.EXACT,
                content=kept,
                **_envelope(now()),
            )
        )
        if not isinstance(created, Created):
            raise LecternError(f"the sample {name} could not be made: {created}")


def _envelope(now: datetime) -> dict[str, Any]:
    return {"command_id": uuid.uuid4().hex, "deadline": now + _PATIENCE, "caller": _CALLER, "correlation_id": "start"}


async def _all_at_once(body: bytes) -> AsyncIterator[bytes]:
    if body:
        yield body
