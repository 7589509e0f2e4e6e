"""CheckFileInfo and what else is done with a file as a whole. Its locks and its content have modules of their own."""

from typing import Final, assert_never

from aiohttp import web

from services.gateway.auth.tokens import CLAIMS, tokenised
from services.gateway.context import GATEWAY
from services.gateway.requests import BadRequest, envelope, header
from services.gateway.uploads import drained, small_body
from services.gateway.wopi.answers import json_answer, json_bytes, lock_mismatch, refusal
from services.gateway.wopi.creation import NOT_UTF7, X_WOPI_INVALID_FILE_NAME_ERROR
from services.gateway.wopi.dispatch import FILE, NotSupported
from services.gateway.wopi.info import FileInfos
from services.gateway.wopi.locks import optional_lock_id
from services.gateway.wopi.pointers import ancestors, ecosystem_pointer
from shared.core.file import LockMismatch
from shared.core.files import Deleted, NameIllegal, NameTaken, Renamed
from shared.core.names import decoded_utf7, split_name
from shared.core.tokens import Resource
from shared.core.users import USER_INFO_MAX
from shared.messages.commands import DeleteFile, Naming, PutUserInfo, RenameFile

FILE_INFOS: Final = web.AppKey("file_infos", FileInfos)


async def check_file(request: web.Request) -> web.Response:
    """CheckFileInfo: GET /wopi/files/{file_id}.

    200 with all that this client may know of the file and its user.
    """
    return json_bytes(request.app[FILE_INFOS].body(request[CLAIMS], request[FILE]))


async def rename_file(request: web.Request) -> web.Response:
    """RenameFile: POST /wopi/files/{file_id}, RENAME_FILE.

    200 with the name that the file has now, which may be mended or counted up; 409 with the lock that is in the way; 400
    if no name can be made of what was asked for.
    """
    # Collabora Online sends the whole document along. Spec: clients > RenameFile.
    await drained(request)
    wish = decoded_utf7(header(request, "X-WOPI-RequestedName") or "")
    if not wish:
        return _name_illegal("X-WOPI-RequestedName is missing" if wish == "" else NOT_UTF7)
    gateway, file_id = request.app[GATEWAY], request[FILE].file.file_id
    command = RenameFile(
        file_id=file_id,
        name=wish,
        naming=Naming.SUGGESTED,
        lock_id=optional_lock_id(request),
        **envelope(request),
    )
    outcome = await gateway.bus.request(command)
    match outcome:
        case Renamed(name, last_modified_time):
            # Without Url Collabora Online shows the old name on, without LastModifiedTime its next save goes unchecked.
            url = tokenised(gateway, request[CLAIMS], Resource.FILE, file_id)
            return json_answer({"Name": split_name(name)[0], "Url": url, "LastModifiedTime": last_modified_time})
        case LockMismatch():
            return lock_mismatch(outcome)
        case NameIllegal(reason):
            return _name_illegal(reason)
        case NameTaken():
            return _name_illegal("the name is taken")
        case other:
            assert_never(other)


def _name_illegal(reason: str) -> web.Response:
    return refusal(400, reason, **{X_WOPI_INVALID_FILE_NAME_ERROR: reason})


async def delete_file(request: web.Request) -> web.Response:
    """DeleteFile: POST /wopi/files/{file_id}, DELETE.

    200; 409 with the lock that is in the way.
    """
    outcome = await request.app[GATEWAY].bus.request(
        DeleteFile(file_id=request[FILE].file.file_id, **envelope(request))
    )
    match outcome:
        case Deleted():
            return web.Response()
        case LockMismatch():
            return lock_mismatch(outcome)
        case other:
            assert_never(other)


async def put_user_info(request: web.Request) -> web.Response:
    """PutUserInfo: POST /wopi/files/{file_id}, PUT_USER_INFO.

    200; 413 for more than USER_INFO_MAX characters, 400 for any that aren't ASCII.
    """
    body = await small_body(request, USER_INFO_MAX)
    if not body.isascii():
        raise BadRequest("UserInfo must be ASCII")
    command = PutUserInfo(user_id=request[CLAIMS].user_id, user_info=body.decode("ascii"), **envelope(request))
    await request.app[GATEWAY].bus.request(command)
    return web.Response()


async def get_share_url(request: web.Request) -> web.Response:
    """GetShareUrl: POST /wopi/files/{file_id}, GET_SHARE_URL.

    200 with a page of the host; 501 for a type that isn't offered, or none.
    """
    url_type = header(request, "X-WOPI-UrlType") or ""
    share_url = request.app[GATEWAY].addresses.share(request[FILE].file.file_id, url_type)
    if share_url is None:
        raise NotSupported("X-WOPI-UrlType is missing, or of a type that isn't offered")
    return json_answer({"ShareUrl": share_url})


async def enumerate_ancestors(request: web.Request) -> web.Response:
    """EnumerateAncestors: GET /wopi/files/{file_id}/ancestry.

    200 with the containers above the file that the user may see, root first.

    Spec: Containers > EnumerateAncestors.
    """
    access = request[FILE]
    return ancestors(request.app[GATEWAY], request[CLAIMS], access.user, access.chain)


async def get_ecosystem(request: web.Request) -> web.Response:
    """GetEcosystem: GET /wopi/files/{file_id}/ecosystem_pointer.

    Spec: Ecosystem.
    """
    return json_answer(ecosystem_pointer(request.app[GATEWAY], request[CLAIMS]))
