"""Bytes of files, uploaded: onto files that are there, or as new ones.

An upload is streamed to a new content key and then offered to the storage service. Bytes that are refused are dropped:
who sent them still has them. Nobody's open document is overwritten: a lock is in the way of every upload.
"""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final

from aiohttp import web

from services.gateway.access import container_access, file_access
from services.gateway.api.downloads import etag_of, precondition_failed, refuse_unless_as_wished
from services.gateway.api.inputs import NoBody, NoQuery
from services.gateway.api.operations import Call, json_response
from services.gateway.api.problems import Kind, Refused
from services.gateway.api.refusals import LOCKED, legal_file_name, refused
from services.gateway.api.views import Views
from services.gateway.context import Gateway
from services.gateway.requests import envelope
from services.gateway.uploads import received, refuse_too_large
from services.gateway.wopi.drafts import discard
from shared.core.contents import Saved, VersionChanged
from shared.core.errors import Contended, NotFound
from shared.core.file import Content, FileHead
from shared.core.files import Created, NameTaken
from shared.core.permissions import Role
from shared.messages.commands import CreateFile, Naming, OverwriteContent

MAX_ATTEMPTS: Final = 5
"""Lost races for one name before an upload gives up."""


@asynccontextmanager
async def dropped_if_refused(gateway: Gateway, content: Content) -> AsyncIterator[None]:
    """Lets go of the bytes if a change is refused. Where it isn't certain what became of one, the sweeper looks."""
    try:
        yield
    except (Refused, NotFound):
        await discard(gateway, content)
        raise


async def put_content(call: Call[NoQuery, NoBody]) -> web.Response:
    """Upload onto a file that is there, as its new version."""
    file = (await call.file()).file
    expected_version = _refuse_hopeless(call, file)
    content = await received(call.request)
    async with dropped_if_refused(call.gateway, content):
        await _overwrite(call, file.file_id, content, expected_version)
    return await _stored(call, file.file_id, HTTPStatus.OK)


async def put_file(call: Call[NoQuery, NoBody]) -> web.Response:
    """Upload a file into a container: a new one, or a new version of the one that has the name."""
    name = legal_file_name(call.part("name"))
    container_id = call.id("container_id")
    await container_access(call.gateway, call.user, container_id, Role.EDITOR)
    _refuse_hopeless(call, await _present(call, container_id, name))
    content = await received(call.request)
    async with dropped_if_refused(call.gateway, content):
        file_id, status = await _put(call, container_id, name, content)
    return await _stored(call, file_id, status)


async def _put(call: Call[NoQuery, NoBody], container_id: str, name: str, content: Content) -> tuple[str, HTTPStatus]:
    for _ in range(MAX_ATTEMPTS):
        file = await _present(call, container_id, name)
        expected_version = refuse_unless_as_wished(call.request, file.current.number if file else None)
        if file is None:
            file_id = await _create(call, container_id, name, content)
            if file_id is not None:
                return file_id, HTTPStatus.CREATED
        else:
            try:
                await _overwrite(call, file.file_id, content, expected_version)
            except NotFound:
                continue  # deleted meanwhile
            return file.file_id, HTTPStatus.OK
    raise Contended(f"too many changes of {name} at once; try again")


def _refuse_hopeless(call: Call[NoQuery, NoBody], file: FileHead | None) -> int | None:
    """As `refuse_unless_as_wished`, and for all else that is known before the bytes arrive."""
    refuse_too_large(call.request)
    expected_version = refuse_unless_as_wished(call.request, file.current.number if file else None)
    if file is not None and file.lock_at(call.gateway.now()) is not None:
        raise Refused(Kind.LOCKED, LOCKED)
    return expected_version


async def _present(call: Call[NoQuery, NoBody], container_id: str, name: str) -> FileHead | None:
    """The file that has the name. Raises Refused if this user may not change it."""
    file = await call.gateway.metadata.files.by_name(container_id, name)
    if file is None:
        return None
    try:
        return (await file_access(call.gateway, call.user, file.file_id, Role.EDITOR)).file
    except NotFound:
        raise Refused(Kind.NAME_TAKEN, f"there is a {name} already, which this user may not change") from None


async def _create(call: Call[NoQuery, NoBody], container_id: str, name: str, content: Content) -> str | None:
    """The id of the new file; None if a file of that name has come to be in the meantime."""
    command = CreateFile(
        container_id=container_id,
        new_file_id=uuid.uuid4().hex,
        name=name,
        naming=Naming.EXACT,
        content=content,
        **envelope(call.request),
    )
    match await call.gateway.bus.request(command):
        case Created(file_id):
            return file_id
        case NameTaken() if await _present(call, container_id, name) is not None:
            return None
        case refusal:
            raise refused(refusal)


async def _overwrite(call: Call[NoQuery, NoBody], file_id: str, content: Content, expected_version: int | None) -> None:
    """Make the bytes the file's content."""
    command = OverwriteContent(
        file_id=file_id, content=content, expected_version=expected_version, **envelope(call.request)
    )
    match await call.gateway.bus.request(command):
        case Saved():
            return
        case VersionChanged(current_version):
            raise precondition_failed(current_version)
        case refusal:
            raise refused(refusal)


async def _stored(call: Call[NoQuery, NoBody], file_id: str, status: HTTPStatus) -> web.Response:
    access = await file_access(call.gateway, call.user, file_id)
    headers = {"ETag": etag_of(access.file.current.number)}
    if status is HTTPStatus.CREATED:
        headers["Location"] = call.address(f"/files/{file_id}")
    return json_response(await Views(call.gateway, call.user).file(access), status=status, headers=headers)
