"""Containers: read, listed, made, renamed, moved, deleted; and paths that lead to them and to files."""

import uuid
from urllib.parse import urlencode

from aiohttp import web
from msgspec import UNSET

from services.gateway.access import ContainerAccess, FileAccess, container_access
from services.gateway.api.inputs import ContainerChange, NewContainer, NoBody, NoQuery, PageQuery, ResolveQuery
from services.gateway.api.listing import Child, page_of
from services.gateway.api.operations import AnyCall, Call, json_response, no_content
from services.gateway.api.paths import at_path
from services.gateway.api.refusals import legal_container_name, refused
from services.gateway.api.resources import Children, ContainerResource, FileResource
from services.gateway.api.views import Views
from services.gateway.requests import envelope
from shared.core.containers import Container, ContainerMade, ContainerNamed, ContainerPlaced
from shared.core.files import Deleted
from shared.core.permissions import Role
from shared.messages.commands import CreateContainer, DeleteContainer, MoveContainer, Naming, RenameContainer


async def resolve(call: Call[ResolveQuery, NoBody]) -> web.Response:
    """Look up a path."""
    access = await at_path(call.gateway, call.user, call.query.path)
    views = Views(call.gateway, call.user)
    if isinstance(access, FileAccess):
        return json_response(await views.file(access))
    return json_response(await views.container(access))


async def get_container(call: Call[NoQuery, NoBody]) -> web.Response:
    """Read a container."""
    return await _shown(call, await call.container())


async def list_children(call: Call[PageQuery, NoBody]) -> web.Response:
    """List what is in a container."""
    access = await call.container()
    query = call.query
    page = await page_of(call.gateway, access, query.after or None, query.limit)
    views = Views(call.gateway, call.user)
    folder = views.folder(access.chain)

    async def shown(child: Child) -> ContainerResource | FileResource:
        if isinstance(child.of, Container):
            return await views.container_in(folder, child.of, child.role)
        return await views.file_in(folder, child.of, child.role)

    items = [await shown(child) for child in page.children]
    if page.next is None:
        return json_response(Children(items=items))
    address = call.address(f"/containers/{access.container.container_id}/children")
    following = urlencode({"after": page.next, "limit": query.limit})
    return json_response(
        Children(items=items, next=page.next), headers={"Link": f'<{address}?{following}>; rel="next"'}
    )


async def create_container(call: Call[NoQuery, NewContainer]) -> web.Response:
    """Make a container in another one."""
    access = await call.container()
    command = CreateContainer(
        container_id=access.container.container_id,
        new_container_id=uuid.uuid4().hex,
        name=legal_container_name(call.body.name),
        naming=Naming.EXACT,
        **envelope(call.request),
    )
    match await call.gateway.bus.request(command):
        case ContainerMade(container_id):
            made = await container_access(call.gateway, call.user, container_id)
            address = call.address(f"/containers/{container_id}")
            view = await Views(call.gateway, call.user).container(made)
            return json_response(view, status=201, headers={"Location": address})
        case refusal:
            raise refused(refusal)


async def change_container(call: Call[NoQuery, ContainerChange]) -> web.Response:
    """Rename a container, move it, or both in one step."""
    access = await call.container()
    container_id, wish = access.container.container_id, call.body
    name = None if wish.name is UNSET else legal_container_name(wish.name)
    command: MoveContainer | RenameContainer
    if wish.parent_id is not UNSET:
        target = await container_access(call.gateway, call.user, wish.parent_id, Role.EDITOR)
        parent_id = target.container.container_id
        command = MoveContainer(container_id=container_id, parent_id=parent_id, name=name, **envelope(call.request))
    elif name is not None:
        command = RenameContainer(container_id=container_id, name=name, **envelope(call.request))
    else:
        return await _shown(call, access)
    match await call.gateway.bus.request(command):
        case ContainerPlaced() | ContainerNamed():
            return await _shown(call, await container_access(call.gateway, call.user, container_id))
        case refusal:
            raise refused(refusal)


async def delete_container(call: Call[NoQuery, NoBody]) -> web.Response:
    """Delete an empty container."""
    access = await call.container()
    command = DeleteContainer(container_id=access.container.container_id, **envelope(call.request))
    match await call.gateway.bus.request(command):
        case Deleted():
            return no_content()
        case refusal:
            raise refused(refusal)


async def _shown(call: AnyCall, access: ContainerAccess) -> web.Response:
    return json_response(await Views(call.gateway, call.user).container(access))
