"""PutRelativeFile: a new file beside the one in the path, or new bytes for the one that has the name.

Spec: Files > PutRelativeFile.
"""

import re
import uuid
from dataclasses import replace
from typing import Final, assert_never

from aiohttp import web

from services.gateway.auth.tokens import CLAIMS, tokenised
from services.gateway.context import GATEWAY
from services.gateway.patience import request_patiently
from services.gateway.requests import envelope
from services.gateway.uploads import received
from services.gateway.wopi.answers import (
    X_WOPI_VALID_RELATIVE_TARGET,
    json_answer,
    lock_mismatch,
    refusal,
)
from services.gateway.wopi.creation import Target, file_name_taken, refuse_overwriting, target_of
from services.gateway.wopi.dispatch import FILE, NotSupported
from services.gateway.wopi.drafts import discard
from shared.core.errors import NotFound
from shared.core.file import LockMismatch
from shared.core.files import Created, NameIllegal, NameTaken
from shared.core.names import encoded_utf7, split_name
from shared.core.permissions import Role, role_of
from shared.core.tokens import Resource
from shared.messages.commands import CreateFile, Naming
from shared.ports.content import ContentTooLarge

_SIZE: Final = re.compile(r"\d{1,40}", re.ASCII)


async def put_relative_file(request: web.Request) -> web.Response:
    """PutRelativeFile: POST /wopi/files/{file_id}, PUT_RELATIVE.

    200 with the new file's name and addresses; 400 for an illegal exact name and 409 for a taken one, with a name that
    would do; 409 with the lock of a file that was to be overwritten; 501 for a user who may not create files here, for
    one who may not overwrite the file of that name, and unless exactly one target header is there.
    """
    gateway, access = request.app[GATEWAY], request[FILE]
    role = role_of(access.user.user_id, access.user.base_role, access.chain)
    if role < Role.EDITOR or not request[CLAIMS].may_write:
        raise NotSupported("this user may not create files here")
    target = target_of(request)
    if isinstance(target, NameIllegal):
        return refusal(400, target.reason)
    if target.naming is Naming.OVERWRITE:
        await refuse_overwriting(gateway, access.user, role, access.file.container_id, target.name)
    target = beside(target, access.file.name)
    _refuse_announced_size(request, gateway.rules.max_file_size_bytes)
    content = await received(request)
    command = CreateFile(
        container_id=access.file.container_id,
        new_file_id=uuid.uuid4().hex,
        name=target.name,
        naming=target.naming,
        content=content,
        **envelope(request),
    )
    try:
        outcome = await request_patiently(gateway, command)
    except NotFound:
        await discard(gateway, content)
        raise
    if not isinstance(outcome, Created):
        await discard(gateway, content)
    if isinstance(outcome, NameTaken):
        return await file_name_taken(gateway, access.user, role, access.file.container_id, outcome)
    return _answer(request, outcome)


def beside(target: Target, source_name: str) -> Target:
    """The target with a whole name: a suggested extension goes with the base name of the source."""
    if target.naming is not Naming.SUGGESTED:
        return target
    base, extension = split_name(source_name)
    if not target.name:
        return replace(target, name=base + extension)
    return replace(target, name=base + target.name) if target.name.startswith(".") else target


def _refuse_announced_size(request: web.Request, limit: int) -> None:
    announced = request.headers.get("X-WOPI-Size", "").strip()
    if _SIZE.fullmatch(announced) and int(announced) > limit:
        raise ContentTooLarge(f"a file must not be larger than {limit} bytes")


def _answer(request: web.Request, outcome: Created | NameIllegal | LockMismatch) -> web.Response:
    gateway = request.app[GATEWAY]
    match outcome:
        case Created(file_id, name):
            # No LastModifiedTime: Collabora Online would take it for that of the source. Spec: clients > Save As.
            return json_answer(
                {
                    "Name": name,
                    "Url": tokenised(gateway, request[CLAIMS], Resource.FILE, file_id),
                    "HostViewUrl": gateway.addresses.host_view(file_id),
                    "HostEditUrl": gateway.addresses.host_edit(file_id),
                }
            )
        case NameIllegal(reason, legal_name):
            return refusal(400, reason, **{X_WOPI_VALID_RELATIVE_TARGET: encoded_utf7(legal_name)})
        case LockMismatch():
            return lock_mismatch(outcome)
        case other:
            assert_never(other)
