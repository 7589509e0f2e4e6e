"""EnumerateChildren: all that a user may see in a container, in one answer.

The protocol knows no pages, and every child gets an address with a token of its own. A container of many thousands of
files is therefore read and written piece by piece, and other requests have their turn in between.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import orjson
from aiohttp import web

from services.gateway.access import ContainerAccess
from services.gateway.auth.tokens import CLAIMS, tokenised
from services.gateway.context import GATEWAY, Gateway
from services.gateway.requests import header
from services.gateway.wopi.answers import json_bytes
from services.gateway.wopi.dispatch import CONTAINER
from services.gateway.wopi.pointers import container_pointer
from shared.core.contents import item_version, last_modified_time
from shared.core.file import FileHead
from shared.core.names import extension_of
from shared.core.permissions import Owned, Role, role_of
from shared.core.tokens import Claims, Resource

PIECE: Final = 50
"""Children that are read at once and written without a pause: about a millisecond of work."""


async def enumerate_children(request: web.Request) -> web.Response:
    """EnumerateChildren: GET /wopi/containers/{container_id}/children.

    200 with the containers and files in it, of the wanted extensions if the client names any.

    Spec: Containers > EnumerateChildren.
    """
    gateway, claims, access = request.app[GATEWAY], request[CLAIMS], request[CONTAINER]
    wanted = wanted_extensions(header(request, "X-WOPI-FileExtensionFilterList"))
    containers = [orjson.dumps(one) async for one in _containers(gateway, claims, access)]
    files = [orjson.dumps(one) async for one in _files(gateway, claims, access, wanted)]
    return json_bytes(b'{"ChildContainers":[%b],"ChildFiles":[%b]}' % (b",".join(containers), b",".join(files)))


def wanted_extensions(filter_list: str | None) -> frozenset[str] | None:
    """The extensions that a comma-separated list names, in lower case with their dots; None if it names none: all.

    Blanks, missing dots and empty items are overlooked: the protocol leaves open what a malformed list means.
    """
    items = (item.strip().lower() for item in (filter_list or "").split(","))
    return frozenset("." + item.removeprefix(".") for item in items if item) or None


async def _containers(gateway: Gateway, claims: Claims, access: ContainerAccess) -> AsyncIterator[dict[str, Any]]:
    after = None
    while piece := await gateway.metadata.containers.children(access.container.container_id, after=after, limit=PIECE):
        for child in piece:
            if _may_see(access, child):
                yield container_pointer(gateway, claims, child)
        after = piece[-1].name
        await asyncio.sleep(0)


async def _files(
    gateway: Gateway, claims: Claims, access: ContainerAccess, wanted: frozenset[str] | None
) -> AsyncIterator[dict[str, Any]]:
    after = None
    while piece := await gateway.metadata.files.in_container(access.container.container_id, after=after, limit=PIECE):
        for child in piece:
            if (wanted is None or extension_of(child.name) in wanted) and _may_see(access, child):
                yield _child_file(gateway, claims, child)
        after = piece[-1].name
        await asyncio.sleep(0)


def _may_see(access: ContainerAccess, child: Owned) -> bool:
    return role_of(access.user.user_id, access.role, (child,)) >= Role.VIEWER


def _child_file(gateway: Gateway, claims: Claims, file: FileHead) -> dict[str, Any]:
    return {
        "Name": file.name,
        "Url": tokenised(gateway, claims, Resource.FILE, file.file_id),
        "Version": item_version(file.current),
        "Size": file.current.content.size_bytes,
        "LastModifiedTime": last_modified_time(file.current.saved_at),
    }
