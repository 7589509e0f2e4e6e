"""Locks and saves, as those who look after the host see them: who has what open since when, who saved what when."""

from datetime import UTC, datetime

from aiohttp import web
from msgspec import UNSET

from services.gateway.access import FileAccess, file_access
from services.gateway.api.inputs import NoBody, NoQuery, SavesQuery, UnlockQuery
from services.gateway.api.operations import AnyCall, Call, json_response, no_content
from services.gateway.api.refusals import refused
from services.gateway.api.resources import LockedFile, LockedFiles, LockState, Saves
from services.gateway.api.views import Views
from services.gateway.requests import envelope
from shared.core.errors import NotFound
from shared.core.file import FileHead
from shared.core.locks import Unlocked
from shared.messages.commands import ForceUnlock

_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


async def get_lock(call: Call[NoQuery, NoBody]) -> web.Response:
    """Read who has a file open."""
    access = await call.file()
    lock = access.file.lock_at(call.gateway.now())
    if lock is None:
        return json_response(LockState(locked=False))
    return json_response(LockState(locked=True, lock=await Views(call.gateway, call.user).lock(lock)))


async def break_lock(call: Call[UnlockQuery, NoBody]) -> web.Response:
    """Break a lock that nobody will release any more. The client that held it can't save over what comes next."""
    access = await call.file()
    command = ForceUnlock(
        file_id=access.file.file_id,
        taken_at=call.query.taken_at,
        reason=call.query.reason,
        **envelope(call.request),
    )
    match await call.gateway.bus.request(command):
        case Unlocked():
            return no_content()
        case refusal:
            raise refused(refusal)


async def list_locks(call: Call[NoQuery, NoBody]) -> web.Response:
    """List the files that are locked."""
    views, now = Views(call.gateway, call.user), call.gateway.now()
    items: list[LockedFile] = []
    for file in await call.gateway.metadata.files.locked():
        lock, access = file.lock_at(now), await _access(call, file)
        if lock is not None and access is not None:
            items.append(LockedFile(file=await views.file(access), lock=await views.lock(lock)))
    return json_response(LockedFiles(items=items))


async def list_saves(call: Call[SavesQuery, NoBody]) -> web.Response:
    """List who saved what when: the last save of each file, up to 1000."""
    since = _EARLIEST if call.query.since is UNSET else _utc(call.query.since)
    views = Views(call.gateway, call.user)
    files = await call.gateway.metadata.files.saved_since(since)
    accesses = [await _access(call, file) for file in files]
    return json_response(Saves(items=[await views.save(access) for access in accesses if access is not None]))


async def _access(call: AnyCall, file: FileHead) -> FileAccess | None:
    """The file as it is now; None if it has just been deleted."""
    try:
        return await file_access(call.gateway, call.user, file.file_id)
    except NotFound:
        return None


def _utc(moment: datetime) -> datetime:
    """The moment in UTC; one at either end of the calendar stays in it."""
    try:
        return max(moment.astimezone(UTC), _EARLIEST)
    except OverflowError:
        return _EARLIEST if moment.year == 1 else datetime.max.replace(tzinfo=UTC)
