"""Files as a whole: read, renamed, moved, copied, deleted. Their bytes are in `downloads` and `uploads`."""

import uuid

from aiohttp import web
from msgspec import UNSET

from services.gateway.access import container_access, file_access
from services.gateway.api.inputs import CopyWish, FileChange, NoBody, NoQuery
from services.gateway.api.operations import Call, json_response, no_content
from services.gateway.api.problems import Kind, Refused
from services.gateway.api.refusals import legal_file_name, refused
from services.gateway.api.uploads import dropped_if_refused
from services.gateway.api.views import Views
from services.gateway.requests import envelope
from shared.core.errors import NotFound
from shared.core.file import Content
from shared.core.files import Created, Deleted, Moved, Renamed
from shared.core.permissions import Role
from shared.messages.commands import CreateFile, DeleteFile, MoveFile, Naming, RenameFile


async def get_file(call: Call[NoQuery, NoBody]) -> web.Response:
    """Read what is known of a file."""
    access = await call.file()
    return json_response(await Views(call.gateway, call.user).file(access))


async def change_file(call: Call[NoQuery, FileChange]) -> web.Response:
    """Rename a file, move it, or both in one step."""
    file_id, wish = call.id("file_id"), call.body
    access = await file_access(call.gateway, call.user, file_id, Role.EDITOR)
    name = None if wish.name is UNSET else legal_file_name(wish.name)
    command: MoveFile | RenameFile
    if wish.container_id is not UNSET:
        target = await container_access(call.gateway, call.user, wish.container_id, Role.EDITOR)
        container_id = target.container.container_id
        command = MoveFile(file_id=file_id, container_id=container_id, name=name, **envelope(call.request))
    elif name is not None:
        command = RenameFile(file_id=file_id, name=name, naming=Naming.EXACT, **envelope(call.request))
    else:
        return json_response(await Views(call.gateway, call.user).file(access))
    match await call.gateway.bus.request(command):
        case Moved() | Renamed():
            access = await file_access(call.gateway, call.user, file_id)
            return json_response(await Views(call.gateway, call.user).file(access))
        case refusal:
            raise refused(refusal)


async def delete_file(call: Call[NoQuery, NoBody]) -> web.Response:
    """Delete a file with all its versions."""
    access = await call.file()
    match await call.gateway.bus.request(DeleteFile(file_id=access.file.file_id, **envelope(call.request))):
        case Deleted():
            return no_content()
        case refusal:
            raise refused(refusal)


async def copy_file(call: Call[NoQuery, CopyWish]) -> web.Response:
    """Copy a file's present content to a new file."""
    source = (await call.file()).file
    wish = call.body
    container_id = source.container_id if wish.container_id is UNSET else wish.container_id
    target = await container_access(call.gateway, call.user, container_id, Role.EDITOR)
    name = source.name if wish.name is UNSET else legal_file_name(wish.name)
    content = await _copied(call, source.current.content)
    command = CreateFile(
        container_id=target.container.container_id,
        new_file_id=uuid.uuid4().hex,
        name=name,
        naming=Naming.SUGGESTED if wish.name is UNSET else Naming.EXACT,
        content=content,
        **envelope(call.request),
    )
    async with dropped_if_refused(call.gateway, content):
        match await call.gateway.bus.request(command):
            case Created(file_id):
                pass
            case refusal:
                raise refused(refusal)
    view = await Views(call.gateway, call.user).file(await file_access(call.gateway, call.user, file_id))
    return json_response(view, status=201, headers={"Location": call.address(f"/files/{file_id}")})


async def _copied(call: Call[NoQuery, CopyWish], content: Content) -> Content:
    try:
        async with call.gateway.content.open(content) as reader:
            return await call.gateway.content.write(reader.chunks(), content.size_bytes, content.size_bytes)
    except NotFound:
        raise Refused(Kind.UNAVAILABLE, "the file was saved anew just now; try again") from None
