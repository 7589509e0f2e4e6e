"""Operations on the ecosystem: where a client begins that holds no id of a file or container.

Its tokens name a user and no resource, so that each operation looks up for itself what the user may see.
"""

from typing import Final

from aiohttp import web

from services.gateway.auth.tokens import CLAIMS
from services.gateway.context import GATEWAY
from services.gateway.requests import header
from services.gateway.wopi.answers import json_answer
from services.gateway.wopi.dispatch import USER, Operation
from services.gateway.wopi.pointers import root_container, wopi_src
from shared.core.checks import check_ecosystem
from shared.core.permissions import Role
from shared.core.tokens import Resource

X_WOPI_HOST_NATIVE_FILE_NAME: Final = "X-WOPI-HostNativeFileName"
GET_WOPI_SRC: Final = "GET_WOPI_SRC_WITH_ACCESS_TOKEN"


async def check_ecosystem_info(request: web.Request) -> web.Response:
    """CheckEcosystem: GET /wopi/ecosystem.

    Spec: Ecosystem > CheckEcosystem.
    """
    return json_answer(check_ecosystem())


async def get_root_container(request: web.Request) -> web.Response:
    """GetRootContainer: GET /wopi/ecosystem/root_container_pointer.

    200; 404 if the user may not see the root.

    Spec: Ecosystem > GetRootContainer.
    """
    return json_answer(await root_container(request.app[GATEWAY], request[CLAIMS], request[USER]))


async def get_file_wopi_src(request: web.Request) -> web.Response:
    """GetFileWopiSrc: POST /wopi/ecosystem with X-WOPI-Override: GET_WOPI_SRC_WITH_ACCESS_TOKEN.

    200 with the WOPI address of what X-WOPI-HostNativeFileName names: a WOPISrc, a page of the host such as HostViewUrl
    and HostEditUrl, or a share URL; 404 for anything else.

    Spec: Ecosystem > GetFileWopiSrc.
    """
    address = header(request, X_WOPI_HOST_NATIVE_FILE_NAME)
    return json_answer(await wopi_src(request.app[GATEWAY], request[CLAIMS], request[USER], address))


OPERATIONS: Final = (
    Operation("CheckEcosystem", "GET", None, check_ecosystem_info, Resource.ECOSYSTEM, Role.NONE),
    Operation(
        "GetRootContainer", "GET", None, get_root_container, Resource.ECOSYSTEM, Role.NONE, "root_container_pointer"
    ),
    Operation("GetFileWopiSrc", "POST", GET_WOPI_SRC, get_file_wopi_src, Resource.ECOSYSTEM, Role.NONE),
)
"""Every operation on the ecosystem."""
