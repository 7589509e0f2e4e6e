"""Operations on containers. EnumerateChildren and the two that create children have modules of their own."""

from typing import Any, Final, assert_never

from aiohttp import web

from services.gateway.auth.tokens import CLAIMS
from services.gateway.context import GATEWAY
from services.gateway.requests import envelope, header, required_header
from services.gateway.wopi.answers import json_answer, name_taken, refusal
from services.gateway.wopi.children import enumerate_children
from services.gateway.wopi.creation import (
    NOT_UTF7,
    X_WOPI_INVALID_CONTAINER_NAME_ERROR,
    create_child_container,
    create_child_file,
)
from services.gateway.wopi.dispatch import CONTAINER, NotSupported, Operation
from services.gateway.wopi.pointers import ancestors, container_info, ecosystem_pointer
from shared.core.containers import ContainerNamed, NotEmpty, RootStays
from shared.core.files import Deleted, NameIllegal, NameTaken
from shared.core.names import decoded_utf7
from shared.core.permissions import Role
from shared.core.tokens import Resource
from shared.messages.commands import DeleteContainer, RenameContainer


async def check_container(request: web.Request) -> web.Response:
    """CheckContainerInfo: GET /wopi/containers/{container_id}.

    Spec: Containers > CheckContainerInfo.
    """
    return json_answer(container_info(request.app[GATEWAY], request[CLAIMS], request[CONTAINER]))


async def enumerate_ancestors(request: web.Request) -> web.Response:
    """EnumerateAncestors: GET /wopi/containers/{container_id}/ancestry.

    200 with the containers above it that the user may see, root first.

    Spec: Containers > EnumerateAncestors.
    """
    access = request[CONTAINER]
    return ancestors(request.app[GATEWAY], request[CLAIMS], access.user, access.chain[:-1])


async def get_ecosystem(request: web.Request) -> web.Response:
    """GetEcosystem: GET /wopi/containers/{container_id}/ecosystem_pointer.

    Spec: Ecosystem.
    """
    return json_answer(ecosystem_pointer(request.app[GATEWAY], request[CLAIMS]))


async def delete_container(request: web.Request) -> web.Response:
    """DeleteContainer: POST /wopi/containers/{container_id} with X-WOPI-Override: DELETE_CONTAINER.

    200; 409 if something is in it, or for the root.

    Spec: Containers > DeleteContainer.
    """
    command = DeleteContainer(container_id=request[CONTAINER].container.container_id, **envelope(request))
    outcome = await request.app[GATEWAY].bus.request(command)
    match outcome:
        case Deleted():
            return web.Response()
        case NotEmpty():
            return refusal(409, "the container isn't empty")
        case RootStays(reason):
            return refusal(409, reason)
        case _:
            assert_never(outcome)


async def rename_container(request: web.Request) -> web.Response:
    """RenameContainer: POST /wopi/containers/{container_id} with X-WOPI-Override: RENAME_CONTAINER.

    200 with the new name; 400 for an illegal or missing one; 409 for a taken one.

    Spec: Containers > RenameContainer.
    """
    name = decoded_utf7(required_header(request, "X-WOPI-RequestedName"))
    if name is None:
        return _name_illegal(NOT_UTF7)
    container_id = request[CONTAINER].container.container_id
    command = RenameContainer(container_id=container_id, name=name, **envelope(request))
    outcome = await request.app[GATEWAY].bus.request(command)
    match outcome:
        case ContainerNamed(new_name):
            return json_answer({"Name": new_name})
        case NameTaken():
            return name_taken(outcome)
        case NameIllegal(reason):
            return _name_illegal(reason)
        case _:
            assert_never(outcome)


async def get_share_url(request: web.Request) -> web.Response:
    """GetShareUrl: POST /wopi/containers/{container_id} with X-WOPI-Override: GET_SHARE_URL.

    200 with a page of the host; 501 for a type that isn't offered, or none.

    Spec: Containers > GetShareUrl.
    """
    container_id = request[CONTAINER].container.container_id
    share_url = request.app[GATEWAY].addresses.share_container(container_id, header(request, "X-WOPI-UrlType") or "")
    if share_url is None:
        raise NotSupported("X-WOPI-UrlType is missing, or of a type that isn't offered")
    return json_answer({"ShareUrl": share_url})


def _name_illegal(reason: str) -> web.Response:
    return refusal(400, reason, **{X_WOPI_INVALID_CONTAINER_NAME_ERROR: reason})


def _operation(name: str, handler: Any, least: Role, *, override: str | None = None, path: str = "") -> Operation:
    method = "GET" if override is None else "POST"
    return Operation(name, method, override, handler, Resource.CONTAINER, least, path)


OPERATIONS: Final = (
    _operation("CheckContainerInfo", check_container, Role.VIEWER),
    _operation("EnumerateChildren", enumerate_children, Role.VIEWER, path="children"),
    _operation("EnumerateAncestors", enumerate_ancestors, Role.VIEWER, path="ancestry"),
    _operation("GetEcosystem", get_ecosystem, Role.VIEWER, path="ecosystem_pointer"),
    _operation("CreateChildContainer", create_child_container, Role.EDITOR, override="CREATE_CHILD_CONTAINER"),
    _operation("CreateChildFile", create_child_file, Role.EDITOR, override="CREATE_CHILD_FILE"),
    _operation("DeleteContainer", delete_container, Role.EDITOR, override="DELETE_CONTAINER"),
    _operation("RenameContainer", rename_container, Role.EDITOR, override="RENAME_CONTAINER"),
    _operation("GetShareUrl", get_share_url, Role.VIEWER, override="GET_SHARE_URL"),
)
"""Every operation on a container, with the least role that it needs there."""
