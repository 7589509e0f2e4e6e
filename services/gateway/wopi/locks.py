"""Lock, UnlockAndRelock, RefreshLock, Unlock, GetLock.

Clients steer by the X-WOPI-Lock of a 409, so it is always there, also when it is empty: see `answers.lock_mismatch`.
Spec: Files > Locks.
"""

import re
from typing import Final, assert_never

from aiohttp import web

from services.gateway.context import GATEWAY
from services.gateway.requests import BadRequest, envelope, required_header
from services.gateway.wopi.answers import X_WOPI_ITEM_VERSION, X_WOPI_LOCK, lock_mismatch
from services.gateway.wopi.dispatch import FILE, OPERATION
from shared.core.file import LockMismatch
from shared.core.locks import Locked, Unlocked
from shared.messages.commands import LockFile, RefreshLock, UnlockAndRelock, UnlockFile

LOCK_ID_MAX: Final = 1024
"""Longest lock id, in characters: the host announces SupportsExtendedLockLength."""
X_WOPI_OLD_LOCK: Final = "X-WOPI-OldLock"

_LOCK_ID: Final = re.compile(r"[ -~]+")


def checked_lock_id(lock_id: str, name: str = X_WOPI_LOCK) -> str:
    """`lock_id` as it came. Raises BadRequest if it's too long or not printable ASCII."""
    if len(lock_id) > LOCK_ID_MAX:
        raise BadRequest(f"{name} must not be longer than {LOCK_ID_MAX} characters")
    if not _LOCK_ID.fullmatch(lock_id):
        raise BadRequest(f"{name} must be printable ASCII")
    return lock_id


def required_lock_id(request: web.Request) -> str:
    """X-WOPI-Lock. Raises BadRequest if it's missing, empty or no lock id."""
    return checked_lock_id(required_header(request, X_WOPI_LOCK))


def optional_lock_id(request: web.Request) -> str | None:
    """X-WOPI-Lock; None if it's missing or empty. Raises BadRequest if it's no lock id."""
    lock_id = request.headers.get(X_WOPI_LOCK)
    return checked_lock_id(lock_id) if lock_id else None


def _answer(outcome: Locked | Unlocked | LockMismatch) -> web.Response:
    match outcome:
        case Locked(version) | Unlocked(version):
            return web.Response(headers={X_WOPI_ITEM_VERSION: str(version)})
        case LockMismatch():
            return lock_mismatch(outcome)
        case other:
            assert_never(other)


async def lock(request: web.Request) -> web.Response:
    """Lock, and with X-WOPI-OldLock UnlockAndRelock: POST /wopi/files/{file_id}, LOCK.

    200; 409 with the lock that is in the way; 400 without a lock id.
    """
    lock_id = required_lock_id(request)
    if X_WOPI_OLD_LOCK in request.headers:
        request[OPERATION] = "UnlockAndRelock"
        return await _unlock_and_relock(request, lock_id)
    command = LockFile(file_id=request[FILE].file.file_id, lock_id=lock_id, **envelope(request))
    return _answer(await request.app[GATEWAY].bus.request(command))


async def _unlock_and_relock(request: web.Request, lock_id: str) -> web.Response:
    # An empty old id is an id that no lock has: the answer tells the client what is there.
    old = request.headers[X_WOPI_OLD_LOCK]
    command = UnlockAndRelock(
        file_id=request[FILE].file.file_id,
        lock_id=lock_id,
        old_lock_id=checked_lock_id(old, X_WOPI_OLD_LOCK) if old else "",
        **envelope(request),
    )
    return _answer(await request.app[GATEWAY].bus.request(command))


async def refresh_lock(request: web.Request) -> web.Response:
    """RefreshLock: POST /wopi/files/{file_id}, REFRESH_LOCK.

    200; 409 with the lock that is in the way, which is how some clients ask for it; 400 without a lock id.
    """
    command = RefreshLock(file_id=request[FILE].file.file_id, lock_id=required_lock_id(request), **envelope(request))
    return _answer(await request.app[GATEWAY].bus.request(command))


async def unlock(request: web.Request) -> web.Response:
    """Unlock: POST /wopi/files/{file_id}, UNLOCK.

    200; 409 with the lock that is in the way; 400 without a lock id.
    """
    command = UnlockFile(file_id=request[FILE].file.file_id, lock_id=required_lock_id(request), **envelope(request))
    return _answer(await request.app[GATEWAY].bus.request(command))


async def get_lock(request: web.Request) -> web.Response:
    """GetLock: POST /wopi/files/{file_id}, GET_LOCK.

    200 with X-WOPI-Lock, which is empty when the file isn't locked.
    """
    file = request[FILE].file
    held = file.lock_at(request.app[GATEWAY].now())
    headers = {X_WOPI_LOCK: held.lock_id if held else "", X_WOPI_ITEM_VERSION: str(file.current.number)}
    return web.Response(headers=headers)
