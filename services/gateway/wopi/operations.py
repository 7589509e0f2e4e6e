"""The table of all operations on files: method, override, handler, and the least role on the file.

Operations that the host doesn't offer stand in it with the reason, which the client gets with the 501.
Spec: endpoints.
"""

from typing import Any, Final

from aiohttp import web

from services.gateway.wopi.activities import add_activities
from services.gateway.wopi.contents import get_file, put_file, put_file_without_right
from services.gateway.wopi.dispatch import NotSupported, Operation
from services.gateway.wopi.files import (
    check_file,
    delete_file,
    enumerate_ancestors,
    get_ecosystem,
    get_share_url,
    put_user_info,
    rename_file,
)
from services.gateway.wopi.locks import get_lock, lock, refresh_lock, unlock
from services.gateway.wopi.relative import put_relative_file
from shared.core.permissions import Role
from shared.core.tokens import Resource


def _get(name: str, path: str, handler: Any) -> Operation:
    return Operation(name, "GET", None, handler, Resource.FILE, Role.VIEWER, path)


def _post(name: str, override: str, handler: Any, least: Role, path: str = "") -> Operation:
    return Operation(name, "POST", override, handler, Resource.FILE, least, path)


def _not_offered(name: str, override: str, reason: str, path: str = "") -> Operation:
    async def refuse(_: web.Request) -> web.StreamResponse:
        raise NotSupported(reason)

    return _post(name, override, refuse, Role.VIEWER, path)


_PLUS: Final = "this host doesn't offer co-authoring with desktop clients (SupportsCoauth)"
_COBALT: Final = "this host doesn't offer MS-FSSHTTP (SupportsCobalt)"
_LINKS: Final = "this host doesn't offer restricted links (SupportsScenarioLinks)"

FILE_OPERATIONS: Final = (
    _get("CheckFileInfo", "", check_file),
    _get("GetFile", "contents", get_file),
    _get("EnumerateAncestors", "ancestry", enumerate_ancestors),
    _get("GetEcosystem", "ecosystem_pointer", get_ecosystem),
    Operation(
        "PutFile", "POST", "PUT", put_file, Resource.FILE, Role.EDITOR, "contents", without_right=put_file_without_right
    ),
    _post("Lock", "LOCK", lock, Role.EDITOR),
    _post("GetLock", "GET_LOCK", get_lock, Role.VIEWER),
    _post("RefreshLock", "REFRESH_LOCK", refresh_lock, Role.EDITOR),
    _post("Unlock", "UNLOCK", unlock, Role.EDITOR),
    # Asks for a role on the container, and says 501 where others say 404.
    _post("PutRelativeFile", "PUT_RELATIVE", put_relative_file, Role.VIEWER),
    _post("RenameFile", "RENAME_FILE", rename_file, Role.EDITOR),
    _post("DeleteFile", "DELETE", delete_file, Role.EDITOR),
    _post("PutUserInfo", "PUT_USER_INFO", put_user_info, Role.VIEWER),
    _post("GetShareUrl", "GET_SHARE_URL", get_share_url, Role.VIEWER),
    _post("AddActivities", "ADD_ACTIVITIES", add_activities, Role.EDITOR),
    _not_offered("ExecuteCellStorageRequest", "COBALT", _COBALT),
    _not_offered("ReadSecureStore", "READ_SECURE_STORE", "this host has no secure store (SupportsSecureStore)"),
    _not_offered("GetRestrictedLink", "GET_RESTRICTED_LINK", _LINKS),
    _not_offered("RevokeRestrictedLink", "REVOKE_RESTRICTED_LINK", _LINKS),
    _not_offered("GetCoauthLock", "GET_COAUTH_LOCK", _PLUS),
    _not_offered("RefreshCoauthLock", "REFRESH_COAUTH_LOCK", _PLUS),
    _not_offered("UnlockCoauthLock", "UNLOCK_COAUTH_LOCK", _PLUS),
    _not_offered("GetCoauthTable", "GET_COAUTH_TABLE", _PLUS),
    _not_offered("GetChunkedFile", "GET_CHUNKED_FILE", _PLUS),
    _not_offered("GetSequenceNumber", "GET_SEQUENCE_NUMBER", _PLUS),
    _not_offered("GetChunks", "GET_CHUNKS", _PLUS),
    _not_offered("CreateUploadSession", "CREATE_UPLOAD_SESSION", _PLUS),
    _not_offered("UpdateUploadSession", "UPDATE_UPLOAD_SESSION", _PLUS),
    _not_offered("PutChunkedFile", "PUT_CHUNKED_FILE", _PLUS, "contents"),
)
"""Every operation on a file, with the least role that it needs there. No others are offered: they are answered 501."""
