"""Versions of a file: listed, downloaded, brought back. For those who may edit it: a version may hold what was taken out."""

from aiohttp import web

from services.gateway.access import FileAccess
from services.gateway.api.downloads import served
from services.gateway.api.inputs import NoBody, NoQuery, RestoreWish
from services.gateway.api.operations import AnyCall, Call, json_response
from services.gateway.api.refusals import refused
from services.gateway.api.resources import Versions
from services.gateway.api.views import Views
from services.gateway.requests import envelope
from shared.core.contents import NoSuchVersion, Saved
from shared.core.errors import NotFound
from shared.core.file import File
from shared.messages.commands import RestoreVersion


async def list_versions(call: Call[NoQuery, NoBody]) -> web.Response:
    """List the versions of a file."""
    file = await _whole_file(call)
    views = Views(call.gateway, call.user)
    current = await views.version(file.current, is_current=True)
    former = [await views.version(version, is_current=False) for version in reversed(file.former)]
    return json_response(Versions(items=[current, *former]))


async def get_version_content(call: Call[NoQuery, NoBody]) -> web.StreamResponse:
    """Download the content of one version."""
    number, file = call.number("version"), await _whole_file(call)
    for version in (file.current, *file.former):
        if version.number == number:
            return await served(call.request, file.name, version)
    raise refused(NoSuchVersion(number))


async def restore_version(call: Call[NoQuery, RestoreWish]) -> web.Response:
    """Bring the content of a former version back, as a new version."""
    access = await _editable(call)
    command = RestoreVersion(
        file_id=access.file.file_id,
        version=call.number("version"),
        expected_version=call.body.expected,
        **envelope(call.request),
    )
    match await call.gateway.bus.request(command):
        case Saved():
            return json_response(await Views(call.gateway, call.user).file(await _editable(call)))
        case refusal:
            raise refused(refusal)


async def _editable(call: AnyCall) -> FileAccess:
    return await call.file()


async def _whole_file(call: Call[NoQuery, NoBody]) -> File:
    access = await _editable(call)
    file = (await call.gateway.metadata.files.load(access.file.file_id)).state
    if file.deleted_at is not None:
        raise NotFound("there is no such file")
    return file
