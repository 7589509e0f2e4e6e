"""FileUrl and DownloadUrl: an address that is its own permission and always gives the newest bytes.

Clients fetch it exactly as given, without a token and without proof keys, and so does a person's browser: what is served
must not be able to act as a page of this host. Spec: CheckFileInfo > URLs; clients > Practice (FileUrl).
"""

import mimetypes
from typing import Final

from aiohttp import web

from services.gateway.access import file_access, user_of
from services.gateway.auth.tokens import claims_of
from services.gateway.context import GATEWAY
from services.gateway.requests import USER_ID
from services.gateway.serving import OCTET_STREAM, attachment, serve_content
from services.gateway.wopi.answers import X_WOPI_ITEM_VERSION
from services.gateway.wopi.dispatch import OPERATION, RESOURCE_ID
from shared.core.contents import item_version
from shared.core.errors import NotFound
from shared.core.tokens import Resource

DOWNLOAD_PATH: Final = "/download/{token}/{name}"

_SAFE: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-store",
}


async def download(request: web.Request) -> web.StreamResponse:
    """GET or HEAD /download/{token}/{name}: the file's newest content, to be kept. The name is for people alone.

    200; 206 and 416 for a Range; 401 for a bad token; 404 if the file or the user's right to read it is gone.
    """
    gateway = request.app[GATEWAY]
    request[OPERATION] = "Download"
    claims = claims_of(gateway, request.match_info["token"])
    if claims.resource is not Resource.DOWNLOAD:
        raise NotFound("there is no such download")
    request[USER_ID] = claims.user_id
    request[RESOURCE_ID] = claims.resource_id
    user = await user_of(gateway, claims.user_id)
    file = (await file_access(gateway, user, claims.resource_id)).file
    headers = {
        **_SAFE,
        "Content-Disposition": attachment(file.name),
        "ETag": f'"{file.current.content.sha256}"',
        X_WOPI_ITEM_VERSION: item_version(file.current),
    }
    content_type = mimetypes.guess_type(file.name, strict=False)[0] or OCTET_STREAM
    return await serve_content(request, file.current.content, headers, content_type)
