"""GetFile and PutFile.

A save is streamed to a new content key and then offered to the storage service, which decides in one step with the
switch to the new content. Refused and failed saves are kept as drafts; see `services.gateway.wopi.drafts`.
Spec: Files > GetFile, PutFile; clients > The one PutFile rule set that serves all clients.
"""

import re
from typing import Final, assert_never

import orjson
from aiohttp import web

from services.gateway.auth.tokens import CLAIMS
from services.gateway.context import GATEWAY
from services.gateway.patience import request_patiently
from services.gateway.requests import envelope, header, log_text
from services.gateway.serving import serve_content
from services.gateway.uploads import received
from services.gateway.wopi.answers import (
    X_WOPI_ITEM_VERSION,
    X_WOPI_LOCK,
    X_WOPI_LOCK_FAILURE_REASON,
    json_answer,
    lock_mismatch,
    refusal,
)
from services.gateway.wopi.dispatch import FILE
from services.gateway.wopi.drafts import keep_draft
from services.gateway.wopi.locks import optional_lock_id
from shared.core.contents import DocumentChanged, Save, Saved, item_version
from shared.core.errors import DeadlinePassed, LecternError, NotFound
from shared.core.file import FileHead, LockMismatch
from shared.messages.commands import CommitContent

MAX_EXPECTED_SIZE: Final = 2**32 - 1
"""X-WOPI-MaxExpectedSize of a client that sends none: the largest number of four bytes."""
EDITORS_MAX: Final = 500
"""Most user ids that are kept of X-WOPI-Editors."""
DOCUMENT_CHANGED: Final = 1010
"""What Collabora Online knows a changed document by. Spec: clients > PutFile."""

_SIZE: Final = re.compile(r"\d{1,40}", re.ASCII)


async def get_file(request: web.Request) -> web.StreamResponse:
    """GetFile: GET /wopi/files/{file_id}/contents.

    200 with the bytes; 206 and 416 for a Range; 412 if they are more than the client expects.
    """
    file = request[FILE].file
    if file.current.content.size_bytes > max_expected_size(request):
        return refusal(412, "the file is larger than X-WOPI-MaxExpectedSize")
    return await _served(request, file)


def max_expected_size(request: web.Request) -> int:
    """X-WOPI-MaxExpectedSize, which may need more than 32 bits; what is no number counts as absent."""
    value = request.headers.get("X-WOPI-MaxExpectedSize", "").strip()
    return int(value) if _SIZE.fullmatch(value) else MAX_EXPECTED_SIZE


async def _served(request: web.Request, file: FileHead) -> web.StreamResponse:
    for attempt in range(2):
        version = file.current
        headers = {
            X_WOPI_ITEM_VERSION: item_version(version),
            "ETag": f'"{version.content.sha256}"',
            "Cache-Control": "no-store",
        }
        try:
            return await serve_content(request, version.content, headers)
        except NotFound:
            # Saved anew since it was looked up, on a host that keeps no former versions.
            newest = await request.app[GATEWAY].metadata.files.find(file.file_id)
            if attempt or newest is None or newest.current.content == version.content:
                raise
            file = newest
    raise AssertionError("the second attempt returns or raises")


def save_of(request: web.Request) -> Save:
    """What the request presents besides the bytes. Raises BadRequest for a malformed lock id."""
    editors = [log_text(one) for one in request.headers.get("X-WOPI-Editors", "").split(",")]
    return Save(
        lock_id=optional_lock_id(request),
        timestamp=header(request, "X-COOL-WOPI-Timestamp") or header(request, "X-LOOL-WOPI-Timestamp"),
        editors=tuple(one for one in editors if one)[:EDITORS_MAX],
        locks_advertised=request[CLAIMS].supports_locks,
        numbers_each_save=not _goes_by_time(request),
    )


def _goes_by_time(request: web.Request) -> bool:
    """Whether the client speaks the save headers that Collabora Online and ONLYOFFICE share."""
    return any(
        f"X-{maker}-WOPI-{name}" in request.headers
        for maker in ("COOL", "LOOL")
        for name in ("Timestamp", "IsModifiedByUser", "IsAutosave", "IsExitSave")
    )


async def put_file(request: web.Request) -> web.Response:
    """PutFile: POST /wopi/files/{file_id}/contents, PUT.

    200 with the new version and LastModifiedTime; 409 with the lock that is in the way, or with the clients' own code
    for a document that was changed; 413 for more than the host takes.
    """
    gateway = request.app[GATEWAY]
    file_id = request[FILE].file.file_id
    save = save_of(request)
    content = await received(request)
    command = CommitContent(file_id=file_id, content=content, save=save, **envelope(request))
    try:
        outcome = await request_patiently(gateway, command)
    except LecternError as failure:
        is_unreferred = isinstance(failure, NotFound)
        await keep_draft(request, file_id, content, _sentence(failure), is_unreferred=is_unreferred)
        raise
    match outcome:
        case Saved(version, last_modified_time):
            answer = json_answer({"LastModifiedTime": last_modified_time})
            answer.headers[X_WOPI_ITEM_VERSION] = str(version)
            return answer
        case LockMismatch(reason=reason):
            await keep_draft(request, file_id, content, reason)
            return lock_mismatch(outcome)
        case DocumentChanged(reason=reason):
            await keep_draft(request, file_id, content, reason)
            return _document_changed(outcome)
        case other:
            assert_never(other)


def _sentence(failure: LecternError) -> str:
    return "no answer came in time" if isinstance(failure, DeadlinePassed) else str(failure)


def _document_changed(refused: DocumentChanged) -> web.Response:
    return web.Response(
        status=409,
        headers={X_WOPI_LOCK: refused.current_lock_id, X_WOPI_LOCK_FAILURE_REASON: refused.reason},
        body=orjson.dumps({"COOLStatusCode": DOCUMENT_CHANGED, "LOOLStatusCode": DOCUMENT_CHANGED}),
        content_type="application/json",
    )


async def put_file_without_right(request: web.Request) -> web.Response:
    """PutFile of a user who may not write the file: 404.

    If it comes from the editing session that is going on, which it shows by the lock, then the user could write when the
    session began: what they wrote until their right was taken away is kept as a draft.
    """
    gateway, claims = request.app[GATEWAY], request[CLAIMS]
    file = await gateway.metadata.files.find(claims.resource_id) if claims.may_write else None
    lock = file.lock_at(gateway.now()) if file is not None else None
    if lock is not None and optional_lock_id(request) == lock.lock_id:
        content = await received(request)
        await keep_draft(request, claims.resource_id, content, "the user may not write the file any more")
    raise NotFound("there is no such file")
